"""Cut-offs in time: when a token was issued, and which entries revoke it."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_middleware import Identity, InvalidToken, Refusal, RevocationList
from jwt_middleware.trust.cut_offs import (
    CUT_OFF_LASTS,
    LOGIN_SESSION,
    MAX_LIFETIME,
    cut_off_keys,
    is_cut_off,
    issued_at,
    new_token_id,
    sessions_key,
    subject_key,
    subject_of,
)
from jwt_middleware.trust.findings import findings
from jwt_middleware.trust.revocation import Revocation, RevocationPage
from jwt_middleware.trust.verifier import Verifier
from tests.kit.clock import Clock, stopped
from tests.kit.tokens import HS256, issuer

ISSUER = "https://login.example"
NOW = 1_900_000_000.25


def caller(subject: str = "1", sid: str | None = None, **claims: Any) -> Identity:
    """A caller whose token has these claims."""
    everything = {"iat": int(NOW), **claims}
    return Identity(
        subject=subject,
        issuer=ISSUER,
        scopes=(),
        token_id=everything.get("jti"),
        session_id=sid,
        expires_at=NOW + 900,
        claims_json=json.dumps(everything).encode(),
    )


@given(at=st.floats(1.6e9, 4e9))
def test_an_id_holds_its_time(at: float) -> None:
    """To a quarter of a microsecond; it is a UUID of version 7, and its time is in milliseconds."""
    token_id = new_token_id(at)
    made = uuid.UUID(token_id)
    assert (made.version, made.variant, str(made)) == (7, uuid.RFC_4122, token_id)
    assert made.int >> 80 == pytest.approx(at * 1000, abs=1)
    assert issued_at(caller(iat=int(at), jti=token_id)) == pytest.approx(at, abs=1e-6)


def test_ids_are_never_used_again() -> None:
    """Not even in one moment."""
    assert len({new_token_id(NOW) for _ in range(1000)}) == 1000


TIMES: dict[str, tuple[dict[str, Any], float]] = {
    "whole seconds": ({}, int(NOW)),
    "a fraction": ({"iat": NOW}, NOW),
    "another jti": ({"jti": "token"}, int(NOW)),
    "a UUID of version 4": ({"jti": "9b2f0c5e-6a5b-4c3d-8e9f-000000000000"}, int(NOW)),
    "a UUID of another second": ({"jti": new_token_id(NOW + 5)}, int(NOW)),
    "a UUID of an earlier second": ({"jti": new_token_id(NOW - 5)}, int(NOW)),
    "upper case": ({"jti": new_token_id(NOW).upper()}, int(NOW)),
    "nothing": ({"iat": None}, 0),
    "a boolean": ({"iat": True}, 0),
    "a string": ({"iat": "1900000000"}, 0),
    "a UUID without a second": ({"iat": None, "jti": new_token_id(NOW)}, 0),
}


@pytest.mark.parametrize(("claims", "expected"), TIMES.values(), ids=TIMES)
def test_when_a_token_was_issued(claims: dict[str, Any], expected: float) -> None:
    """What its `iat` says, more exactly where its `jti` is a time of that second; a token that
    does not say is older than any cut-off."""
    assert issued_at(caller(**claims)) == expected


CUTS: dict[str, tuple[dict[str, Any], float, bool]] = {
    "before": ({"jti": new_token_id(NOW)}, NOW + 0.000_01, True),
    "after": ({"jti": new_token_id(NOW + 0.000_01)}, NOW, False),
    "at the same time": ({"iat": int(NOW)}, int(NOW), True),
    "in the same second": ({"iat": int(NOW)}, NOW, True),
    "in the next second": ({"iat": int(NOW) + 1}, NOW, False),
    "who knows when": ({"iat": None}, NOW, True),
}


@pytest.mark.parametrize(("claims", "moment", "expected"), CUTS.values(), ids=CUTS)
def test_what_a_cut_off_revokes(claims: dict[str, Any], moment: float, expected: bool) -> None:
    """What was issued up to its moment, and what cannot be told from it."""
    assert is_cut_off(caller(**claims), moment + CUT_OFF_LASTS) is expected


def test_the_keys_of_a_caller() -> None:
    """The subject's; with a session of an app's own also those of its sessions, here and of any
    issuer. The sessions of the login app end by their `sid`."""
    subject = subject_key(ISSUER, "1")
    sessions = (sessions_key(ISSUER, "1"), sessions_key("", "1"))
    assert cut_off_keys(caller()) == (subject,)
    assert cut_off_keys(caller(sid="s")) == (subject, *sessions)
    assert cut_off_keys(caller(sid=f"{LOGIN_SESSION}s")) == (subject,)


def test_the_subject_of_a_key() -> None:
    """Keys of tokens and sessions have none; a subject may look like a key."""
    assert subject_of(subject_key(ISSUER, "1")) == "1"
    assert subject_of(sessions_key("", "sub")) == "sub"
    assert subject_of(f"jti\n{ISSUER}\n1") is None
    assert subject_of(f"sid\n{ISSUER}\n1") is None


def test_a_cut_off_outlives_the_tokens_that_it_revokes() -> None:
    """With five minutes for the leeway, and an hour for clocks."""
    assert CUT_OFF_LASTS >= MAX_LIFETIME + 3900


# ------------------------------------------------------------------------------------------------
# behind a RevocationList


class Log:
    """A log of cut-offs."""

    def __init__(self) -> None:
        self.entries: list[Revocation] = []

    def cut_off(self, key: str, moment: float) -> None:
        """Add one."""
        self.entries.append(Revocation(key, moment + CUT_OFF_LASTS))

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        """All there are, each time."""
        return RevocationPage(None, list(self.entries))


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The wall clock, which stands still."""
    with stopped("time", NOW) as clock:
        yield clock


