"""Small sites of every framework, with parameters, mounts and blueprints; behind rules each."""

import importlib.util
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bottle
import falcon
import flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwt_middleware import JWTMiddleware, Rule, public
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore
from tests.kit import parts

try:
    import cherrypy
    from cherrypy._cptree import Tree
    from pyramid.config import Configurator
    from pyramid.response import Response

    from tests.checks.matrix.apps.djangos import configure_django
except ModuleNotFoundError:  # the extra `test` brings no such framework
    parts.skip("CherryPy, Pyramid or Django is not installed")

SECRET = "a secret of at least thirty-two bytes"
MINTER = TokenMinter.from_secret(SECRET, issuer="https://i.example", audience="a")
RULES = (Rule("/api"), Rule("/health", public))


def guard(app: Any, *rules: Rule, **options: Any) -> JWTMiddleware:
    """The app behind rules."""
    return JWTMiddleware(app, providers=[MINTER.provider], rules=rules or RULES, **options)


def flask_app() -> Any:
    """With converters, a blueprint and methods."""
    app = flask.Flask(__name__)
    part = flask.Blueprint("part", __name__, url_prefix="/api/part")
    part.add_url_rule("/<uuid:id>", "one", lambda **_: "ok")
    app.register_blueprint(part)
    for number, path in enumerate(
        ("/", "/health", "/api/me", "/users/<int:id>", "/u/<name>.html", "/files/<path:rest>")
    ):
        app.add_url_rule(path, f"e{number}", lambda **_: "ok")
    app.add_url_rule("/api/<any(red, blue):color>/<float:size>", "any", lambda **_: "ok")
    app.add_url_rule("/api/<string(length=2):code>", "two", lambda **_: "ok", methods=["POST"])
    app.add_url_rule("/form", "form", lambda: "ok", methods=["POST", "PUT"])
    return app


def flask_wsgi() -> Any:
    """Its WSGI method, which the middleware wraps."""
    return flask_app().wsgi_app


def bottle_app() -> Any:
    """With filters of every kind, the old syntax, and a mount."""
    app, inner = bottle.Bottle(), bottle.Bottle()
    for path in ("/", "/health", "/api/me", "/users/<id:int>", "/f/<rest:path>", "/api/<n:float>"):
        app.route(path, "GET", lambda **_: "ok")
    app.route("/re/<code:re:[a-z]{3}>", "ANY", lambda code: "ok")
    with warnings.catch_warnings(action="ignore"):
        app.route("/old/:name", "GET", lambda name: "ok")
    app.route("/form", ["POST", "PUT"], lambda: "ok")
    inner.route("/inner/<name>", "GET", lambda name: "ok")
    with warnings.catch_warnings(action="ignore"):  # Bottle wants a slash at the end
        app.mount("/api/mounted", inner)
        app.mount("/mounted", inner)
    return app


def falcon_app() -> Any:
    """With converters, a sink and several methods."""

    class Page:
        def on_get(self, request: Any, response: Any, **_: Any) -> None:
            response.text = "ok"

        on_post = on_get

    app = falcon.App()
    for path in (
        "/",
        "/health",
        "/api/me",
        "/users/{id:int}",
        "/files/{rest:path}",
        "/api/{u:uuid}",
    ):
        app.add_route(path, Page())
    app.add_sink(lambda request, response: setattr(response, "text", "ok"), "/sink")
    return app


def pyramid_app() -> Any:
    """With routes of patterns, a star, methods, and a view by traversal."""

    def view(*_: Any) -> Response:
        return Response("ok")

    with Configurator() as config:
        for number, path in enumerate(
            ("/", "/health", "/api/me", r"/users/{id:\d+}", "/u/{name}", "/files/*rest")
        ):
            config.add_route(f"r{number}", path)
            config.add_view(view, route_name=f"r{number}")
        config.add_route("form", "/form", request_method="POST")
        config.add_view(view, route_name="form")
        config.add_view(view, name="by-name", context=object)
        return config.make_wsgi_app()


