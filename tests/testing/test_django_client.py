"""`DjangoClient`: Django's test client, through the app that `WSGI_APPLICATION` names."""

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import jwt_middleware.testing
from jwt_middleware import ConfigurationError, Identity, JWTMiddleware, Rule, scope
from tests.kit.apps import guarded

pytestmark = pytest.mark.needs_frameworks


def _urls() -> list[Any]:
    from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
    from django.middleware.csrf import get_token
    from django.urls import path
    from django.views.decorators.csrf import csrf_protect

    def me(request: Any) -> Any:
        caller = Identity.from_environ(request.META)
        answer = JsonResponse({"id": caller and caller.subject})
        answer.set_cookie("visits", str(int(request.COOKIES.get("visits", 0)) + 1))
        return answer

    def form(request: Any) -> Any:
        get_token(request)
        return HttpResponse(request.body)

    def broken(request: Any) -> Any:
        raise LookupError("broken")

    return [
        path("", lambda request: HttpResponse("home")),
        path("api/me", me),
        path("api/form", csrf_protect(form)),
        path("api/broken", broken),
        path("api/stream", lambda request: StreamingHttpResponse(iter([b"a", b"b"]))),
    ]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[JWTMiddleware]:
    """A guarded Django site, the one that the setting `WSGI_APPLICATION` names."""
    from django.core.wsgi import get_wsgi_application
    from django.test import override_settings

    from tests.checks.matrix.apps import configure_django

    configure_django()
    wsgi, urls = ModuleType("site_of_a_test"), ModuleType("urls_of_a_test")
    urls.urlpatterns = _urls()  # type: ignore[attr-defined]
    rules = [Rule("/api"), Rule("/api/form", scope("write"))]
    app = get_wsgi_application()
    wsgi.application = guarded(app, rules=rules, allowed_origins=["https://app.example"])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, wsgi.__name__, wsgi)
    with override_settings(ROOT_URLCONF=urls, WSGI_APPLICATION="site_of_a_test.application"):
        yield wsgi.application


@pytest.fixture
def client(site: JWTMiddleware, jwt_django_client: Callable[..., Any]) -> Any:
    """A client of the site, found by the setting."""
    return jwt_django_client()


def test_it_goes_through_the_middleware(client: Any) -> None:
    """The caller is signed in, a stranger is refused, and what is public is answered."""
    assert client.as_user("ada").get("/api/me").json() == {"id": "ada"}
    refused = client.get("/api/me")
    assert (refused.status_code, refused.json()["reason"]) == (401, "missing")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert client.get("/").content == b"home"


def test_headers_serve_it_too(client: Any, site: JWTMiddleware, jwt_headers: Any) -> None:
    """Django's client takes headers with each request; those of `jwt_headers` name the caller."""
    assert client.get("/api/me", headers=jwt_headers(site, "bob")).json() == {"id": "bob"}


def test_an_app_may_be_given(site: JWTMiddleware, jwt_django_client: Callable[..., Any]) -> None:
    """It need not be the one of the setting."""
    other = guarded(site.app, rules=[Rule("/")])
    assert jwt_django_client(other).get("/").status_code == 401
    assert jwt_django_client(other).as_user("ada").get("/").content == b"home"


def test_clients_are_apart(client: Any) -> None:
    """Each has its own token and cookies; the one they were made of has changed in nothing."""
    ada, bob = client.as_user("ada"), client.as_user("bob")
    for caller, visits in [(ada, "1"), (ada, "2"), (bob, "1")]:
        assert caller.get("/api/me").cookies["visits"].value == visits
    assert ada.anonymous.get("/api/me").status_code == 401
    assert ada.anonymous.cookies == client.cookies == {}
    assert ada.with_token(client.tokens.bad("expired")).get("/api/me").json()["reason"] == "expired"


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete", "options"])
def test_every_method_is_refused_and_let_in(client: Any, method: str) -> None:
    """With and without a body; to HEAD there is none."""
    refused = getattr(client, method)("/api/me")
    assert refused.status_code == 401
    assert bool(refused.content) is (method != "head")
    assert getattr(client.as_user("ada"), method)("/api/me").status_code == 200


