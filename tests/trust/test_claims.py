"""The claims of a token at their bounds."""

from typing import Any

import pytest

from jwt_middleware import InvalidToken, Provider
from jwt_middleware.trust.verifier import Verifier
from tests.kit.tokens import ABSENT, HS256, ISSUERS, NOW, issuer

KNOWN = ISSUERS["hs256"]
END = 253402300800
"""The first second after the year 9999."""


def reason(token: str, provider: Provider = KNOWN.provider) -> str | None:
    """Why the token is refused, or None."""
    try:
        Verifier([provider]).verify(token)
    except InvalidToken as refusal:
        return refusal.reason
    return None


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (END - 1, None),
        (END, "claims"),
        (END - 0.5, None),
        (1 - END, None),
        (-END, "claims"),
        (0, None),
        (True, "claims"),
        ("1", "claims"),
        (None, "claims"),
        ([1], "claims"),
    ],
)
def test_a_date_is_a_number_within_the_calendar(
    name: str, date: object, expected: str | None
) -> None:
    """The years until 9999 and as far back are dates, to the second (RFC 7519 section 2)."""
    assert reason(KNOWN.token(**{name: date})) == expected


def test_a_token_without_a_begin_holds_since_the_epoch() -> None:
    """Without `nbf` a verdict holds from 0, leeway apart; its end is a whole second."""
    verdict = Verifier([KNOWN.provider]).verify(KNOWN.token(exp=NOW + 10.9))
    assert (verdict.not_before, verdict.expires_at) == (-5, NOW + 15)


@pytest.mark.parametrize(
    ("lifetime", "expected"), [(3600, None), (3600.5, "claims"), (3599.5, None), (-10, None)]
)
def test_the_longest_lifetime_is_allowed(lifetime: float, expected: str | None) -> None:
    """`max_lifetime` itself is not too long."""
    brief = ISSUERS["brief"]
    assert reason(brief.token(iat=NOW, exp=NOW + lifetime), brief.provider) == expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("ann\N{NO-BREAK SPACE}lee", None),
        ("ann\N{ZERO WIDTH JOINER}", None),
        ("\x00", "claims"),
        ("a\x1f", "claims"),
        ("\x7fa", "claims"),
        ("a\x9f", "claims"),
        ("a\xa0", None),
        ("", "claims"),
        (7, "claims"),
        (None, "claims"),
        (ABSENT, "claims"),
    ],
    ids=repr,
)
def test_a_subject_has_no_control_characters(subject: object, expected: str | None) -> None:
    """C0, DEL and C1 are refused wherever they stand; what merely cannot be seen is not."""
    assert reason(KNOWN.token(sub=subject)) == expected


@pytest.mark.parametrize("name", ["jti", "sid"])
@pytest.mark.parametrize(
    ("value", "expected"), [(ABSENT, None), ("", None), ("x", "x"), ("XXXX", "XXXX")]
)
def test_an_id_that_is_empty_is_none(name: str, value: object, expected: str | None) -> None:
    """`jti` and `sid` are strings, and an empty one names nothing."""
    identity = Verifier([KNOWN.provider]).identify(KNOWN.token(**{name: value}))
    assert {"jti": identity.token_id, "sid": identity.session_id}[name] == expected


@pytest.mark.parametrize("name", ["jti", "sid", "scope", "scp", "sub"])
@pytest.mark.parametrize("value", [7, None, True, {}, [7], ["a", 7]], ids=repr)
def test_a_claim_of_another_type_is_refused(name: str, value: Any) -> None:
    """Also where the provider does not need it."""
    for known in (KNOWN, ISSUERS["uid"]):
        assert reason(known.token(**{name: value}), known.provider) == "claims"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"scope": "a  b"}, ("a", "b")),
        ({"scope": " "}, ()),
        ({"scope": "a\tb"}, ("a\tb",)),
        ({"scope": ["a b", ""]}, ("a b",)),
        ({"scp": ["", "x"], "scope": "y"}, ("y", "x")),
        ({"scope": "a a"}, ("a", "a")),
    ],
)
def test_scopes_are_divided_at_spaces_alone(
    claims: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """A string of scopes is divided at each space (RFC 6749 section 3.3), a list is not."""
    assert Verifier([KNOWN.provider]).identify(KNOWN.token(**claims)).scopes == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ann", "ann"),
        ("Ann Lee", "Ann Lee"),
        ("Zoë", "Zo\xc3\xab"),
        (" ann", None),
        ("ann ", None),
        ("a\tb", None),
        ("", None),
        (7, None),
        (None, None),
        (ABSENT, None),
    ],
    ids=repr,
)
def test_a_remote_user_is_printable_or_none(value: object, expected: str | None) -> None:
    """Another claim than the subject becomes REMOTE_USER only as a name that apps read alike."""
    known = issuer("named", HS256, remote_user_claim="name")
    identity = Verifier([known.provider]).identify(known.token(name=value))
    assert identity.remote_user == expected


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        ("api", None),
        (["other", "api"], None),
        (["other"], "audience"),
        ([], "audience"),
        ("API", "audience"),
        ("ap", "audience"),
        (["api", 7], "audience"),
        ({"api": 1}, "audience"),
        (None, "audience"),
        (ABSENT, "audience"),
    ],
    ids=repr,
)
def test_an_audience_is_a_string_or_a_list_of_strings(
    audience: object, expected: str | None
) -> None:
    """One of them is the provider's (RFC 7519 section 4.1.3)."""
    assert reason(KNOWN.token(aud=audience)) == expected


@pytest.mark.parametrize("audience", ["api", [], None, ""], ids=repr)
def test_an_issuer_without_audiences_sends_none(audience: object) -> None:
    """With `audience=None` any `aud` is refused, even null or an empty one."""
    known = ISSUERS["no-aud"]
    assert reason(known.token(), known.provider) is None
    assert reason(known.token(aud=audience), known.provider) == "audience"
