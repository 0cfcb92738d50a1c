"""The claims of a token at their bounds."""

from typing import Any

import pytest

from jwt_middleware import ConfigurationError, InvalidToken, Provider
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


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"audience": None},
        {"issuer": None},
        {"max_lifetime": 9999},
        {"allow_null": True},
        {"leeway": 300},
        {"typ": "at+jwt"},
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "end",
    [ABSENT, None, "", "later", True, [NOW + 60], {}],
    ids=["absent", "null", "empty", "text", "true", "list", "object"],
)
def test_a_token_without_an_end_is_refused(options: dict[str, Any], end: object) -> None:
    """Every provider requires an `exp` that is a number: a token is not good for ever."""
    known = issuer("x", HS256, **options)
    assert reason(known.token(), known.provider) is None
    assert reason(known.token(exp=end), known.provider) == "claims"


@pytest.mark.parametrize("audience", ["api", [], None, ""], ids=repr)
def test_an_issuer_without_audiences_sends_none(audience: object) -> None:
    """With `audience=None` any `aud` is refused, even null or an empty one."""
    known = ISSUERS["no-aud"]
    assert reason(known.token(), known.provider) is None
    assert reason(known.token(aud=audience), known.provider) == "audience"


# --- tokens of real issuers


_IN_2030 = 1_893_456_000  # seconds; not of today, since it is part of a test's name


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (_IN_2030 * 1000, "milliseconds"),
        (_IN_2030 * 1000 + 0.5, "milliseconds"),
        (946_684_800_000, "milliseconds"),
        (946_684_799_999, "claims"),
        (END * 1000 - 1, "milliseconds"),
        (END * 1000, "claims"),
        (_IN_2030 * 1_000_000, "claims"),
        (_IN_2030 * 1_000_000_000, "claims"),
        (-_IN_2030 * 1000, "claims"),
        (str(_IN_2030 * 1000), "claims"),
    ],
)
def test_a_date_in_milliseconds_says_so(
    name: str, date: object, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The refusal has a reason of its own, and one WARNING names the issuer, however many tokens
    come."""
    odd = issuer(f"odd-{name}-{date}", HS256)
    for _ in range(3):
        assert reason(odd.token(**{name: date}), odd.provider) == expected
    lines = [record for record in caplog.records if "milliseconds" in record.getMessage()]
    words = (
        f"a token of the issuer {odd.provider.issuer!r} has a date in milliseconds; "
        "exp, nbf and iat must be seconds"
    )
    assert {(record.name, record.getMessage()) for record in lines} <= {("jwt_middleware", words)}
    assert len(lines) == (expected == "milliseconds")
    assert all(str(odd.provider.issuer) in record.getMessage() for record in lines)


def test_a_forged_date_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Only what the issuer has signed can make a line."""
    odd = issuer("forged", HS256)
    assert reason(odd.token(exp=NOW * 1000)[:-6] + "AAAAAA", odd.provider) == "signature"
    assert not caplog.records


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, None),
        ({"iss": "https://a.example"}, "issuer"),
        ({"iss": ""}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"iss": 5}, "issuer"),
        ({"iss": ["a"]}, "issuer"),
        ({"iss": "None"}, "issuer"),
    ],
    ids=repr,
)
def test_an_issuer_without_a_name(claims: dict[str, Any], expected: str | None) -> None:
    """With `issuer=None` a token has no `iss`; a named provider beside it still refuses that."""
    nameless = issuer("x", HS256, issuer=None)
    assert reason(nameless.token(**claims), nameless.provider) == expected
    assert reason(nameless.token(), KNOWN.provider) == "issuer"
    beside = Verifier([KNOWN.provider, nameless.provider])
    assert beside.identify(nameless.token()).issuer == ""
    assert beside.identify(KNOWN.token()).issuer == KNOWN.provider.issuer
    with pytest.raises(ConfigurationError, match="one Provider for each issuer"):
        Verifier([nameless.provider, nameless.provider])


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (7, "7"),
        (0, "0"),
        (-7, "-7"),
        (2**80, str(2**80)),
        ("ada", "ada"),
        (7.0, None),
        (7.5, None),
        (True, None),
        (False, None),
        ("", None),
        (None, None),
        ([7], None),
        ({"id": 7}, None),
        (ABSENT, None),
    ],
    ids=repr,
)
def test_a_numeric_subject(subject: object, expected: str | None) -> None:
    """`numeric_subject` accepts an integer as its digits, and nothing else that is no string;
    without it an integer is refused."""
    numeric = issuer("numeric", HS256, numeric_subject=True)
    token = numeric.token(sub=subject)
    if expected is None:
        assert reason(token, numeric.provider) == "claims"
    else:
        identity = Verifier([numeric.provider]).identify(token)
        assert (identity.subject, identity.remote_user) == (expected, expected)
    usual = issuer("numeric", HS256)
    assert (reason(token, usual.provider) is None) == (subject == "ada")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"sub": "ada", "client_id": "cron"}, "ada"),
        ({"sub": ABSENT, "client_id": "cron"}, "cron"),
        ({"sub": ABSENT, "client_id": ABSENT}, None),
        ({"sub": "", "client_id": "cron"}, None),
        ({"sub": None, "client_id": "cron"}, None),
        ({"sub": 5, "client_id": "cron"}, None),
        ({"sub": ABSENT, "client_id": 5}, None),
    ],
    ids=repr,
)
def test_the_first_subject_claim_that_is_present(
    claims: dict[str, Any], expected: str | None
) -> None:
    """A claim that is present and wrong is refused, and is not passed over."""
    both = issuer("both", HS256, subject_claim=("sub", "client_id"))
    if expected is None:
        assert reason(both.token(**claims), both.provider) == "claims"
    else:
        assert Verifier([both.provider]).identify(both.token(**claims)).subject == expected


