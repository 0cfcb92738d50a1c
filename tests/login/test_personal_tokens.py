"""`/tokens` as a server sees it: methods, kinds of answers, and races. What users see is in
`tests/acceptance/test_own_tokens.py`."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client

from jwt_middleware import ConfigurationError
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.login.personal_tokens import MAX_DAYS
from jwt_middleware.stores import MemoryStore, UnknownToken, UnknownUser
from tests.kit.passwords import CHEAP

MINTER = TokenMinter.from_secret("s" * 32, issuer="https://login.example", audience="api")
NEW = {"name": "ci", "days": 30, "scopes": ["read"]}
HTML = {"Accept": "text/html"}


@pytest.fixture
def store() -> MemoryStore:
    """A store with ada in it."""
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", "lovelace", scopes=["read"])
    return store


@pytest.fixture
def client(store: MemoryStore) -> Client:
    """A client of the login app, on this machine."""
    return Client(LoginApp(store, MINTER, throttle=None, access_cookie="__Host-jwt"))


@pytest.fixture
def who(client: Client) -> dict[str, str]:
    """The header of ada, who has just logged in."""
    answer = client.post("/token", json={"username": "ada", "password": "lovelace"})
    return {"Authorization": f"Bearer {answer.json['token']}"}


KINDS = {
    "a person": (HTML, {"name": "a", "days": "7"}, "text/html"),
    "a navigation": ({"Sec-Fetch-Mode": "navigate"}, {"name": "a", "days": "7"}, "text/html"),
    "a script with a form": ({"Accept": "*/*"}, {"name": "a", "days": "7"}, "application/json"),
    "a fetch": (
        HTML | {"Sec-Fetch-Mode": "cors"},
        {"name": "a", "days": "7"},
        "application/json",
    ),
    "JSON from anywhere": (HTML, NEW, "application/json"),
}


@pytest.mark.parametrize(("headers", "fields", "kind"), KINDS.values(), ids=KINDS)
def test_page_or_json(client: Client, headers: dict[str, str], fields: Any, kind: str) -> None:
    """A person gets a page, a script JSON, also when it is refused."""
    client.post("/login", data={"username": "ada", "password": "lovelace"})
    how = {"json": fields} if fields is NEW else {"data": fields}
    for extra, status in (({"Origin": "http://localhost"}, 200), ({}, 403)):
        answer = client.post("/tokens", headers=headers | extra, **how)
        assert (answer.status_code, answer.mimetype) == (status, kind)
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_header_means_a_script(client: Client, who: dict[str, str]) -> None:
    """Nobody types an Authorization header, so its answers are JSON."""
    assert client.get("/tokens", headers=who | HTML).mimetype == "application/json"
    bad = {"Authorization": "Bearer a.b.c"} | HTML
    assert client.get("/tokens", headers=bad).status_code == 401
    assert client.get("/tokens", headers={"Authorization": "Bearer a b"}).status_code == 400


def test_head(client: Client, who: dict[str, str]) -> None:
    """The headers of GET, without a body."""
    answer = client.head("/tokens", headers=who)
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize("days", [1, "1", MAX_DAYS, str(MAX_DAYS)], ids=repr)
def test_the_bounds_of_days(client: Client, who: dict[str, str], days: object) -> None:
    """From a day to a year, as a number or its digits."""
    assert client.post("/tokens", json=NEW | {"days": days}, headers=who).status_code == 200


@pytest.mark.parametrize("days", ["0", "366", "07", "+7", " 7", "7.0", "1e1", "", "-1"], ids=repr)
def test_other_digits(client: Client, who: dict[str, str], days: str) -> None:
    """Anything but the digits of such a number is 400."""
    assert client.post("/tokens", json=NEW | {"days": days}, headers=who).status_code == 400


RACES: dict[str, tuple[str, Exception, Any, int]] = {
    "the last token": ("add_token", ConfigurationError("full"), NEW, 409),
    "the user is removed": ("add_token", UnknownUser("gone"), NEW, 401),
    "the token is gone": ("remove_token", UnknownToken("gone"), None, 404),
}


@pytest.mark.parametrize(("method", "error", "fields", "status"), RACES.values(), ids=RACES)
def test_another_request_was_faster(
    client: Client,
    store: MemoryStore,
    who: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    error: Exception,
    fields: Any,
    status: int,
) -> None:
    """The store refuses what was possible a moment before: an answer as if it was seen before."""
    store.add_token("ada", name="old", scopes=[], expires_at=4e9)
    fields = fields or {"remove": store.tokens("ada")[0].id}

    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(store, method, refuse)
    assert client.post("/tokens", json=fields, headers=who).status_code == status


BODIES: dict[str, tuple[dict[str, Any], int]] = {
    "another type": ({"data": b"x", "content_type": "text/plain"}, 415),
    "no body": ({}, 415),
    "not JSON": ({"data": b"{", "content_type": "application/json"}, 400),
    "a JSON list": ({"json": []}, 400),
    "no fields": ({"json": {}}, 400),
    "too large": ({"data": {"name": "x" * 70_000}}, 413),
}


@pytest.mark.parametrize(("how", "status"), BODIES.values(), ids=BODIES)
def test_a_bad_body(client: Client, who: dict[str, str], how: dict[str, Any], status: int) -> None:
    """As at the other paths of the login app."""
    assert client.post("/tokens", headers=who, **how).status_code == status


def test_an_own_form_of_token(
    client: Client, store: MemoryStore, who: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of the owner's may make tokens of another form, whose id nobody can tell."""
    add: Callable[..., str] = lambda *_, **__: "own-token"  # noqa: E731
    monkeypatch.setattr(store, "add_token", add)
    answer = client.post("/tokens", json=NEW, headers=who)
    assert (answer.json["token"], answer.json["id"]) == ("own-token", "")
