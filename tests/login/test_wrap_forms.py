"""What is wrapped, at which prefix, and for which origins: each slip is a `ConfigurationError`."""

import functools
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import bottle
import pytest
from webtest import TestApp

from jwt_middleware import ConfigurationError, JWTMiddleware, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore
from jwt_middleware.wire.addresses import _PROXY_SIGNS
from tests.kit.passwords import CHEAP

MINTER = TokenMinter.from_secret("s" * 32, issuer="https://i.example", audience="a")
TERMS: dict[str, Any] = {"providers": [MINTER.provider], "rules": [Rule("/api")]}


def guard(app: Any, **options: Any) -> Any:
    """Wrap it in the middleware."""
    return JWTMiddleware(app, **{**TERMS, **options})


def front(app: Any, prefix: Any = "/auth") -> Any:
    """Wrap it in a login app."""
    return LoginApp(MemoryStore(), MINTER).wrap(app, prefix=prefix)


def plain(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """A WSGI app."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def generator(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    """A WSGI app that is a generator function."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"hello"


async def coroutine(environ: Any, start_response: Any) -> list[bytes]:
    """No WSGI app."""
    return []


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app."""


class Object:
    """A WSGI app that is an object."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """Answer."""
        return plain(environ, start_response)


class Response:
    """PEP 3333's app that is a class."""

    def __init__(self, environ: dict[str, Any], start_response: Any) -> None:
        self.body = plain(environ, start_response)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.body)


class AsyncObject:
    """An ASGI app that is an object."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer nothing."""


class SyncAsgi:
    """One whose `__call__` returns a coroutine without being one."""

    def __call__(self, scope: Any, receive: Any, send: Any = None) -> Any:
        """Answer nothing."""


async def _async_generator(environ: Any, start_response: Any) -> Any:
    yield b""


