"""Requirements of single views: `enforce` checks them, and `refusal_response` answers a refusal.

A rule states the requirements of a path, and a view adds its own. The middleware has already
verified the token, so a rule of the path must let it read one. Use `Rule("/api", optional)` if the
views decide, and `Rule("/api")` if all of them need a token. Without such a rule, `enforce` raises
`RuntimeError`. So a view is never open because nobody asked for a token.

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
_MANY = 256  # cached checks, more than an app has different requirements in its views


def enforce(environ: Mapping[str, Any], *requirements: Requirement) -> Identity:
    """Return the caller of this request if all requirements hold, else raise the `Refusal`.

    - `environ`: the WSGI environ of the request (`request.META` in Django).
    - `requirements`: those of `Rule`, such as `scope("admin")`. Without any, a verified token is
      required.

    Raise `MissingToken` without a token. Raise `RuntimeError` if no rule governs the path or if it
    is public, since nobody has looked for a token there. Raise `ConfigurationError` for arguments
    that are not requirements, and for `public` and `optional`, which ask for nothing.
    """
    caller = caller_of(environ)
    if requirements:
        _check_once(requirements)
    if caller is None:
        # A report-only rule lets a bad token pass, but the view must not.
        reported = environ[GOVERNED_BY_KEY][2]
        raise reported if isinstance(reported, Refusal) else MissingToken
    for requirement in requirements:
        ask(requirement, caller)
    return caller


def refusal_response(refusal: Refusal, environ: dict[str, Any]) -> WSGIApplication:
    """Return the middleware's own answer to this request, as a WSGI app.

    When the app is called, it reports the refusal as the middleware does (log line, observers,
    `jwt_middleware.reason`), reads the rest of the request's body and answers. It answers the
    request of this environ, even if it is called with a copy. The middleware adds the headers for
    other origins when the response passes through it, as to any response of the app.

    Raise `RuntimeError` if no rule governs the path, since no middleware then defines the answer.
    """
    if not isinstance(refusal, Refusal) or not is_answerable(refusal):
        form = "with a status, a reason and parameters that can be sent"
        raise TypeError(f"refusal must be a Refusal {form}, got {got(refusal)}")
    middleware, rules = _governing_rules(environ)

    def application(_: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        return middleware.refuse(refusal, rules, environ, start_response)

    return application


def caller_of(environ: Mapping[str, Any]) -> Identity | None:
    """Return the caller of this request, or None without a token.

    Raise `RuntimeError` if no rule looked for a token: no rule governs the path, or it is public.
    """
    _, rules = _governing_rules(environ)
    if all(rule.is_public for rule in rules):
        rule = rules[0]
        raise RuntimeError(
            f"{rule!r} reads no token, and a view on {_shown_path(environ)!r} needs one: "
            f"use Rule({rule.prefix!r}, optional) if views decide, or add a rule for that path"
        )
    return Identity.from_environ(environ)


class ViewRule(Frozen):
    """The requirements of one view, checked at construction as those of a `Rule` are.

    - `requires`: the requirements that are asked of a caller.
    - `is_optional`: whether a request without a token passes.

    `option` is the name of the requirements in a `ConfigurationError`.
    """

    __slots__ = ("is_optional", "requires")
    requires: tuple[Requirement, ...]
    is_optional: bool

    def __init__(self, option: str, requires: tuple[Any, ...], *, is_optional: bool) -> None:
        for requirement in requires:
            check_requirement(option, requirement)
            require(
                requirement is not public,
                f"{option} must not hold public: leave it out for a view without requirements",
            )
        is_optional = is_optional or any(one is optional for one in requires)
        contradicts = is_optional and any(one is authenticated for one in requires)
        require(not contradicts, f"{option} must not hold both optional and authenticated")
        set_field(self, "is_optional", is_optional)
        asked = tuple(one for one in requires if one is not optional)
        set_field(self, "requires", asked)

    def enforce(self, environ: Mapping[str, Any]) -> Identity | None:
        """Return the caller, or None without a token if it is optional. Otherwise raise the
        `Refusal`."""
        if self.is_optional and caller_of(environ) is None:
            return None
        return enforce(environ, *self.requires)


def _governing_rules(environ: Mapping[str, Any]) -> tuple[JWTMiddleware, tuple[Rule, ...]]:
    found = environ.get(GOVERNED_BY_KEY)
    # The innermost middleware with a rule wrote this value. Ignore any other value.
    if isinstance(found, tuple) and len(found) == 3 and isinstance(found[0], JWTMiddleware):
        middleware, rules, _ = found
        if rules:
            return middleware, rules
    mounted = _shown_path(environ)
    path = foreign_value(environ.get("PATH_INFO") or "/", _MAX_SHOWN)
    inner = f", or Rule({mounted!r}, optional) if it wraps the mount too"
    raise RuntimeError(
        f"no rule governs {mounted!r}, so nobody has looked for a token: "
        f"add Rule({path!r}, optional) to the rules of the JWTMiddleware around this app"
        f"{inner if environ.get('SCRIPT_NAME') else ''}"
    )


def _shown_path(environ: Mapping[str, Any]) -> str | None:
    # The client chose this path. An unescaped line break in it would forge a line of the log.
    path = f"{environ.get('SCRIPT_NAME') or ''}{environ.get('PATH_INFO') or ''}"
    return foreign_value(path, _MAX_SHOWN)


def _check_once(requirements: tuple[Requirement, ...]) -> None:
    try:
        _check_for_enforce(requirements)
    except TypeError:  # an owner's requirement that cannot be hashed
        _check_for_enforce.__wrapped__(requirements)


@lru_cache(_MANY)
def _check_for_enforce(requirements: tuple[Requirement, ...]) -> None:
    asked = ViewRule("requirements of enforce", requirements, is_optional=False)
    require(
        not asked.is_optional,
        "requirements of enforce must not hold optional: it returns a caller or refuses; "
        "Identity.from_environ(environ) is the caller or None",
    )