def test_a_body_is_sent_and_a_refused_one_left(client: Any) -> None:
    """The middleware may read the body of a request that it refuses."""
    body = {"data": b"x" * 100_000, "content_type": "text/plain"}
    assert client.post("/api/form", **body).status_code == 401
    assert client.as_user("ada").post("/api/form", **body).status_code == 403
    writer = client.as_user("ada", scopes=["write"])
    assert writer.post("/api/form", **body).content == body["data"]


@pytest.mark.parametrize("enforced", [False, True])
def test_csrf_checks_are_as_the_client_is_made(
    site: JWTMiddleware, jwt_django_client: Callable[..., Any], enforced: bool
) -> None:
    """As with Django's client, they are left out unless `enforce_csrf_checks` is set."""
    client = jwt_django_client(enforce_csrf_checks=enforced).as_user("ada", scopes=["write"])
    assert client.post("/api/form").status_code == (403 if enforced else 200)


def test_errors_of_views_are_raised(
    client: Any, site: JWTMiddleware, jwt_django_client: Callable[..., Any]
) -> None:
    """As Django's client does, unless it is told not to."""
    with pytest.raises(LookupError):
        client.as_user("ada").get("/api/broken")
    quiet = jwt_django_client(raise_request_exception=False).as_user("ada")
    assert quiet.get("/api/broken").status_code == 500


def test_answers_have_what_djangos_have(client: Any) -> None:
    """The request that the view saw, the match of the URL, streams; and headers of the
    middleware's."""
    answer = client.as_user("ada").get("/api/me", headers={"Origin": "https://app.example"})
    assert Identity.from_environ(answer.wsgi_request.META).subject == "ada"  # type: ignore[union-attr]
    assert answer.resolver_match.route == "api/me"
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    stream = client.as_user("ada").get("/api/stream")
    assert stream.getvalue() == b"ab"
    assert client.get("/api/me").wsgi_request.path == "/api/me"


def test_nothing_of_django_is_changed(client: Any, site: JWTMiddleware) -> None:
    """After a request Django makes its own requests again, and closes its own connections."""
    from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
    from django.core.signals import request_finished, request_started
    from django.db import close_old_connections

    client.as_user("ada").get("/api/me")
    with pytest.raises(LookupError):
        client.as_user("ada").get("/api/broken")
    assert WSGIHandler.request_class is WSGIRequest
    for signal in (request_started, request_finished):
        assert signal.disconnect(close_old_connections)
        signal.connect(close_old_connections)


def test_a_site_without_the_middleware_is_named(
    site: JWTMiddleware, jwt_django_client: Callable[..., Any]
) -> None:
    """A setting that names the app inside the middleware is no silent 200."""
    from django.test import override_settings

    with (
        override_settings(WSGI_APPLICATION=None),
        pytest.raises(ConfigurationError, match="app must contain a JWTMiddleware"),
    ):
        jwt_django_client()


def test_a_client_ends_with_its_test(client: Any) -> None:
    """The clients made of it do, too."""
    ada = client.as_user("ada")
    client.lifetime.end()
    for use in (lambda: ada.get("/api/me"), lambda: client.get("/"), lambda: client.as_user("x")):
        with pytest.raises(ConfigurationError, match="that test is over"):
            use()


@pytest.mark.parametrize("subject", [1, None, b"ada"], ids=["integer", "none", "bytes"])
def test_a_subject_is_a_string(client: Any, subject: Any) -> None:
    """`as_user(1)`, as a primary key might be given, is refused at once; so is such a token."""
    with pytest.raises(ConfigurationError, match="subject must be a string"):
        client.as_user(subject)
    with pytest.raises(ConfigurationError, match="token must be a string"):
        client.with_token(subject)


def test_without_django_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the kit works without it."""
    monkeypatch.delitem(sys.modules, "jwt_middleware.testing.django_client", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "django"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "django", None)
    with pytest.raises(ImportError, match="pip install Django"):
        _ = jwt_middleware.testing.DjangoClient
