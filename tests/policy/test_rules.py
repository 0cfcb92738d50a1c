"""Which rules govern a request."""

import contextlib
from functools import partial
from timeit import repeat
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from jwt_middleware import (
    ConfigurationError,
    Identity,
    InsufficientScope,
    InvalidRequest,
    MissingToken,
    Rule,
    any_of,
    authenticated,
    issued_by,
    optional,
    public,
    scope,
)
from jwt_middleware.errors import PathTooLong
from jwt_middleware.policy import paths, rules
from jwt_middleware.policy.paths import PATH_HEADERS, PREFIX_HEADERS, Place
from jwt_middleware.policy.rules import RuleTable
from jwt_middleware.readings import readings, to_wsgi
from tests.kit.cases import case
from tests.kit.parts import examples


def governing(*rules: Rule, path: str = "/", method: str = "GET", **environ: str) -> list[str]:
    """The rules that a table of these finds, as prefixes with methods."""
    table = RuleTable(rules)
    return [
        " ".join((rule.prefix, *sorted(rule.methods)))
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
    "/\xe9": ["/é"],
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


# What a client sends, and whether a rule for /api, or for the table's other prefixes, governs it.
ODD_SEGMENTS = {
    "a format suffix": ("/api.json", True),
    "any suffix": ("/api.x", True),
    "an empty suffix": ("/api.", True),
    "a suffix and a slash": ("/api.json/", True),
    "a suffix and slashes": ("/api.json//", True),
    "a suffix and parameters": ("/api.json;v=1", True),
    "a suffix and a start that is dropped": ("x/api.json", True),
    "a suffix and dots": ("/x/../api.json", True),
    "a suffix deeper": ("/docs/admin.xml", True),
    "two suffixes": ("/my.api.json", True),
    "a suffix of a segment that is not the last": ("/api.json/x", False),
    "a suffix of a segment before a capital": ("/api.json/X", False),
    "a suffix that is a name": ("/x.api", False),
    "Pyramid's view name": ("/@@api", True),
    "Pyramid's view name below": ("/@@api/x", True),
    "Pyramid's view name after a start that is dropped": ("x/@@api", True),
    "Morepath's view name": ("/+api", True),
    "Morepath's view name with more signs": ("/++api", True),
    "Morepath's view name and dots": ("/+api/x/..", True),
    "a view name deeper": ("/docs/+admin", True),
    "a view name with a suffix": ("/@@api.json", True),
    "another sign": ("/@api", False),
    "a sign within": ("/a+pi", False),
    "a hyphen for the underscore": ("/my-api", True),
    "a dot for the underscore, within": ("/my.api/x", True),
    "an exclamation mark and no slash": ("my!api", True),
    "punctuation and a suffix": ("/my.api.", True),
    "Latin-1": ("/caf\xe9", True),
    "Latin-1, encoded twice": ("/caf%e9", True),
    "Latin-1 with a suffix after a start": ("secret/caf\xe9.json", True),
    "Latin-1 of another letter": ("/caf\xe8", False),
    "shift_path_info: dots that stay": ("/./api/..", True),
    "shift_path_info: empty and dots": ("//./api/..", True),
    "shift_path_info: a start": ("x/api", True),
    "shift_path_info: a start and dots": ("x/./api/..", True),
    "an absolute URL": ("http://host.example/api", True),
    "an absolute URL, hostile": ("HTTPS://host.example//api.json", True),
    "Zope's virtual root": ("/VirtualHostRoot/api", True),
    "Zope's virtual root with a path": ("/VirtualHostRoot/_vh_x/api", True),
    "Zope's virtual host": ("/VirtualHostBase/http/h:80/api", True),
    "a virtual host that is empty": ("/VirtualHostBase/http//api", True),
    "a virtual host between empty segments": ("//VirtualHostBase//http//h//api", True),
    "a longer name after a virtual root": ("/VirtualHostRoot/api/VirtualHostRootb", True),
    "a longer name after a virtual host": ("/VirtualHostBase/p/h/api/VirtualHostBasex", True),
    "Zope's both": ("/VirtualHostBase/http/h:80/VirtualHostRoot/_vh_x/api", True),
}
ODD_RULES = (Rule("/api"), Rule("/my_api"), Rule("/café"), Rule("/docs/admin"))


@pytest.mark.parametrize("name", ["_method", "__method", "__METHOD_OVERRIDE__", "%5fmethod"])
def test_a_method_in_the_query_counts_by_any_of_its_names(name: str) -> None:
    """Frameworks and recipes differ in the name; a rule for reading does not let a writer in."""
    rules = (Rule("/api"), Rule("/api", public, methods=("GET", "HEAD")))
    found = governing(*rules, path="/api", method="GET", QUERY_STRING=f"a=1&{name}=DELETE")
    assert "/api" in found


def test_many_methods_in_a_query_cost_what_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is read once, however many methods the query has."""
    table = RuleTable([Rule("/api"), Rule("/api", public, methods=("GET",))])
    read: list[Place] = []
    monkeypatch.setattr(
        rules, "paths_of", lambda place, work: [read.append(place), paths.paths_of(place, work)][1]
    )
    many = "&".join(f"_method=X{number}" for number in range(50))
    path = "/a;b/c" * 50
    for query in ("_method=X", many, many + "&_method=GET", "a=b"):
        read.clear()
        table.match({"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query})
        assert len(read) == 1, query


@pytest.mark.parametrize("named", ["/my-page", "/my.page", "/my_page", "/a@b/my~page"])
@pytest.mark.parametrize("punctuation", "-_.~!@$")
def test_one_punctuation_stands_for_another(named: str, punctuation: str) -> None:
    """CherryPy reads every punctuation as `_`, so `/my_page` reaches what `Rule("/my-page")` means.

    A rule that names the other spelling says that it means just that.
    """
    start = named.rpartition("/")[0]
    path = f"{start}/my{punctuation}page"
    assert governing(Rule(named), path=path) == [named]
    assert governing(Rule(named), path=f"{start}/mypage") == []
    if path != named:
        other = governing(Rule(named), Rule(path, public), path=path)
        assert other == [path]


@pytest.mark.parametrize(("path", "is_governed"), ODD_SEGMENTS.values(), ids=ODD_SEGMENTS)
def test_what_a_segment_may_stand_for(path: str, is_governed: bool) -> None:
    """A segment is read in each way that some framework reads it, and in no other."""
    assert bool(governing(*ODD_RULES, path=path)) == is_governed


def test_a_name_that_a_rule_names_means_itself() -> None:
    """An owner says that a file is public by naming it; that opens nothing else."""
    rules = (
        Rule("/app"),
        Rule("/app.js", public),
        Rule("/my_api"),
        Rule("/my-api", public),
        Rule("/app.css/x", public),
    )
    assert governing(*rules, path="/app.js") == ["/app.js"]
    assert governing(*rules, path="/app.js/") == ["/app.js"]
    assert governing(*rules, path="/my-api/x") == ["/my-api"]
    for path in ("/app.map", "/app.css", "/app", "/+app.js", "/my!api"):
        assert governing(*rules, path=path) not in ([], ["/app.js"], ["/my-api"]), path
    # For another method the rule does not exist, and names nothing.
    narrow = (Rule("/app"), Rule("/app.js", public, methods=("GET",)))
    assert governing(*narrow, path="/app.js") == ["/app.js GET HEAD"]
    assert governing(*narrow, path="/app.js", method="POST") == ["/app"]


MOVED = {
    "cut by segment": ("/x", "/x/api"),
    "cut as text": ("/x", "/xapi"),
    "with a slash at the end": ("/x/", "/x/api"),
    "cut, and a slash too many": ("/x", "/x//api"),
    "without a first slash": ("x", "/x/api"),
    "without a first slash on either side": ("x", "x/api"),
    "the first of a list": ("/x, /y", "/x/api"),
    "the last of a list": ("/y, /x", "/x/api"),
    "the prefix itself twice": ("/api", "/api/api"),
    "the public one": ("/public", "/public/api"),
    "after dots": ("/x", "/./x/api"),
    "after dots up": ("/x", "/y/../x/api"),
    "after slashes": ("/x", "//x/api"),
    "dots in the rest": ("/x", "/x/../api"),
    "an encoded rest": ("/x", "/x/%61pi"),
    "a suffix in the rest": ("/x", "/x/api.json"),
    "put before the path": ("/api", "/secret"),
    "put before it without slashes": ("api", "/secret"),
    "put before it with slashes": ("/api/", "secret"),
    "put before it, of a list": ("/x, /api", "/secret"),
}


@pytest.mark.parametrize("header", PREFIX_HEADERS)
@pytest.mark.parametrize(("value", "path"), MOVED.values(), ids=MOVED)
def test_a_header_that_moves_the_path(header: str, value: str, path: str) -> None:
    """Recipes cut a header's value off the path, or put it before; the path that is then meant
    counts."""
    rules = (Rule("/api"), Rule("/public", public))
    assert governing(*rules, path=path, **{header: value})[:1] == ["/api"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://h/x", "/x/api"),
        ("https://h:80/x/", "/x/api"),
        ("http://h/api", "/secret"),
        ("/x", "/x/api"),
        ("//h/x", "/x/api"),
        ("http:/x", "/x/api"),
        ("p:///x", "/x/api"),
        ("http://h/x?q#f", "/x/api"),
        ("http://h/x;p", "/x/api"),
    ],
)
def test_an_outside_url_moves_the_path(url: str, path: str) -> None:
    """devpi-server cuts the path of the URL that this header names."""
    assert governing(Rule("/api"), path=path, HTTP_X_OUTSIDE_URL=url) == ["/api"]
    assert governing(Rule("/api"), path="/x", HTTP_X_OUTSIDE_URL="http://host.example") == []
    assert governing(Rule("/api"), path="/x", HTTP_X_OUTSIDE_URL="http://[") == []


def test_a_script_name_that_the_path_starts_with() -> None:
    """Radicale, and Quixote behind IIS, cut SCRIPT_NAME off PATH_INFO; a longer rule met so
    counts."""
    rules = (Rule("/api"), Rule("/a/b", public))
    assert governing(*rules, path="/a/api", SCRIPT_NAME="/a") == ["/api"]
    assert governing(*rules, path="/y/../a//api", SCRIPT_NAME="/a") == ["/api"]
    assert governing(*rules, path="/a/b/api", SCRIPT_NAME="/a/b") == ["/a/b"]


def test_a_harmless_header_changes_nothing() -> None:
    """A proxy may name the prefix that it has cut off, or a mere slash."""
    rules = (Rule("/api"), Rule("/public", public))
    for header in PREFIX_HEADERS:
        for value in ("", "/", "/app", "/app/", "/api"):
            assert governing(*rules, path="/public/x", **{header: value}) == ["/public"]
        assert governing(*rules, path="/static/x", **{header: "/app"}) == []


MALFORMED_MOUNTS = {
    "a slash at the end of SCRIPT_NAME": ("/api/", "/public/x"),
    "a slash at the end, and none in PATH_INFO": ("/api/", "public/x"),
    "no slash at the start of SCRIPT_NAME": ("api", "/public/x"),
    "no slash at the start of PATH_INFO": ("/api", "public/x"),
    "no slash between": ("/api", "users"),
    "a slash alone": ("/", "/api"),
}


@pytest.mark.parametrize(("script_name", "path"), MALFORMED_MOUNTS.values(), ids=MALFORMED_MOUNTS)
def test_a_script_name_that_no_mount_sets_adds_shorter_rules_too(
    script_name: str, path: str
) -> None:
    """A real mount has PEP 3333's form. Of any other form every rule counts that is met."""
    rules = (Rule("/api"), Rule("/public", public))
    assert "/api" in governing(*rules, path=path, SCRIPT_NAME=script_name)


OVERRIDES = {
    "X-HTTP-Method-Override": {"HTTP_X_HTTP_METHOD_OVERRIDE": "DELETE"},
    "X-Method-Override": {"HTTP_X_METHOD_OVERRIDE": "delete"},
    "X-HTTP-Method": {"HTTP_X_HTTP_METHOD": " Delete "},
    "a method of no rule": {"HTTP_X_HTTP_METHOD_OVERRIDE": "BREW"},
    "a query": {"QUERY_STRING": "_method=delete"},
    "a query, encoded": {"QUERY_STRING": "x=1&%5Fmethod=%64elete"},
    "a query with semicolons": {"QUERY_STRING": "x=1;_method=PATCH"},
    "a query with several": {"QUERY_STRING": "_method=get&_method=post&_method=get"},
}


@pytest.mark.parametrize("environ", OVERRIDES.values(), ids=OVERRIDES)
def test_a_method_that_is_named_beside_counts_too(environ: dict[str, str]) -> None:
    """Frameworks take the method from a header or from the query: both methods' rules hold."""
    rules = (Rule("/docs", scope("write")), Rule("/docs", public, methods=("GET", "OPTIONS")))
    for method in ("GET", "HEAD", "OPTIONS"):
        found = governing(*rules, path="/docs/x", method=method, **environ)
        assert found == ["/docs", "/docs GET HEAD OPTIONS"]
        odd = governing(*rules, path="/docs/./x", method=method, **environ)
        assert odd == found  # each method's rules are found for each reading
    # Never the other way round: the request's own method stays.
    (strict, *_) = governing(
        *rules, path="/docs", method="PUT", HTTP_X_HTTP_METHOD_OVERRIDE="GET", QUERY_STRING="a=b"
    )
    assert strict == "/docs"


def test_a_query_without_a_method_changes_nothing() -> None:
    """A parameter whose name only looks like it names no method."""
    rules = (Rule("/docs"), Rule("/docs", public, methods=("GET",)))
    for query in ("a=_method=PUT", "x_method=PUT", "_methods=PUT", "_method=", "a=%26_method=PUT"):
        assert governing(*rules, path="/docs", QUERY_STRING=query) == ["/docs GET HEAD"]


HONEST = [
    "report 2024.pdf",
    "a%2Fb",
    "a%20b%20c",
    "100%",
    "50%25",
    "a;b=c;d",
    "a;v=1/b;w=2",
    "x/../y",
    "./x/./y",
    "x//y///z",
    "..x/.y/z..",
    ".hidden/.config.json",
    "archive.tar.gz",
    "v1.2.3/notes.md",
    "caf\u00e9 au lait.txt",
    "\u65e5\u672c\u8a9e/\u30d5\u30a1\u30a4\u30eb.txt",
    "\U0001f600.png",
    "na\u0308ive",
    "@scope/package",
    "@@view",
    "+1",
    "a+b c",
    "user@example.com",
    "a:b",
    "a,b=c&d!e~f*g'h(i)",
    "back\\slash",
    "C:\\dir\\file",
    "tab\there",
    "line\n",
    'quote"d',
    "<tag>",
    "{brace}",
    "[bracket]",
    "^caret|pipe`",
    "?question#hash",
    "http://example.com/page",
    "https:/example.com",
    "VirtualHostRoot/x",
    "index.html/",
    "folder.d/file",
    "\ufffd",
    "%E3%81%82%20x",
]
LONG_HONEST = [
    "%E3%81%82" * 200,
    "%E3%81%82%20;" * 130,
    "a b/" * 400,
    "\u65e5" * 600,
    "\u65e5 %2F;" * 180,
    "x//" * 600,
    "../y/" * 10 + "x" * 1900,
    "a;b/" * 450,
    "x/y.z/" * 9000,
]


PLACES: list[dict[str, str]] = [
    {},
    {"SCRIPT_NAME": "/app"},
    {"SCRIPT_NAME": "/m\xc3\xb6unt point"},
    {"HTTP_X_FORWARDED_PREFIX": "/app", "SCRIPT_NAME": "/app"},
    {"HTTP_X_FORWARDED_PREFIX": "/", "HTTP_X_SCRIPT_NAME": "/"},
]
"""Alone, mounted, mounted oddly, behind a proxy, and behind a proxy at the root."""


@pytest.mark.parametrize("name", [*HONEST, *LONG_HONEST], ids=lambda name: ascii(name)[:30])
def test_an_honest_name_passes(name: str) -> None:
    """Whatever a file is called, its public path is public, and without a rule it is open."""
    rules = (Rule("/api"), Rule("/public", public))
    for environ in PLACES:
        short = name[:600] if "SCRIPT_NAME" in environ else name
        path = to_wsgi(f"/public/{'sub/' * 12}{short}")
        with case(environ):
            assert governing(*rules, path=path, **environ) == ["/public"]
            assert governing(Rule("/api"), path=path, **environ) == []


def test_a_long_odd_path_is_not_read() -> None:
    """A stranger's request costs bounded work: 414 for the path, 400 for a header."""
    table = RuleTable([Rule("/api"), Rule("/", public)])
    odd, plain = "/public/%20" + "x" * 2037, "/public/" + "x/y.z/" * 5000
    assert len(odd) == 2048
    assert table.match({"PATH_INFO": odd})
    assert table.match({"PATH_INFO": plain})
    assert table.match({"PATH_INFO": "/x", "HTTP_X_VHM_ROOT": "/" + "x" * 255})
    for environ in (
        {"PATH_INFO": odd + "x"},
        {"PATH_INFO": "/" * 250_000},
        {"PATH_INFO": "/%25\xff \\;/../" * 100},
        {"PATH_INFO": "/%25\xff \\;/../", "SCRIPT_NAME": "/%25\xff \\;/../" * 1000},
    ):
        with pytest.raises(PathTooLong) as caught:
            table.match(environ)
        assert (caught.value.status, caught.value.reason) == (414, "path_too_long")


@pytest.mark.parametrize(
    "header",
    [
        *PREFIX_HEADERS,
        "HTTP_X_OUTSIDE_URL",
        "HTTP_X_VHM_ROOT",
        "HTTP_X_HTTP_METHOD_OVERRIDE",
        "HTTP_X_METHOD_OVERRIDE",
        "HTTP_X_HTTP_METHOD",
    ],
)
def test_a_long_header_is_not_read(header: str) -> None:
    """A header that changes the path or the method, longer than 256 characters, is 400."""
    table = RuleTable([Rule("/api"), Rule("/api", public, methods=("GET",))])
    assert table.match({"PATH_INFO": "/api", header: "x" * 256})
    with pytest.raises(InvalidRequest) as caught:
        table.match({"PATH_INFO": "/api", header: "x" * 257})
    assert (caught.value.status, caught.value.reason) == (400, "header_too_long")


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
    try:
        found = {rule.prefix for rule in RuleTable(rules).match({"PATH_INFO": path})}
    except PathTooLong:  # by too many readings: answered 414, whatever the rules are
        reject()
    below = [
        [p for p in table if f"{way}/".startswith(f"{to_wsgi(p).rstrip('/')}/")]
        for way in readings(path)
    ]
    assert found == {max(prefixes, key=len) for prefixes in below if prefixes}


NAMES = st.sampled_from(["a", "b", "a_b", "é", "a.x"])
RANDOM_TABLES = st.dictionaries(
    st.lists(NAMES, max_size=3).map("/".join).map("/".__add__),
    st.sampled_from([public, authenticated, optional]),
    min_size=1,
    max_size=5,
)
TEXTS = st.lists(
    st.sampled_from([*"///ab", "..", ".", ".x", "a-b", "\xc3\xa9", "\xe9", "@@", "+", "%61", ";"]),
    max_size=6,
).map("".join)
CHANGES = st.dictionaries(
    st.sampled_from(
        [
            "SCRIPT_NAME",
            *PREFIX_HEADERS,
            "HTTP_X_VHM_ROOT",
            "HTTP_X_HTTP_METHOD_OVERRIDE",
            "HTTP_X_FORWARDED_HOST",
            "HTTP_X_ORIGINAL_URL",
        ]
    ),
    TEXTS,
    min_size=1,
    max_size=3,
)


@settings(deadline=None, max_examples=examples(400))
@given(RANDOM_TABLES, TEXTS, CHANGES)
def test_no_header_and_no_script_name_removes_a_requirement(
    prefixes: dict[str, Any], path: str, changes: dict[str, str]
) -> None:
    """Whatever is sent beside a path, every rule that is met without it is met with it, or the
    request is refused unread."""
    table = RuleTable([Rule(prefix, requirement) for prefix, requirement in prefixes.items()])
    with contextlib.suppress(PathTooLong):
        without = set(table.match({"PATH_INFO": path}))
        assert without <= set(table.match({"PATH_INFO": path, **changes}))


@settings(deadline=None, max_examples=examples(400))
@given(RANDOM_TABLES, TEXTS.map("/".__add__), st.lists(NAMES, min_size=1, max_size=2))
def test_a_real_mount_keeps_its_public_paths(
    prefixes: dict[str, Any], path: str, mount: list[str]
) -> None:
    """A mount of PEP 3333's form adds only rules with a longer prefix than those met below it, or
    the request is refused unread."""
    table = RuleTable([Rule(prefix, requirement) for prefix, requirement in prefixes.items()])
    mounted = {"PATH_INFO": path, "SCRIPT_NAME": to_wsgi("/" + "/".join(mount))}
    try:
        inner = set(table.match({"PATH_INFO": path}))
        added = set(table.match(mounted)) - inner
    except PathTooLong:
        return
    longest = max((len(rule.segments) for rule in inner), default=-1)
    assert all(len(rule.segments) > longest for rule in added)
    # A path that the mount's own rules do not reach stays as it is.
    clean = table.match({"PATH_INFO": path, "SCRIPT_NAME": "/elsewhere"})
    if longest >= 0:
        assert set(clean) == inner


def _same(path: str) -> str:
    return path


# One of each line, in the order in which a client would wrap them around each other.
SPELLINGS = st.tuples(
    st.sampled_from([_same, lambda path: path.replace("/", "/+"), lambda p: p.replace("/", "/@@")]),
    st.sampled_from([_same, lambda path: path.replace("_", "-"), lambda p: p.replace("_", "!")]),
    st.sampled_from([_same, lambda path: path + ".json", lambda path: path + ".json/"]),
    st.sampled_from(
        [_same, lambda path: path[0] + path[1:].replace("/", ";x/"), lambda path: path + ";x=1"]
    ),
    st.sampled_from(
        [
            _same,
            lambda path: "/x/.." + path,
            lambda path: "/x/./y/../.." + path,
            lambda path: path + "/.",
            lambda path: "/VirtualHostRoot/_vh_x" + path,
        ]
    ),
    st.sampled_from(
        [
            _same,
            lambda path: path.replace("/", "//"),
            lambda path: path.replace("/", "/./"),
            lambda path: path.replace("/", "\\"),
        ]
    ),
    st.sampled_from(
        [
            _same,
            lambda path: path + "\n",
            lambda path: path.replace("a", " a"),
            lambda path: path.replace("a", "a\xff"),
        ]
    ),
    st.sampled_from(
        [
            _same,
            lambda path: path[1:],
            lambda path: "x" + path if path.startswith("/") else path,
            lambda path: "http://h" + path if path.startswith("/") else path,
        ]
    ),
    st.sampled_from(
        [_same, lambda path: path.replace("a", "%61"), lambda p: p.replace("/", "%2f")]
    ),
)


@settings(deadline=None, max_examples=examples(600))
@given(
    RANDOM_TABLES,
    st.lists(st.sampled_from(["a", "b", "a_b"]), min_size=1, max_size=4),
    SPELLINGS,
    st.booleans(),
)
def test_no_spelling_removes_a_requirement(
    prefixes: dict[str, Any], names: list[str], spellings: tuple[Any, ...], is_moved: bool
) -> None:
    """However a path is spelled, and moved by a header, the rules of the plain path are met, or it
    is refused unread."""
    table = RuleTable([Rule(prefix, requirement) for prefix, requirement in prefixes.items()])
    path = spelled = "/" + "/".join(names)
    for spell in spellings:
        spelled = spell(spelled)
    environ = {"PATH_INFO": spelled}
    if is_moved:
        environ = {"PATH_INFO": "/moved" + spelled, "HTTP_X_SCRIPT_NAME": "/moved"}
    with contextlib.suppress(PathTooLong):
        assert set(table.match({"PATH_INFO": path})) <= set(table.match(environ))


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
    "prefix",
    [
        "/api",
        "/api/",
        "/é/ü",
        "/",
        "/odata/$metadata",
        "/a.b-c_d~e",
        "/.well-known/",
        "/a@b:c",
        "/API",
        "/X/aX",
    ],
)
def test_a_prefix_that_means_what_it_says_is_taken(prefix: str) -> None:
    """One trailing slash is dropped, and the rule governs the prefix itself."""
    rule = Rule(prefix)
    assert rule.prefix == (prefix.rstrip("/") or "/")
    assert governing(rule, path=to_wsgi(prefix)) == [rule.prefix]


