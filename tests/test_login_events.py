"""Listeners of the login app's events."""

import functools
from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware import ConfigurationError
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.login_events import LOGIN_EVENTS, announce, listen
from jwt_middleware.stores import MemoryStore


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose login apps nobody listens to."""
    # inside: nothing takes a listener away, and those of other tests must not hear of this one
    monkeypatch.setattr("jwt_middleware.login_events._listeners", [])


def test_a_listener_hears_of_every_login_app() -> None:
    """One word of the closed set for each event, of all login apps of the process."""
    heard: list[str] = []
    listen(heard.append)
    store = MemoryStore(password_method="scrypt:1024:1:1")
    store.add_user("ada", "analytical engine")
    for issuer in ("https://a.example", "https://b.example"):
        minter = TokenMinter.from_secret("s" * 32, issuer=issuer, audience="api")
        client = TestApp(LoginApp(store, minter))
        fields = {"username": "ada", "password": "analytical engine"}
        token = client.post_json("/token", fields).json["token"]
        client.post_json("/token", {**fields, "password": "wrong"}, status=401)
        client.post_json("/revoke", {"token": token})
    assert heard == ["login", "failure", "logout"] * 2
    assert set(heard) <= set(LOGIN_EVENTS)


class Fails:
    """A listener with a fault."""

    def __init__(self) -> None:
        self.heard = 0

    def __call__(self, event: str) -> None:
        self.heard += 1
        raise KeyError("a secret")


def test_a_listener_that_raises_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A client that causes an event a request cannot fill the log; the others go on hearing."""
    heard: list[str] = []
    faulty, other = Fails(), Fails()
    for listener in (faulty, heard.append, other):
        listen(listener)
    for _ in range(50):
        announce("failure")
    assert (faulty.heard, other.heard, len(heard)) == (50, 50, 50)
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 2
    assert all("raised KeyError" in record.getMessage() for record in caplog.records)
    assert "a secret" not in caplog.text


async def later(event: str) -> None:
    """A coroutine function, which would never run."""


def one_by_one(event: str) -> Any:
    """A generator function, which would never run."""
    yield event


async def later_one_by_one(event: str) -> Any:
    """An asynchronous generator function."""
    yield event


@pytest.mark.parametrize(
    "listener",
    [
        None,
        "login",
        [],
        later,
        one_by_one,
        later_one_by_one,
        functools.partial(later),
        lambda: None,
        lambda one, other: None,
        lambda *, event: None,
    ],
    ids=lambda listener: getattr(listener, "__name__", type(listener).__name__),
)
def test_what_is_no_listener(listener: Any) -> None:
    """A slip shows when it is made, not at the first login."""
    with pytest.raises(ConfigurationError, match="listener must be a function that takes an event"):
        listen(listener)


@pytest.mark.parametrize(
    "listener",
    [print, [].append, Fails(), functools.partial(print, "x"), lambda *events: None, str],
    ids=lambda listener: type(listener).__name__,
)
def test_what_is_a_listener(listener: Any) -> None:
    """Everything that can be called with an event."""
    listen(listener)
    announce("login")
