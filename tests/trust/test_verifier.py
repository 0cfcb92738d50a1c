"""The verifier: who a token says is calling, and what the clock, the keys and revocation say of
it."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, InvalidToken, Key, KeySet, Provider, Unavailable
from jwt_middleware.trust import verifier as verifier_module
from jwt_middleware.trust.revocation import revocation_keys
from jwt_middleware.trust.verifier import VerificationCounts, Verifier
from tests.kit import ROOT
from tests.kit.clock import stopped
from tests.kit.tokens import (
    ABSENT,
    ISSUERS,
    NOW,
    PROVIDERS,
    Issuer,
    MovingKeys,
    issuer,
    nameless,
    sign,
)

HS256 = ISSUERS["hs256"]


def refused(call: Callable[..., object], *arguments: Any) -> str:
    """The reason with which the call refuses."""
    with pytest.raises((InvalidToken, Unavailable)) as refusal:
        call(*arguments)
    return refusal.value.reason


def moving(*keys: Key, **options: Any) -> tuple[MovingKeys, Issuer]:
    """An issuer whose keys can be changed, and who signs with the first of these."""
    source = MovingKeys(*keys)
    provider = Provider(issuer="https://moving.example", audience="api", keys=source, **options)
    return source, Issuer(keys[0], provider)


@pytest.mark.parametrize(
    ("options", "form"),
    [
        ({"providers": PROVIDERS[0]}, r"providers=\[Provider"),
        ({"providers": []}, r"providers=\[Provider"),
        ({"providers": None}, r"providers=\[Provider"),
        ({"providers": [PROVIDERS[0], "x"]}, r"providers=\[Provider"),
        ({"providers": PROVIDERS[:1] * 2}, "one Provider for each issuer"),
        ({"revocations": "sqlite:///auth.db"}, "RevocationList"),
    ],
)
def test_what_cannot_be_is_refused_while_building(options: dict[str, Any], form: str) -> None:
    """The error shows the right form."""
    with pytest.raises(ConfigurationError, match=form):
        Verifier(**{"providers": PROVIDERS} | options)


_FORM = "providers must be a list of at least one Provider: providers=[Provider(...)]"
_TWICE = (
    "providers must have one Provider for each issuer, got two for 'https://hs384.example'; "
    "give one provider several audiences"
)
_NO_LIST = (
    "revocations must be a RevocationList: revocations=RevocationList(store), got an object of str"
)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"providers": []}, _FORM),
        ({"providers": PROVIDERS[0]}, _FORM),
        ({"providers": [PROVIDERS[0], None]}, _FORM),
        (
            {"providers": PROVIDERS[:1] * 2},
            _TWICE,
        ),
        (
            {"revocations": "sqlite:///auth.db"},
            _NO_LIST,
        ),
    ],
    ids=["none", "no list", "something else", "twice", "revocations"],
)
def test_the_words_of_what_cannot_be(options: dict[str, Any], words: str) -> None:
    """An owner reads the option, the rule, what was given, and the right form; no secret."""
    with pytest.raises(ConfigurationError) as error:
        Verifier(**{"providers": PROVIDERS} | options)
    assert str(error.value) == words


@pytest.mark.parametrize(
    ("end", "given", "warns"),
    [
        ("", "{}/", True),
        ("/", "{}", True),
        ("", "{}//", False),
        ("", "https://other.example/", False),
        ("", ["{}/"], False),
    ],
)
def test_one_warning_of_an_issuer_but_for_its_slash(
    end: str, given: object, warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The most common mistake of a configuration is named once for each issuer, however many
    tokens come; the token is refused."""
    host = f"https://{uuid.uuid4().hex}.example"  # the process has warned of no such issuer yet
    one = issuer("x", HS256.key, issuer=host + end)
    verifier = Verifier([one.provider])
    token = one.token(iss=given.format(host) if isinstance(given, str) else given)
    assert [refused(verifier.verify, token) for _ in range(2)] == ["issuer"] * 2
    words = f"a token has the iss of the provider {host + end!r} except for the final slash"
    found = [(record.name, record.levelname, record.getMessage()) for record in caplog.records]
    assert found == ([("jwt_middleware", "WARNING", words)] if warns else [])


