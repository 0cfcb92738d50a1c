"""Answers a readiness probe: whether tokens can be verified now.

    {"ready": false,
     "keys": [{"issuer": "https://idp.example/", "ready": false, "age": null}],
     "revocations": {"ready": true, "age": 0.4, "size": 12}}

Ages are in seconds. They are null for keys that never change, and before the first read. The answer
can be written as JSON and does not contain secrets.
"""

import math
from typing import Any

from .trust.provider import Provider
from .trust.revocation import RevocationList
from .trust.verifier import Verifier


def readiness(verifier: Verifier) -> dict[str, Any]:
    """Return `ready` with its causes: the keys of each provider, and the revocations.

    `ready` is true if every provider's keys are usable and the revocations are known. Keys that
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
        provider.keys.generation  # noqa: B018 (reading it fetches keys that are due)
    except Exception:  # `Unavailable`, or any error of an owner's own key source
        is_ready = False
    return {"issuer": provider.issuer, "ready": is_ready, "age": number_of(provider.keys, "age")}


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
