"""The table of text options: how each is read, and to what it belongs.

An option has the name of the parameter that it sets. An option of a parameter that takes an object,
such as `Provider.keys`, is named after its text: `secret`, `jwks_url`. The items of a list are
separated by spaces.

To add an option, add its parameter to a group and its form to `OPTIONS`. A parameter that no
option sets is listed with its reason in `docs/words.toml`; the tests compare.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._options import got, require
from ..errors import ConfigurationError
from ..trust.fetch import Fetch
from ..trust.keys import Key
from . import rules
from .bearer_file import BearerFile
from .places import CERTIFICATE_FORM, read_certificate, read_places

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

KEYS = ("secret", "public_key", "jwks_url", "key_folder", "introspection_url")
"""Where the keys are, or where the issuer describes its tokens. Without one of these options, the
keys are discovered from the issuer."""

ALGORITHM = ("algorithm",)
"""That of a secret, of a public key, or of keys at a URL that do not name it."""

DISCOVERY = ("metadata_url",)
"""Options of keys that are discovered."""

FETCH = ("timeout", "ca_file", "headers", "bearer_token_file", "allow_http")
"""The options of `Fetch`."""

INTROSPECTION = ("client_id", "client_secret", "cache_for")
"""The options of `Introspection`, beside these."""

INTROSPECTION_TERMS = ("issuer", "audience", "subject_claim", "remote_user_claim")
"""Those that `Introspection` has in common with `Provider`."""

PROVIDER = (*TERMS, *KEYS, *ALGORITHM, *DISCOVERY, *FETCH, *INTROSPECTION)
"""Every option of one provider. `providers` gives each of several providers options of its own."""

MIDDLEWARE = (
    "rules",
    "credentials",
    "realm",
    "allowed_origins",
    "sign_in",
    "resource",
    "certificate",
    "strict_origins",
    "max_token_bytes",
    "cache_size",
)
"""The options of `JWTMiddleware`."""

STORE = ("database_url", "log_url")
"""Where users, sessions and revocations are."""

LOG = ("log_prefix",)
"""The options of `RedisLog`, beside its URL."""

DPOP = ("dpop_url", "dpop_max_age", "dpop_nonces")
"""The options of `DPoP`, of a middleware and of a login app."""

SIGNERS = ("secret", "private_key", "key_folder")
"""The keys that sign the tokens of a login app."""

MINTER = ("issuer", "audience", "lifetime")
"""The options of `TokenMinter`."""

THROTTLE = ("per_name_and_address", "per_known_address", "per_name", "per_address")
"""The options of `Throttle`."""

LOGIN_APP = (
    "title",
    "template",
    "allowed_origins",
    "access_cookie",
    "reuse_grace",
    "idle_timeout",
    "session_lifetime",
)
"""The options of `LoginApp`."""

GUARD = ("providers", *PROVIDER, "private_key", *MIDDLEWARE, *STORE, *LOG, *DPOP, "tokens_issuer")
"""Every option of a middleware."""

LOGIN = (*MINTER, *SIGNERS, *STORE, *LOG, *DPOP, *LOGIN_APP, "throttle", *THROTTLE)
"""Every option of a login app."""


@dataclass(frozen=True, slots=True)
class Option:
    """How the string of an option becomes a value."""

    convert: Callable[[str], Any]
    """Raises `ValueError` for a string that is not of the form."""

    form: str
    """The rule for the string, for messages and for the docs."""

    is_secret: bool = False
    """Whether no message may show the string."""


def _list(text: str) -> list[str]:
    return text.split()


def _names(text: str) -> list[str]:
    if "," in text:
        raise ValueError
    return text.split()


def _or_none(read: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: None if text == "none" else read(text)


def _audience(text: str) -> list[str]:
    if not text.split():
        raise ValueError
    return text.split()


def _one_or_more(text: str) -> str | list[str]:
    return text.split() if " " in text else text


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _integer(text: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ValueError
    return int(text)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,18}(?:\.[0-9]{1,18})?", text):
        raise ValueError
    return float(text) if "." in text else int(text)


def provider_names(text: str) -> tuple[str, ...]:
    """Return the names of several providers, such as `staff` and `partner`."""
    names = tuple(name.strip().lower() for name in text.split(","))
    are_names = all(re.fullmatch("[a-z][a-z0-9]*(?:_[a-z0-9]+)*", name) for name in names)
    if not are_names or len(set(names)) < len(names):
        raise ValueError
    return names


def _headers(text: str) -> dict[str, str]:
    """Return request headers. No message shows a value, since it may be a secret."""
    headers: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if line.strip():
            require(colon, "each line must be NAME: VALUE")
            require(name.strip() not in headers, f"{got(name.strip())} must be named once")
            headers[name.strip()] = value.strip()
    Fetch(headers=headers)
    return headers


def _key_folder(text: str) -> Any:
    from ..trust.key_folder import KeyFolder

    return KeyFolder(text)


def _nonces(text: str) -> bool | str:
    return text == "true" if text in ("true", "false") else text


def _throttle(text: str) -> None:
    if text != "none":
        raise ConfigurationError(f"limits have options of their own: {', '.join(THROTTLE)}")


_SECONDS = "a number of seconds"
_CLAIM = "the name of a claim"
_LIMIT = "a limit such as 5/minute"

OPTIONS: Mapping[str, Option] = {
    "rules": Option(rules.read_rules, rules.FORM),
    "credentials": Option(
        read_places, "places of a token separated by spaces, such as bearer in_cookie=__Host-jwt"
    ),
    "realm": Option(str, "printable ASCII"),
    "allowed_origins": Option(_list, "exact origins such as https://app.example"),
    "sign_in": Option(str, "the path of the sign-in page such as /auth/login"),
    "resource": Option(str, "the URL of the app for its clients such as https://api.example"),
    "certificate": Option(read_certificate, CERTIFICATE_FORM),
    "dpop_url": Option(str, "the URL of the root of the server such as https://api.example"),
    "dpop_max_age": Option(_seconds, _SECONDS),
    "dpop_nonces": Option(_nonces, "true, false or a secret of at least 32 bytes", is_secret=True),
    "strict_origins": Option(_flag, "true or false"),
    "max_token_bytes": Option(_integer, "a positive integer"),
    "cache_size": Option(_integer, "an integer of at least 0; 0 turns the cache off"),
    "tokens_issuer": Option(str, "the issuer of callers with a personal token of the database"),
    "database_url": Option(str, "the URL of the database of the login app", is_secret=True),
    "log_url": Option(
        str, "the URL of the Redis or Valkey with the revocation log", is_secret=True
    ),
    "log_prefix": Option(str, "the beginning of the keys in that Redis or Valkey, such as shop:"),
    "providers": Option(
        provider_names, "different names in lowercase separated by commas, such as staff, partner"
    ),
    "issuer": Option(_or_none(str), 'the exact iss of the tokens, or "none" if they have none'),
    "audience": Option(
        _or_none(_audience), 'one or more values of aud separated by spaces, or "none"'
    ),
    "secret": Option(Key.from_secret, "an HMAC secret", is_secret=True),
    "public_key": Option(Key.from_pem, "a public key as PEM", is_secret=True),
    "jwks_url": Option(str, "the https URL of a key set"),
    "key_folder": Option(_key_folder, "a folder created by `jwt-middleware keys`"),
    "introspection_url": Option(str, "the https URL of an introspection endpoint"),
    "algorithm": Option(str, "the algorithm of keys that do not name it, such as RS512"),
    "metadata_url": Option(str, "the https URL of the issuer's metadata"),
    "timeout": Option(lambda text: Fetch(timeout=_seconds(text)).timeout, _SECONDS),
    "ca_file": Option(
        lambda text: Fetch(ca_file=text).ca_file, "the path of CA certificates in PEM"
    ),
    "headers": Option(_headers, "request headers, one NAME: VALUE on each line", is_secret=True),
    "bearer_token_file": Option(BearerFile, "the path of a file that contains a token"),
    "allow_http": Option(
        lambda text: Fetch(allow_http=text.split()).allow_http,
        "names of private hosts separated by spaces, without scheme, port and wildcard, such as "
        "keycloak",
    ),
    "client_id": Option(str, "the name of this server at the introspection endpoint"),
    "client_secret": Option(str, "the secret that belongs to client_id", is_secret=True),
    "cache_for": Option(_seconds, _SECONDS),
    "leeway": Option(_seconds, _SECONDS),
    "typ": Option(str, "a type of token such as at+jwt"),
    "max_lifetime": Option(_seconds, _SECONDS),
    "subject_claim": Option(_one_or_more, f"{_CLAIM}, or several separated by spaces"),
    "numeric_subject": Option(_flag, "true or false"),
    "allow_null": Option(_flag, "true or false"),
    "tenants": Option(_list, "the tenants of an issuer with braces, separated by spaces"),
    "remote_user_claim": Option(str, f"{_CLAIM} such as preferred_username"),
    "scope_claims": Option(_names, "names of top-level claims separated by spaces"),
    "private_key": Option(Key.from_pem, "a private key as PEM", is_secret=True),
    "lifetime": Option(_integer, "an integer number of seconds"),
    "title": Option(str, "the title of the sign-in page"),
    "template": Option(str, "the path of a template of the sign-in page"),
    "access_cookie": Option(str, "the name of a cookie such as __Host-jwt"),
    "reuse_grace": Option(_seconds, _SECONDS),
    "idle_timeout": Option(_seconds, _SECONDS),
    "session_lifetime": Option(_seconds, _SECONDS),
    "throttle": Option(_throttle, '"none" if something in front of the app limits sign-ins'),
    **{name: Option(str, _LIMIT) for name in THROTTLE},
}
"""Every text option."""
