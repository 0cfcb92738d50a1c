"""Whether tokens can be verified now: what a readiness probe is answered.

    {"ready": false,
     "keys": [{"issuer": "https://idp.example/", "ready": false, "age": null}],
     "revocations": {"ready": true, "age": 0.4, "size": 12}}

Ages are in seconds. They are null for keys that never change, and where nothing was ever read. The
answer can be written as JSON and holds no secret.
"""

import math
from typing import Any

from .trust.provider import Provider
from .trust.revocation import RevocationList
from .trust.verifier import Verifier


def readiness(verifier: Verifier) -> dict[str, Any]:
    """Return `ready`, and what it rests on: the keys of each provider, and the revocations.

    `ready` is true where every provider's keys are usable and the revocations are known. Keys that
    were never fetched, or are due, are fetched now, one provider after the other. Each wait ends
    with the deadline of its fetch.
    """
    keys = [_of_keys(provider) for provider in verifier.providers]
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
        provider.keys.generation  # noqa: B018 (reading it fetches what is due)
    except Exception:  # `Unavailable`, or whatever an owner's own keys raise
        is_ready = False
    return {"issuer": provider.issuer, "ready": is_ready, "age": number_of(provider.keys, "age")}


def _of_revocations(revocations: RevocationList) -> dict[str, Any]:
    is_ready = True
    try:
        revocations.check(())  # nobody's keys: only a view that is too old is refused
    except Exception:
        is_ready = False
    age, size = number_of(revocations, "age"), number_of(revocations, "size")
    return {"ready": is_ready, "age": age, "size": size}


def number_of(source: object, name: str) -> float | None:
    """Return a number that a source of keys or revocations tells of itself, or None.

    Owners write sources of their own, which need not have it.
    """
    try:
        value = getattr(source, name, None)
    except Exception:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None
