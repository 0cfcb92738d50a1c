"""`LoginApp.wrap`: it answers its own paths and hands all else on untouched."""

import io
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from webtest import lint

from jwt_middleware import JWTMiddleware, Rule
from jwt_middleware.login import LoginApp

from .conftest import echo

OWN = {"/login": 200, "/login.css": 200, "/health": 200, "/token": 405, "/tokens": 401}
OTHER = [
    "/",
    "/api",
    "/tokens/",
    "/tokens/x",
    "/token/",
    "/token/x",
    "/login/",
    "//token",
    "/TOKEN",
    "/auth/",
    "/authx/token",
]


@pytest.fixture(params=["", "/auth", "/deep/down"], ids=["no prefix", "/auth", "/deep/down"])
def prefix(request: pytest.FixtureRequest) -> str:
    """Where the login app stands."""
    return str(request.param)


def test_own_paths(prefix: str, visit: Any, login_app: LoginApp) -> None:
    """Each is answered below the prefix, whatever the app has there."""
    site = visit(login_app.wrap(lint.middleware(echo), prefix=prefix))
    for path, status in OWN.items():
        answer = site.get(prefix + path, status=status)
        assert '"seen"' not in answer.text
    site.sign_in(prefix=prefix)


def test_other_paths(prefix: str, visit: Any, login_app: LoginApp, mount: str) -> None:
    """The app is called with SCRIPT_NAME and PATH_INFO as they came."""
    site = visit(login_app.wrap(lint.middleware(echo), prefix=prefix))
    for path in {prefix + path for path in OTHER} | ({"/token", "/login"} if prefix else set()):
        seen = site.get(path, status=200).json["seen"]
        assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == (mount, path)


def test_where_the_login_app_stands(
    prefix: str, store: Any, minter: Any, mount: str, visit: Any
) -> None:
    """It sees the prefix as part of SCRIPT_NAME, so that it is an app at a mount like any other."""
    seen: list[tuple[str, str]] = []

    class Spy(LoginApp):
        def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
            seen.append((environ["SCRIPT_NAME"], environ["PATH_INFO"]))
            return super().__call__(environ, start_response)

    visit(Spy(store, minter).wrap(echo, prefix=prefix)).get(f"{prefix}/health")
    assert seen == [(mount + prefix, "/health")]


@pytest.mark.parametrize(
    "body", [[b"x"], FileWrapper(io.BytesIO(b"x")), iter([b"x"])], ids=["list", "file", "iterator"]
)
def test_the_response_is_the_apps(body: Any, prefix: str, login_app: LoginApp) -> None:
    """The very environ goes in and the very iterable comes out: close() and wsgi.file_wrapper are
    the server's."""
    called: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        called.append((environ, dict(environ), start_response))
        return body

    environ = {
        "PATH_INFO": "/x",
        "SCRIPT_NAME": "/sub",
        "REQUEST_METHOD": "POST",
        "wsgi.input": io.BytesIO(b"unread"),
    }
    before = dict(environ)
    assert login_app.wrap(app, prefix=prefix)(environ, print) is body
    [(passed, as_passed, start_response)] = called
    assert passed is environ
    assert as_passed == before
    assert start_response is print
    assert before["wsgi.input"].read() == b"unread"  # type: ignore[attr-defined]


def test_a_login_app_may_stand_inside(visit: Any, login_app: LoginApp, minter: Any) -> None:
    """Between middleware and app it works as well, while its paths are public."""
    inner = login_app.wrap(lint.middleware(echo), prefix="/auth")
    site = visit(JWTMiddleware(inner, providers=[minter.provider], rules=[Rule("/api")]))
    site.sign_in()
    assert site.get("/api").json["subject"] == "1"


def test_two_login_apps(visit: Any, login_app: LoginApp, store: Any, minter: Any) -> None:
    """Several may stand in front of one app."""
    site = visit(
        login_app.wrap(
            LoginApp(store, minter).wrap(lint.middleware(echo), prefix="/b"), prefix="/a"
        )
    )
    for prefix in ("/a", "/b"):
        site.sign_in(prefix=prefix)
    site.get("/c", status=200)


def test_a_prefix_in_any_script(visit: Any, login_app: LoginApp) -> None:
    """A prefix is written as people read it; in the environ it stands as UTF-8 bytes."""
    site = visit(login_app.wrap(lint.middleware(echo), prefix="/für-alle"))
    site.sign_in(prefix="/f%C3%BCr-alle")


def test_own_paths_need_no_token(site: Any) -> None:
    """In front of the middleware nobody needs a token to get one, whatever the rules say."""
    site.authorization = ("Bearer", "rubbish")
    site.get("/auth/login", status=200)
    site.sign_in()