PATTERNS = {
    "angle brackets": ("/users/<id>/posts", "/users/*/posts"),
    "a converter": ("/users/<int:id>", "/users/*"),
    "braces": ("/users/{id}", "/users/*"),
    "braces within a segment": ("/users/v{id}", "/users/*"),
    "a colon": ("/users/:id", "/users/*"),
    "a colon first": ("/:id", "/*"),
    "square brackets": ("/users/[id]", "/users/*"),
    "a class of characters": ("/users/v[0-9]+", "/users/*"),
    "alternatives": ("/users/a|b", "/users/*"),
    "a colon behind": ("/users/a:", "/users/*"),
    "two stars": ("/**", "/*"),
    "a star in a name": ("/users/a*", "/users/*"),
    "a regular expression": ("/users/(?P<id>.+)", "/users/*"),
}


@pytest.mark.parametrize(("prefix", "form"), PATTERNS.values(), ids=PATTERNS)
def test_a_pattern_is_refused_with_the_form_that_protects(prefix: str, form: str) -> None:
    """A pattern that is taken literally would protect nothing."""
    with pytest.raises(ConfigurationError) as caught:
        Rule(prefix)
    assert str(caught.value).startswith("prefix must not contain a pattern other than a '*'")
    assert f"got {prefix!r}; Rule({form!r}), where" in str(caught.value)