class _Pages:
    @cherrypy.expose
    def index(self) -> str:
        return "ok"

    @cherrypy.expose
    def health(self) -> str:
        return "ok"

    @cherrypy.expose
    def user(self, id: str, verbose: str = "") -> str:
        return "ok"


class _Api:
    @cherrypy.expose
    def me(self) -> str:
        return "ok"

    @cherrypy.expose
    def default(self, *rest: str) -> str:
        return "ok"


def cherrypy_app() -> Any:
    """With nested objects, positional arguments and `default`."""
    cherrypy.config.update({"environment": "embedded", "log.screen": False})
    root = _Pages()
    root.api = _Api()  # type: ignore[attr-defined]
    app = cherrypy.Application(root, None)
    app.log.access_log.disabled = app.log.error_log.disabled = True
    return app


def cherrypy_tree() -> Any:
    """Two apps in a tree."""
    tree = Tree()
    for name, root in (("", _Pages()), ("/api", _Api())):
        app = cherrypy.Application(root, name)
        app.log.access_log.disabled = app.log.error_log.disabled = True
        tree.mount(app, name)
    return tree


def django_app() -> Any:
    """The site of the matrix, whose URL configuration is one for the process."""
    configure_django()
    from django.core.handlers.wsgi import WSGIHandler
    from django.test.utils import override_settings

    override_settings(ROOT_URLCONF="tests.inspection.django_urls").enable()
    return WSGIHandler()


def vendored_bottle() -> Any:
    """Bottle as an app's own copy of it, under another name."""
    name = "some_app._vendor.bottle"
    source = Path(bottle.__file__)
    spec = importlib.util.spec_from_file_location(name, source)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    app = module.Bottle()
    for path in ("/", "/health", "/api/<n:int>"):
        app.route(path, "GET", lambda **_: "ok")
    return app


def flask_subdomains() -> Any:
    """Rules of a subdomain, one with a parameter, beside those of the server's own name."""
    app = flask.Flask(__name__, subdomain_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "site.example"
    for number, (path, options) in enumerate(_HOSTS):
        app.add_url_rule(path, f"e{number}", lambda **_: "ok", **options)
    return app.wsgi_app


_HOSTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/health", {}),
    ("/only", {"subdomain": "admin"}),
    ("/api/only", {"subdomain": "admin"}),
    ("/of/<int:id>", {"subdomain": "<team>"}),
)


def flask_hosts() -> Any:
    """A map that matches hosts."""
    app = flask.Flask(__name__, host_matching=True, static_host="static.example")
    for host in ("a.example", "<any>.b.example"):
        for path in ("/health", "/x", "/api/x"):
            app.add_url_rule(path, host + path, lambda **_: "ok", host=host)
    return app.wsgi_app


class _Verbs:
    exposed = True

    def GET(self, id: str) -> str:  # noqa: N802 (CherryPy's names)
        return "ok"

    def DELETE(self, id: str, part: str) -> str:  # noqa: N802
        return "ok"


class _Arguments:
    """Page handlers that take arguments in every way."""

    @cherrypy.expose
    def health(self) -> str:
        return "ok"

    @cherrypy.expose
    def one(self, id: str) -> str:
        return "ok"

    @cherrypy.expose
    def two(self, id: str, part: str, verbose: str = "") -> str:
        return "ok"

    @cherrypy.expose
    def by_path(self, id: str, /) -> str:
        return "ok"

    @cherrypy.expose
    def by_query(self, *, q: str) -> str:
        return "ok"

    @cherrypy.expose
    def some(self, id: str, *rest: str) -> str:
        return "ok"


class _Inner:
    @cherrypy.expose
    def index(self) -> str:
        return "ok"

    @cherrypy.expose
    def page(self, id: str) -> str:
        return "ok"

    @cherrypy.expose
    def default(self, first: str) -> str:
        return "ok"


def _cherrypy(root: Any, **config: Any) -> Any:
    cherrypy.config.update({"environment": "embedded", "log.screen": False})
    app = cherrypy.Application(root, "", {"/": config})
    app.log.access_log.disabled = app.log.error_log.disabled = True
    return app