@pytest.mark.parametrize("given", ["", "/"])
def test_no_warning_of_an_issuer_without_a_name(
    given: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A provider of tokens without `iss` has no issuer that could differ by a slash."""
    provider = Provider(issuer=None, audience="api", keys=KeySet([HS256.key]))
    token = issuer("x", HS256.key).token(iss=given, aud="api")
    assert refused(Verifier([provider]).verify, token) == "issuer"
    assert caplog.records == []


def test_a_verifier_shows_its_issuers() -> None:
    """And nothing else of its providers."""
    one, two = (issuer(name, HS256.key) for name in ("one", "two"))
    verifier = Verifier([one.provider, two.provider])
    assert repr(verifier) == "<Verifier of 'https://one.example', 'https://two.example'>"
    assert verifier.issuers == {"https://one.example", "https://two.example"}


def test_nothing_is_counted_before_the_first_token() -> None:
    """The counts begin at 0."""
    counts = VerificationCounts()
    assert (counts.verified, counts.cached) == (0, 0)


def test_an_identity_says_what_the_token_says() -> None:
    """Subject, issuer, scopes, ids, expiry and all claims, each of its type."""
    identity = Verifier(PROVIDERS).identify(
        HS256.token(jti="t1", sid="s1", scope="a b", exp=NOW + 3600.5, roles=["x"])
    )
    assert identity.subject == "user"
    assert identity.issuer == HS256.provider.issuer
    assert identity.scopes == ("a", "b")
    assert (identity.token_id, identity.session_id) == ("t1", "s1")
    assert identity.expires_at == NOW + 3600.5
    assert identity.claims == HS256.claims(
        jti="t1", sid="s1", scope="a b", exp=NOW + 3600.5, roles=["x"]
    )


def test_the_subject_is_the_claim_that_the_provider_names() -> None:
    """`subject_claim` in place of `sub`, which may then be another or none."""
    for sub in ("other", ABSENT):
        assert Verifier(PROVIDERS).identify(ISSUERS["uid"].token(uid="u7", sub=sub)).subject == "u7"


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({}, ()),
        ({"scope": ""}, ()),
        ({"scope": "read"}, ("read",)),
        ({"scope": " write  read "}, ("write", "read")),
        ({"scope": ["write", "read"]}, ("write", "read")),
        ({"scope": []}, ()),
        ({"scope": [""]}, ()),
        ({"scp": "read"}, ("read",)),
        ({"scp": ["read"], "scope": "write"}, ("write", "read")),
        ({"scp": "read all", "scope": "write"}, ("write", "read", "all")),
        ({"roles": ["admin"], "scopes": "admin"}, ()),
    ],
)
def test_scopes_are_a_text_or_a_list(claims: dict[str, Any], scopes: tuple[str, ...]) -> None:
    """`scope` and `scp` together, in the token's order; no other claim grants one (RFC 8693 section
    4.2)."""
    assert Verifier(PROVIDERS).identify(HS256.token(**claims)).scopes == scopes


@pytest.mark.parametrize(
    ("claims", "moments"),
    [
        ({"exp": 2000}, {1000: None, 2004.999: None, 2005: "expired", 3000: "expired", 2004: None}),
        ({"exp": 2000.9}, {2004.999: None, 2005: "expired"}),
        (
            {"exp": 9000, "nbf": 2000},
            {1994.999: "not_yet_valid", 1995: None, 1994: "not_yet_valid", 5000: None},
        ),
        ({"exp": 9000, "nbf": 2000.5}, {1995.499: "not_yet_valid", 1995.5: None}),
        ({"exp": 2000, "nbf": 3000}, {2000: "not_yet_valid", 2005: "expired", 4000: "expired"}),
        ({"exp": 2000, "iat": 9000}, {1000: None}),
    ],
    ids=lambda value: (
        "-".join(value) if isinstance(value, dict) and isinstance(next(iter(value)), str) else ""
    ),
)
def test_the_clock_is_asked_each_time(claims: dict[str, Any], moments: dict[float, str]) -> None:
    """`exp` and `nbf` with 5 s leeway, to the second, also of a token that was good before (RFC
    7519 section 4.1.4)."""
    verifier = Verifier(PROVIDERS)
    verdict = verifier.verify(HS256.token(**claims))
    with stopped("time", 0) as clock:
        for clock.now, reason in moments.items():
            if reason:
                assert refused(verifier.confirm, verdict) == reason
            else:
                assert verifier.confirm(verdict) is verdict.identity


@pytest.mark.parametrize(
    ("claims", "moments"),
    [
        ({"iat": 2000, "exp": 2300}, {1994.9: "not_yet_valid", 1995: None, 2304.9: None}),
        ({"iat": 2000.5, "exp": 2300}, {1995.4: "not_yet_valid", 1995.5: None}),
        ({"iat": 2000, "exp": 2300, "nbf": 2100}, {2094: "not_yet_valid", 2095: None}),
        ({"iat": 2100, "exp": 2300, "nbf": 2000}, {2094: "not_yet_valid", 2095: None}),
        ({"iat": 10**9, "exp": 10**9 + 300}, {1000: "not_yet_valid", 10**9: None}),
    ],
    ids=["to the second", "a fraction", "a later nbf", "an earlier nbf", "ten years ahead"],
)
def test_a_lifetime_begins_when_the_token_was_issued(
    claims: dict[str, Any], moments: dict[float, str]
) -> None:
    """With `max_lifetime` a token is not good before its `iat`, leeway apart: an `iat` far ahead
    would make a token of ten years look like one of five minutes."""
    known = ISSUERS["brief"]
    verifier = Verifier([known.provider])
    verdict = verifier.verify(known.token(**claims))
    with stopped("time", 0) as clock:
        for clock.now, reason in moments.items():
            if reason:
                assert refused(verifier.confirm, verdict) == reason
            else:
                assert verifier.confirm(verdict) is verdict.identity


@pytest.mark.parametrize("typ", [None, "at+jwt", "secevent+jwt", "logout+jwt", "JWT"])
def test_a_security_event_is_no_access_token_whatever_type_is_asked_for(typ: str | None) -> None:
    """A provider that asks for the very type of a logout token does not get one (RFC 8417 section
    2.2)."""
    key = nameless("ES256")
    keys = KeySet([key])
    known = Issuer(key, Provider(issuer="https://a.example", audience="api", keys=keys, typ=typ))
    verifier = Verifier([known.provider])
    assert verifier.identify(known.token()).subject == "user"
    assert refused(verifier.identify, known.token(events={})) == "type"
    assert refused(verifier.identify, known.token(cnf={"jkt": "x"})) == "proof"


@pytest.mark.parametrize(
    ("asked", "given", "is_good"),
    [
        ("at+jwt", "application/at+jwt", True),
        ("application/at+jwt", "AT+JWT", True),
        ("APPLICATION/AT+JWT", "at+jwt", True),
        ("at+jwt", "application/application/at+jwt", False),
        ("text/plain", "text/plain", True),
        ("text/plain", "application/text/plain", False),
        ("text/plain", "plain", False),
        ("kb+jwt", "KB+JWT", True),
        ("kb+jwt", "\N{KELVIN SIGN}b+jwt", False),
        ("JWT", None, False),
        ("JWT", "at+jwt", False),
    ],
)
def test_one_prefix_of_a_type_is_left_out_and_no_more(
    asked: str, given: str | None, is_good: bool
) -> None:
    """`application/` may be left out where no other slash stands (RFC 7515 section 4.1.9)."""
    key = nameless("ES256")
    keys = KeySet([key])
    known = Issuer(key, Provider(issuer="https://a.example", audience="api", keys=keys, typ=asked))
    token = known.token({"typ": ABSENT if given is None else given})
    verifier = Verifier([known.provider])
    if is_good:
        assert verifier.identify(token).subject == "user"
    else:
        assert refused(verifier.identify, token) == "type"


def test_a_verdict_costs_no_signature_check_to_confirm() -> None:
    """The keys verify once; confirming asks for their generation alone."""
    source, known = moving(nameless("ES256"))
    verifier = Verifier([known.provider])
    verdict = verifier.verify(known.token())
    assert source.asked == 1
    assert {verifier.confirm(verdict) for _ in range(4)} == {verdict.identity}
    assert source.asked == 1


def test_a_verdict_of_other_keys_is_not_current() -> None:
    """Once the keys have changed, a cached verdict says that the token must be verified again."""
    source, known = moving(nameless("ES256"))
    verifier = Verifier([known.provider])
    verdict = verifier.verify(known.token())
    assert verdict.is_current()
    source.change(known.key, nameless("ES256"))
    assert not verdict.is_current()
    assert verifier.identify(known.token()) == verdict.identity


def test_keys_that_never_rest_are_asked_once() -> None:
    """A token is verified by the keys of one moment, however often they change: no loop."""

    class Restless(MovingKeys):
        def find(self, kid: str | None) -> tuple[Key, ...]:
            found = super().find(kid)
            self.generation += 1
            return found

    key = nameless("ES256")
    source = Restless(key)
    known = Issuer(key, Provider(issuer="https://a.example", audience="api", keys=source))
    assert Verifier([known.provider]).identify(known.token()).subject == "user"
    assert source.asked == 1


def test_a_verifier_is_never_changed() -> None:
    """What exists is valid: neither its providers nor its revocations can be replaced."""
    verifier = Verifier(PROVIDERS)
    for name in ("providers", "revocations", "_readers", "other"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(verifier, name, ())
    assert HS256.provider.issuer in repr(verifier)


def test_a_refusal_is_never_final() -> None:
    """A token that is refused now is looked at again, and may be good then."""
    old, new = Key.generate(id="old"), Key.generate(id="new")
    source, known = moving(old)
    verifier = Verifier([known.provider])
    token = sign({"alg": "ES256", "kid": "new"}, known.claims(), new)
    assert [refused(verifier.identify, token) for _ in range(2)] == ["key", "key"]
    assert source.asked == 2
    source.change(old, new)
    assert verifier.identify(token).subject == "user"


def test_a_removed_key_ends_its_tokens_at_once() -> None:
    """And no others: those of the keys that stay are verified again."""
    first, second = Key.generate(id="1"), Key.generate(id="2")
    source, known = moving(first, second)
    verifier = Verifier([known.provider])
    tokens = [sign({"alg": "ES256", "kid": key.id}, known.claims(), key) for key in (first, second)]
    for token in tokens:
        verifier.identify(token)
    source.change(second)
    assert [refused(verifier.identify, tokens[0]) for _ in range(2)] == ["key", "key"]
    assert verifier.identify(tokens[1]).subject == "user"
    source.change(first)
    assert verifier.identify(tokens[0]).subject == "user"
    assert refused(verifier.identify, tokens[1]) == "key"


def test_keys_that_cannot_be_had_end_a_kept_token_too() -> None:
    """A source that no longer answers for its keys is `Unavailable`, cache or not."""

    class Outage(MovingKeys):
        @property
        def generation(self) -> int:
            if self.is_down:
                raise Unavailable("keys_unavailable")
            return 0

        @generation.setter
        def generation(self, value: int) -> None:
            self.is_down = False

    key = nameless("ES256")
    source = Outage(key)
    known = Issuer(key, Provider(issuer="https://outage.example", audience="api", keys=source))
    verifier, token = Verifier([known.provider]), known.token()
    verifier.identify(token)
    source.is_down = True
    assert refused(verifier.identify, token) == "keys_unavailable"


def test_revocation_is_asked_each_time() -> None:
    """Of a kept token as of a new one, by `jti` and by `sid`; what is revoked meanwhile is refused
    at once."""
    revoked: set[str] = set()

    class Revocations:
        def check(self, keys: tuple[str, ...]) -> None:
            if not revoked.isdisjoint(keys):
                raise InvalidToken("revoked")

    verifier = Verifier(PROVIDERS, revocations=Revocations())  # type: ignore[arg-type]
    token = HS256.token(jti="t1", sid="s1")
    for ids in (("t1", None), (None, "s1")):
        assert verifier.identify(token).token_id == "t1"
        revoked.update(revocation_keys(HS256.provider.issuer, *ids))
        assert refused(verifier.identify, token) == "revoked"
        revoked.clear()


def test_each_token_is_its_issuers() -> None:
    """With several providers, the one that `iss` names decides: its keys, its audience, its
    terms."""
    verifier = Verifier(PROVIDERS)
    for known in ISSUERS.values():
        assert verifier.identify(known.token()).issuer == known.provider.issuer
    assert refused(Verifier([HS256.provider]).verify, ISSUERS["hs384"].token()) == "issuer"
    assert (
        refused(verifier.identify, ISSUERS["hs384"].token(iss=HS256.provider.issuer)) == "algorithm"
    )


@pytest.mark.parametrize("id", [None, "1"], ids=["without a kid", "with the same kid"])
@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256", "EdDSA"])
def test_the_key_of_another_issuer_signs_nothing(algorithm: str, id: str | None) -> None:
    """Of two issuers with keys of one algorithm, and with one `kid`, each one's key verifies its
    own tokens alone (RFC 8725 section 3.8)."""
    made = (nameless(algorithm), nameless(algorithm))
    keys = [Key(algorithm, id, one.signing_key, one.verifying_key) for one in made]
    one, other = (issuer(name, key) for name, key in zip(("one", "other"), keys, strict=True))
    verifier = Verifier([one.provider, other.provider])
    for mine, theirs in ((one, other), (other, one)):
        header = mine.header(kid=id or ABSENT)
        own = sign(header, mine.claims(), mine.key)
        assert verifier.identify(own).issuer == mine.provider.issuer
        for _ in range(2):
            forged = sign(header, mine.claims(), theirs.key)
            assert refused(verifier.identify, forged) == "signature"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 3600},
        {"nbf": NOW + 3600},
        {"aud": "another"},
        {"sub": ABSENT},
        {"exp": "x"},
        {"token_use": "refresh"},
        {"exp": NOW * 1000},
    ],
    ids=["expired", "not yet", "audience", "no subject", "text", "kind", "milliseconds"],
)
def test_the_signature_is_judged_before_the_claims(claims: dict[str, Any]) -> None:
    """A token that has a fault in its claims too is refused for its signature, so that a forger
    learns nothing about the terms."""
    verifier = Verifier([HS256.provider])
    assert refused(verifier.identify, HS256.token(**claims)) != "signature"
    forged = sign(HS256.header(), HS256.claims(**claims), nameless("HS256"))
    assert refused(verifier.identify, forged) == "signature"


def test_threads_get_each_their_own_verdict() -> None:
    """Many threads, with keys that come and go: the subject is always the
    token's, or none."""
    always, sometimes = Key.generate("EdDSA", id="always"), Key.generate("EdDSA", id="sometimes")
    source, known = moving(always, sometimes)
    verifier = Verifier([known.provider])
    tokens = {
        f"{key.id}-{number}": sign(
            {"alg": "EdDSA", "kid": key.id}, known.claims(sub=f"{key.id}-{number}"), key
        )
        for key in (always, sometimes)
        for number in range(10)
    }
    has_ended = threading.Event()

    def hammer(_: int) -> list[str]:
        wrong = []
        for _ in range(12):
            for subject, token in tokens.items():
                try:
                    found = verifier.identify(token).subject
                except InvalidToken as refusal:
                    found = f"sometimes {refusal.reason}"
                except Unavailable:  # the keys changed three times meanwhile
                    found = subject
                if found != subject and not (
                    subject.startswith("sometimes") and found == "sometimes key"
                ):
                    wrong.append(f"{subject}: {found}")
        return wrong

    def keep_changing() -> None:
        while not has_ended.is_set():
            source.change(always)
            source.change(always, sometimes)

    with ThreadPoolExecutor(9) as pool:
        changing = pool.submit(keep_changing)
        results = list(pool.map(hammer, range(8)))
        has_ended.set()
        changing.result()
    assert results == [[]] * 8


