"""The Flask adapter: decorators, the caller's names, and refusals wherever they are raised."""

import importlib
from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask import Blueprint, Flask, Response, jsonify
from flask.views import MethodView, View
from webtest import TestApp

from jwt_middleware import (
    ConfigurationError,
    Forbidden,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    Rule,
    authenticated,
    claim,
    enforce,
    optional,
    public,
    scope,
)
from jwt_middleware.flask import (
    current_identity,
    get_jwt,
    get_jwt_identity,
    init_app,
    jwt_required,
)
from jwt_middleware.testing import Tokens
from tests.kit.tokens import TOMORROW

pytestmark = pytest.mark.usefixtures("cheap_hashes")

KEY = Key.generate()
PROVIDER = Provider(issuer="https://a.example", audience="api", keys=KeySet([KEY]))
GOOD = Tokens([PROVIDER], KEY).good("ada", scopes=("read",), exp=TOMORROW)
EXPIRED = Tokens([PROVIDER], KEY).good("ada", exp=1)


@pytest.fixture
def app() -> Flask:
    """A Flask app in which errors propagate, as in a suite."""
    app = Flask("app")
    app.testing = True
    return app


@pytest.fixture
def call(app: Flask) -> Callable[..., Any]:
    """Calls the app behind the middleware, with a token unless told otherwise."""

    def call(
        path: str = "/", *, token: str | None = GOOD, method: str = "GET", rules: Any = None
    ) -> Any:
        rules = rules or [Rule("/", optional)]
        client = TestApp(JWTMiddleware(app.wsgi_app, providers=[PROVIDER], rules=rules))
        if token:
            client.authorization = ("Bearer", token)
        return client.request(path, method=method, expect_errors=True)

    return call


def test_a_view_that_needs_a_token(app: Flask, call: Callable[..., Any]) -> None:
    """401 without one, and without any handler registered; the names know the caller with one."""

    @app.get("/")
    @jwt_required()
    def me() -> Response:
        return jsonify(
            identity=get_jwt_identity(),
            claims=get_jwt(),
            subject=current_identity.subject,
            is_there=bool(current_identity),
        )

    assert call(token=None).status_int == 401
    assert call(token=EXPIRED).json["reason"] == "expired"
    answer = call().json
    assert (answer["identity"], answer["subject"], answer["is_there"]) == ("ada", "ada", True)
    assert answer["claims"]["iss"] == "https://a.example"


def test_an_optional_view(app: Flask, call: Callable[..., Any]) -> None:
    """Without a token nobody is calling; a token must be good, and hold what the view asks."""

    @app.get("/")
    @jwt_required(optional=True)
    def anybody() -> Response:
        return jsonify([get_jwt_identity(), get_jwt(), bool(current_identity)])

    @app.get("/readers")
    @jwt_required(scope("read"), optional=True)
    def readers() -> Response:
        return jsonify(get_jwt_identity())

    @app.get("/writers")
    @jwt_required(optional, scope("write"))
    def writers() -> Response:
        return jsonify(get_jwt_identity())

    assert call(token=None).json == [None, {}, False]
    assert call(token=EXPIRED).status_int == 401
    assert [call("/readers", token=None).json, call("/readers").json] == [None, "ada"]
    assert [call("/writers", token=None).json, call("/writers").status_int] == [None, 403]


def test_async_views(app: Flask, call: Callable[..., Any]) -> None:
    """They run as Flask runs them, and may refuse too."""

    @app.get("/")
    @jwt_required()
    async def me() -> str:
        return get_jwt_identity() or ""

    @app.get("/no")
    @jwt_required()
    async def no() -> str:
        raise Forbidden

    assert call(token=None).status_int == 401
    assert call().text == "ada"
    assert call("/no").status_int == 403


def test_classes_of_views(app: Flask, call: Callable[..., Any]) -> None:
    """`decorators` for all methods, or the decorator on one of them."""

    class All(MethodView):
        decorators = [jwt_required()]  # noqa: RUF012 (as Flask has it)

        def get(self) -> str:
            return get_jwt_identity() or ""

    class One(MethodView):
        def get(self) -> str:
            return "open"

        @jwt_required(scope("write"))
        def post(self) -> str:
            return "written"

    app.add_url_rule("/all", view_func=All.as_view("all"))
    app.add_url_rule("/one", view_func=One.as_view("one"))
    assert [call("/all", token=None).status_int, call("/all").text] == [401, "ada"]
    assert [call("/one", token=None).text, call("/one", method="POST").status_int] == ["open", 403]


WHERE: dict[str, Callable[[Flask], object]] = {}


def where(setup: Callable[[Flask], object]) -> Callable[[Flask], object]:
    """Register a place where a refusal is raised."""
    WHERE[setup.__name__] = setup
    return setup


def _ok() -> str:
    return "ok"


def _enforce(*_: object) -> str:
    enforce(flask.request.environ, scope("write"))
    return "ok"


@where
def in_a_view(app: Flask) -> None:
    """In the view's own code."""
    app.add_url_rule("/", view_func=_enforce)


