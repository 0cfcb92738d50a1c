"""Builds a middleware from strings: `from_env` reads environment variables, `filter_app_factory`
reads an ini file of PasteDeploy.

An option is a parameter of `Provider` or `JWTMiddleware` written as a string, or the location of
the keys or the revocations. Items of a list are separated by spaces. `_OPTIONS` lists all options.
`NAME_file` names a file that contains the value of NAME, such as a secret.
"""

import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from ._options import require
from .errors import ConfigurationError
from .middleware import JWTMiddleware
from .policy.prefixes import unseen_in
from .policy.requirements import Requirement, authenticated, optional, public, scope
from .policy.rules import Rule
from .provider_settings import PROVIDER, provider_of
from .trust.fetch import Fetch
from .trust.keys import Key
from .trust.revocation import RevocationList
from .wire.places import Place, basic_password, bearer, in_cookie, in_header
from .wire.wsgi import WSGIApplication

_PREFIX = "JWT_MIDDLEWARE_"
_MIDDLEWARE = (
    "rules",
    "credentials",
    "realm",
    "allowed_origins",
    "sign_in",
    "strict_origins",
    "max_token_bytes",
    "cache_size",
)
STORE = ("database_url", "log_url")
_REQUIREMENTS: Mapping[str, Requirement] = {
    "authenticated": authenticated,
    "optional": optional,
    "public": public,
}

_PLACES: Mapping[str, Place] = {"bearer": bearer, "basic_password": basic_password}
_NAMED_PLACES: Mapping[str, Callable[[str], Place]] = {
    "in_cookie": in_cookie,
    "in_header": in_header,
}

_NOT_IN_TEXT_SCOPES = frozenset("=\"'`")
"""Characters that a scope may have (RFC 6749 section 3.3), but that are a slip in a text rule."""

# Kubernetes and Docker links set variables for each neighboring service. Do not report them as
# unknown options: a service `jwt-middleware-redis` sets JWT_MIDDLEWARE_REDIS_PORT_6379_TCP_ADDR.
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SET_FOR_A_SERVICE = re.compile(
    r"(.+_)?(service_host|service_port(_.+)?|port(_[0-9]+_(tcp|udp|sctp)(_(proto|port|addr))?)?)"
)


def from_env(app: WSGIApplication) -> JWTMiddleware:
    """Guard the app by the variables `JWT_MIDDLEWARE_ISSUER`, `JWT_MIDDLEWARE_RULES` and so on.

    Variables that Kubernetes sets for a service of this name are ignored. Any other unknown
    variable, and any bad value, raises `ConfigurationError`.
    """
    texts = {
        name.removeprefix(_PREFIX).lower(): text
        for name, text in os.environ.items()
        if name.startswith(_PREFIX)
    }
    texts = {name: text for name, text in texts.items() if not _SET_FOR_A_SERVICE.fullmatch(name)}
    return _guard(app, read_options(texts, _GUARD, name_of=_variable), _variable)


def _variable(option: str) -> str:
    return _PREFIX + option.upper()


def filter_app_factory(
    app: WSGIApplication, global_conf: Mapping[str, str], **options: str
) -> JWTMiddleware:
    """Guard the app by a `[filter:...]` section with `use = egg:wsgi-jwt-middleware`.

    An unknown option or a bad value raises `ConfigurationError`.
    """
    return _guard(app, read_options(options, _GUARD, defaults=global_conf))


def _guard(
    app: WSGIApplication, values: dict[str, Any], name_of: Callable[[str], str] = str
) -> JWTMiddleware:
    log = store_of(values)
    options = {name: values[name] for name in _MIDDLEWARE if name in values}
    return JWTMiddleware(
        app,
        providers=[provider_of(values, name_of), *_personal_tokens(values, log, name_of)],
        revocations=log and RevocationList(log),
        **options,
    )


def _personal_tokens(
    values: Mapping[str, Any], store: Any, name_of: Callable[[str], str]
) -> list[Any]:
    if "tokens_issuer" not in values:
        return []
    from .stores import OpaqueTokens

    names = [name_of(option) for option in ("tokens_issuer", "database_url")]
    require("database_url" in values, "{} must be set together with {}".format(*names))
    claim = values.get("remote_user_claim")
    return [OpaqueTokens(store, issuer=values["tokens_issuer"], remote_user_claim=claim)]