GREENLETS = """
from gevent import monkey; monkey.patch_all()
import gevent
from tests.kit.tokens import ISSUERS, PROVIDERS, NOW
from jwt_middleware import RevocationList
from jwt_middleware.trust.revocation import RevocationPage
from jwt_middleware.trust import verifier as verifier_module
from jwt_middleware.trust.revocation import revocation_keys
from jwt_middleware.trust.verifier import VerificationCounts, Verifier

class Log:
    def read_revocations(self, cursor):
        gevent.sleep(0.001)
        return RevocationPage((cursor or 0) + 1, [])

verifier = Verifier(PROVIDERS, revocations=RevocationList(Log(), max_staleness=0.002))
tokens = {str(n): ISSUERS["hs256"].token(sub=str(n)) for n in range(20)}

def hammer():
    for _ in range(20):
        for subject, token in tokens.items():
            assert verifier.identify(token).subject == subject
        gevent.sleep(0)

jobs = [gevent.spawn(hammer) for _ in range(20)]
gevent.joinall(jobs, timeout=60, raise_error=True)
assert all(job.successful() for job in jobs)
print("done")
"""


@pytest.mark.needs_servers
def test_greenlets_get_each_their_own_verdict() -> None:
    """The same under gevent, with a revocation log whose reads yield: nothing blocks the hub,
    nothing is mixed up."""
    command = [sys.executable, "-c", GREENLETS]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.returncode) == ("done\n", 0), run.stderr


