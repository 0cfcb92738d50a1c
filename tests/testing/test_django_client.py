"""`DjangoClient`: Django's test client through the wrapped WSGI application."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.test import Client, override_settings
from django.urls import path
from werkzeug.middleware.proxy_fix import ProxyFix

import jwt_middleware.testing
from jwt_middleware import ConfigurationError, Identity, JWTMiddleware, Rule, public
from jwt_middleware.testing import DjangoClient, trusting
from tests.checks.matrix.apps import configure_django
from tests.kit.apps import guarded

RULES = [Rule("/"), Rule("/open", public)]


def me(request: HttpRequest) -> HttpResponse:
    """A Django view that answers who is calling."""
    caller = Identity.from_environ(request.META)
    return JsonResponse({"id": caller and caller.subject, "sent": request.body.decode()})


def count(request: HttpRequest) -> HttpResponse:
    """A Django view that counts a browser's visits, in two cookies and two headers of one name."""
    visits = int(request.COOKIES.get("visits", "0"))
    response = HttpResponse(str(visits))
    response.set_cookie("visits", str(visits + 1), httponly=True)
    response.set_cookie("other", "x; y")
    return response


def fail(request: HttpRequest) -> HttpResponse:
    """A Django view with a defect."""
    raise ZeroDivisionError


class Site:
    """The URLs of the site."""

    urlpatterns = (
        path("api/me", me),
        path("open/count", count),
        path("open/fail", fail),
        path("open/token", lambda request: HttpResponse(get_token(request))),
        path("open/stream", lambda request: StreamingHttpResponse(iter([b"a", b"b"]))),
    )


application: Any = None
"""What `WSGI_APPLICATION` names."""


@pytest.fixture(autouse=True)
def wsgi_application() -> Iterator[JWTMiddleware]:
    """The wrapped application of a site, found through more WSGI middleware of the owner's."""
    configure_django()
    global application
    with override_settings(
        ROOT_URLCONF=Site,
        WSGI_APPLICATION=f"{__name__}.application",
        MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
        USE_I18N=False,
    ):
        application = ProxyFix(guarded(WSGIHandler(), rules=RULES))
        yield application


def test_djangos_own_client_goes_round_the_middleware(jwt_headers: Any) -> None:
    """There nobody is signed in and nothing is refused; a `DjangoClient` with the same headers
    knows the caller."""
    headers = jwt_headers(application, "ada")
    assert Client(headers=headers).get("/api/me").json()["id"] is None
    client = DjangoClient(headers=headers)
    assert client.get("/api/me").json()["id"] == "ada"
    assert DjangoClient().get("/api/me", headers=headers).json()["id"] == "ada"
    assert DjangoClient().get("/api/me").status_code == 401


def test_the_fixture_takes_the_setting_or_an_application(jwt_django_client: Any) -> None:
    """Each client has a caller of its own, and strangers are refused with the middleware's words."""
    for client in (jwt_django_client(), jwt_django_client(guarded(WSGIHandler(), rules=RULES))):
        ada, bob = client.as_user("ada"), client.as_user("bob", scopes=["read"], role="x")
        assert [each.get("/api/me").json()["id"] for each in (ada, bob, ada)] == [
            *("ada", "bob", "ada")
        ]
        refused = [client.get("/api/me"), ada.anonymous.get("/api/me")]
        refused.append(ada.with_token(client.tokens.bad("expired")).get("/api/me"))
        assert [answer.status_code for answer in refused] == [401, 401, 401]
        assert [answer.json()["reason"] for answer in refused] == ["missing", "missing", "expired"]
        assert refused[0]["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options", "head"])
@pytest.mark.parametrize("knows", [True, False], ids=["caller", "stranger"])
def test_every_method_goes_through(method: str, knows: bool, jwt_django_client: Any) -> None:
    """Whatever the body; a refused request's is read as a server would let it be."""
    client = jwt_django_client()
    client = client.as_user("ada") if knows else client
    body = {"data": b"x" * 100_000, "content_type": "text/plain"} if method[0] == "p" else {}
    answer = getattr(client, method)("/api/me", **body)
    assert answer.status_code == (200 if knows else 401)
    assert bool(answer.content) == (method != "head")
    if knows and body:
        assert answer.json() == {"id": "ada", "sent": "x" * 100_000}


def test_it_is_djangos_client(jwt_django_client: Any) -> None:
    """Cookies are kept, streams are read, defects are raised, and answers know their request."""
    client = jwt_django_client()
    assert [client.get("/open/count").content for _ in range(2)] == [b"0", b"1"]
    assert client.cookies["visits"]["httponly"]
    assert client.cookies["other"].value == "x; y"
    assert client.anonymous.get("/open/count").content == b"0"
    assert client.get("/open/stream").content == b"ab"
    with pytest.raises(ZeroDivisionError):
        client.get("/open/fail")
    assert jwt_django_client(raise_request_exception=False).get("/open/fail").status_code == 500
    answer = client.as_user("ada").get("/api/me?x=1")
    assert answer.wsgi_request.GET["x"] == "1"
    assert answer.resolver_match.func is me
    assert client.get("/api/me").wsgi_request.path == "/api/me"


def test_csrf_is_checked_when_it_is_asked_for(jwt_django_client: Any) -> None:
    """As with Django's own client, a POST without a CSRF token passes unless checks are enforced;
    the application's handler is left as it was."""
    assert jwt_django_client().as_user("ada").post("/api/me").status_code == 200
    strict = jwt_django_client(enforce_csrf_checks=True)
    assert strict.as_user("ada").post("/api/me").status_code == 403
    handler = WSGIHandler()
    site = guarded(handler, rules=RULES)
    before = handler.request_class
    with pytest.raises(ZeroDivisionError):
        jwt_django_client(site).get("/open/fail")
    assert handler.request_class is before


def test_the_tests_database_connections_stay_open(jwt_django_client: Any) -> None:
    """A transaction that surrounds a test outlives its requests; afterwards Django's signals are
    what they were."""
    seen: list[bool] = []

    def connected() -> list[bool]:
        found = [signal.disconnect(close_old_connections) for signal in SIGNALS]
        for signal, was in zip(SIGNALS, found, strict=True):
            if was:
                signal.connect(close_old_connections)
        return found

    def inner(environ: Any, start_response: Any) -> Any:
        seen.extend(connected())
        return WSGIHandler()(environ, start_response)

    before = connected()
    jwt_django_client(guarded(inner, rules=RULES)).get("/open/count")
    assert (seen, connected()) == ([False, False], before)


SIGNALS = (request_started, request_finished)


def test_without_tokens_it_says_where_to_get_them() -> None:
    """A bare client can send headers, and has nobody to be."""
    with pytest.raises(ConfigurationError, match="the fixture jwt_django_client"):
        DjangoClient().as_user("ada")


def test_a_client_that_was_kept_says_so() -> None:
    """After the end of the trust a request is an error, not a refusal."""
    with trusting(application) as tokens:
        client = DjangoClient(tokens=tokens)
        ada = client.as_user("ada")
        assert ada.get("/api/me").status_code == 200
    for call in (lambda: ada.get("/api/me"), lambda: client.as_user("ada")):
        with pytest.raises(ConfigurationError, match="got a use after its end"):
            call()


def test_without_django_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the kit works without it."""
    monkeypatch.delitem(sys.modules, "jwt_middleware.testing.django_client", raising=False)
    monkeypatch.setitem(sys.modules, "django", None)
    for name in [name for name in sys.modules if name.startswith("django.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match="pip install Django"):
        _ = jwt_middleware.testing.DjangoClient
