"""The form of a rule in text: each says what the same rule says in Python."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwt_middleware
from jwt_middleware import (
    ConfigurationError,
    JWTMiddleware,
    Rule,
    any_of,
    authenticated,
    claim,
    issued_by,
    optional,
    public,
    scope,
)
from jwt_middleware.login import TokenMinter
from jwt_middleware.policy import requirements
from jwt_middleware.policy.methods import REGISTERED
from jwt_middleware.settings.rules import REQUIREMENTS, check_issuers, read_rules
from tests.kit.parts import examples

IDP = "https://idp.example/"
SAME: dict[str, tuple[str, Rule]] = {
    "a prefix": ("/api", Rule("/api")),
    "authenticated": ("/api authenticated", Rule("/api", authenticated)),
    "public": ("/api/health public", Rule("/api/health", public)),
    "optional": ("/news optional", Rule("/news", optional)),
    "a star": ("/orgs/*/admin scope=admin", Rule("/orgs/*/admin", scope("admin"))),
    "exact": ("/ public exact", Rule("/", public, exact=True)),
    "report only": ("/api report_only", Rule("/api", report_only=True)),
    "methods": ("/docs GET PROPFIND", Rule("/docs", methods=["GET", "PROPFIND"])),
    "a scope": ("/api scope=Docs:write", Rule("/api", scope("Docs:write"))),
    "scopes": ("/api scope=a scope=b", Rule("/api", scope("a"), scope("b"))),
    "any order": (
        "/api scope=a exact GET report_only scope=b",
        Rule("/api", scope("a"), scope("b"), methods=["GET"], exact=True, report_only=True),
    ),
    "a claim": ("/api claim=role", Rule("/api", claim("role"))),
    "its value": ("/api claim=role=admin", Rule("/api", claim("role", "admin"))),
    "a nested claim": (
        "/api claim=realm_access.roles=staff",
        Rule("/api", claim(("realm_access", "roles"), "staff")),
    ),
    "a claim with a colon": (
        "/api claim=cognito:groups=admins",
        Rule("/api", claim("cognito:groups", "admins")),
    ),
    "a claim named by a URL": (
        '/api claim="https://app.example/roles"=admin',
        Rule("/api", claim("https://app.example/roles", "admin")),
    ),
    "names in quotes in a path": (
        '/api claim="kubernetes.io".pod."a.b"=x',
        Rule("/api", claim(("kubernetes.io", "pod", "a.b"), "x")),
    ),
    "a number": ("/api claim=level=3", Rule("/api", claim("level", 3))),
    "a fraction": ("/api claim=level=-0.5", Rule("/api", claim("level", -0.5))),
    "a boolean": ("/api claim=email_verified=true", Rule("/api", claim("email_verified", True))),
    "false": ("/api claim=guest=false", Rule("/api", claim("guest", False))),
    "a number in quotes": ('/api claim=level="3"', Rule("/api", claim("level", "3"))),
    "a value with blanks": (
        '/api claim=team="R, D (and more)=x"',
        Rule("/api", claim("team", "R, D (and more)=x")),
    ),
    "an escape": (r'/api claim=a="\"\u00e9"', Rule("/api", claim("a", '"é'))),
    "almost a number": ("/api claim=version=007", Rule("/api", claim("version", "007"))),
    "a value of many signs": (
        "/api claim=sub=auth0|1.2/3",
        Rule("/api", claim("sub", "auth0|1.2/3")),
    ),
    "an issuer": (f"/api issued_by={IDP}", Rule("/api", issued_by(IDP))),
    "a template": (
        "/api issued_by=https://sso.example/{realm}",
        Rule("/api", issued_by("https://sso.example/{realm}")),
    ),
    "an issuer in quotes": ('/api issued_by="a,b"', Rule("/api", issued_by("a,b"))),
    "alternatives": (
        "/api any_of(scope=reports, claim=role=auditor)",
        Rule("/api", any_of(scope("reports"), claim("role", "auditor"))),
    ),
    "alternatives without blanks": (
        f"/api any_of(scope=a,issued_by={IDP},claim=b)",
        Rule("/api", any_of(scope("a"), issued_by(IDP), claim("b"))),
    ),
    "two scopes as one alternative": (
        "/api any_of( scope=a scope=b , scope=c )",
        Rule("/api", any_of(scope("a", "b"), scope("c"))),
    ),
    "alternatives beside others": (
        '/api GET any_of(claim=a=",)(", scope=b) scope=c',
        Rule("/api", any_of(claim("a", ",)("), scope("b")), scope("c"), methods=["GET"]),
    ),
    "optional with a scope": ("/news optional scope=a", Rule("/news", optional, scope("a"))),
    "parentheses in a path": ("/Products(1) scope=a", Rule("/Products(1)", scope("a"))),
}


@pytest.mark.parametrize(("text", "rule"), SAME.values(), ids=SAME)
def test_a_rule_in_text_is_the_rule_in_python(text: str, rule: Rule) -> None:
    """Each word is what its function or option is, in any order, alone or between other rules."""
    assert list(map(repr, read_rules(text))) == [repr(rule)]
    for between in (", ", "\n", ",\n\n ,  ", "\r\n\t"):
        several = read_rules(f"/first{between}{text}{between}/last public")
        assert repr(several[1]) == repr(rule)
        assert [one.prefix for one in several][::2] == ["/first", "/last"]


def test_every_requirement_can_be_said() -> None:
    """Each public name that is a requirement, or makes one, is a word, and the reverse."""
    names = {
        name
        for name in jwt_middleware.__all__
        if getattr(requirements, name, None) is getattr(jwt_middleware, name)
        and not isinstance(getattr(jwt_middleware, name), type)
    }
    assert {"public", "scope", "any_of"} <= names
    assert set(REQUIREMENTS) == names - {"Requirement"}


WRONG: dict[str, tuple[str, str]] = {
    "no slash": ("api", "leading slash"),
    "an unknown word": ("/x admin", "each word must be a method in capitals"),
    "a capital": ("/x Public", "got 'Public'"),
    "a method in small letters": ("/x get", "got 'get'"),
    "an unknown method": ("/x GETT", "methods must be registered"),
    "an unknown name": ("/x scop=a", "got 'scop=a'"),
    "no scope": ("/x scope=", "got 'scope='"),
    "a scope in quotes": ('/x scope="a"', "scope=NAME must have one name"),
    "two equal signs": ("/x scope=a=b", "scope=NAME must have one name"),
    "scopes with a bar": ("/x scope(a)", "got 'scope(a)'"),
    "a pattern": ("/x/<id>", "prefix must not contain a pattern"),
    "the whole in quotes": ('"/x scope=a"', "leading slash"),
    "public with a scope": ("/x public scope=a", "public must be the only requirement"),
    "an open quote": ('/x claim=a="b', "must be closed"),
    "an open parenthesis": ("/x any_of(scope=a scope=b", "must be closed"),
    "a line break in parentheses": ("/x any_of(scope=a,\nscope=b)", "must be closed"),
    "a closed parenthesis": ("/x scope=a)", "must be closed"),
    "alternatives in alternatives": (
        "/x any_of(any_of(scope=a, scope=b), scope=c)",
        "not be nested",
    ),
    "alternatives without a comma": ("/x any_of(scope=a scope=b)", "with a comma between"),
    "one alternative": ("/x any_of(scope=a)", "two or more alternatives"),
    "no alternative": ("/x any_of()", "two or more alternatives"),
    "alternatives by a sign": ("/x any_of=scope=a", "got 'any_of=scope=a'"),
    "public as an alternative": ("/x any_of(public, scope=a)", "any_of must not hold public"),
    "a method as an alternative": ("/x any_of(GET, scope=a)", "got 'GET'"),
    "a claim and a scope as one": (
        "/x any_of(claim=a scope=b, scope=c)",
        "must be one requirement",
    ),
    "no claim": ("/x claim=", "got 'claim='"),
    "no name": ("/x claim==a", "claim=NAME=VALUE must have a name"),
    "an empty name": ('/x claim=""=a', "claim must be called with a name"),
    "no inner name": ("/x claim=a.=b", "claim=NAME=VALUE must have a name"),
    "no outer name": ("/x claim=.a=b", "claim=NAME=VALUE must have a name"),
    "a URL without quotes": ("/x claim=https://a.example/b=c", 'claim="https://'),
    "a slash in a path": ("/x claim=realm_access/roles=a", "claim=realm_access.roles=staff"),
    "a colon before a value": ("/x claim=role:admin", "must have '=' before the value"),
    "an empty value": ("/x claim=a=", "in double quotes if it is empty"),
    "null": ("/x claim=a=null", "is the word null"),
    "two values": ("/x claim=a=b=c", "in double quotes if"),
    "a value in single quotes": ("/x claim=a='b'", "in double quotes if"),
    "a bad escape": (r'/x claim=a="\x"', "a string or a number of JSON"),
    "a huge number": ("/x claim=a=1e999", "smaller number"),
    "a longer number": (f"/x claim=a={'9' * 5000}", "a string or a number of JSON"),
    "a lone surrogate": (r'/x claim=a="\ud800"', "strings, numbers or booleans"),
    "no issuer": ("/x issued_by=", "got 'issued_by='"),
    "an invisible blank": ("/x\u00a0public", "U+00A0"),
    "a vertical tab": ("/x\vpublic", "U+000B"),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG)
def test_a_wrong_rule_names_its_number(text: str, expected: str) -> None:
    """The message has the number of the rule, its text, and what is right instead."""
    with pytest.raises(ConfigurationError) as caught:
        read_rules(f"/a, /b public\n/c {chr(10)} {text}, /z")
    told = str(caught.value)
    assert expected in told
    assert told.startswith("rule 4, in ") or "blanks between words" in told
    assert told.isascii()
    assert len(told) < 600


@pytest.mark.parametrize(
    ("text", "number"),
    [("/a\n/b\n/a public", 3), ("/a GET, /a POST, /a GET scope=x, /b", 3), ("/a, /*/b, /*/b", 3)],
)
def test_a_rule_that_contradicts_an_earlier_one_is_named(text: str, number: int) -> None:
    """The second rule of a prefix is at fault."""
    with pytest.raises(ConfigurationError, match=rf"^rule {number}, in .*one prefix twice"):
        read_rules(text)


def test_a_rule_for_no_issuer_is_named() -> None:
    """An `issued_by` that no provider matches names the rule and the issuers that there are."""
    rules = read_rules("/a, /b issued_by=https://x.example")
    with pytest.raises(ConfigurationError, match=r"^rule 2: .*known: 'https://idp.example/'"):
        check_issuers(rules, frozenset([IDP]))


@pytest.mark.parametrize("text", ["", " \n ", ",,", "\n,\n"])
def test_no_rule_is_an_error(text: str) -> None:
    """A guard without rules protects nothing."""
    with pytest.raises(ConfigurationError, match="rules must not be empty"):
        read_rules(text)


NAMES = st.text("abc:_-.é/ =\"\\,()'", min_size=1, max_size=6)
VALUES = st.one_of(
    NAMES, st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.booleans()
)
SCOPES = st.text("abc:./-", min_size=1, max_size=4)


@st.composite
def requirement(draw: Any, depth: int = 1) -> tuple[str, Any]:
    """A requirement in text and in Python."""
    kind = draw(st.sampled_from(["scope", "claim", "value", "issued_by"] + ["any_of"] * depth))
    if kind == "scope":
        name = draw(SCOPES)
        return f"scope={name}", scope(name)
    if kind == "issued_by":
        name = draw(NAMES)
        return f"issued_by={json.dumps(name)}", issued_by(name)
    if kind == "any_of":
        pairs = draw(st.lists(requirement(depth=0), min_size=2, max_size=3))
        return f"any_of({', '.join(text for text, _ in pairs)})", any_of(*(one for _, one in pairs))
    path = tuple(draw(st.lists(NAMES, min_size=1, max_size=3)))
    text = f"claim={'.'.join(map(json.dumps, path))}"
    if kind == "claim":
        return text, claim(path)
    value = draw(VALUES)
    shown = json.dumps(value) if isinstance(value, str) else str(value).lower()
    return f"{text}={shown}", claim(path, value)


@given(
    st.lists(requirement(), max_size=4),
    st.lists(st.sampled_from(sorted(REGISTERED)), max_size=3),
    st.booleans(),
    st.booleans(),
    st.randoms(use_true_random=False),
)
@settings(max_examples=examples(200), deadline=None, database=None)
def test_whatever_a_rule_says_text_says(
    requires: list[tuple[str, Any]],
    methods: list[str],
    exact: bool,
    report_only: bool,
    random: Any,
) -> None:
    """For any requirements, methods and flags, the rule that was read equals the rule that was
    built."""
    words = [*methods, *["exact"] * exact, *["report_only"] * report_only]
    random.shuffle(words)
    texts = [text for text, _ in requires]
    text = " ".join(["/api/*/x", *words, *texts])
    built = Rule(
        "/api/*/x",
        *(one for _, one in requires),
        methods=methods,
        exact=exact,
        report_only=report_only,
    )
    assert list(map(repr, read_rules(f"/a,{text},/z"))) == [
        repr(Rule("/a")),
        repr(built),
        repr(Rule("/z")),
    ]


PIECES = [
    "/",
    "/api",
    "any_of(",
    ")",
    "(",
    ",",
    '"',
    "\\",
    "=",
    "claim=",
    "scope=",
    "issued_by=",
    "a",
]
PIECES += [
    ".",
    " ",
    "\n",
    "true",
    "null",
    "1",
    "-",
    "e9",
    "GET",
    "exact",
    "public",
    "'",
    "*",
    "\ud800",
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=25).map("".join)))
@settings(max_examples=examples(500), deadline=None, database=None)
def test_no_text_makes_another_exception(text: str) -> None:
    """Whatever a text is, it is rules or a `ConfigurationError`."""
    try:
        rules = read_rules(text)
    except ConfigurationError:
        return
    assert all(isinstance(rule, Rule) for rule in rules)


CALLERS: dict[str, dict[str, Any]] = {
    "nobody in particular": {},
    "a reader": {"scopes": ("read",)},
    "an auditor": {"claims": {"role": "auditor", "level": 3}},
    "staff": {"claims": {"realm_access": {"roles": ["staff", "x"]}}, "scopes": ("read", "write")},
    "level as text": {"claims": {"level": "3"}},
}
DECIDES = {
    "/read": ("/read scope=read", Rule("/read", scope("read"))),
    "/staff": (
        "/staff claim=realm_access.roles=staff",
        Rule("/staff", claim(("realm_access", "roles"), "staff")),
    ),
    "/level": ("/level claim=level=3", Rule("/level", claim("level", 3))),
    "/any": (
        "/any any_of(scope=read scope=write, claim=role=auditor)",
        Rule("/any", any_of(scope("read", "write"), claim("role", "auditor"))),
    ),
    "/own": (f"/own issued_by={IDP}", Rule("/own", issued_by(IDP))),
    "/start": ("/start public exact, /start", Rule("/start", public, exact=True)),
}


def test_text_decides_as_python_does() -> None:
    """The same callers get the same answers under rules of both kinds."""
    minter = TokenMinter.from_secret("s" * 32, issuer=IDP, audience="api")
    texts, built = zip(*DECIDES.values(), strict=True)
    guards = [
        JWTMiddleware(print, providers=[minter.provider], rules=rules)
        for rules in (read_rules(", ".join(texts)), [*built, Rule("/start")])
    ]
    reasons = set()
    for caller in CALLERS.values():
        headers = {"HTTP_AUTHORIZATION": f"Bearer {minter.mint('ada', **caller)}"}
        for path in [*DECIDES, "/start/x", "/reads", "//read"]:
            for sent in ({}, headers):
                environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, **sent}
                answers = [getattr(one.decide(environ).answer, "reason", None) for one in guards]
                assert answers[0] == answers[1], (path, caller)
                reasons.add(answers[0])
    assert reasons == {None, "missing", "scope", "claim_missing"}
