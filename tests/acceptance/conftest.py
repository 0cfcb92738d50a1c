"""The middleware and the login app as their users meet them: WebTest with lint, at the root and
below a mount.

`webtest.lint` stands on both sides of the middleware, so both what servers see and what apps see is
held to PEP 3333. After every test the log, taken at DEBUG, is searched for the passwords and tokens
that went over the wire.
"""

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pytest
from webtest import TestApp, TestRequest, lint
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwt_middleware import Identity, JWTMiddleware, Rule, optional, public, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore
from tests.kit.passwords import CHEAP
from tests.kit.tokens import issued

PASSWORD = "correct horse battery staple"
SECRET = "the secret of the minter, long enough"
ISSUER, AUDIENCE = "https://login.example", "example-api"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
RULES = (
    Rule("/api"),
    Rule("/api/health", public),
    Rule("/api/admin", scope("admin")),
    Rule("/news", optional),
)

_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_SEEN = ("REMOTE_USER", "AUTH_TYPE", "SCRIPT_NAME", "PATH_INFO", "jwt_middleware.reason")


class Client(TestApp):
    """WebTest's client of an app mounted at a path (`""` is the root); it remembers what must not
    be logged."""

    def __init__(self, app: Any, mount: str) -> None:
        super().__init__(DispatcherMiddleware(NotFound(), {mount: app}) if mount else app)
        self.mount = mount
        self.secrets = {PASSWORD, SECRET}

    def do_request(self, req: TestRequest, *args: Any, **options: Any) -> Any:
        """Send a request whose path is relative to the mount."""
        req.environ["PATH_INFO"] = self.mount + req.environ["PATH_INFO"]
        req.environ.setdefault("REMOTE_ADDR", "192.0.2.1")  # as every server does
        answer = super().do_request(req, *args, **options)
        self.secrets |= set(_TOKEN.findall(req.headers.get("Authorization", "") + answer.text))
        return answer

    def send(
        self,
        path: str,
        body: BinaryIO,
        *,
        length: int | None,
        content_type: str = FORM,
        status: int | None = None,
    ) -> Any:
        """POST a body as a server hands it on; without a length as it comes in chunks."""
        framing = (
            {"wsgi.input_terminated": True} if length is None else {"CONTENT_LENGTH": str(length)}
        )
        environ = {
            "REQUEST_METHOD": "POST",
            "wsgi.input": body,
            "CONTENT_TYPE": content_type,
            **framing,
        }
        return self.do_request(TestRequest.blank(path, environ), status, status is None)

    def sign_in(
        self, username: str = "ada", password: str = PASSWORD, *, prefix: str = "/auth"
    ) -> Any:
        """Sign in, keep the token for the requests that follow, and return the answer."""
        answer = self.post_json(f"{prefix}/token", {"username": username, "password": password})
        self.authorization = ("Bearer", answer.json["token"])
        return answer


def echo(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that answers with who is calling and with what it sees of the environ, as JSON."""
    caller = Identity.from_environ(environ)
    body = {
        "subject": caller and caller.subject,
        "scopes": caller and caller.scopes,
        "claims": caller and caller.claims,
        "seen": {name: environ[name] for name in _SEEN if name in environ},
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [json.dumps(body).encode()]


@pytest.fixture(params=["", "/sub"], ids=["root", "mounted"])
def mount(request: pytest.FixtureRequest) -> str:
    """The path at which the whole site is mounted."""
    return str(request.param)


@pytest.fixture
def visit(mount: str, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[Any], Client]]:
    """Makes a client of an app. At the end no password and no token may be found in the log."""
    caplog.set_level(logging.DEBUG)
    clients: list[Client] = []

    def visit(app: Any) -> Client:
        clients.append(Client(app, mount))
        return clients[-1]

    yield visit
    logged = everything_logged(caplog)
    for secret in set().union(*(client.secrets for client in clients)):
        assert secret not in logged


def everything_logged(caplog: pytest.LogCaptureFixture) -> str:
    """All that a handler could print of the records of a test, their extra fields and tracebacks
    included."""
    formatter = logging.Formatter()
    return "\n".join(
        formatter.format(record) + repr(vars(record)) for record in caplog.get_records("call")
    )


@pytest.fixture
def minter() -> TokenMinter:
    """A minter that signs with a secret."""
    return TokenMinter.from_secret(SECRET, issuer=ISSUER, audience=AUDIENCE)


@pytest.fixture
def store() -> MemoryStore:
    """A store with ada, who has the scope admin and a claim of her own."""
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", PASSWORD, scopes=("admin",), claims={"department": "engines"})
    return store


@pytest.fixture
def guard(minter: TokenMinter) -> Callable[..., JWTMiddleware]:
    """Makes the middleware around `echo`, with lint between them; what is passed replaces the usual
    options."""

    def guard(app: Any = echo, **options: Any) -> JWTMiddleware:
        return JWTMiddleware(
            lint.middleware(app), **{"providers": [minter.provider], "rules": RULES} | options
        )

    return guard


@pytest.fixture
def login_app(store: MemoryStore, minter: TokenMinter) -> LoginApp:
    """The login app over `store`, in which one may guess wrong as often as a test has to."""
    return LoginApp(store, minter, throttle=None)


@pytest.fixture
def api(visit: Callable[[Any], Client], guard: Callable[..., JWTMiddleware]) -> Client:
    """A client of the guarded app without a login app."""
    return visit(guard())


@pytest.fixture
def site(
    visit: Callable[[Any], Client], guard: Callable[..., JWTMiddleware], login_app: LoginApp
) -> Client:
    """A client of the whole: the login app under /auth in front of the guarded app."""
    return visit(login_app.wrap(guard(), prefix="/auth"))


@pytest.fixture
def forge() -> Callable[..., str]:
    """Makes a token as the minter does; claims and headers given here replace its own, None removes
    one."""

    def forge(
        *, key: Any = SECRET, algorithm: str = "HS256", headers: Any = None, **claims: Any
    ) -> str:
        usual = {"iss": ISSUER, "sub": "1", "aud": AUDIENCE, "jti": "t", "sid": "s"}
        headers = {"typ": "at+jwt"} | (headers or {})
        return issued(key, algorithm=algorithm, headers=headers, **usual | claims)

    return forge
