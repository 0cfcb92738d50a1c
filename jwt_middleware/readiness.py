"""Answers a readiness probe: whether tokens can be verified now.

    {"ready": false,
     "keys": [{"issuer": "https://idp.example/", "ready": false, "age": null}],
     "revocations": {"ready": true, "age": 0.4, "size": 12}}

For an issuer with tenants that have keys of their own, its entry also says

    "tenants": {"asked": 12, "usable": 11, "unusable": ["https://idp.example/realms/b"]}

Tenants are asked when their first token comes, and not by the probe. The outage of one tenant does
not touch the others, so it does not change `ready`. At most 20 tenants are named. If a predicate
decides on tenants, strangers can make up names, so only those are named that had keys before.

Ages are in seconds. They are null for keys that never change, and before the first read. The answer
can be written as JSON and does not contain secrets.
"""

import math
from typing import Any

from .trust.provider import Provider
from .trust.revocation import RevocationList
from .trust.verifier import Verifier

_MOST_NAMED = 20


def readiness(verifier: Verifier) -> dict[str, Any]:
    """Return `ready` with its causes: the keys of each provider, and the revocations.

    `ready` is true if every provider's keys are usable and the revocations are known. Keys that
    were never fetched, or are due, are fetched now, one provider after the other. Each wait ends
    with the deadline of its fetch.
    """
    keys = [
        {**_of_keys(provider), **_of_tenants(provider, verifier)} for provider in verifier.providers
    ]
    parts = list(keys)
    revocations = None
    if verifier.revocations is not None:
        revocations = _of_revocations(verifier.revocations)
        parts.append(revocations)
    return {
        "ready": all(part["ready"] for part in parts),
        "keys": keys,
        "revocations": revocations,
    }


def _of_keys(provider: Provider) -> dict[str, Any]:
    is_ready = True
    try:
        provider.keys.generation  # noqa: B018 (reading it fetches keys that are due)
    except Exception:  # `Unavailable`, or any error of an owner's own key source
        is_ready = False
    return {"issuer": provider.issuer, "ready": is_ready, "age": number_of(provider.keys, "age")}


def _of_tenants(provider: Provider, verifier: Verifier) -> dict[str, Any]:
    tenants = verifier.tenants_of(provider)
    if not tenants:
        return {}
    unusable = [one for one in tenants if not getattr(one.keys, "is_usable", True)]
    named = [one.issuer for one in unusable if is_known_tenant(provider, one)]
    return {
        "tenants": {
            "asked": len(tenants),
            "usable": len(tenants) - len(unusable),
            "unusable": sorted(map(str, named))[:_MOST_NAMED],
        }
    }


def is_known_tenant(provider: Provider, tenant: Provider) -> bool:
    """Return whether a tenant exists, and is not a name that a stranger made up: the owner listed
    it, or its issuer has published keys."""
    return not callable(provider.tenants) or number_of(tenant.keys, "age") is not None


def _of_revocations(revocations: RevocationList) -> dict[str, Any]:
    is_ready = True
    try:
        revocations.check(())  # without keys, this only fails if the view is too old
    except Exception:
        is_ready = False
    age, size = number_of(revocations, "age"), number_of(revocations, "size")
    return {"ready": is_ready, "age": age, "size": size}


def number_of(source: object, name: str) -> float | None:
    """Return a number that a source of keys or revocations has as an attribute, or None.

    An owner's own source may not have it.
    """
    try:
        value = getattr(source, name, None)
    except Exception:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None