@pytest.mark.parametrize("sub", [None, 5, True, ["x"]], ids=repr)
def test_a_sub_that_is_not_asked_for_is_still_a_string(sub: object) -> None:
    """Also where another claim comes first, as PyJWT wants it."""
    both = issuer("both", HS256, subject_claim=("client_id", "sub"))
    assert reason(both.token(client_id="x", sub=sub), both.provider) == "claims"
    assert reason(both.token(client_id="x", sub="y"), both.provider) is None
    numeric = issuer("n", HS256, subject_claim=("client_id", "sub"), numeric_subject=True)
    expected = None if sub == 5 and sub is not True else "claims"
    assert reason(numeric.token(client_id="x", sub=sub), numeric.provider) == expected


OPTIONAL = ["nbf", "iat", "jti", "sid", "scope", "scp"]


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_null_claim_is_absent_where_that_is_allowed(name: str) -> None:
    """Some serializers write what is not there as null. By default that is refused, as PyJWT
    does."""
    lax = issuer("lax", HS256, allow_null=True)
    assert reason(lax.token(**{name: None}), lax.provider) is None
    assert reason(KNOWN.token(**{name: None})) == "claims"
    assert reason(lax.token(**{name: True}), lax.provider) == "claims"


@pytest.mark.parametrize(
    ("options", "claims", "expected"),
    [
        ({}, {"exp": None}, "claims"),
        ({}, {"sub": None}, "claims"),
        ({}, {"aud": None}, "audience"),
        ({"audience": None}, {"aud": None}, None),
        ({"audience": None}, {"aud": []}, "audience"),
        ({"max_lifetime": 9999}, {"iat": None}, "claims"),
        ({"issuer": None}, {"iss": None}, None),
        ({"issuer": None}, {"iss": ""}, "issuer"),
        ({}, {"iss": None}, "issuer"),
        ({"subject_claim": ("sub", "client_id")}, {"sub": None, "client_id": "x"}, None),
    ],
    ids=repr,
)
def test_a_null_claim_that_is_required_is_missing(
    options: dict[str, Any], claims: dict[str, Any], expected: str | None
) -> None:
    """Null names no subject, no date, no audience and no issuer."""
    lax = issuer("lax", HS256, allow_null=True, **options)
    assert reason(lax.token(**claims), lax.provider) == expected


@pytest.mark.parametrize("name", ["token_type", "token_use", "typ"])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("access", None),
        ("access_token", None),
        ("Bearer", None),
        ("DPoP", None),
        ("sliding", None),
        ("at+jwt", None),
        ("application/at+jwt", None),
        ("JWT", None),
        ("identity", None),
        ("", None),
        (None, None),
        (1, None),
        ({"refresh": True}, None),
        (["access"], None),
        ("refresh", "type"),
        ("Refresh", "type"),
        (" refresh ", "type"),
        ("REFRESH_TOKEN", "type"),
        ("refresh-token", "type"),
        ("urn:ietf:params:oauth:token-type:refresh_token", "type"),
        ("Offline", "type"),
        ("id", "type"),
        ("ID", "type"),
        ("id_token", "type"),
        ("Serialized-ID", "type"),
        ("Logout", "type"),
        ("logout+jwt", "type"),
        ("application/secevent+jwt", "type"),
        (["access", "refresh"], "type"),
    ],
    ids=repr,
)
def test_a_claim_names_the_kind_of_a_token(name: str, kind: object, expected: str | None) -> None:
    """A refresh or ID token with the key and the claims of an access token is refused by the claim
    in which its issuer names its kind. Any other value of such a claim has no meaning here."""
    assert reason(KNOWN.token(**{name: kind})) == expected


def test_a_null_kind_is_absent() -> None:
    """`allow_null` changes nothing for a claim that names the kind."""
    lenient = issuer("null", HS256, allow_null=True)
    assert reason(lenient.token(token_type=None, token_use="access"), lenient.provider) is None
    assert reason(lenient.token(typ=None, token_use="id"), lenient.provider) == "type"


@pytest.mark.parametrize("sub", [ABSENT, "ada", 5, None], ids=repr)
def test_the_names_of_claims_have_a_case(sub: object) -> None:
    """A subject claim `SUB` is not `sub`, which is still checked beside it (RFC 7519 section 4)."""
    odd = issuer("case", HS256, subject_claim="SUB")
    token = odd.token(SUB="ann", sub=sub)
    if sub in (ABSENT, "ada"):
        assert Verifier([odd.provider]).identify(token).subject == "ann"
    else:
        assert reason(token, odd.provider) == "claims"


def test_an_identity_has_the_header_and_the_claims_of_its_token() -> None:
    """Everything that was signed, as it was signed."""
    identity = Verifier([KNOWN.provider]).identify(KNOWN.token({"x": [1]}, role="x"))
    assert identity.header == KNOWN.header(x=[1])
    assert identity.claims == KNOWN.claims(role="x")


@pytest.mark.parametrize(
    ("typ", "expected"),
    [
        ("JWT", None),
        ("jwt", None),
        ("at+jwt", None),
        ("AT+JWT", None),
        ("application/at+jwt", None),
        ("XXJWTXX", "type"),
        ("XXat+jwtXX", "type"),
        ("xjwt", "type"),
        ("", "type"),
    ],
)
def test_the_types_of_an_access_token(typ: str, expected: str | None) -> None:
    """`JWT` and `at+jwt` in any case; a type that only contains one of them is another."""
    assert reason(KNOWN.token({"typ": typ})) == expected
