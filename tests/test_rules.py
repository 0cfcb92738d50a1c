"""Which rules govern a request."""

from functools import partial
from timeit import repeat
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jwt_middleware import (
    ConfigurationError,
    Identity,
    InsufficientScope,
    MissingToken,
    Rule,
    any_of,
    authenticated,
    issued_by,
    optional,
    public,
    scope,
)
from jwt_middleware.policy.rules import RuleTable
from jwt_middleware.readings import readings, to_wsgi


def governing(*rules: Rule, path: str = "/", method: str = "GET", **environ: str) -> list[str]:
    """The rules that a table of these finds, as prefixes with methods."""
    table = RuleTable(rules)
    return [
        repr(rule)[6:-1].strip()
        for rule in table.match({"PATH_INFO": path, "REQUEST_METHOD": method, **environ})
    ]


NESTED = (Rule("/api"), Rule("/api/admin/keys"), Rule("/api/health", public), Rule("/é"))
LONGEST = {
    "/": [],
    "": [],
    "/apix": [],
    "/ap": [],
    "/API": [],
    "/x/api": [],
    "/api": ["/api"],
    "/api/": ["/api"],
    "/api/x/y": ["/api"],
    "/api/admin": ["/api"],
    "/api/admin/x/keys": ["/api"],
    "/api/admin/keys/1": ["/api/admin/keys"],
    "/api/healthy": ["/api"],
    "/api/health/x": ["/api/health"],
    "/\xc3\xa9/x": ["/é"],
    "/\xe9": [],
    "//api/health": ["/api/health"],
    "/api//health": ["/api", "/api/health"],
    "/api/health/../admin/keys": ["/api/admin/keys", "/api/health"],
    "/api/health/..": ["/api", "/api/health"],
    "/x/../api/health": ["/api/health"],
    "/api/health\n": ["/api", "/api/health"],
    "/api\xff/health": ["/api/health"],
    "/\xff\xc3\xa9": ["/é"],
}


@pytest.mark.parametrize(("path", "prefixes"), LONGEST.items())
def test_the_longest_prefix_governs_by_whole_segments_in_every_reading(
    path: str, prefixes: list[str]
) -> None:
    """Each reading has the rule of its longest prefix; of several rules the public ones stand
    last."""
    assert governing(*NESTED, path=path) == prefixes


@pytest.mark.parametrize(
    "path", ["", "/", "x", "//", "/x/../..", "*", "http://evil.example/x", "/\xff"]
)
def test_a_rule_for_the_root_governs_everything(path: str) -> None:
    """With `Rule("/")` there is no path without a rule."""
    assert governing(Rule("/"), Rule("/api"), path=path) == ["/"]


def test_an_environ_without_a_path_is_the_root() -> None:
    """PEP 3333 lets an empty PATH_INFO be absent."""
    assert [rule.prefix for rule in RuleTable([Rule("/")]).match({})] == ["/"]
    assert RuleTable([Rule("/api")]).match({}) == ()


METHODS = (
    Rule("/api", methods=("POST", "put")),
    Rule("/api/x", public, methods=["GET"]),
    Rule("/api/x/y"),
    Rule("/"),
)
BY_METHOD = {
    ("GET", "/api"): ["/"],
    ("POST", "/api"): ["/api POST PUT"],
    ("post", "/api"): ["/api POST PUT"],
    ("PoSt", "//api"): ["/api POST PUT", "/"],
    ("PUT", "/api"): ["/api POST PUT"],
    ("HEAD", "/api"): ["/"],
    ("BREW", "/api"): ["/"],
    ("", "/api"): ["/"],
    ("GET", "/api/x"): ["/api/x GET HEAD"],
    ("get", "/api/x"): ["/api/x GET HEAD"],
    ("HEAD", "/api/x"): ["/api/x GET HEAD"],
    ("POST", "/api/x"): ["/api POST PUT"],
    ("DELETE", "/api/x"): ["/"],
    ("DELETE", "/api/x/y"): ["/api/x/y"],
    ("POST", "/api/x/y"): ["/api/x/y"],
}


@pytest.mark.parametrize(("request_line", "rules"), BY_METHOD.items(), ids=map(" ".join, BY_METHOD))
def test_for_another_method_the_rule_does_not_exist(
    request_line: tuple[str, str], rules: list[str]
) -> None:
    """Methods compare in any case, GET includes HEAD, and the next shorter prefix governs the
    others."""
    method, path = request_line
    assert governing(*METHODS, method=method, path=path) == rules


def test_a_rule_with_methods_beats_one_without() -> None:
    """With the same prefix the narrower rule governs its methods, the other the rest."""
    rules = (Rule("/api", scope("write"), methods=("POST",)), Rule("/api"))
    for order in (rules, rules[::-1]):
        assert governing(*order, path="/api", method="POST") == ["/api POST"]
        assert governing(*order, path="/api", method="GET") == ["/api"]


