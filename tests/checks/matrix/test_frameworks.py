"""No spelling, method or header gets round a rule, in any framework."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jwt_middleware import Rule, public
from jwt_middleware.errors import PathTooLong
from jwt_middleware.policy.rules import RuleTable
from tests.kit.parts import examples, skip

from . import guards
from .apps import APPS, MISSING, PUBLIC, SECRET_ROOTS, SERVED
from .differential import WHOLE_PATH, is_a_mount
from .guards import ALL_BUT_PUBLIC, UNDER_API, Guard, leaks, ours, send
from .spellings import FORGED, LOOK_ALIKES, METHODS, MOUNTS, PIECES, SPELLINGS

pytestmark = pytest.mark.needs_frameworks

RULES = {"rule for /api": UNDER_API, "rule for all but public": ALL_BUT_PUBLIC}


_FEW_METHODS = ("GET", "post")


@pytest.fixture(scope="module", params=(*APPS, *MISSING))
def name(request: pytest.FixtureRequest) -> str:
    """The name of each app in turn."""
    if request.param in MISSING:
        skip(f"{MISSING[request.param]} is not installed")
    return str(request.param)


@pytest.fixture(scope="module")
def app(name: str) -> Any:
    """Each bare app in turn."""
    return APPS[name]()


@pytest.fixture
def methods(name: str) -> tuple[str, ...]:
    """Every method for the apps that are served, the telling ones for the others."""
    return METHODS if name in SERVED else _FEW_METHODS


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_no_spelling_reaches_a_protected_handler(
    app: Any, methods: tuple[str, ...], rules: tuple[Rule, ...]
) -> None:
    """Whatever the spelling and the method, without a token no handler below /api runs."""
    guarded = ours(*rules)(app)
    for method in methods:
        assert [path for path in SPELLINGS if send(guarded, path, method).leaked] == []


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_nothing_that_a_client_forges_opens_a_path(
    name: str, app: Any, rules: tuple[Rule, ...]
) -> None:
    """No header that some server or framework obeys, and no mount, changes that."""
    guarded = ours(*rules)(app)
    step = 6 if name in SERVED else 24
    for forged in FORGED:
        if is_a_mount(name, rules, forged):
            continue
        paths = ("/api", "/api/secret", *SPELLINGS[::step], *LOOK_ALIKES[:: step // 6])
        assert [path for path in paths if send(guarded, path, **forged).leaked] == [], forged


def test_a_rule_holds_where_only_the_mount_puts_a_path_under_it(app: Any) -> None:
    """A rule for /api governs what SCRIPT_NAME and PATH_INFO name together, in any spelling."""
    guarded = ours(*UNDER_API)(app)
    assert {send(guarded, path, SCRIPT_NAME=script_name) for script_name, path in MOUNTS} == {
        (401, ())
    }


@pytest.mark.parametrize("whole", WHOLE_PATH)
def test_an_app_that_routes_on_the_whole_path_is_guarded(whole: str) -> None:
    """CherryPy, unless its script_name is None, lets a client move a path's start into SCRIPT_NAME
    under gunicorn."""
    app = APPS[whole]()
    assert [mount for mount in MOUNTS if send(app, mount[1], SCRIPT_NAME=mount[0]).leaked] != []
    guarded = ours(*UNDER_API)(app)
    assert [mount for mount in MOUNTS if send(guarded, mount[1], SCRIPT_NAME=mount[0]).leaked] == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_rule_that_names_a_method_guards_its_handler(
    app: Any, methods: tuple[str, ...], method: str
) -> None:
    """However the method is spelled, the handler that the rule is for does not run; HEAD counts as
    GET."""
    guarded = ours(*(Rule(root, methods=(method,)) for root in SECRET_ROOTS))(app)
    closed = {method, "HEAD"} if method == "GET" else {method}
    for sent in methods:
        paths = SPELLINGS if sent.upper() in closed else ("/api", "/api/secret", *SPELLINGS[::6])
        ran = {handler for path in paths for handler in send(guarded, path, sent).ran}
        assert ran.isdisjoint({("secret", name) for name in closed}), sent


def test_no_public_path_is_blocked(app: Any, methods: tuple[str, ...]) -> None:
    """A look-alike that the bare app answers is answered just so behind the middleware, with every
    method."""
    for guarded in (ours(*UNDER_API)(app), ours(*UNDER_API, Rule("/", public))(app)):
        for method in methods:
            for path in LOOK_ALIKES:
                assert send(guarded, path, method) == send(app, path, method)


def test_public_paths_stay_open_where_all_else_is_closed(app: Any) -> None:
    """With `Rule("/")` the named exceptions answer as the bare app does."""
    guarded = ours(*ALL_BUT_PUBLIC)(app)
    for path in (*PUBLIC[1:], "/public/x", "/public/x%y", "/public/\xc3\xbc"):
        assert send(guarded, path) == send(app, path)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_no_path_fails_that_the_bare_app_answers(app: Any, rules: tuple[Rule, ...]) -> None:
    """With a good token every path is answered as by the bare app; without one no 500 that it would
    not give."""
    guarded, bearer = (
        ours(*rules)(app),
        {"HTTP_AUTHORIZATION": f"Bearer {guards.MINTER.mint('ada')}"},
    )
    for path in (*SPELLINGS, *LOOK_ALIKES):
        bare = send(app, path)
        assert send(guarded, path, **bearer) == bare
        assert send(guarded, path).status in {401, bare.status}


LEAKY = ["flask", "bottle, dynamic", "falcon", "pyramid, traversal", "cherrypy", "plain, sloppy"]


@pytest.mark.parametrize("name", LEAKY)
@pytest.mark.parametrize(
    "guard", [guards.none, guards.by_text, guards.by_segment], ids=["none", "text", "segment"]
)
def test_a_naive_guard_fails_these_tests(name: str, guard: Guard) -> None:
    """The spellings find the holes that they are made for, so an empty list above means
    something."""
    assert leaks(APPS[name](), guard) != []


# ---------------------------------------------------------------- random paths

TABLE = RuleTable(UNDER_API)
BARE = {name: APPS[name]() for name in SERVED}
PIECE = st.sampled_from(PIECES)


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """A protected path with hostile pieces put in anywhere."""
    path = draw(
        st.sampled_from(
            ["/api", "/api/secret", "/api/items/7", "/x/../api/secret", "/public/../api"]
        )
    )
    for place in draw(st.lists(st.integers(0, len(path)), max_size=4)):
        path = path[:place] + draw(PIECE) + path[place:]
    return path


@settings(max_examples=examples(400), deadline=None)
@given(spoiled() | st.lists(PIECE, max_size=12).map("".join))
@example("/ap\xc3\n\xa9i")
@example("/x/%2e%2e/api/secret\n")
@example("%61pi\n;\\\xff")
def test_what_any_app_takes_for_a_protected_path_is_under_the_rule(path: str) -> None:
    """If a bare app runs its protected handler for a path, the rule governs that path, or the path
    is refused because it has too many readings."""
    took = [name for name, app in BARE.items() if send(app, path).leaked]
    with suppress(PathTooLong):
        assert not took or TABLE.match({"PATH_INFO": path}), took
