"""Builds providers from the values of text options.

An option that a provider cannot use raises `ConfigurationError`, since an owner would believe that
it took effect.
"""

from typing import Any

from .._options import require
from ..errors import ConfigurationError
from ..trust.fetch import Fetch
from ..trust.keys import Key, KeySet
from ..trust.provider import Provider, TokenProvider
from .bearer_file import BearerFile
from .options import (
    ALGORITHM,
    DISCOVERY,
    FETCH,
    INTROSPECTION,
    INTROSPECTION_TERMS,
    KEYS,
    PROVIDER,
    TERMS,
)
from .reading import Values


def providers_of(values: Values) -> list[TokenProvider]:
    """Return the provider of the options without a name, if there is one, and those with names.

    Without names, the options must describe one provider.
    """
    named = [_provider(of_one) for of_one in values.of_providers.values()]
    # A claim for REMOTE_USER is also that of personal tokens.
    others = {"remote_user_claim"} if "tokens_issuer" in values.own else set()
    has_own = not named or any(name in values.own for name in PROVIDER if name not in others)
    return [_provider(values), *named] if has_own else named


def _provider(values: Values) -> TokenProvider:
    values.need("issuer")
    values.need("audience")
    given = values.only_one_of(KEYS)
    if given == "introspection_url":
        return _introspection(values)
    values.refuse(INTROSPECTION, f"{values.name_of('introspection_url')} is set")
    terms = values.picked(TERMS)
    if given in (None, "jwks_url") and not (given is None and "private_key" in values.own):
        keys = _fetched_keys(given, values)
    else:
        keys = _fixed_keys(values.own[given or "private_key"], values)
    with values.worded():
        return Provider(keys=keys, **terms)


def _introspection(values: Values) -> TokenProvider:
    from ..trust.introspection import Introspection

    others = [name for name in TERMS if name not in INTROSPECTION_TERMS]
    values.refuse((*others, *ALGORITHM, *DISCOVERY), "the issuer's keys verify its tokens")
    values.need("client_id")
    values.need("client_secret")
    terms = values.picked((*INTROSPECTION_TERMS, *INTROSPECTION))
    with values.worded(url="introspection_url"):
        return Introspection(values.own["introspection_url"], fetch=_fetch(values), **terms)


def _fixed_keys(keys: Any, values: Values) -> Any:
    values.refuse((*FETCH, *DISCOVERY), "the keys are fetched")
    if not isinstance(keys, Key):
        values.refuse(ALGORITHM, "the keys do not name theirs")
        return keys
    algorithm = values.own.get("algorithm", keys.algorithm)
    try:
        return KeySet([Key(algorithm, keys.id, keys.signing_key, keys.verifying_key)])
    except ConfigurationError as error:
        name = values.name_of("algorithm")
        raise ConfigurationError(f"{name} does not suit the key: {error}") from None


def _fetched_keys(given: str | None, values: Values) -> Any:
    from ..trust.discovery import discovered_keys
    from ..trust.remote_keys import RemoteKeySet

    how = {**values.picked(ALGORITHM), "fetch": _fetch(values)}
    if given is None:
        with values.worded():
            how |= values.picked(DISCOVERY)
            return discovered_keys(values.own["issuer"], **how)
    values.refuse(DISCOVERY, "the keys are discovered")
    with values.worded(url="jwks_url"):
        return RemoteKeySet(values.own["jwks_url"], **how)


def _fetch(values: Values) -> Fetch:
    options = values.picked(FETCH)
    bearer: BearerFile | None = options.pop("bearer_token_file", None)
    if bearer is not None:
        headers = options.get("headers", {})
        names = [name for name in headers if name.lower() == "authorization"]
        listed = values.listed(("headers", "bearer_token_file"))
        require(not names, f"only one of {listed} must set the header Authorization")
        options["headers"] = BearerFile(bearer.path, headers)
    return Fetch(**options)