def cherrypy_arguments() -> Any:
    """Handlers with arguments, an object with an index, and `default`."""
    root: Any = _Arguments()
    root.api, root.inner = _Inner(), _Inner()
    return _cherrypy(root)


def cherrypy_own_dispatcher() -> Any:
    """A dispatcher that does not look at the tree."""
    return _cherrypy(_Arguments(), **{"request.dispatch": lambda path: None})


def cherrypy_verbs() -> Any:
    """`MethodDispatcher`: each method takes other arguments."""
    root: Any = type("Root", (), {})()
    for name in ("health", "item", "api"):
        setattr(root, name, _Verbs())
    dispatcher = cherrypy.dispatch.MethodDispatcher()
    return _cherrypy(root, **{"request.dispatch": dispatcher})


def cherrypy_virtual_host() -> Any:
    """A host whose paths are below a prefix of the tree."""
    root: Any = _Arguments()
    root.team, root.api = _Inner(), _Inner()
    dispatcher = cherrypy.dispatch.VirtualHost(**{"team.example": "/team"})
    return _cherrypy(root, **{"request.dispatch": dispatcher})


def pyramid_resources() -> Any:
    """Views by name of the root, of any resource and of one class, found by traversal."""

    class Page(dict[str, Any]):
        pass

    def root(request: Any) -> Any:
        return {"docs": Page(), "api": Page(x=Page()), "health": Page()}

    def view(*_: Any) -> Response:
        return Response("ok")

    with Configurator(root_factory=root) as config:
        config.add_view(view)
        config.add_view(view, name="edit", request_method="POST")
        config.add_view(view, name="raw", context=Page)
        return config.make_wsgi_app()


def hosts() -> Any:
    """Apps by their hosts: one with a guard, and one without."""
    from paste.urlmap import URLMap

    apps = URLMap()
    apps["/"] = flask_wsgi()
    apps["http://closed.example/"] = guard(flask_wsgi(), Rule("/"), Rule("/health", public))
    apps["http://closed.example/falcon"] = guard(falcon_app())
    return apps


def cherrypy_hosts() -> Any:
    """The same by CherryPy's WSGI app for virtual hosts."""
    from cherrypy import _cpwsgi

    closed = guard(falcon_app(), Rule("/"), Rule("/health", public))
    return _cpwsgi.VirtualHost(flask_wsgi(), {"closed.example": closed})


def mounts() -> Any:
    """A guarded app below an open one, and one with its own guard."""
    return DispatcherMiddleware(
        guard(flask_wsgi()), {"/bottle": bottle_app(), "/own": guard(falcon_app())}
    )


def logged_in() -> Any:
    """The login app in front, and the guard put in place of the app's own method."""
    app = flask_app()
    login = LoginApp(MemoryStore(), MINTER)
    app.wsgi_app = login.wrap(guard(app.wsgi_app), prefix="/auth")
    return app


GUARDED: dict[str, Callable[[], Any]] = {
    "flask": lambda: guard(flask_wsgi()),
    "bottle": lambda: guard(bottle_app()),
    "falcon": lambda: guard(falcon_app()),
    "pyramid": lambda: guard(pyramid_app()),
    "cherrypy": lambda: guard(cherrypy_app()),
    "cherrypy, tree": lambda: guard(cherrypy_tree()),
    "django": lambda: guard(django_app()),
    "dispatcher": mounts,
    "bottle, vendored": lambda: guard(vendored_bottle()),
    "flask, subdomains": lambda: guard(flask_subdomains()),
    "flask, hosts": lambda: guard(flask_hosts()),
    "cherrypy, arguments": lambda: guard(cherrypy_arguments()),
    "cherrypy, verbs": lambda: guard(cherrypy_verbs()),
    "cherrypy, virtual host": lambda: guard(cherrypy_virtual_host()),
    "pyramid, resources": lambda: guard(
        pyramid_resources(), Rule("/api"), Rule("/edit"), Rule("/", public, exact=True)
    ),
    "hosts, paste": hosts,
    "hosts, cherrypy": cherrypy_hosts,
    "login app, app.wsgi_app": logged_in,
}
