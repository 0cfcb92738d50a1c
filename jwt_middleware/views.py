"""What a view asks of its caller: `enforce`, and the answer where it refuses, `refusal_response`.

A rule says what a path asks, a view what it asks beyond that. The middleware has verified the token
already, so the rule of the path must let it read one: `Rule("/api", optional)` where the views
decide, `Rule("/api")` where each of them needs a token. Without such a rule `enforce` raises
`RuntimeError`, so that a view is never open because nobody asked for a token.

The adapters `jwt_middleware.flask` and `jwt_middleware.bottle` turn a `Refusal` into the answer. In
any other framework, catch it where the framework handles exceptions:

    try:
        caller = enforce(environ, scope("admin"))
    except Refusal as refusal:
        return refusal_response(refusal, environ)
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from ._frozen import Frozen, set_field
from ._options import got, require
from .errors import MissingToken, Refusal, is_answerable
from .identity import GOVERNED_BY_KEY, Identity
from .log_lines import foreign_value
from .middleware import JWTMiddleware
from .policy.requirements import (
    Requirement,
    ask,
    authenticated,
    check_requirement,
    optional,
    public,
)
from .policy.rules import Rule
from .wire.wsgi import StartResponse, WSGIApplication

_MAX_SHOWN = 80  # characters of a path in a message
_MANY = 256  # more than an app has different demands in its views; each is checked once


def enforce(environ: Mapping[str, Any], *requirements: Requirement) -> Identity:
    """Return the caller of this request if all requirements hold, else raise the `Refusal`.

    - `environ`: the WSGI environ of the request (`request.META` in Django).
    - `requirements`: those of `Rule`, such as `scope("admin")`; none asks for a verified token.

    `MissingToken` without a token. `RuntimeError` where no rule governs the path, or where it is
    public: nobody has looked for a token there. `ConfigurationError` for what is not a requirement,
    and for `public` and `optional`, which ask for nothing.
    """
    caller = caller_of(environ)
    if requirements:
        _check_once(requirements)
    if caller is None:
        # A report-only rule let a bad token pass, and the view does not.
        reported = environ[GOVERNED_BY_KEY][2]
        raise reported if isinstance(reported, Refusal) else MissingToken
    for requirement in requirements:
        ask(requirement, caller)
    return caller


def refusal_response(refusal: Refusal, environ: dict[str, Any]) -> WSGIApplication:
    """Return the answer to this request that the middleware itself would give, as a WSGI app.

    When the app is called, it reports the refusal as the middleware does (log line, observers,
    `jwt_middleware.reason`), reads the rest of the request's body and answers. It answers the
    request of this environ, even if it is called with a copy. The headers for other origins are
    added by the middleware as the response passes through it, as to any response of the app's.

    `RuntimeError` where no rule governs the path: no middleware says what its answers look like.
    """
    if not isinstance(refusal, Refusal) or not is_answerable(refusal):
        form = "with a status, a reason and parameters that can be sent"
        raise TypeError(f"refusal must be a Refusal {form}, got {got(refusal)}")
    middleware, rules = _governing(environ)

    def application(_: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return middleware.refuse(refusal, rules, environ, start_response)

    return application


def caller_of(environ: Mapping[str, Any]) -> Identity | None:
    """Return the caller of this request, or None without a token, where a rule has looked for one.

    `RuntimeError` where none has: no rule governs the path, or it is public.
    """
    _, rules = _governing(environ)
    if all(rule.is_public for rule in rules):
        rule = rules[0]
        raise RuntimeError(
            f"{rule!r} reads no token, and a view on {_shown_path(environ)!r} needs one: "
            f"say Rule({rule.prefix!r}, optional) where views decide, or add a rule for that path"
        )
    return Identity.from_environ(environ)


class ViewRule(Frozen):
    """What one view asks of its callers, checked when it is made as `Rule` checks its own.

    - `requires`: the requirements that are asked of a caller.
    - `is_optional`: whether a request without a token passes.

    `option` is the name by which a `ConfigurationError` calls the requirements.
    """

    __slots__ = ("is_optional", "requires")
    requires: tuple[Requirement, ...]
    is_optional: bool

    def __init__(self, option: str, requires: tuple[Any, ...], *, is_optional: bool) -> None:
        for requirement in requires:
            check_requirement(option, requirement)
            require(
                requirement is not public,
                f"{option} must not hold public: a view that asks for nothing needs no such line",
            )
        is_named = any(one is optional for one in requires)
        contradicts = (is_optional or is_named) and any(one is authenticated for one in requires)
        require(not contradicts, f"{option} must not hold both optional and authenticated")
        set_field(self, "is_optional", is_optional or is_named)
        asked = tuple(one for one in requires if one is not optional)
        set_field(self, "requires", asked)

    def enforce(self, environ: Mapping[str, Any]) -> Identity | None:
        """Return the caller, None without a token if that is optional, or raise the `Refusal`."""
        if self.is_optional and caller_of(environ) is None:
            return None
        return enforce(environ, *self.requires)


def _governing(environ: Mapping[str, Any]) -> tuple[JWTMiddleware, tuple[Rule, ...]]:
    found = environ.get(GOVERNED_BY_KEY)
    # The innermost middleware with a rule wrote it last. Anything else did not come from one.
    if isinstance(found, tuple) and len(found) == 3 and isinstance(found[0], JWTMiddleware):
        middleware, rules, _ = found
        if rules:
            return middleware, rules
    mounted = _shown_path(environ)
    path = foreign_value(environ.get("PATH_INFO") or "/", _MAX_SHOWN)
    inner = f", or Rule({mounted!r}, optional) where it wraps the mount too"
    raise RuntimeError(
        f"no rule governs {mounted!r}, so nobody has looked for a token: "
        f"add Rule({path!r}, optional) to the rules of the JWTMiddleware around this app"
        f"{inner if environ.get('SCRIPT_NAME') else ''}"
    )


def _shown_path(environ: Mapping[str, Any]) -> str | None:
    # The client chose it. A line break in it would forge a line of the log.
    path = f"{environ.get('SCRIPT_NAME') or ''}{environ.get('PATH_INFO') or ''}"
    return foreign_value(path, _MAX_SHOWN)


def _check_once(requirements: tuple[Requirement, ...]) -> None:
    try:
        _check_for_enforce(requirements)
    except TypeError:  # a requirement of the owner's own that cannot be hashed
        _check_for_enforce.__wrapped__(requirements)


@lru_cache(_MANY)
def _check_for_enforce(requirements: tuple[Requirement, ...]) -> None:
    asked = ViewRule("requirements of enforce", requirements, is_optional=False)
    require(
        not asked.is_optional,
        "requirements of enforce must not hold optional: it returns a caller or refuses; "
        "Identity.from_environ(environ) is the caller or None",
    )