KNOWN = issuer("known", HS256)


def token(at: float, **claims: Any) -> str:
    """A token that was issued then, for an hour."""
    times = {"iat": int(at), "exp": int(at) + 3600, "jti": new_token_id(at)}
    return KNOWN.token(**times | {"sub": "1"} | claims)


def reason(verifier: Verifier, token: str) -> str | None:
    """Why it is refused, or None; what an operator is told agrees."""
    found = findings(verifier, token)
    try:
        verifier.identify(token)
    except Refusal as refusal:
        assert not all(one.holds for one in found)
        return refusal.reason
    assert all(one.holds for one in found)
    return None


def test_a_subject_is_cut_off(clock: Clock) -> None:
    """Its tokens from before are refused, cached or not; those from after are good, in the same
    second too; nobody else notices."""
    log = Log()
    verifier = Verifier([KNOWN.provider], revocations=RevocationList(log, max_staleness=0))
    before, other = token(NOW - 0.001), token(NOW - 0.001, sub="2")
    verdict = verifier.verify(before)
    assert verifier.confirm(verdict).subject == "1"
    log.cut_off(subject_key(KNOWN.provider.issuer, "1"), NOW)
    with pytest.raises(InvalidToken, match="revoked"):
        verifier.confirm(verdict)
    assert reason(verifier, before) == "revoked"
    assert reason(verifier, token(NOW - 0.001, sid="login.s")) == "revoked"
    assert reason(verifier, token(NOW + 0.001)) is None
    assert reason(verifier, other) is None


@pytest.mark.parametrize("of_issuer", [KNOWN.provider.issuer, ""], ids=["issuer", "any"])
def test_the_sessions_of_a_subject_are_cut_off(clock: Clock, of_issuer: str) -> None:
    """Only tokens with a `sid` that is not of the login app are refused."""
    log = Log()
    verifier = Verifier([KNOWN.provider], revocations=RevocationList(log, max_staleness=0))
    log.cut_off(sessions_key(of_issuer, "1"), NOW)
    assert reason(verifier, token(NOW - 1, sid="s")) == "revoked"
    assert reason(verifier, token(NOW + 1, sid="s")) is None
    assert reason(verifier, token(NOW - 1)) is None
    assert reason(verifier, token(NOW - 1, sid="login.s")) is None


def test_another_issuers_subject_is_another_person(clock: Clock) -> None:
    """A subject is unique within its issuer only."""
    log = Log()
    verifier = Verifier([KNOWN.provider], revocations=RevocationList(log, max_staleness=0))
    log.cut_off(subject_key("https://other.example", "1"), NOW)
    log.cut_off(sessions_key("https://other.example", "1"), NOW)
    assert reason(verifier, token(NOW - 1, sid="s")) is None


def test_the_latest_cut_off_counts(clock: Clock) -> None:
    """In whatever order they are read."""
    for moments in ((NOW, NOW + 10), (NOW + 10, NOW)):
        log = Log()
        verifier = Verifier([KNOWN.provider], revocations=RevocationList(log, max_staleness=0))
        for moment in moments:
            log.cut_off(subject_key(KNOWN.provider.issuer, "1"), moment)
        assert reason(verifier, token(NOW + 5)) == "revoked"
        assert reason(verifier, token(NOW + 15)) is None


def test_a_cut_off_is_forgotten_after_its_time(clock: Clock) -> None:
    """So the view stays small: an hour after the last token that it could revoke."""
    log = Log()
    revocations = RevocationList(log, max_staleness=0)
    log.cut_off(subject_key(KNOWN.provider.issuer, "1"), NOW)
    revocations.check(())
    assert revocations.cut_off_subjects == {"1"}
    log.entries.clear()
    clock.now += CUT_OFF_LASTS + 3599
    revocations.check(())
    assert revocations.cut_off_subjects == {"1"}
    clock.now += 61
    revocations.check(())
    assert (revocations.cut_off_subjects, revocations.size) == (set(), 0)


def test_who_is_not_cut_off_costs_no_call(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """The claims of other callers are not even read."""
    log = Log()
    verifier = Verifier([KNOWN.provider], revocations=RevocationList(log, max_staleness=0))
    log.cut_off(subject_key(KNOWN.provider.issuer, "1"), NOW)

    def fail(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(RevocationList, "check_subject", fail)
    assert verifier.identify(token(NOW, sub="2")).subject == "2"
    with pytest.raises(AssertionError):
        verifier.identify(token(NOW))
