"""Builds a middleware from the values of text options."""

from typing import Any

from .._options import require
from ..errors import ConfigurationError
from ..middleware import JWTMiddleware
from ..trust.provider import TokenProvider
from ..trust.revocation import RevocationList
from ..trust.verifier import Verifier
from ..wire.wsgi import WSGIApplication
from .bound import dpop_of
from .options import LOG, MIDDLEWARE, STORE
from .providers import providers_of
from .reading import Values
from .rules import check_issuers


def guard_of(app: WSGIApplication, values: Values, **functions: Any) -> JWTMiddleware:
    """Return the middleware around the app that the options describe.

    `functions` are options of `JWTMiddleware` that no text says.
    """
    values.need("rules")
    store = store_of(values)
    providers = [*providers_of(values), *_personal_tokens(values, store)]
    try:
        check_issuers(values.own["rules"], Verifier(providers).issuers)
    except ConfigurationError as error:
        at_fault = "rules" if str(error).startswith("rule ") else "providers"
        raise ConfigurationError(
            f"{values.name_of(at_fault)} cannot be used: {values.as_text(error)}"
        ) from None
    revocations = None if store is None else RevocationList(store)
    with values.worded():
        return JWTMiddleware(
            app,
            providers=providers,
            revocations=revocations,
            **dpop_of(values, store),
            **values.picked(MIDDLEWARE),
            **functions,
        )


def store_of(values: Values) -> Any:
    """Return the `SQLStore` at `database_url` with the log at `log_url`, if one is given.

    Without `database_url` return that log alone, or None.
    """
    urls = values.picked(STORE)
    if "log_url" not in urls:
        values.refuse(LOG, f"{values.name_of('log_url')} is set")
    if not urls:
        return None
    from .. import stores

    parameters = {"url_or_client": "log_url", "prefix": "log_prefix"}
    with values.worded(**parameters, url_or_engine="database_url"):
        options = {"prefix": values.own["log_prefix"]} if "log_prefix" in values.own else {}
        log = stores.RedisLog(urls["log_url"], **options) if "log_url" in urls else None
        return stores.SQLStore(urls["database_url"], log=log) if "database_url" in urls else log


def _personal_tokens(values: Values, store: Any) -> list[TokenProvider]:
    if "tokens_issuer" not in values.own:
        return []
    from ..stores import OpaqueTokens

    names = [values.name_of(option) for option in ("tokens_issuer", "database_url")]
    require("database_url" in values.own, "{} must be set together with {}".format(*names))
    with values.worded(issuer="tokens_issuer"):
        return [
            OpaqueTokens(
                store,
                issuer=values.own["tokens_issuer"],
                remote_user_claim=values.own.get("remote_user_claim"),
            )
        ]