def test_what_the_module_offers() -> None:
    """Its public names, the one from `claims` included, and each of them is there."""
    assert verifier_module.__all__ == ["Verdict", "VerificationCounts", "Verifier"]
    assert all(hasattr(verifier_module, name) for name in verifier_module.__all__)


NAMELESS = {
    "no issuer": (False, ABSENT, None),
    "no issuer, nulls are absent": (True, ABSENT, None),
    "a null": (False, None, "issuer"),
    "a null, nulls are absent": (True, None, None),
    "an empty issuer": (True, "", "issuer"),
    "an issuer": (True, "https://a.example", "issuer"),
    "a number": (True, 5, "issuer"),
}


@pytest.mark.parametrize(("allow_null", "given", "reason"), NAMELESS.values(), ids=NAMELESS)
def test_a_provider_without_an_issuer_takes_tokens_without_one(
    allow_null: bool, given: Any, reason: str | None
) -> None:
    """And no others, nor does it open a provider that has an issuer."""
    key = nameless("HS256")
    provider = Provider(issuer=None, audience="api", keys=KeySet([key]), allow_null=allow_null)
    beside = issuer("beside", key)
    for providers in ([provider], [beside.provider, provider]):
        verifier = Verifier(providers)
        token = beside.token(iss=given, aud="api")
        if reason is None:
            assert verifier.identify(token).subject == "user"
        else:
            assert refused(verifier.identify, token) == reason
    assert refused(Verifier([beside.provider]).identify, beside.token(iss=ABSENT)) == "issuer"
    assert repr(Verifier([provider])) == "<Verifier of ''>"
    assert Verifier([provider]).issuers == {""}