@pytest.mark.parametrize("prefix", ["/users/a|/b", "/users/a,/b"], ids=["a bar", "a comma"])
def test_two_paths_in_one_prefix_are_refused(prefix: str) -> None:
    """They would protect neither."""
    with pytest.raises(ConfigurationError, match="prefix must not contain a pattern"):
        Rule(prefix)


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
    "optional with authenticated": lambda: Rule("/api", authenticated, optional),
    "optional twice": lambda: Rule("/api", optional, optional),
    "an unknown method": lambda: Rule("/api", methods=("GETT",)),
    "an unknown method among others": lambda: Rule("/api", methods=("GET", "AUTHENTICATED")),
    "any method by a star": lambda: Rule("/api", methods=("*",)),
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
    rule.authorize(Identity("ada", "https://a.example", ("a", "b"), None, None, 2e9, b"{}"))
    with pytest.raises(InsufficientScope):
        rule.authorize(Identity("ada", "https://a.example", ("a",), None, None, 2e9, b"{}"))
    with pytest.raises(MissingToken):
        Rule("/api").authorize(None)


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
    with pytest.raises(
        ConfigurationError, match=r"names no configured provider|exclude each other"
    ):
        rule.issuers(KNOWN)


@pytest.mark.parametrize("header", PATH_HEADERS)
def test_every_header_of_the_list_is_looked_up_for_a_cached_path(header: str) -> None:
    """A path whose rules are cached is read again when a header may move it."""
    table = RuleTable([Rule("/api"), Rule("/", public)])
    environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/x"}
    for _ in range(2):
        assert [rule.prefix for rule in table.match(environ)] == ["/"]
        moved = table.match({**environ, header: "/api"})
        assert [rule.prefix for rule in moved] == ["/api", "/"]