BELOW_A_MOUNT = {
    "rule relative to the mount": (("/mnt", "/api/x"), ["/api"]),
    "rule for the outer path": (("/api", "/x"), ["/api"]),
    "outer rule across the border": (("/api", "/admin"), ["/api/admin"]),
    "outer rule deeper than the inner": (("/api/admin", "/free"), ["/api/admin", "/free"]),
    "outer rule of the same depth": (("/api", "/free"), ["/free"]),
    "neither": (("/mnt", "/x"), []),
    "outer rule in a hostile spelling": (("/m/..", "//api/x"), ["/api"]),
    "outer rule with a slash twice": (("/api/", "/admin"), ["/api/admin", "/api"]),
}


@pytest.mark.parametrize(("where", "prefixes"), BELOW_A_MOUNT.values(), ids=BELOW_A_MOUNT)
def test_script_name_only_closes(where: tuple[str, str], prefixes: list[str]) -> None:
    """Every rule that PATH_INFO alone finds stays; SCRIPT_NAME can add the outer path's, where that
    is longer."""
    rules = (Rule("/api"), Rule("/api/admin", scope("admin")), Rule("/free", public))
    assert governing(*rules, path=where[1], SCRIPT_NAME=where[0]) == prefixes
    assert set(governing(*rules, path=where[1])) <= set(prefixes)


def test_a_public_root_does_not_open_what_an_outer_rule_closes() -> None:
    """A mounted app with `Rule("/", public)` and a rule written for its outer path keeps the
    latter."""
    rules = (Rule("/", public), Rule("/app/admin"))
    assert governing(*rules, path="/admin", SCRIPT_NAME="/app") == ["/app/admin", "/"]
    assert governing(*rules, path="/help", SCRIPT_NAME="/app") == ["/"]


@pytest.mark.parametrize("root", ["/api", "api", "/x/../api", "/\xffapi"])
def test_a_virtual_root_is_read_before_the_path(root: str) -> None:
    """Pyramid's traversal starts at a header of the client's choice, so the path below that header
    counts too."""
    assert governing(Rule("/api"), Rule("/", public), path="/x", HTTP_X_VHM_ROOT=root) == [
        "/api",
        "/",
    ]


SEGMENTS = st.sampled_from(["a", "b", "é"])
TABLES = st.dictionaries(
    st.lists(SEGMENTS, max_size=3).map("/".join).map("/".__add__), st.booleans(), min_size=1
)
PATHS = st.lists(
    st.sampled_from(["/", "/", "a", "b", "..", "\xc3\xa9", "\xff", "%", "2f", "\\", ";", "\n"]),
    max_size=9,
)


@settings(deadline=None)
@given(TABLES, PATHS.map("".join), st.randoms())
def test_match_is_the_longest_prefix_of_each_reading(
    table: dict[str, bool], path: str, random: Any
) -> None:
    """The table finds what the definition says, whatever the order in which the rules are named."""
    rules = [
        Rule(prefix, public if is_public else authenticated) for prefix, is_public in table.items()
    ]
    random.shuffle(rules)
    found = {rule.prefix for rule in RuleTable(rules).match({"PATH_INFO": path})}
    below = [
        [p for p in table if f"{way}/".startswith(f"{to_wsgi(p).rstrip('/')}/")]
        for way in readings(path)
    ]
    assert found == {max(prefixes, key=len) for prefixes in below if prefixes}


def test_the_time_for_a_plain_path_does_not_grow_with_the_number_of_rules() -> None:
    """Ten thousand rules cost a plain path what one costs: a look-up a segment."""
    environ = {"PATH_INFO": "/api/users/me", "REQUEST_METHOD": "GET"}
    few, many = (
        RuleTable([Rule("/api")]),
        RuleTable([Rule("/api"), *(Rule(f"/api/u{n}") for n in range(10_000))]),
    )
    seconds = [
        min(repeat(partial(table.match, environ), number=1000, repeat=9)) for table in (few, many)
    ]
    assert seconds[1] < 5 * seconds[0]


@pytest.mark.parametrize(
    "prefix", ["/api", "/api/", "/é/ü", "/", "/a.b-c_d~e", "/.well-known/", "/a@b:c", "/API"]
)
def test_a_prefix_that_means_what_it_says_is_taken(prefix: str) -> None:
    """One trailing slash is dropped, and the rule governs the prefix itself."""
    rule = Rule(prefix)
    assert rule.prefix == (prefix.rstrip("/") or "/")
    assert governing(rule, path=to_wsgi(prefix)) == [rule.prefix]


UNCLEAR = [
    "",
    "api",
    "//",
    "/api//",
    "//api",
    "/a//b",
    "/a/../b",
    "/..",
    "/./a",
    "/a/.",
    "/a/..",
    "/a%20b",
    "/%",
    "/a;b",
]
UNCLEAR += [
    "/a b",
    "/a\n",
    "/a\x00",
    "/a\x7f",
    "/a\\b",
    "/a?b",
    "/a#b",
    "/\udcff",
    "/\ufffd",
    "https://x.example/a",
    "*",
]


