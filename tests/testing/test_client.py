"""`Client`: WebTest's client with a token of somebody's."""

import sys
from typing import Any

import pytest
import webtest

import jwt_middleware.testing
from jwt_middleware import Rule, claim, optional, scope
from jwt_middleware.testing import Client, trusting
from tests.kit.apps import guarded, who


def counting(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Counts a browser's visits in a cookie, and answers the count and the caller."""
    visits = environ.get("HTTP_COOKIE", "visits=0").partition("=")[2]
    headers = [("Content-Type", "text/plain"), ("Set-Cookie", f"visits={int(visits) + 1}; Path=/")]
    start_response("200 OK", headers)
    return [f"{visits} {who(environ)['id']} {environ.get('HTTP_X_TENANT')}".encode()]


@pytest.fixture
def client(jwt_client: Any) -> Client:
    """A client of the counting app, which everybody may call but where a token is read."""
    made: Client = jwt_client(guarded(counting, rules=[Rule("/", optional)]))
    made.extra_environ["HTTP_X_TENANT"] = "t"
    return made


def test_clients_are_apart(client: Client) -> None:
    """Each has its own token, options and cookies; the one they were made of has changed in
    nothing."""
    ada, bob = client.as_user("ada"), client.as_user("bob")
    assert [each.get("/").text for each in (ada, ada, bob, client, ada)] == [
        *("0 ada t", "1 ada t", "0 bob t", "0 None t", "2 ada t")
    ]


def test_nobody_sends_no_token(client: Client) -> None:
    """`anonymous` has forgotten token and cookies; the client it was made of has not."""
    ada = client.as_user("ada")
    ada.get("/")
    assert [ada.anonymous.get("/").text, ada.get("/").text] == ["0 None t", "1 ada t"]


def test_any_token_may_be_sent(client: Client) -> None:
    """A bad one, too, in place of the one that was sent before."""
    ada = client.as_user("ada")
    assert (
        ada.with_token(client.tokens.bad("expired")).get("/", status=401).json["reason"]
        == "expired"
    )


def test_claims_and_scopes_are_those_of_the_token(jwt_client: Any) -> None:
    """What `as_user` is given beside the subject stands in the token."""
    client = jwt_client(guarded(rules=[Rule("/api", scope("read"), claim("role", "x"))]))
    client.as_user("ada", scopes=["read"], role="x").get("/api/me")
    client.as_user("ada", scopes=["read"]).get("/api/me", status=403)


def test_it_is_webtests_client(client: Client) -> None:
    """Its methods and options are those its users know; pytest takes it for no test."""
    assert isinstance(client, webtest.TestApp)
    assert not Client.__test__
    with trusting(guarded()) as tokens:
        assert Client(guarded(), tokens, lint=False).as_user("ada").lint is False


def test_without_webtest_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the kit works without it."""
    monkeypatch.delitem(sys.modules, "jwt_middleware.testing.client")
    monkeypatch.setitem(sys.modules, "webtest", None)
    with pytest.raises(ImportError, match=r"pip install 'wsgi-jwt-middleware\[testing\]'"):
        _ = jwt_middleware.testing.Client
    with trusting(guarded()) as tokens:
        assert tokens.good("ada")


def test_another_missing_module_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What WebTest itself lacks is told as it is, and so is a name that the kit does not have."""
    monkeypatch.delitem(sys.modules, "jwt_middleware.testing.client")
    for name in [name for name in sys.modules if name.partition(".")[0] == "webtest"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "webob", None)
    with pytest.raises(ModuleNotFoundError, match="webob"):
        _ = jwt_middleware.testing.Client
    with pytest.raises(AttributeError, match="Cleint"):
        _ = jwt_middleware.testing.Cleint