def test_the_names_of_the_quick_path_are_the_list() -> None:
    """The quick path asks for every header of the one list, and for no other."""
    asked = [value for name, value in vars(rules).items() if name.startswith("_HEADER_")]
    assert tuple(asked) == PATH_HEADERS


def test_what_is_kept_of_a_path_is_bounded_and_as_good_as_new() -> None:
    """A path asked for again gets the same rules, for its method alone; a long path is not kept,
    nor are very many."""
    table = RuleTable([Rule("/api"), Rule("/api", public, methods=("GET",))])
    environs = [
        {"REQUEST_METHOD": method, "PATH_INFO": "/api/x"}
        for method in ("GET", "POST", "get", "post")
    ]
    read: list[str] = []
    find = table._rules_of

    def counted(method: str, place: Place) -> tuple[Rule, ...]:
        read.append(place.path)
        return find(method, place)

    table._rules_of = counted  # type: ignore[method-assign]
    first, second = ([table.match(environ) for environ in environs] for _ in range(2))
    assert first == second
    assert [rules[0].is_public for rules in first] == [True, False, True, False]
    assert len(read) == 2
    most = 0
    for number in range(3000):
        table.match({"PATH_INFO": f"/api/{number}"})
        table.match({"PATH_INFO": f"/api/{'x' * 300}{number}"})
        # inside: how much is held in memory is no answer of any call
        most = max(most, *map(len, table._recent.values()))
    assert most == 1024
    assert len(read) == 6002
    table.match({"PATH_INFO": "/api/2999"})
    table.match({"PATH_INFO": f"/api/{'x' * 300}2999"})
    assert len(read) == 6003


