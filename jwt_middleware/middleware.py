"""`JWTMiddleware`: the only module that knows the order of a request's steps.

rules of the path -> credentials -> verdict (cached) -> confirmed identity -> requirements -> app
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._options import check_count
from .decision import NOTHING, Answer, Decision, Parts, decision_of, note_refusals, reporting
from .errors import InvalidRequest, InvalidToken, MissingToken, Refusal
from .events import Observer, Observers
from .identity import GOVERNED_BY_KEY, PEEK_KEY, Identity, clear_identity, put_identity
from .policy.candidates import matches_of
from .policy.paths import methods_of
from .policy.rules import Match, Rule, Rules
from .trust.provider import TokenProvider
from .trust.revocation import RevocationList
from .trust.verifier import Verifier
from .verdict_cache import CachedVerification
from .wire.app_form import checked_app, explain_recursion
from .wire.cors import CrossOrigin, Preflight
from .wire.credentials import Places, check_site, has_unread_scheme
from .wire.places import Place, bearer, checked_token
from .wire.refusals import OnRefusal, RefusalAnswers
from .wire.wsgi import StartResponse, WSGIApplication, handed_on, tidied

if TYPE_CHECKING:
    from .policy.published import Published
    from .trust.proof import DPoP
    from .wire.certificates import CertificateOf
    from .wire.dpop import Proofs
    from .wire.metadata import Metadata


class JWTMiddleware(CachedVerification):
    """A WSGI app around `app` that only lets requests through that its rules allow.

    - `providers`: the trusted issuers, a list of `Provider` and `stores.OpaqueTokens`.
    - `rules`: a list of `Rule`. A path without a rule passes through untouched.
    - `credentials`: the places where a token is looked for, in this order (`wire.credentials`). The
      first place that holds a credential decides.
    - `revocations`: a `RevocationList`. With None, tokens are valid until they expire.
    - `realm`: the protection space named in challenges (RFC 9110 section 11.5).
    - `allowed_origins`: origins whose scripts may read every answer under a rule, such as
      `https://app.example` (`wire.origins`). With `in_cookie` they may also send cookies.
    - `sign_in`: the path of the sign-in page, such as `/auth/login`. A navigation that would get
      401 is redirected there, with `next` for the way back.
    - `on_refusal`: a callable `(refusal, environ)` that returns a WSGI app or None. The app's body
      and headers replace ours. Status, challenge and security headers stay ours.
    - `dpop`: a `DPoP`, which checks tokens that are bound to a key (RFC 9449).
    - `certificate`: a callable `(environ)` that returns the client certificate, for tokens that are
      bound to one (RFC 8705, `wire.certificates`).
    - `resource`: the URL of this app for its clients, such as `https://api.example/mcp`. Its
      metadata (RFC 9728, `wire.metadata`) is then public, and challenges lead to it.
    - `strict_origins`: whether to refuse a request under a rule whose `Origin` is neither this
      host's nor allowed. This stops pages whose name an attacker rebinds to this address.
    - `max_token_bytes`: a longer token is refused before it is decoded.
    - `cache_size`: the number of cached verified tokens, 0 for none.
    - `observers`: callables `(decision, environ)`, called for every request under a rule before it
      is answered (`events`).

    Every fault of an option raises `ConfigurationError` now, never during a request.
    """

    _published: "Published | None" = None
    _metadata: "Metadata | None" = None

    def __init__(
        self,
        app: WSGIApplication,
        *,
        providers: Sequence[TokenProvider],
        rules: Sequence[Rule],
        credentials: Sequence[Place] = (bearer,),
        revocations: RevocationList | None = None,
        realm: str = "api",
        allowed_origins: Sequence[str] = (),
        sign_in: str | None = None,
        on_refusal: OnRefusal | None = None,
        resource: str | None = None,
        dpop: "DPoP | None" = None,
        certificate: "CertificateOf | None" = None,
        strict_origins: bool = False,
        max_token_bytes: int = 8192,
        cache_size: int = 10_000,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.app = checked_app(app)
        check_count("max_token_bytes", max_token_bytes, least=1)
        check_count("cache_size", cache_size, least=0)
        self._proofs, self.places = _proofs_and_places(dpop, certificate, credentials)
        self._asks_bearer_first, self._dpop = self.places.asks_bearer_first, self.places.dpop
        self._cross_origin = CrossOrigin(allowed_origins, strict_origins, self.places)
        self._looks_at_origin = bool(self._cross_origin)
        self._match, self._candidates = matches_of(rules)
        self._rules = tuple(rules)
        self._observers = Observers(observers, self.places)
        self._refusals = RefusalAnswers(realm, self.places, sign_in, on_refusal)
        observed = bool(observers) or self._candidates is not None, self._call_observed
        self._is_observed, self._call_more = self.places.giving_nonces(*observed)
        # Check rare options with one look-up; separate ones would take a tenth of a request.
        self._does_more = self._is_observed or self._looks_at_origin
        super().__init__(Verifier(providers, revocations=revocations), cache_size, max_token_bytes)
        self._has_one_issuer, self._rules_of_one_issuer = self.verifier.naming_one(rules)
        if resource is not None:
            self._publish(resource)
        self._observers.watch(self)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request (PEP 3333), or pass it on with the identity in its environ."""
        app = self.app  # called by a local name: a tenth of what a path without a rule costs
        try:
            enforced = rules, caller, answer = self._decide(environ, self._match)
            if not rules and answer is None and self._candidates is None:
                return app(environ, start_response)
            if self._does_more:
                if self._is_observed:
                    return self._call_more(environ, start_response, enforced)
                start_response = self._cross_origin.allow(environ, start_response)
            if answer is not None:
                clear_identity(environ)
                note_refusals(environ, caller, answer)
                self._observers.report(Decision(rules, None, answer), environ)
                return self._answer(answer, rules, environ, start_response)
            if caller is None:
                # Clear our keys, so that a server or an outer middleware cannot supply an identity.
                clear_identity(environ)
            else:
                names_one = self._has_one_issuer or not self._rules_of_one_issuer.isdisjoint(rules)
                put_identity(environ, caller, self.places.scheme(environ), names_one)
            environ[GOVERNED_BY_KEY] = self, rules, None
            return app(environ, start_response)
        except RecursionError:
            explain_recursion("self")
            raise

    def _call_observed(
        self, environ: dict[str, Any], start_response: StartResponse, enforced: Parts
    ) -> Iterable[bytes]:
        """Continue as `__call__` does, and report the decision."""
        rules, caller, answer = enforced
        reported = NOTHING if self._candidates is None else self._report_only(environ, caller)
        is_enforced = rules or answer is not None
        if not is_enforced and reported == NOTHING:
            return self.app(environ, start_response)
        if is_enforced and self._looks_at_origin:  # report-only rules change no header
            start_response = self._cross_origin.allow(environ, start_response)
        decision = decision_of(enforced, reported)
        if decision.identity is None:
            clear_identity(environ)
        else:
            # A report-only rule that would refuse this caller does not limit its issuer.
            held = decision.rules if decision.reported is None else rules
            names_one = self._has_one_issuer or not self._rules_of_one_issuer.isdisjoint(held)
            put_identity(environ, decision.identity, self.places.scheme(environ), names_one)
        if answer is not None or decision.reported is not None:
            note_refusals(environ, caller, answer, decision.reported)
        self._observers.report(decision, environ)
        if answer is None:
            environ[GOVERNED_BY_KEY] = self, decision.rules, decision.reported
            return self.app(environ, start_response)
        return self._answer(answer, rules, environ, start_response)

    def _metadata_under(self, rules: Rules) -> "Metadata | None":
        return self._metadata if self._published and rules is self._published.rules else None

    def _answer(
        self, answer: Answer, rules: Rules, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        if isinstance(answer, Refusal):
            scopes = () if self._published is None else self._published.asked_scopes(rules)
            return self._refusals.answer(answer, environ, start_response, scopes)
        return answer(environ, start_response)

    def refuse(
        self, refusal: Refusal, rules: Rules, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Report and answer a request that passed these rules but that a view refuses (`views`)."""
        note_refusals(environ, Identity.from_environ(environ), refusal)
        self._observers.report(Decision(rules, None, refusal), environ)
        return self._answer(refusal, rules, environ, start_response)

    def verify(self, token: str) -> Identity:
        """Return the caller of a token outside of a request, such as in a WebSocket or a queue.

        This uses `max_token_bytes`, the cache and the revocations, but not the rules. Raise
        `InvalidRequest` for anything but one well-formed token, else `InvalidToken` or
        `Unavailable` with the reason.
        """
        key = f"Bearer {checked_token(token, self.max_token_bytes)}"
        return self._confirm_or_verify(key, token)

    def decide(self, environ: Mapping[str, Any]) -> Decision:
        """Return the decision. This calls no app, reads no body and leaves the environ as it is."""
        if self._proofs is not None:
            environ = {**environ, PEEK_KEY: True}  # a proof that is only looked at is not used up
        enforced = self._decide(environ, self._match)
        return decision_of(enforced, self._report_only(environ, enforced[1]))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, in the given order."""
        return self._rules

    def _publish(self, resource: str) -> None:
        """Answer requests for the metadata of the resource, and lead to it in challenges."""
        from .policy.published import Published  # not at every import: few apps have metadata
        from .wire.metadata import WELL_KNOWN, Metadata

        own = self._published = Published(WELL_KNOWN, self._rules, self.verifier)
        metadata = self._metadata = Metadata(resource, own.issuers, own.scopes, self.places)
        self._refusals.metadata_url = metadata.url
        self._match, self._candidates = matches_of(
            self._rules, lambda request: own.rules if metadata.is_asked(request) else ()
        )

    def _report_only(self, environ: Mapping[str, Any], caller: Identity | None) -> Parts:
        """Return the decision of the report-only rules. Never raise, since they refuse nobody."""
        match = self._candidates
        return NOTHING if match is None else reporting(lambda: self._decide(environ, match, caller))

    def _decide(
        self, environ: Mapping[str, Any], match: Match, known: Identity | None = None
    ) -> Parts:
        rules: Rules = ()
        caller: Identity | None = None
        try:
            rules = match(environ)
            if self._looks_at_origin and self._metadata_under(rules) is None:
                announced = self._cross_origin.announced(environ, rules, match)
                if announced:
                    return announced, None, Preflight()
            if not rules:
                return rules, None, None
            if rules[0].is_public:  # `match` returns public rules last
                return rules, None, self._metadata_under(rules)
            caller = known or self._identify(environ)
            for rule in rules:
                rule.authorize(caller)
        except Refusal as refusal:
            if caller is None and refusal.reason == "missing" and has_unread_scheme(environ):
                refusal = MissingToken("unread_scheme")
            # Return the caller too, if its token is valid and only a requirement refuses it.
            return rules, caller, refusal.with_traceback(None)
        except (AttributeError, TypeError, ValueError):
            if (tidy := tidied(environ)) is None:
                return rules, None, InvalidRequest()
            return handed_on(tidy, environ, self._decide(tidy, match, known))
        return rules, caller, None

    def _identify(self, environ: Mapping[str, Any]) -> Identity | None:
        """Return the caller, or None without credentials. Verify once, confirm every time."""
        header: Any = environ.get("HTTP_AUTHORIZATION") if self._asks_bearer_first else None
        # The cache is keyed by the header in its usual form: most requests end here, unparsed.
        verdict = None if header is None else self._cache.get(header)
        # Compared here and not by a method: calls are a third of what a cached token costs.
        if verdict is not None and verdict.keys.generation == verdict.generation:
            if self._is_observed:
                self.counts.cached += 1
            return self.verifier.confirm(verdict)
        # The usual form needs no search: a first-seen token is 3 % cheaper. Where passwords are
        # taken, most headers have another form.
        is_sought = header is None or self.places.take_passwords or header[:7] != "Bearer "
        is_sought = is_sought or header[7:8] == " "
        place, credential = self.places.find(environ) if is_sought else (bearer, header)
        if place is None:
            return None
        # Compared here too, since most requests with a cookie come from a page of this site.
        is_own = not place.is_for_programs and environ.get("HTTP_SEC_FETCH_SITE") == "same-origin"
        if place.is_ambient and not is_own:
            check_site(place, environ, methods_of, self._cross_origin.allowed)
        key = credential if place is bearer else (place, credential)  # each has its own checks
        # A bearer token's header was looked up above, and `identify` below looks bound tokens up.
        is_elsewhere = key is header or place is self._dpop
        verdict = None if is_elsewhere else self._cache.get(key)
        if verdict is not None and verdict.keys.generation == verdict.generation:
            if self._is_observed:
                self.counts.cached += 1
            return self.verifier.confirm(verdict)
        try:
            if self._proofs is None:
                return self._verify(key, place.read(credential, self.max_token_bytes))
            return self._proofs.identify(environ, place, credential, key, self)
        except InvalidToken as refusal:
            if refusal.reason != "malformed":
                raise
            raise InvalidToken(place.malformed) from None


def _proofs_and_places(
    dpop: "DPoP | None", certificate: "CertificateOf | None", places: Sequence[Place]
) -> "tuple[Proofs | None, Places]":
    if dpop is None and certificate is None:
        return None, Places(places)
    from .trust.binding import BoundTokens  # not at every import: few apps have bound tokens
    from .wire.dpop import Proofs

    proofs = Proofs(certificate, BoundTokens(dpop, certificate is not None))
    return proofs, Places(places, proofs.scheme)