def of_tenants(host: str, key: Key) -> Provider:
    """A provider whose two tenants share a key."""
    template = f"https://{host}.example/{{tid}}"
    return Provider(issuer=template, audience="api", keys=KeySet([key]), tenants=("a", "b"))


TENANTS: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "a tenant of the first": ("https://one.example/a", {"tid": "a"}, None),
    "a tenant of the second": ("https://two.example/b", {"tid": "b"}, None),
    "no tenant": ("https://two.example/c", {"tid": "c"}, "issuer"),
    "of nobody": ("https://three.example/a", {"tid": "a"}, "issuer"),
    "a claim of another tenant": ("https://two.example/b", {"tid": "a"}, "issuer"),
    "an issuer beside": ("https://beside.example", {}, None),
}


@pytest.mark.parametrize(("given", "claims", "reason"), TENANTS.values(), ids=TENANTS)
def test_the_issuer_of_a_tenant_is_looked_for_in_every_template(
    given: str, claims: dict[str, Any], reason: str | None
) -> None:
    """Each provider with tenants is asked in turn, and the claim must agree with the issuer."""
    key = nameless("HS256")
    beside = issuer("beside", key, audience="api")
    verifier = Verifier([of_tenants("one", key), of_tenants("two", key), beside.provider])
    token = beside.token(iss=given, aud="api", **claims)
    if reason is None:
        assert verifier.identify(token).issuer == given
    else:
        assert refused(verifier.identify, token) == reason
    assert verifier.templates == {f"https://{host}.example/{{tid}}" for host in ("one", "two")}
    assert verifier.issuers == {*verifier.templates, "https://beside.example"}