@functools.wraps(lambda request: None)
def wrapping(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """A WSGI app whose signature claims to be that of what it wraps."""
    return plain(environ, start_response)


APPS: dict[str, Any] = {
    "a function": plain,
    "a generator function": generator,
    "an object": Object(),
    "a bound method": Object().__call__,
    "a class whose objects are responses": Response,
    "a partial": functools.partial(plain),
    "any arguments": lambda *args: plain(*args),
    "a decorated function": wrapping,
    "a Bottle app": bottle.Bottle(),
}
NO_APPS: dict[str, Any] = {
    "None": None,
    "a string": "myapp:app",
    "a class": Object,
    "a framework's class": bottle.Bottle,
    "a coroutine function": coroutine,
    "a partial of one": functools.partial(coroutine),
    "an async generator function": _async_generator,
    "an ASGI app": asgi,
    "an ASGI object": AsyncObject(),
    "an ASGI object that hides it": SyncAsgi(),
    "one argument": lambda environ: [],
    "no argument": lambda: b"",
    "three arguments": lambda a, b, c: [],
    "a keyword that is needed": lambda environ, start_response, *, more: [],
}
WRAPPERS = {"JWTMiddleware": guard, "LoginApp.wrap": front}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
def test_what_may_be_a_wsgi_app_is_taken(wrap: Callable[..., Any], app: Any) -> None:
    """Whatever can be called with two arguments passes, and is called."""
    assert TestApp(wrap(app), lint=False).get("/", expect_errors=True).status_int in (200, 404)


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("app", NO_APPS.values(), ids=NO_APPS)
def test_what_cannot_be_a_wsgi_app_is_refused(wrap: Callable[..., Any], app: Any) -> None:
    """It would fail at each request; the message says what is taken."""
    with pytest.raises(ConfigurationError, match=r"^app must be a WSGI app"):
        wrap(app)


@pytest.mark.parametrize("app", [coroutine, asgi, AsyncObject(), SyncAsgi()])
def test_an_asgi_app_is_told_of_its_adapter(app: Any) -> None:
    """The message names a2wsgi."""
    with pytest.raises(ConfigurationError, match="wrap ASGI with a2wsgi"):
        guard(app)


class Pointing:
    """A framework's object whose `__call__` goes to an attribute, as Bottle's and Falcon's may."""

    def __init__(self) -> None:
        self.wsgi: Any = plain

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer."""
        return self.wsgi(environ, start_response)


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("make", [bottle.Bottle, Pointing])
def test_an_app_that_leads_back_to_its_wrapper(
    wrap: Callable[..., Any], make: Callable[[], Any]
) -> None:
    """It calls itself without end: the first request says so, and what works instead."""
    app = make()
    app.wsgi = wrap(app)
    with pytest.raises(ConfigurationError, match=r"app\.wsgi = JWTMiddleware\(app\.wsgi"):
        TestApp(app).get("/")
    app = make()
    app.wsgi = wrap(app.wsgi)
    assert TestApp(app).get("/", expect_errors=True).status_int in (200, 404)


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_recursion_of_the_apps_own(wrap: Callable[..., Any]) -> None:
    """An app that recurses too deep is not one that leads back, however it is wrapped."""

    def deep(environ: Any, start_response: Any) -> Any:
        return deep(environ, start_response)

    with pytest.raises(RecursionError):
        TestApp(wrap(wrap(deep))).get("/")


PREFIXES = ["", "/auth", "/a/b", "/a.b", "/a..b", "/~a", "/anmeldung-ä", "/a@b", "/a+b", "/a=b"]
NO_PREFIXES = [
    *["/", "auth", "/auth/", "/a?b", "/a#b", "/a%20b", "/%61", "/../x", "/x/..", "/./x", "/a//b"],
    *["//a", "/<x>", "/<int:x>", "/{x}", "/:x", "/*", "/a*", "/[x]", "/a|b", "/a^b", "/a;b"],
    *["/auth ", " /auth", "/a b", "/a\tb", "/a\n", "/a\0", "/a\x7f", "/a\u00a0b", "/a\u3000"],
    *["/\ud800", "/a\ufffd", "\\auth", "/a\\b", "https://x.example/auth", "/a:b", None, 5, b"/a"],
    *[["/a"], True],
]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_that_a_request_can_have(prefix: str) -> None:
    """The login app answers there."""
    client = TestApp(front(plain, prefix))
    assert client.get(f"{quote(prefix)}/health").json == {"status": "ok"}


@pytest.mark.parametrize("prefix", NO_PREFIXES, ids=ascii)
def test_a_prefix_that_no_request_has(prefix: Any) -> None:
    """It would never be found, or mean several paths: the message shows the form."""
    with pytest.raises(ConfigurationError, match=r'^prefix must be .*prefix="/auth"'):
        front(plain, prefix)


ORIGINS = [
    *["https://app.example", "http://app.example", "https://app.example:8443", "https://localhost"],
    *[
        "http://localhost:3000",
        "http://127.0.0.1:5173",
        "https://[::1]",
        "http://[2001:db8::1]:80800"[:-1],
    ],
    *[
        "https://xn--mller-kva.example",
        "https://a-b.example",
        "https://a_b.example",
        "https://1a.de",
    ],
    *["http://x:443", "https://x:80", "https://x:65535", "http://[::ffff:102:304]"],
]
NO_ORIGINS = {
    "https://x:999999": None,
    "https://x:65536": None,
    "https://x:0": None,
    "https://x:": "https://x",
    "https://x:080": "https://x:80",
    "https://...": None,
    "https://a..b": None,
    "https://.a": None,
    "https://a.": None,
    "https://-x": None,
    "https://x-": None,
    "https://a.-b.c": None,
    "https://": None,
    "https://" + "a" * 64: None,
    "https://APP.example": "https://app.example",
    "HTTPS://app.example": "https://app.example",
    "https://app.example:443": "https://app.example",
    "http://app.example:80": "http://app.example",
    "https://app.example/": "https://app.example",
    "https://app.example/login": "https://app.example",
    "https://app.example?a": "https://app.example",
    "https://app.example#a": "https://app.example",
    "https://ada@app.example": "https://app.example",
    "https://ada:x@app.example": "https://app.example",
    "https://müller.example": "https://xn--mller-kva.example",
    "app.example": "https://app.example",
    "//app.example": None,
    "https://app.example ": None,
    "https://app.example\n": None,
    "https://127.1": None,
    "https://1.2.3.256": None,
    "https://0x7f000001": None,
    "https://2130706433": None,
    "https://[::0001]": "https://[::1]",
    "https://[2001:DB8::1]": "https://[2001:db8::1]",
    "https://[::1": None,
    "https://[]": None,
    "https://[::ffff:1.2.3.4]": "https://[::ffff:102:304]",
    "https://::1": None,
    "https://[fe80::1%25eth0]": None,
    "ftp://app.example": None,
    "null": None,
    "https://*": None,
    "": None,
    "https://a,b": None,
    "https://\ud800": None,
}
TAKERS = {
    "JWTMiddleware": lambda origins: guard(plain, allowed_origins=origins),
    "LoginApp": lambda origins: LoginApp(MemoryStore(), MINTER, allowed_origins=origins),
}


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize("origin", ORIGINS)
def test_an_origin_as_a_browser_sends_it(take: Callable[[Any], Any], origin: str) -> None:
    """It is taken, and is allowed."""
    app = TestApp(take([origin]))
    for path in ("/api", "/health"):
        answer = app.get(path, headers={"Origin": origin}, expect_errors=True)
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed in (origin, None)
        if allowed:
            return
    pytest.fail("it is not allowed anywhere")


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize(("origin", "meant"), NO_ORIGINS.items(), ids=map(ascii, NO_ORIGINS))
def test_an_origin_that_no_browser_sends(
    take: Callable[[Any], Any], origin: str, meant: str | None
) -> None:
    """It would never be allowed: the message shows the form, and what was meant where that
    shows."""
    with pytest.raises(ConfigurationError) as error:
        take(["https://good.example", origin])
    assert str(error.value).startswith("allowed_origins must be a list of exact origins")
    assert str(error.value).endswith(f"=['{meant or 'https://app.example'}']")


SIGNS = [*_PROXY_SIGNS, "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_SSL"]


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_of_a_proxy_keeps_the_cookie_secure(sign: str) -> None:
    """A proxy on this machine may send its own host, `localhost`: what came to it was https all the
    same, so the cookie keeps `Secure` and the prefix of its name."""
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", "lovelace")
    client = TestApp(LoginApp(store, MINTER))
    fields = {"username": "ada", "password": "lovelace", "cookie": True}
    cookies = client.post_json("/token", fields).headers.getall("Set-Cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["jwt_session", "jwt_refresh"]
    assert "Secure" not in "".join(cookies)
    client.reset()
    answer = client.post_json("/token", fields, extra_environ={sign: "x"})
    names = ["__Host-jwt_session", "__Host-jwt_refresh"]
    assert [cookie.partition("=")[0] for cookie in answer.headers.getall("Set-Cookie")] == names
    assert all("; Secure;" in cookie for cookie in answer.headers.getall("Set-Cookie"))