@where
def before_the_request(app: Flask) -> None:
    """In a hook of the app."""
    app.before_request(_enforce)  # type: ignore[arg-type]
    app.add_url_rule("/", view_func=_ok)


@where
def before_the_request_of_a_blueprint(app: Flask) -> None:
    """In a hook of a blueprint."""
    blueprint = Blueprint("part", __name__)
    blueprint.before_request(_enforce)  # type: ignore[arg-type]
    blueprint.add_url_rule("/", view_func=_ok)
    app.register_blueprint(blueprint)


@where
def beside_a_handler_of_every_exception(app: Flask) -> None:
    """Beside an owner's handler for all exceptions."""
    app.register_error_handler(Exception, lambda error: ("mine", 500))
    app.add_url_rule("/", view_func=_enforce)


@where
def in_the_decorator_within_a_blueprint_that_handles_everything(app: Flask) -> None:
    """The decorator answers by itself."""
    blueprint = Blueprint("part", __name__)
    blueprint.register_error_handler(Exception, lambda error: ("mine", 500))
    blueprint.add_url_rule("/", "view", jwt_required(scope("write"))(_ok))
    app.register_blueprint(blueprint)


@where
def in_a_class(app: Flask) -> None:
    """In the `dispatch_request` of a class."""

    class Whole(View):
        def dispatch_request(self) -> str:
            return _enforce()

    app.add_url_rule("/", view_func=Whole.as_view("whole"))


@where
def in_an_async_view(app: Flask) -> None:
    """In a coroutine."""

    async def late() -> str:
        return _enforce()

    app.add_url_rule("/", view_func=late)


@pytest.mark.parametrize("testing", [True, False], ids=["testing", "serving"])
@pytest.mark.parametrize("setup", WHERE.values(), ids=WHERE)
def test_a_refusal_is_answered_wherever_it_is_raised(
    setup: Callable[[Flask], object], testing: bool, app: Flask, call: Callable[..., Any]
) -> None:
    """After `init_app`, before and after the routes."""
    app.testing = testing
    init_app(app)
    setup(app)
    init_app(app)
    answer = call()
    assert (answer.status_int, answer.json["reason"]) == (403, "scope")
    assert answer.headers["WWW-Authenticate"].endswith('scope="write"')
    assert call(token=None).status_int == 401


RULES = {"no rule": [Rule("/other")], "public": [Rule("/", public)]}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("is_optional", [False, True], ids=["required", "optional"])
def test_where_no_rule_reads_a_token_no_view_runs(
    is_optional: bool, rules: list[Rule], app: Flask, call: Callable[..., Any]
) -> None:
    """The owner sees which rule is missing, a caller 500."""
    ran: list[str] = []

    @app.get("/")
    @jwt_required(optional=is_optional)
    def me() -> str:
        ran.append("me")
        return "ok"

    with pytest.raises(RuntimeError, match="optional"):
        call(rules=rules)
    app.testing = False
    assert call(rules=rules).status_int == 500
    assert ran == []


@pytest.mark.parametrize("name", ["get_jwt_identity", "get_jwt"])
@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_nobody_is_named_where_no_rule_reads_a_token(
    rules: list[Rule], name: str, app: Flask, call: Callable[..., Any]
) -> None:
    """None would mean that the request has no token, which nobody has looked for."""
    function = {"get_jwt_identity": get_jwt_identity, "get_jwt": get_jwt}[name]
    app.add_url_rule("/", view_func=lambda: jsonify(function()))
    with pytest.raises(RuntimeError, match="optional"):
        call(rules=rules)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "no parentheses": (lambda: jwt_required(_ok), r"@jwt_required\(\)"),
    "no parentheses, async": (lambda: jwt_required(_late), r"@jwt_required\(\)"),
    "fresh": (lambda: jwt_required(fresh=True), r'claim\("fresh", True\)'),
    "refresh": (lambda: jwt_required(refresh=True), "POST /token"),
    "locations": (lambda: jwt_required(locations=["cookies"]), "JWTMiddleware"),
    "verify_type": (lambda: jwt_required(verify_type=False), r'claim\("type", "access"\)'),
    "skip_revocation_check": (lambda: jwt_required(skip_revocation_check=True), "revocations"),
    "an unknown option": (lambda: jwt_required(scopes=["read"]), "scope"),
    "optional by place": (lambda: jwt_required(True), "jwt_required must hold"),
    "optional is no boolean": (lambda: jwt_required(optional="no"), "optional must be a boolean"),
    "scope without its call": (lambda: jwt_required(scope), "without its call"),
    "a name of a scope": (lambda: jwt_required("admin"), "'admin'"),
    "public": (lambda: jwt_required(public), "public"),
    "optional and authenticated": (
        lambda: jwt_required(authenticated, optional=True),
        "authenticated",
    ),
    "a class of views": (lambda: jwt_required()(MethodView), "decorators"),
    "no view": (lambda: jwt_required()("view"), "view function"),
    "no app": (lambda: init_app(Blueprint("b", __name__)), "init_app"),
}


async def _late() -> str:
    return "ok"


