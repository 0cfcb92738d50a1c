"""The Bottle adapter: what a route asks by `jwt=`, mounted apps, and refusals wherever they are
raised."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bottle import Bottle, HTTPError, HTTPResponse, request
from webtest import TestApp

from jwt_middleware import (
    ConfigurationError,
    Forbidden,
    Identity,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    Rule,
    authenticated,
    enforce,
    optional,
    public,
    scope,
)
from jwt_middleware.bottle import JWTPlugin
from jwt_middleware.testing import Tokens
from tests.kit.tokens import TOMORROW

KEY = Key.generate()
PROVIDER = Provider(issuer="https://a.example", audience="api", keys=KeySet([KEY]))
GOOD = Tokens([PROVIDER], KEY).good("ada", scopes=("read",), exp=TOMORROW)


@pytest.fixture
def app() -> Bottle:
    """A Bottle app with the plugin, in which errors propagate, as in a suite."""
    app = Bottle()
    app.config["catchall"] = False
    app.install(JWTPlugin())
    return app


@pytest.fixture
def call(app: Bottle) -> Callable[..., Any]:
    """Calls the app behind the middleware, with a token unless told otherwise."""

    def call(
        path: str = "/", *, token: str | None = GOOD, method: str = "GET", rules: Any = None
    ) -> Any:
        rules = rules or [Rule("/", optional)]
        client = TestApp(JWTMiddleware(app, providers=[PROVIDER], rules=rules))
        if token:
            client.authorization = ("Bearer", token)
        return client.request(path, method=method, expect_errors=True)

    return call


def me() -> str:
    """The subject of the caller."""
    caller = Identity.from_environ(request.environ)
    return caller.subject if caller else "nobody"


ASKS: dict[str, tuple[Any, str, str]] = {
    "nothing": (None, "nobody", "ada"),
    "a token": (True, "401", "ada"),
    "authenticated": (authenticated, "401", "ada"),
    "a scope that is there": (scope("read"), "401", "ada"),
    "a scope that is not": (scope("write"), "401", "403"),
    "two": ((scope("read"), scope("write")), "401", "403"),
    "a list": ([scope("read"), authenticated], "401", "ada"),
    "optional": (optional, "nobody", "ada"),
    "optional, and a scope": ((optional, scope("write")), "nobody", "403"),
    "one of the owner's own": (lambda caller: caller.subject == "ada", "401", "ada"),
}


@pytest.mark.parametrize(("asks", "without", "with_one"), ASKS.values(), ids=ASKS)
def test_what_a_route_asks(
    asks: Any, without: str, with_one: str, app: Bottle, call: Callable[..., Any]
) -> None:
    """Each form of `jwt=`, without a token and with one."""
    app.route("/", callback=me, **({} if asks is None else {"jwt": asks}))
    found = [call(token=None), call()]
    assert [one.text if one.status_int == 200 else str(one.status_int) for one in found] == [
        without,
        with_one,
    ]


WHERE: dict[str, Callable[[Bottle], object]] = {}


def where(setup: Callable[[Bottle], object]) -> Callable[[Bottle], object]:
    """Register a place where a refusal is raised."""
    WHERE[setup.__name__] = setup
    return setup


def _enforce() -> str:
    enforce(request.environ, scope("write"))
    return "ok"


@where
def in_a_route(app: Bottle) -> None:
    """In the code of a route without `jwt`."""
    app.route("/", callback=_enforce)


@where
def in_a_route_that_asks(app: Bottle) -> None:
    """In the code of a route whose own question is answered."""
    app.route("/", callback=_enforce, jwt=True)


@where
def in_a_generator(app: Bottle) -> None:
    """In a route that sends its answer in parts."""

    def parts() -> Iterator[str]:
        enforce(request.environ, scope("write"))
        yield "ok"

    app.route("/", callback=parts)


@where
def before_the_request(app: Bottle) -> None:
    """In a hook, which Bottle calls without plugins."""
    app.add_hook("before_request", _enforce)
    app.route("/", callback=me)


@where
def beside_error_handlers(app: Bottle) -> None:
    """Beside the owner's pages for errors."""
    for status in (401, 403, 500):
        app.error(status)(lambda error: "mine")
    app.route("/", callback=_enforce)


@where
def in_a_mounted_app(app: Bottle) -> None:
    """In an app with a plugin of its own, whose routes Bottle merges."""
    inner = Bottle()
    inner.install(JWTPlugin())
    inner.route("/", callback=_enforce)
    app.mount("/in/", inner)


@where
def in_an_app_mounted_as_wsgi(app: Bottle) -> None:
    """In an app that Bottle calls as any other WSGI app."""
    inner = Bottle()
    inner.config["catchall"] = False
    inner.install(JWTPlugin())
    inner.route("/", callback=me, jwt=scope("write"))
    app.mount("/in/", inner, skip=True)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("setup", WHERE.values(), ids=WHERE)
def test_a_refusal_is_answered_wherever_it_is_raised(
    setup: Callable[[Bottle], object], app: Bottle, call: Callable[..., Any]
) -> None:
    """As the middleware answers it, though errors propagate."""
    setup(app)
    path = "/in/" if "mounted" in setup.__name__ else "/"
    answer = call(path)
    assert (answer.status_int, answer.json["reason"]) == (403, "scope")
    assert answer.headers["WWW-Authenticate"].endswith('scope="write"')
    assert call(path, token=None).status_int == 401
    assert call(path, token=None, method="HEAD").body == b""