@pytest.mark.parametrize(("length", "is_cached"), [(255, True), (256, False)])
def test_a_long_path_and_a_long_mount_are_not_cached(length: int, is_cached: bool) -> None:
    """What is cached of a request is bounded in its length, too."""
    table = RuleTable([Rule("/")])
    long = "/" + "x" * (length - 1)
    for environ in ({"PATH_INFO": long}, {"PATH_INFO": "/x", "SCRIPT_NAME": long}):
        assert [rule.prefix for rule in table.match(environ)] == ["/"]
    # inside: how much is held in memory is no answer of any call
    assert (long in table._recent[""]) == is_cached
    places = table._recent_places.cache_info()
    assert (places.currsize, places.maxsize) == (int(is_cached), 1024)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH"])
def test_a_usual_request_is_answered_from_the_cache(method: str) -> None:
    """The second request for a path is not read again, for whichever method; one that may mean
    another path or method is."""
    rules = [Rule("/api"), Rule("/api", public, methods=("GET",)), Rule("/api", methods=("POST",))]
    table = RuleTable(rules)
    environ = {"REQUEST_METHOD": method, "PATH_INFO": "/api/x", "SCRIPT_NAME": ""}
    first = table.match(environ)
    anew: list[object] = []
    # inside: whether an answer comes from the cache shows in no answer
    table._match_anew = lambda environ: (anew.append(environ), first)[1]  # type: ignore[method-assign]
    assert table.match(environ) == table.match({**environ, "QUERY_STRING": ""}) == first
    assert anew == []
    for change in (
        {"SCRIPT_NAME": "/p"},
        {"QUERY_STRING": "a=1"},
        {"PATH_INFO": "/api/y"},
        {"REQUEST_METHOD": "BREW"},
        {"HTTP_X_HTTP_METHOD": "PUT"},
        *({header: "/p"} for header in PATH_HEADERS),
    ):
        anew.clear()
        table.match(environ | change)
        assert len(anew) == 1, change
    # Without a method in any rule, none that a query or a header names can matter.
    plain = RuleTable([Rule("/api")])
    plain.match(environ)
    plain._match_anew = table._match_anew  # type: ignore[method-assign]
    anew.clear()
    plain.match(environ | {"QUERY_STRING": "_method=put", "HTTP_X_HTTP_METHOD": "PUT"})
    assert anew == []