class KeysOfEach(KeySet):
    """Keys of which every tenant has its own, as discovered ones."""

    def for_tenant(self, issuer: str, tenant: str) -> KeySet:
        return KeySet(self.keys)


def test_the_tenants_whose_tokens_came() -> None:
    """Metrics and readiness are told of the tenants of one provider that have keys of their own,
    once a token of theirs has come."""
    key = nameless("HS256")
    one, two = (replace(of_tenants(host, key), keys=KeysOfEach([key])) for host in ("one", "two"))
    shared, beside = of_tenants("three", key), issuer("beside", key, audience="api")
    verifier = Verifier([one, two, shared, beside.provider])
    assert verifier.tenants_of(two) == ()
    for given in ("https://one.example/b", "https://two.example/a", "https://three.example/a"):
        verifier.identify(beside.token(iss=given, aud="api", tid=given[-1]))
    for provider, found in (
        (one, ["https://one.example/b"]),
        (two, ["https://two.example/a"]),
        (shared, []),
        (beside.provider, []),
    ):
        assert [terms.issuer for terms in verifier.tenants_of(provider)] == found


def test_one_issuer_is_one_name_that_is_not_a_template() -> None:
    """A template stands for many, and so do two names."""
    key = nameless("HS256")
    verifier = Verifier([of_tenants("one", key), issuer("beside", key).provider])
    (template,) = verifier.templates
    assert verifier.is_one_issuer(frozenset(("https://beside.example",)))
    assert not verifier.is_one_issuer(frozenset((template,)))
    assert not verifier.is_one_issuer(frozenset(("https://beside.example", "https://x.example")))
    assert not verifier.is_one_issuer(frozenset())


