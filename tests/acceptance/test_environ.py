"""What the app behind the middleware finds in its environ, and that nothing else is touched."""

import io
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from webtest import TestRequest as Request

from jwt_middleware import Identity, JWTMiddleware, Rule, issued_by, public
from jwt_middleware.login import TokenMinter

from .conftest import RULES

STALE = {
    "REMOTE_USER": "mallory",
    "AUTH_TYPE": "Basic",
    "jwt_middleware.identity": "x",
    "jwt_middleware.reason": "x",
    "jwt_middleware.subject": "x",
    "jwt_middleware.would_refuse": "x",
}
SECOND = "https://second.example"


class Recorder:
    """An app that keeps the environs it is called with."""

    def __init__(self) -> None:
        self.environs: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.environs.append(dict(environ))
        start_response("204 No Content", [])
        return []

    @property
    def environ(self) -> dict[str, Any]:
        """The last one."""
        return self.environs[-1]


@pytest.fixture
def recorder() -> Recorder:
    """The app behind the middleware."""
    return Recorder()


@pytest.fixture
def api(visit: Any, guard: Any, recorder: Recorder) -> Any:
    """A client of the recorder behind the usual rules."""
    return visit(guard(recorder))


def test_who_is_calling(api: Any, recorder: Recorder, forge: Any) -> None:
    """The identity with its claims, REMOTE_USER and AUTH_TYPE."""
    api.authorization = ("Bearer", forge(scope="read write", claim=["of", {"its": "own"}]))
    api.get("/api")
    caller = Identity.from_environ(recorder.environ)
    assert caller is recorder.environ["jwt_middleware.identity"]
    assert caller is not None
    assert (caller.subject, caller.issuer, caller.scopes) == (
        "1",
        "https://login.example",
        ("read", "write"),
    )
    assert (caller.token_id, caller.session_id) == ("t", "s")
    assert caller.claims["claim"] == ["of", {"its": "own"}]
    assert caller.expires_at == caller.claims["exp"]
    assert (recorder.environ["REMOTE_USER"], recorder.environ["AUTH_TYPE"]) == ("1", "Bearer")


def test_claims_are_fresh(api: Any, recorder: Recorder, forge: Any) -> None:
    """What a handler does to the claims reaches no other access and no other request with the same
    token."""
    api.authorization = ("Bearer", forge(roles=["reader"]))
    for _ in range(2):
        api.get("/api")
        caller = Identity.from_environ(recorder.environ)
        assert caller is not None
        assert caller.claims["roles"] == ["reader"]
        caller.claims["roles"].append("admin")
        assert caller.claims["roles"] == ["reader"]


@pytest.mark.parametrize(
    "subject", ["Zoë", "李小龍", "🦊", "ada@example.com", "auth0|5f7c", 'o\'hara "x"', "a,b;c=d"]
)
def test_subjects(subject: str, api: Any, recorder: Recorder, forge: Any) -> None:
    """REMOTE_USER is PEP 3333 text (UTF-8 bytes as latin-1); the identity has the real text."""
    api.authorization = ("Bearer", forge(sub=subject))
    api.get("/api")
    assert recorder.environ["REMOTE_USER"].encode("latin-1").decode() == subject
    assert recorder.environ["jwt_middleware.identity"].subject == subject


@pytest.mark.parametrize(
    "path", ["/api", "/api/health", "/news"], ids=["guarded", "public", "optional"]
)
def test_stale_keys_are_dropped_under_a_rule(
    path: str, api: Any, recorder: Recorder, forge: Any
) -> None:
    """Whoever the app sees there was verified here, or nobody is."""
    api.get(path, extra_environ=STALE, headers={"Authorization": f"Bearer {forge()}"})
    environ = recorder.environ
    expected = (None, None) if path == "/api/health" else ("1", "Bearer")
    assert (environ.get("REMOTE_USER"), environ.get("AUTH_TYPE")) == expected
    assert "jwt_middleware.reason" not in environ
    assert ("jwt_middleware.identity" in environ) is (path != "/api/health")


def test_stale_keys_are_dropped_without_a_token(api: Any, recorder: Recorder) -> None:
    """An optional token that is absent leaves nobody, not whom the server named."""
    api.get("/news", extra_environ=STALE)
    assert not STALE.keys() & recorder.environ.keys()


def test_other_paths_are_untouched(api: Any, recorder: Recorder, forge: Any) -> None:
    """Without a rule the environ arrives as it came, REMOTE_USER of an outer guard included."""
    api.get("/elsewhere", extra_environ=STALE, headers={"Authorization": f"Bearer {forge()}"})
    assert recorder.environ.items() >= STALE.items()


