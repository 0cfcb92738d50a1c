"""`identity_environ`: what the middleware would have set, for clients that go round it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jwt_middleware import (
    Identity,
    InsufficientScope,
    InvalidToken,
    enforce,
    refusal_response,
    scope,
)
from jwt_middleware.testing import Client, identity_environ, trusting
from tests.kit.apps import guarded

KEYS = ("jwt_middleware.identity", "REMOTE_USER", "AUTH_TYPE")
GOVERNED_BY = "jwt_middleware.governed_by"


@pytest.mark.parametrize("subject", ["ada", "42", "Ada Lovelace", "ad\u00e4"])
def test_it_is_what_the_middleware_sets(subject: str) -> None:
    """The same keys with values of the same kind, as a request with such a token gets them."""
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update({name: environ[name] for name in KEYS})
        start_response("200 OK", [("Content-Type", "text/plain")])
        return []

    made = identity_environ(
        subject, scopes=["read"], issuer="https://login.example", aud="example-api", jti="7"
    )
    with trusting(site := guarded(app)) as tokens:
        Client(site, tokens).as_user(subject, scopes=["read"], jti="7").get("/api")
    assert made.keys() == {*KEYS, GOVERNED_BY}
    assert made[GOVERNED_BY][0].verify  # the middleware itself
    assert [made[name] for name in KEYS[1:]] == [seen[name] for name in KEYS[1:]]
    times = {"claims_json": b"", "header_json": b"", "expires_at": 0}
    assert replace(made[KEYS[0]], **times) == replace(seen[KEYS[0]], **times)
    assert made[KEYS[0]].claims.keys() == seen[KEYS[0]].claims.keys()


def test_claims_are_those_asked_for() -> None:
    """They stand in the identity, with an audience of several, too."""
    caller = Identity.from_environ(identity_environ("ada", role="x", aud=["one", "two"]))
    assert caller is not None
    assert (caller.claims["role"], caller.claims["aud"]) == ("x", ["one", "two"])


def test_nobody_impossible_is_made() -> None:
    """What no token may say, no test is told."""
    with pytest.raises(InvalidToken, match="claims"):
        identity_environ("a\nb")


def test_a_view_may_enforce() -> None:
    """`enforce` and `refusal_response` work as behind the middleware."""
    environ = identity_environ("ada", scopes=["read"])
    assert enforce(environ, scope("read")).subject == "ada"
    with pytest.raises(InsufficientScope) as caught:
        enforce(environ, scope("write"))
    environ["REQUEST_METHOD"] = "GET"
    started: list[Any] = []
    refusal_response(caught.value, environ)(environ, lambda *start: started.append(start[0]))
    assert started == ["403 FORBIDDEN"]


@pytest.mark.needs_frameworks
def test_djangos_client_knows_the_caller(jwt_environ: Callable[..., dict[str, Any]]) -> None:
    """Django's test client calls its handler without any WSGI middleware; the environ tells it who
    is calling."""
    from django.http import HttpRequest, JsonResponse
    from django.test import Client as DjangoClient
    from django.test import override_settings
    from django.urls import path

    from tests.checks.matrix.apps import configure_django

    configure_django()

    def me(request: HttpRequest) -> JsonResponse:
        caller, name = Identity.from_environ(request.META), request.META.get("REMOTE_USER")
        return JsonResponse({"id": caller and caller.subject, "user": name})

    class Site:
        urlpatterns = (path("api/me", me),)

    with override_settings(ROOT_URLCONF=Site):
        client = DjangoClient()
        assert client.get("/api/me", **jwt_environ("ada", scopes=["read"])).json() == {
            "id": "ada",
            "user": "ada",
        }
        assert DjangoClient(**jwt_environ("bob")).post("/api/me").json() == {
            "id": "bob",
            "user": "bob",
        }
        assert client.get("/api/me").json() == {"id": None, "user": None}