@pytest.mark.parametrize(("slip", "form"), WRONG.values(), ids=WRONG)
def test_a_slip_is_found_while_importing(slip: Callable[[], object], form: str) -> None:
    """`ConfigurationError` with the right form, also for options of Flask-JWT-Extended."""
    with pytest.raises(ConfigurationError, match=form):
        slip()


def test_no_parentheses_above_a_view_with_a_parameter(app: Flask) -> None:
    """Such a view looks like a requirement; it is found where it is registered, or in its class."""

    def user(id: str) -> str:
        return id

    with pytest.raises(ConfigurationError, match=r"@jwt_required\(\)"):
        app.get("/<id>")(jwt_required(user))  # type: ignore[type-var]
    with pytest.raises((ConfigurationError, RuntimeError)) as caught:  # Python 3.11 wraps it
        type("Users", (MethodView,), {"user": jwt_required(user)})
    assert "@jwt_required()" in f"{caught.value} {caught.value.__cause__}"


def _above_the_route(app: Flask) -> None:
    @jwt_required()
    @app.get("/")
    def protected() -> str:
        return get_jwt_identity() or "nobody"


def _above_the_route_of_a_blueprint(app: Flask) -> None:
    blueprint = Blueprint("part", __name__)

    @jwt_required()
    @blueprint.get("/")
    def protected() -> str:
        return get_jwt_identity() or "nobody"

    app.register_blueprint(blueprint)


ABOVE = pytest.mark.parametrize(
    "setup", [_above_the_route, _above_the_route_of_a_blueprint], ids=["app", "blueprint"]
)


@ABOVE
def test_above_the_route_it_guards_nothing_and_init_app_says_so(
    setup: Callable[[Flask], None], collect_garbage: Callable[[], object], app: Flask
) -> None:
    """The decorators stand the wrong way round, and Flask serves the bare view."""
    setup(app)
    collect_garbage()
    with pytest.raises(ConfigurationError, match=r"below the route.*'protected'"):
        init_app(app)


@ABOVE
@pytest.mark.parametrize("with_init_app", [True, False], ids=["init_app", "names alone"])
def test_above_the_route_no_request_is_served(
    setup: Callable[[Flask], None], with_init_app: bool, app: Flask, call: Callable[..., Any]
) -> None:
    """Nor is it where the routes come after `init_app`, or where the view asks who is calling."""
    if with_init_app:
        init_app(app)
    setup(app)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"below the route.*'protected'"):
            call()


def test_the_right_order_with_other_decorators(app: Flask, call: Callable[..., Any]) -> None:
    """Other decorators between, the same view registered bare on purpose, and two guards."""
    from functools import wraps

    def loud(view: Any) -> Any:
        @wraps(view)
        def shouting(*args: Any, **kwargs: Any) -> Any:
            answer = view(*args, **kwargs)
            return answer.upper() if isinstance(answer, str) else answer

        return shouting

    def hello() -> str:
        return "hello"

    app.add_url_rule("/open", "open", hello)
    app.add_url_rule("/loud", "loud", loud(jwt_required()(hello)))
    app.add_url_rule("/twice", "twice", jwt_required(scope("write"))(jwt_required()(hello)))
    init_app(app)
    assert call("/open", token=None).text == "hello"
    assert [call("/loud", token=None).status_int, call("/loud").text] == [401, "HELLO"]
    assert call("/twice").status_int == 403


INSTEAD = {
    "JWTManager": "init_app",
    "create_access_token": "LoginApp",
    "verify_jwt_in_request": "enforce",
    "get_jwt_header": "header",
    "current_user": "current_identity",
}


@pytest.mark.parametrize(("name", "ours"), INSTEAD.items())
def test_other_names_of_flask_jwt_extended_say_ours(name: str, ours: str) -> None:
    """`from jwt_middleware.flask import JWTManager` says what stands in its place."""
    with pytest.raises(ImportError, match=ours):
        exec(f"from jwt_middleware.flask import {name}")


def test_every_name_that_flask_jwt_extended_has_is_answered_for() -> None:
    """Each is one of ours, or says what is."""
    theirs = importlib.import_module("flask_jwt_extended")
    ours = importlib.import_module("jwt_middleware.flask")
    names = {name for name in dir(theirs) if callable(getattr(theirs, name)) and name[0] != "_"}
    assert "create_access_token" in names
    for name in names | {"current_user"}:
        if name not in ours.__all__:
            with pytest.raises(ImportError, match=f"has no {name}: use"):
                getattr(ours, name)
    with pytest.raises(AttributeError):
        ours.nothing  # noqa: B018


def test_the_claims_are_a_fresh_dict(app: Flask, call: Callable[..., Any]) -> None:
    """Changing them reaches no other request."""

    @app.get("/")
    @jwt_required(claim("sub", "ada"))
    def me() -> Response:
        get_jwt()["sub"] = "grace"
        return jsonify(get_jwt()["sub"])

    assert [call().json, call().json] == ["ada", "ada"]


def test_outside_of_a_request_flask_says_so() -> None:
    """The names need a request, as Flask's own do."""
    for use in (get_jwt_identity, get_jwt, lambda: current_identity.subject):
        with pytest.raises(RuntimeError, match="outside of"):
            use()
