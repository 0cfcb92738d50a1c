"""`JWTMiddleware`: the one place that knows the order of a request's steps.

environ -> match rule -> extract token -> verify -> identity -> check requirement -> app
"""

import contextlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .errors import Refusal, require
from .identity import ENVIRON_KEY, Identity
from .policy.rules import Rule, RuleTable
from .readings import to_wsgi
from .trust import jws
from .trust.provider import Provider
from .trust.revocation import RevocationList
from .trust.verifier import Verifier
from .wire.cors import Preflight, checked_origins, is_preflight, preflight_response, share
from .wire.credentials import extract_token
from .wire.problem import refusal_response
from .wire.wsgi import StartResponse, WSGIApplication, drain

REASON_KEY = "jwt_middleware.reason"
"""Where the environ holds the reason of a refusal, for access logs."""

_log = logging.getLogger("jwt_middleware")
_REALM = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]+")


class Decision(NamedTuple):
    """What is to happen with a request: the rules that govern it, who is calling, the answer if it
    stays here."""

    rules: tuple[Rule, ...]
    identity: Identity | None
    answer: Refusal | Preflight | None


class JWTMiddleware:
    """A WSGI app around `app` that lets through only who may pass.

    - `providers`: the issuers trusted here, a list of `Provider`.
    - `rules`: a list of `Rule`. A path without one passes through untouched.
    - `revocations`: a `RevocationList`, or None: tokens are good until they expire.
    - `realm`: the protection space named in challenges (RFC 9110 section 11.5).
    - `allowed_origins`: origins whose scripts may read every answer under a rule, such as
      `https://app.example`.
    - `max_token_bytes`: a longer token is refused before anything is decoded.
    - `cache_size`: how many verified tokens are kept, 0 for none.

    Everything that can be wrong here raises `ConfigurationError` now, never during a request.
    """

    def __init__(
        self,
        app: WSGIApplication,
        *,
        providers: Sequence[Provider],
        rules: Sequence[Rule],
        revocations: RevocationList | None = None,
        realm: str = "api",
        allowed_origins: Sequence[str] = (),
        max_token_bytes: int = 8192,
        cache_size: int = 10_000,
    ) -> None:
        require(callable(app), "app is a WSGI app: JWTMiddleware(app.wsgi_app, ...) for Flask")
        require(
            isinstance(realm, str) and _REALM.fullmatch(realm),
            "realm: printable ASCII without quote or backslash",
        )
        require(
            type(max_token_bytes) is int and max_token_bytes > 0,
            "max_token_bytes is a positive number",
        )
        self.app = app
        self._realm = realm
        self._max_token_bytes = max_token_bytes
        self._allowed_origins = checked_origins(allowed_origins)
        self._table = RuleTable(rules)
        self.verifier = Verifier(providers, revocations=revocations, cache_size=cache_size)
        issuers = frozenset(provider.issuer for provider in providers)
        # Under these a subject names one person.
        self._names_one_issuer = frozenset(
            rule for rule in self._table.rules if len(rule.issuers(issuers)) == 1
        )

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request (PEP 3333), or hand it on with the identity in its environ."""
        rules, identity, answer = self._decide(environ)
        app = self.app  # called by a local name: faster in CPython 3.11
        if not rules and answer is None:
            return app(environ, start_response)
        if self._allowed_origins and environ.get("HTTP_ORIGIN") in self._allowed_origins:
            start_response = share(start_response, environ["HTTP_ORIGIN"])
        environ.pop(REASON_KEY, None)  # whoever the app sees in our keys was verified here
        environ.pop("REMOTE_USER", None)
        if identity is None:
            environ.pop(ENVIRON_KEY, None)
            environ.pop("AUTH_TYPE", None)
        else:
            environ[ENVIRON_KEY] = identity
            environ["AUTH_TYPE"] = "Bearer"
            if not self._names_one_issuer.isdisjoint(rules):
                environ["REMOTE_USER"] = to_wsgi(identity.subject)
        if answer is None:
            return app(environ, start_response)
        if isinstance(answer, Refusal):
            environ[REASON_KEY] = answer.reason
            self._log_refusal(answer, rules, environ)
            drain(environ)
            return refusal_response(answer, self._realm)(environ, start_response)
        return preflight_response()(environ, start_response)

    def decide(self, environ: Mapping[str, Any]) -> Decision:
        """Return what is to happen with this request. Calls no app and writes nothing into the
        environ."""
        return Decision(*self._decide(environ))

    def _decide(
        self, environ: Mapping[str, Any]
    ) -> tuple[tuple[Rule, ...], Identity | None, Refusal | Preflight | None]:
        rules: tuple[Rule, ...] = ()
        try:
            rules = self._table.match(environ)
            if (
                self._allowed_origins
                and is_preflight(environ)
                and environ["HTTP_ORIGIN"] in self._allowed_origins
            ):
                # The rule may name the method that is asked for, and not OPTIONS.
                asked = self._table.match(
                    {**environ, "REQUEST_METHOD": environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]}
                )
                if not all(rule.is_public for rule in rules + asked):
                    return rules or asked, None, Preflight()
            if not rules or rules[0].is_public:  # public ones stand last
                return rules, None, None
            identity = self.verifier.recall(environ.get("HTTP_AUTHORIZATION")) or self._verify(
                environ
            )
            for rule in rules:
                rule.authorize(identity)
            return rules, identity, None
        except Refusal as refusal:
            return rules, None, refusal.with_traceback(None)

    def _verify(self, environ: Mapping[str, Any]) -> Identity | None:
        token = extract_token(environ, self._max_token_bytes)
        return None if token is None else self.verifier.verify(token)

    def _log_refusal(
        self, refusal: Refusal, rules: tuple[Rule, ...], environ: Mapping[str, Any]
    ) -> None:
        """One line, with what the token names though nobody has verified it; the token itself is
        never written."""
        if not _log.isEnabledFor(logging.INFO):
            return
        fields: dict[str, object] = {"reason": refusal.reason, "issuer": None, "kid": None}
        with contextlib.suppress(Refusal):
            parsed = jws.parse(extract_token(environ, self._max_token_bytes) or "")
            fields |= {
                "kid": parsed.header.get("kid"),
                "issuer": jws.parse_object(parsed.payload).get("iss"),
            }
        fields |= {
            "method": environ.get("REQUEST_METHOD"),
            "rule": " ".join(rule.prefix for rule in rules),
        }
        fields["path"] = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        # As a log can hold the caller's texts: on one line, in ASCII, 80 characters at most.
        shown = {
            name: value if value is None else ascii(str(value))[1:-1][:80]
            for name, value in fields.items()
        }
        line = "refused {method} {path}: {reason}".format_map(shown)
        record = _log.makeRecord(_log.name, logging.INFO, __file__, 0, line, (), None)
        vars(record).update(
            shown
        )  # not as `extra`, which raises where the owner's record factory has such a field
        _log.handle(record)
