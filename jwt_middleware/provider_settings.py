"""Builds a `Provider` from the values of text options. `settings` reads the texts.

An option that the provider's keys cannot use raises `ConfigurationError`, since an owner would
believe that it took effect.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ._options import require
from .errors import ConfigurationError
from .trust.discovery import discovered_keys
from .trust.fetch import Fetch
from .trust.keys import Key, KeySet, KeySource
from .trust.provider import Provider
from .trust.remote_keys import RemoteKeySet

KEYS = ("secret", "public_key", "jwks_url", "key_folder")
"""Where keys come from. Without one of these options, they are discovered from the issuer."""

FETCH = ("timeout", "ca_file", "allow_http")
"""The options of `Fetch`."""

ALGORITHM = ("algorithm",)
"""That of a secret, of a public key, or of keys at a URL that do not name it."""

DISCOVERY = ("metadata_url",)
"""Options of keys that are discovered."""

TERMS = (
    "issuer",
    "audience",
    "leeway",
    "typ",
    "max_lifetime",
    "subject_claim",
    "numeric_subject",
    "allow_null",
    "tenants",
    "remote_user_claim",
    "scope_claims",
)
"""The options of `Provider`."""

PROVIDER = (*TERMS, *KEYS, *ALGORITHM, *FETCH, *DISCOVERY)
"""Every option that says whom the middleware trusts."""


def provider_of(values: Mapping[str, Any], name_of: Callable[[str], str] = str) -> Provider:
    """Return the provider that the values describe. `name_of` returns an option as its owner
    wrote it, for messages."""
    keys = _keys(values, name_of)
    terms = {name: values[name] for name in TERMS if name in values}
    return Provider(keys=KeySet([keys]) if isinstance(keys, Key) else keys, **terms)


def only_one_of(names: Collection[str], values: Mapping[str, Any]) -> Any:
    """Return the value of the one option that is set, or None. Two set options raise
    `ConfigurationError`."""
    found = [name for name in names if name in values]
    require(len(found) <= 1, f"only one of {', '.join(names)} must be set, got {', '.join(found)}")
    return values[found[0]] if found else None


def _keys(values: Mapping[str, Any], name_of: Callable[[str], str]) -> Any:
    given = only_one_of(KEYS, values)
    if given is None or "jwks_url" in values:
        return _fetched_keys(given, values, name_of)
    _refuse_unused((*FETCH, *DISCOVERY), values, name_of, "the keys are fetched")
    if not isinstance(given, Key):
        _refuse_unused(ALGORITHM, values, name_of, "the keys do not name theirs")
        return given
    try:
        algorithm = values.get("algorithm")
        return (
            Key(algorithm, given.id, given.signing_key, given.verifying_key)
            if algorithm is not None
            else given
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{name_of('algorithm')} does not suit the key: {error}") from None


def _fetched_keys(
    url: str | None, values: Mapping[str, Any], name_of: Callable[[str], str]
) -> KeySource:
    fetch = Fetch(**{name: values[name] for name in FETCH if name in values})
    algorithm, metadata_url = values.get("algorithm"), values.get("metadata_url")
    try:
        if url is None:
            return discovered_keys(
                values["issuer"], metadata_url=metadata_url, algorithm=algorithm, fetch=fetch
            )
        _refuse_unused(DISCOVERY, values, name_of, "the keys are discovered")
        return RemoteKeySet(url, algorithm=algorithm, fetch=fetch)
    except ConfigurationError as error:
        at_fault = name_of("issuer" if url is None else "jwks_url")
        raise ConfigurationError(f"{at_fault} cannot be used: {error}") from None


def _refuse_unused(
    names: Collection[str], values: Mapping[str, Any], name_of: Callable[[str], str], need: str
) -> None:
    unused = [name_of(name) for name in names if name in values]
    require(not unused, f"{', '.join(unused)} must only be set if {need}")
