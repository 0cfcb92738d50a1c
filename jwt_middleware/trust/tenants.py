"""Turns the `Provider` of many tenants into the terms of one tenant's tokens.

A token names its tenant twice: in its `iss`, and mostly in the claim that the template has in
braces. Both are unverified when they are read here. So the tenant is checked first: a stranger's
token must not make this process ask a host, and must not fill the cache.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..errors import InvalidToken, Unavailable
from ..issuer_template import IssuerTemplate
from .claims import ClaimsReader
from .provider import Provider

_log = logging.getLogger("jwt_middleware")

MOST_TENANTS = 1000
"""Tenants whose keys and terms are cached, each of a few kilobytes. The oldest goes first."""


MOST_UNPROVEN = 64
"""Tenants that may be asked for their keys without having any, within `_UNPROVEN_FOR` seconds.
Beyond that a further tenant is 503. A predicate may accept any number of made-up names."""

_UNPROVEN_FOR = 30


class TenantReaders:
    """The readers of a provider with an issuer template, one for each tenant.

    A tenant's reader has keys of its own if the keys are discovered. So the outage of one tenant's
    issuer does not touch the others.
    """

    def __init__(self, provider: Provider, issuer: str) -> None:
        self.issuer = issuer
        self._provider = provider
        self._template = IssuerTemplate(issuer)
        self._readers: OrderedDict[str, ClaimsReader] = OrderedDict()
        self._unproven: dict[str, float] = {}  # when a tenant without keys was first asked

    def reader_of(self, issuer: str, claims: Mapping[str, Any]) -> ClaimsReader | None:
        """Return the reader for the issuer of a token, or None if the provider does not trust it.

        Raise `InvalidToken` if its claim names another tenant, and `Unavailable` if it is unknown
        whether the tenant is trusted.
        """
        tenant = self._template.tenant_of(issuer)
        if tenant is None or not self._is_trusted(tenant):
            return None
        # Without the claim, keys that all tenants share cannot tell whose token it is.
        is_required = not hasattr(self._provider.keys, "for_tenant")
        named = claims.get(self._template.name, None if is_required else tenant)
        if named != tenant:
            raise InvalidToken("issuer")
        return self._readers.get(tenant) or self._new_reader(issuer, tenant)

    @property
    def asked(self) -> tuple[Provider, ...]:
        """The terms of the tenants whose tokens came, each with its issuer and its keys; none if
        the tenants share their keys."""
        providers = [reader.provider for reader in tuple(self._readers.values())]
        return tuple(one for one in providers if one.keys is not self._provider.keys)

    def _new_reader(self, issuer: str, tenant: str) -> ClaimsReader:
        keys: Any = self._provider.keys
        # The names of a list are the owner's, and not made up.
        is_limited = hasattr(keys, "for_tenant") and callable(self._provider.tenants)
        if is_limited:
            self._limit_unproven()
        if hasattr(keys, "for_tenant"):
            keys = keys.for_tenant(issuer, tenant)
        reader = ClaimsReader(replace(self._provider, issuer=issuer, keys=keys, tenants=None))
        # Two threads may both make one; then all use the first.
        reader = self._readers.setdefault(tenant, reader)
        if is_limited:
            self._unproven[tenant] = time.monotonic()
        if len(self._readers) > MOST_TENANTS:
            with suppress(KeyError):  # other threads evict too; each of these calls is atomic
                self._readers.popitem(last=False)
        return reader

    def _limit_unproven(self) -> None:
        """Raise `Unavailable` if too many tenants without keys were asked a short time ago.

        Else a stranger's made-up tenants would send as many requests to their host, and would drop
        the tenants with keys from the cache.
        """
        for name in list(self._unproven):
            reader = self._readers.get(name)
            if reader is None or getattr(reader.provider.keys, "age", None) is not None:
                self._unproven.pop(name, None)
        if len(self._unproven) < MOST_UNPROVEN:
            return
        oldest = time.monotonic() - _UNPROVEN_FOR
        for name, asked_at in list(self._unproven.items()):
            if asked_at < oldest:
                self._unproven.pop(name, None)
                self._readers.pop(name, None)
        if len(self._unproven) >= MOST_UNPROVEN:
            raise Unavailable("keys_unavailable")

    def _is_trusted(self, tenant: str) -> bool:
        tenants = self._provider.tenants
        if not callable(tenants):
            return tenant in (tenants or ())
        try:
            answer = tenants(tenant)
        except Exception as error:  # an owner's function, such as one that reads a database
            cause = type(error).__name__
        else:
            if isinstance(answer, bool):
                return answer
            cause = f"a value of type {type(answer).__name__}, which is not a boolean"
        _log.error("tenants of %r cannot decide: %s", self._provider.issuer, cause)
        raise Unavailable("tenants_unavailable")
