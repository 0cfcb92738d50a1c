"""`TenantNumbers`: the failures and the ages of the keys of tenants, for metrics.

The labels of metrics must be few, and strangers may make up tenants that a predicate accepts.
"""

from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from .readiness import is_known_tenant, number_of
from .trust.provider import Provider

MOST_TENANTS = 100
"""Tenants of one provider that have a label of their own. The label is the tenant's issuer."""


class TenantNumbers:
    """Remembers which tenants have a label, and the failures that were counted.

    The other tenants of a provider have one label together, the issuer with braces.
    """

    def __init__(self) -> None:
        # The keys of a tenant may be dropped at any time, so this must not hold them.
        self._counted: WeakKeyDictionary[Any, float] = WeakKeyDictionary()
        self._labels: dict[str, set[str]] = {}

    def read(
        self, provider: Provider, tenants: Iterable[Provider]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Return the new failures and the age in seconds by label. The age is that of the oldest
        keys."""
        failures: dict[str, float] = {}
        ages: dict[str, float] = {}
        for tenant in tenants:
            label = self._label_of(provider, tenant)
            if (age := number_of(tenant.keys, "age")) is not None:
                ages[label] = max(age, ages.get(label, 0))
            count = number_of(tenant.keys, "failures") or 0
            failures[label] = failures.get(label, 0) + count - self._counted.get(tenant.keys, 0)
            self._counted[tenant.keys] = count
        return failures, ages

    def _label_of(self, provider: Provider, tenant: Provider) -> str:
        template, issuer = str(provider.issuer), str(tenant.issuer)
        labels = self._labels.setdefault(template, set())
        if len(labels) < MOST_TENANTS and is_known_tenant(provider, tenant):
            labels.add(issuer)
        return issuer if issuer in labels else template