def test_other_errors_stay_as_they_are(app: Bottle, call: Callable[..., Any]) -> None:
    """404, 405, responses that a route raises, and its own errors."""

    @app.get("/raises")
    def raises() -> None:
        raise HTTPResponse("teapot", 418)

    @app.get("/fails")
    def fails() -> None:
        raise HTTPError(402, "pay")

    @app.get("/breaks", jwt=True)
    def breaks() -> None:
        raise KeyError("mine")

    statuses = [call(path).status_int for path in ("/raises", "/fails", "/none")]
    assert [*statuses, call("/raises", method="PUT").status_int] == [418, 402, 404, 405]
    with pytest.raises(KeyError, match="mine"):
        call("/breaks")
    assert call("/breaks", token=None).status_int == 401


RULES = {"no rule": [Rule("/other")], "public": [Rule("/", public)]}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("asks", [True, optional], ids=["required", "optional"])
def test_where_no_rule_reads_a_token_no_route_runs(
    asks: Any, rules: list[Rule], app: Bottle, call: Callable[..., Any]
) -> None:
    """The owner sees which rule is missing."""
    ran: list[str] = []
    app.route("/", callback=lambda: ran.append("me"), jwt=asks)
    with pytest.raises(RuntimeError, match="optional"):
        call(rules=rules)
    assert ran == []


WRONG: dict[str, tuple[Any, str]] = {
    "false": (False, "jwt=True"),
    "none": (None, "jwt=True"),
    "a name": ("admin", "jwt=True"),
    "names": (["admin"], "'admin'"),
    "empty": ((), "must not be empty"),
    "a dict": ({"scopes": ["admin"]}, "a dict"),
    "public": (public, "public"),
    "scope without its call": (scope, "without its call"),
    "a coroutine function": (JWTPlugin, "JWTPlugin"),
}


@pytest.mark.parametrize("after", [True, False], ids=["routes after", "routes before"])
@pytest.mark.parametrize(("asks", "form"), WRONG.values(), ids=WRONG)
def test_a_slip_is_found_where_the_route_is_made(asks: Any, form: str, after: bool) -> None:
    """`ConfigurationError` while importing, not at the first request."""
    app = Bottle()
    if after:
        app.install(JWTPlugin())
        with pytest.raises(ConfigurationError, match=form):
            app.route("/", callback=me, jwt=asks)
    else:
        app.route("/", callback=me, jwt=asks)
        with pytest.raises(ConfigurationError, match=form):
            app.install(JWTPlugin())


def _merged(app: Bottle) -> None:
    inner = Bottle()
    inner.route("/", callback=me, jwt=True)
    app.mount("/in/", inner)


def _as_wsgi(app: Bottle) -> None:
    inner = Bottle()
    app.mount("/in/", inner, skip=True)
    inner.route("/", callback=me, jwt=True)


def _a_mount_that_asks(app: Bottle) -> None:
    app.mount("/in/", Bottle(), jwt=True)


UNASKED = (_merged, _as_wsgi, _a_mount_that_asks)


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
@pytest.mark.parametrize("setup", UNASKED, ids=lambda setup: setup.__name__)
def test_a_route_that_no_plugin_asks_stops_all(
    setup: Callable[[Bottle], None], app: Bottle, call: Callable[..., Any]
) -> None:
    """Bottle applies no plugin to what is mounted: the app says so at once, and at each request."""
    app.route("/", callback=me)
    assert call().text == "ada"
    setup(app)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no JWTPlugin"):
            call()


@pytest.mark.parametrize("skip", [True, ["jwt_middleware"], [JWTPlugin]], ids=str)
def test_a_route_may_skip_what_all_routes_ask(
    skip: Any, app: Bottle, call: Callable[..., Any]
) -> None:
    """`jwt` in the config of the app asks it of every route; Bottle's `skip` leaves one out."""
    app.config["jwt"] = True
    app.route("/", callback=me)
    app.route("/open", callback=me, skip=skip)
    assert call(token=None).status_int == 401
    assert call("/open", token=None).text == "nobody"


def test_two_plugins_in_one_app_and_one_plugin_in_two(
    call: Callable[..., Any], app: Bottle
) -> None:
    """Neither is an error, and each app asks what its routes say."""
    shared = JWTPlugin()
    app.install(shared)
    other = Bottle()
    other.install(shared)
    app.route("/", callback=me, jwt=scope("write"))
    other.route("/", callback=me, jwt=scope("read"))
    app.mount("/other/", other)
    assert [call().status_int, call("/other/").text] == [403, "ada"]


def test_only_a_bottle_app_has_the_plugin() -> None:
    """`ConfigurationError` for anything else."""
    with pytest.raises(ConfigurationError, match=r"^app must be a Bottle object"):
        JWTPlugin().setup(object())


def test_a_refusal_that_a_route_raises_itself(app: Bottle, call: Callable[..., Any]) -> None:
    """The owner's own refusal, with the usual answer."""

    @app.get("/")
    def no() -> None:
        raise Forbidden

    assert call().json["reason"] == "forbidden"