@pytest.mark.parametrize("path", ["/api", "/api/health", "/news", "/elsewhere"])
def test_no_identity_in_a_header_key(path: str, api: Any, recorder: Recorder, forge: Any) -> None:
    """No HTTP_* key is added or changed: a client can send those."""
    headers = {
        "Authorization": f"Bearer {forge()}",
        "Remote-User": "mallory",
        "X-Remote-User": "mallory",
    }
    api.get(path, headers=headers)
    sent = api.get("/elsewhere", headers=headers) and recorder.environs[-1]
    had = {name: value for name, value in recorder.environs[0].items() if name.startswith("HTTP_")}
    assert had == {name: value for name, value in sent.items() if name.startswith("HTTP_")}


def test_the_path_stays_as_it_came(api: Any, recorder: Recorder, forge: Any, mount: str) -> None:
    """The middleware reads a path in many ways and hands it on in the one it had."""
    api.authorization = ("Bearer", forge())
    for path in ("/api//x/../y;z", "//api", "/api/%2561", "/api/caf%C3%A9"):
        api.get(path)
        expected = {"/api/%2561": "/api/%61", "/api/caf%C3%A9": "/api/cafÃ©"}.get(path, path)
        assert (recorder.environ["SCRIPT_NAME"], recorder.environ["PATH_INFO"]) == (mount, expected)


def test_the_reason_of_a_refusal(guard: Any) -> None:
    """On a refusal the environ holds the reason, for the access log of the server."""
    request = Request.blank("/api", environ=dict(STALE))
    assert request.get_response(guard()).status_int == 401
    assert request.environ["jwt_middleware.reason"] == "missing"
    assert not {"REMOTE_USER", "AUTH_TYPE", "jwt_middleware.identity"} & request.environ.keys()


@pytest.mark.parametrize(
    ("requires", "named"),
    [
        ((), False),
        ((issued_by(SECOND),), True),
        ((issued_by(SECOND, "https://login.example"),), False),
    ],
    ids=["any issuer", "one issuer", "two issuers"],
)
def test_remote_user_with_several_providers(
    requires: Any, named: bool, visit: Any, guard: Any, recorder: Recorder, minter: TokenMinter
) -> None:
    """A subject is unique only within its issuer, so REMOTE_USER is set only where the rule leaves
    one issuer."""
    second = TokenMinter.from_secret("x" * 32, issuer=SECOND, audience="example-api")
    api = visit(
        guard(
            recorder, providers=[minter.provider, second.provider], rules=[Rule("/api", *requires)]
        )
    )
    api.get("/api", extra_environ=STALE, headers={"Authorization": f"Bearer {second.mint('ada')}"})
    assert recorder.environ.get("REMOTE_USER") == ("ada" if named else None)
    assert recorder.environ["jwt_middleware.identity"].issuer == SECOND


class Body:
    """A response body that knows whether it was closed."""

    closed = False

    def __iter__(self) -> Any:
        return iter([b"one", b"two"])

    def close(self) -> None:
        """Note it."""
        self.closed = True


@pytest.mark.parametrize(
    "path", ["/elsewhere", "/api/health", "/api"], ids=["no rule", "public", "guarded"]
)
@pytest.mark.parametrize(
    "make", [Body, lambda: FileWrapper(io.BytesIO(b"x"))], ids=["with close", "wsgi.file_wrapper"]
)
def test_the_response_passes_through_untouched(path: str, make: Any, minter: TokenMinter) -> None:
    """The server gets the very object that the app returned, and so closes it or sends it as a
    file."""
    body = make()
    started: list[Any] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")], None)
        return body

    def start_response(*arguments: Any) -> None:
        started.append(arguments)

    guarded = JWTMiddleware(app, providers=[minter.provider], rules=RULES)
    environ = {
        "PATH_INFO": path,
        "REQUEST_METHOD": "GET",
        "HTTP_AUTHORIZATION": f"Bearer {minter.mint('ada')}",
    }
    assert guarded(environ, start_response) is body
    assert started == [("200 OK", [("Content-Type", "text/plain")], None)]


def test_what_the_app_raises_passes_through(minter: TokenMinter) -> None:
    """An error of the app is the app's: it is not turned into an answer of ours."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        raise KeyError("the app's own")

    guarded = JWTMiddleware(app, providers=[minter.provider], rules=[Rule("/", public)])
    with pytest.raises(KeyError, match="the app's own"):
        guarded({"PATH_INFO": "/", "REQUEST_METHOD": "GET"}, print)