def read_options(
    texts: Mapping[str, str],
    known: Collection[str],
    *,
    name_of: Callable[[str], str] = str,
    defaults: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the objects that the options describe.

    `defaults` may also have options of other sections, so unknown ones are ignored there. In
    `texts`, an unknown option is an error. The `ConfigurationError` names the option at fault.
    """
    usual = {name: text for name, text in (defaults or {}).items() if _option(name, known) in known}
    values: dict[str, Any] = {}
    for option, text in {**usual, **texts}.items():
        name = _option(option, known)
        require(
            name in known,
            f"{name_of(option)} is not an option (known: {', '.join(map(name_of, known))})",
        )
        require(
            name not in values,
            f"{name_of(name)} and {name_of(name + '_file')} must not both be set",
        )
        convert, form = _OPTIONS[name]
        try:
            values[name] = convert(text if name == option else Path(text).read_text().strip())
        except (ValueError, LookupError, OSError) as error:
            # The message of a foreign error might quote a secret, so show only our own.
            why = f": {error}" if isinstance(error, ConfigurationError) else ""
            rule = "be" if name == option else "name a file that contains"
            raise ConfigurationError(f"{name_of(option)} must {rule} {form}{why}") from None
    for name in ("issuer", "audience", "rules"):
        require(
            name in values or name not in known,
            f"{name_of(name)} must be set to {_OPTIONS[name][1]}",
        )
    return values


def _option(name: str, known: Collection[str]) -> str:
    """Return the option that a name sets: `NAME_file` sets NAME, but `ca_file` is an option."""
    return name if name in known else name.removesuffix("_file")


def store_of(values: Mapping[str, Any]) -> Any:
    """Return the `SQLStore` at `database_url` with the log at `log_url`, if one is given.

    Without `database_url` return that log alone, or None.
    """
    from . import stores

    log = stores.RedisLog(values["log_url"]) if "log_url" in values else None
    return stores.SQLStore(values["database_url"], log=log) if "database_url" in values else log


def _key_folder(text: str) -> Any:
    from .login import KeyFolder

    return KeyFolder(text)


def _rules(text: str) -> list[Rule]:
    """Return the rules, which are separated by commas or line breaks. The `ConfigurationError`
    names the rule at fault."""
    # `str.split` splits at many invisible blanks, but an owner only sees ordinary spaces.
    unseen = unseen_in(text, but=" \t\r\n")
    require(not unseen, f"blanks between words must be spaces, got {unseen}")
    lines = [line.strip() for line in text.replace(",", "\n").splitlines() if line.strip()]
    return [_rule(line) for line in lines]


def _rule(line: str) -> Rule:
    prefix, *words = line.split()
    methods = [word for word in words if word.isupper()]
    try:
        report_only = "report_only" in words
        requires = [
            _requirement(word) for word in words if not word.isupper() and word != "report_only"
        ]
        return Rule(prefix, *requires, methods=methods, report_only=report_only)
    except ConfigurationError as error:
        raise ConfigurationError(f"in {line!r}: {error}") from None


def _requirement(word: str) -> Requirement:
    name, equals, value = word.partition("=")
    if name == "scope" and equals:
        require(
            not _NOT_IN_TEXT_SCOPES & set(value),
            f"scope=NAME must hold one name without quotes and a second '=', got {word!r}",
        )
        return scope(value)
    require(
        word in _REQUIREMENTS,
        f"each word must be a method in capitals, {', '.join(_REQUIREMENTS)}, report_only "
        f"or scope=NAME, "
        f"got {word!r}",
    )
    return _REQUIREMENTS[word]


def _places(text: str) -> list[Place]:
    return [_place(word) for word in text.split()]


def _place(word: str) -> Place:
    kind, equals, name = word.partition("=")
    if equals and kind in _NAMED_PLACES:
        return _NAMED_PLACES[kind](name)
    require(
        word in _PLACES,
        f"each word must be {', '.join(_PLACES)}, in_cookie=NAME or in_header=NAME, got {word!r}",
    )
    return _PLACES[word]


def _flag(text: str) -> bool:
    require(text in ("true", "false"), f"got {text!r}")
    return text == "true"


_OPTIONS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "issuer": (
        lambda text: None if text == "none" else text,
        'the exact iss of the tokens, or "none" if they have none',
    ),
    "audience": (
        lambda text: None if text == "none" else text.split(),
        'one or more values of aud separated by spaces, or "none"',
    ),
    "secret": (Key.from_secret, "an HMAC secret"),
    "public_key": (Key.from_pem, "a public key as PEM"),
    "private_key": (Key.from_pem, "a private key as PEM"),
    "jwks_url": (str, "the https URL of a key set"),
    "algorithm": (str, "the algorithm of keys that do not name it, such as RS512"),
    "metadata_url": (str, "the https URL of the issuer's metadata"),
    "timeout": (lambda text: Fetch(timeout=float(text)).timeout, "a number of seconds"),
    "ca_file": (lambda text: Fetch(ca_file=text).ca_file, "the path of CA certificates in PEM"),
    "allow_http": (
        lambda text: Fetch(allow_http=text.split()).allow_http,
        "names of private hosts separated by spaces, such as keycloak",
    ),
    "key_folder": (_key_folder, "a folder created by `jwt-middleware keys`"),
    "rules": (
        _rules,
        (
            "rules separated by commas, such as "
            "/api, /api/health public, /docs scope=write, /docs GET HEAD OPTIONS scope=read"
        ),
    ),
    "database_url": (str, "the URL of the database of the login app"),
    "log_url": (str, "the URL of the Redis or Valkey with the revocation log"),
    "tokens_issuer": (str, "the issuer of callers with a personal token of the database"),
    "leeway": (float, "a number of seconds"),
    "lifetime": (int, "an integer number of seconds"),
    "max_lifetime": (float, "a number of seconds"),
    "typ": (str, "a type of token such as at+jwt"),
    "subject_claim": (
        lambda text: text.split() if " " in text else text,
        "the name of a claim, or several separated by spaces",
    ),
    "tenants": (str.split, "the tenants of an issuer with braces, separated by spaces"),
    "numeric_subject": (_flag, "true or false"),
    "allow_null": (_flag, "true or false"),
    "remote_user_claim": (str, "the name of a claim such as preferred_username"),
    "scope_claims": (str.split, "names of claims separated by spaces"),
    "realm": (str, "printable ASCII"),
    "title": (str, "the title of the sign-in page"),
    "allowed_origins": (str.split, "exact origins such as https://app.example"),
    "max_token_bytes": (int, "a positive integer"),
    "credentials": (
        _places,
        "places of a token separated by spaces, such as bearer in_cookie=__Host-jwt",
    ),
    "sign_in": (str, "the path of the sign-in page such as /auth/login"),
    "strict_origins": (_flag, "true or false"),
    "access_cookie": (str, "the name of a cookie such as __Host-jwt"),
    "cache_size": (int, "an integer of at least 0; 0 turns the cache off"),
}
_GUARD = (*PROVIDER, *_MIDDLEWARE, *STORE, "tokens_issuer")