@pytest.mark.parametrize("published", [None, "https://one.example", "https://two.example"])
def test_a_key_that_is_published_for_another_issuer_does_not_verify(published: str | None) -> None:
    """The issuer of the token is compared with that of the key."""
    key = replace(nameless("HS256"), issuer=published)
    one = issuer("one", key)
    if published == "https://two.example":
        assert refused(Verifier([one.provider]).verify, one.token()) == "key"
    else:
        assert Verifier([one.provider]).identify(one.token()).subject == "user"


def of_anyone(host: str, key: Key) -> Provider:
    """A provider whose tenants a function knows."""
    return replace(of_tenants(host, key), tenants=lambda tenant: tenant == "a")


def test_the_issuers_that_have_a_name_are_in_the_order_of_the_providers() -> None:
    """The tenants of a list one by one, sorted; a template whose tenants a function knows stays as
    it is, and a provider without an issuer has no name."""
    key = nameless("HS256")
    nobody = Provider(issuer=None, audience="api", keys=KeySet([key]))
    beside, last = (issuer(name, key).provider for name in ("beside", "a"))
    given = [beside, nobody, of_tenants("one", key), of_anyone("two", key), last]
    assert Verifier(given).named_issuers == (
        "https://beside.example",
        "https://one.example/a",
        "https://one.example/b",
        "https://two.example/{tid}",
        "https://a.example",
    )


class Accepting:
    """Accepts these issuers, as a rule does; all of them if none is named."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)

    def issuers(self, known: frozenset[str]) -> frozenset[str]:
        return known & self.names if self.names else known


def test_where_a_subject_names_one_person() -> None:
    """With a single issuer everywhere; with several under the rules that leave one of them."""
    key = nameless("HS256")
    one, two = (issuer(name, key).provider for name in ("one", "two"))
    every, first = Accepting(), Accepting("https://one.example")
    both = Accepting("https://one.example", "https://two.example")
    assert Verifier([one]).naming_one([every, first]) == (True, {every, first})
    assert Verifier([one, two]).naming_one([every, first, both]) == (False, {first})
    template = Accepting("https://many.example/{tid}")
    many = Verifier([one, of_tenants("many", key)])
    assert many.naming_one([every, first, template]) == (False, {first})
    assert Verifier([of_tenants("many", key)]).naming_one([template]) == (False, frozenset())