@pytest.mark.parametrize("prefix", [*UNCLEAR, None, 1, b"/api", ["/api"]])
def test_a_prefix_that_could_mean_something_else_is_refused(prefix: Any) -> None:
    """A prefix that a reading would change could not match what its owner had in mind."""
    with pytest.raises(ConfigurationError):
        Rule(prefix)


CONTRADICTIONS = {
    "public with a scope": lambda: Rule("/api", public, scope("a")),
    "optional with a scope": lambda: Rule("/api", scope("a"), optional),
    "public twice": lambda: Rule("/api", public, public),
    "a text as requirement": lambda: Rule("/api", "admin"),  # type: ignore[arg-type]
    "a list of requirements": lambda: Rule("/api", [scope("a")]),  # type: ignore[arg-type]
    "methods as a text": lambda: Rule("/api", methods="POST"),
    "a method with a space": lambda: Rule("/api", methods=("POST PUT",)),
    "an empty method": lambda: Rule("/api", methods=("",)),
    "no rules": lambda: RuleTable([]),
    "one rule for a list": lambda: RuleTable(Rule("/api")),  # type: ignore[arg-type]
    "a prefix for a rule": lambda: RuleTable(["/api"]),  # type: ignore[list-item]
    "one prefix twice": lambda: RuleTable([Rule("/api"), Rule("/api/", public)]),
    "one method twice": lambda: RuleTable(
        [Rule("/a", methods=("PUT", "get")), Rule("/a", methods=("HEAD",))]
    ),
}


@pytest.mark.parametrize("build", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_is_refused_while_building(build: Any) -> None:
    """What cannot be meant is an error at start-up, never a surprise in a request."""
    with pytest.raises(ConfigurationError):
        build()


def test_all_requirements_of_a_rule_must_hold() -> None:
    """Several requirements are asked in their order; none named means authenticated."""
    rule = Rule("/api", issued_by("https://a.example"), scope("a"), scope("b"))
    rule.check(Identity("ada", "https://a.example", ("a", "b"), None, None, 2e9, b"{}"))
    with pytest.raises(InsufficientScope):
        rule.check(Identity("ada", "https://a.example", ("a",), None, None, 2e9, b"{}"))
    with pytest.raises(MissingToken):
        Rule("/api").check(None)


KNOWN = frozenset("abcd")
ISSUERS: dict[str, tuple[Rule, str]] = {
    "none named": (Rule("/"), "abcd"),
    "one": (Rule("/", issued_by("a")), "a"),
    "one of them unknown": (Rule("/", issued_by("a", "x")), "a"),
    "every alternative names some": (Rule("/", any_of(issued_by("a"), issued_by("b"))), "ab"),
    "an alternative names none": (Rule("/", any_of(issued_by("a"), scope("x"))), "abcd"),
    "several requirements meet": (Rule("/", issued_by("a", "b"), issued_by("b", "c")), "b"),
}


@pytest.mark.parametrize(("rule", "issuers"), ISSUERS.values(), ids=ISSUERS)
def test_the_issuers_that_a_rule_leaves(rule: Rule, issuers: str) -> None:
    """What `issued_by` leaves decides whether a subject names one person."""
    assert rule.issuers(KNOWN) == set(issuers)


@pytest.mark.parametrize(
    "rule",
    [
        Rule("/", issued_by("x")),
        Rule("/", any_of(issued_by("x"), scope("x"))),
        Rule("/", scope("x"), any_of(scope("y"), any_of(issued_by("a"), issued_by("x", "z")))),
        Rule("/", issued_by("a"), issued_by("b")),
    ],
    ids=[
        "unknown",
        "unknown in an alternative",
        "unknown deep inside",
        "two that exclude each other",
    ],
)
def test_an_issuer_that_nobody_is(rule: Rule) -> None:
    """An `issued_by` that no provider can satisfy is a mistake, wherever it stands."""
    with pytest.raises(ConfigurationError, match="no provider has an issuer"):
        rule.issuers(KNOWN)


def test_what_is_kept_of_a_path_is_bounded_and_as_good_as_new() -> None:
    """A path asked for again gets the same rules, for its method alone; a long path is not kept,
    nor are very many."""
    table = RuleTable([Rule("/api"), Rule("/api", public, methods=("GET",))])
    environs = [
        {"REQUEST_METHOD": method, "PATH_INFO": "/api/x"}
        for method in ("GET", "POST", "get", "post")
    ]
    first, second = ([table.match(environ) for environ in environs] for _ in range(2))
    assert first == second
    assert [rules[0].is_public for rules in first] == [True, False, True, False]
    for number in range(3000):
        table.match({"PATH_INFO": f"/api/{number}"})
        table.match({"PATH_INFO": f"/api/{'x' * 300}{number}"})
    assert table._recent.cache_info().currsize <= 1024
    assert table._recent.cache_info().misses == 3004
