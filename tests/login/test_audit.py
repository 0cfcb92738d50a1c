"""The audit log: one line for each event of the login app, which nobody can forge, and no secret in
it."""

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from werkzeug.test import Client

from jwt_middleware import StoreUnavailable
from jwt_middleware.login import LoginApp, TokenMinter, audit
from jwt_middleware.stores import MemoryStore, User
from tests.kit.clock import Clock, stopped
from tests.kit.passwords import CHEAP

MINTER = TokenMinter.from_secret("a secret of at least thirty-two bytes", issuer="i", audience="a")
HOME = "192.0.2.1"
FACTS = ("user_id", "username", "address", "session", "ended", "error")
ADA = {"username": "ada", "password": "lovelace"}
USUAL = set(vars(logging.makeLogRecord({}))) | {"message"}


@pytest.fixture
def store() -> MemoryStore:
    """A store with ada in it."""
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", "lovelace")
    return store


@pytest.fixture
def login(store: MemoryStore) -> "Login":
    """A browser of ada's, in front of the login app."""
    return Login(LoginApp(store, MINTER))


@pytest.fixture
def events(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, str]]]:
    """Takes out what was logged since the last time: level and fields of each record."""
    caplog.set_level(logging.INFO, logger="jwt_middleware.login")

    def take() -> list[dict[str, str]]:
        records = [record for record in caplog.records if record.name == "jwt_middleware.login"]
        taken = [
            {"level": r.levelname, **{k: v for k, v in vars(r).items() if k not in USUAL}}
            for r in records
        ]
        caplog.clear()
        return taken

    return take


Events = Callable[[], list[dict[str, str]]]


class Login(Client):
    """A client at one address that remembers the tokens it was given."""

    def send(self, path: str, **fields: Any) -> Any:
        """POST the fields as JSON from HOME and return the answer."""
        return self.post(path, json=fields, environ_overrides={"REMOTE_ADDR": HOME})

    def sign_in(self, **fields: Any) -> Any:
        """Sign ada in and return the members of the answer."""
        return self.send("/token", **ADA, **fields).json

    def refresh(self, token: str) -> Any:
        """The members of the answer to a refresh."""
        return self.send("/token", grant_type="refresh_token", refresh_token=token).json


@pytest.fixture
def clock() -> Iterator[Clock]:
    """`time.time`, standing still."""
    with stopped("time", 1_800_000_000) as clock:
        yield clock


def test_a_sign_in_and_a_refresh(login: Login, events: Events) -> None:
    """Who, from where, and by which name the session is known: that of the `sid` of its tokens."""
    refresh = login.sign_in()["refresh_token"]
    token = login.refresh(refresh)["token"]
    signed_in, refreshed = events()
    who = {"level": "INFO", "user_id": "1", "address": HOME, "session": signed_in["session"]}
    assert signed_in == {"event": "login", "username": "ada", **who}
    assert refreshed == {"event": "refresh", **who}
    assert login.send("/revoke", token=token).status_code == 200
    assert events() == [{"event": "logout", "ended": "session", **who}]


def test_the_line(login: Login, caplog: pytest.LogCaptureFixture) -> None:
    """The words of an event are fixed, and the facts stand behind them as name="text"."""
    caplog.set_level(logging.INFO, logger="jwt_middleware.login")
    login.send("/token", username="ada", password="wrong")
    login.sign_in()
    session = vars(caplog.records[-1])["session"]
    assert caplog.messages == [
        f'failure: wrong username or password address="{HOME}"',
        (
            f'login: the user has logged in address="{HOME}" user_id="1" '
            f'username="ada" session="{session}"'
        ),
    ]


@pytest.mark.parametrize("name", ["ada", "nobody", "my secret, in the wrong field"])
def test_a_failure_names_nobody(
    name: str, login: Login, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    """What stands in the field of the name may be a password: a known name and an unknown one leave
    the same line."""
    login.send("/token", username=name, password="wrong")
    assert not [word for word in (name, "wrong") if f'"{word}"' in caplog.text]
    assert events() == [{"level": "INFO", "event": "failure", "address": HOME}]


def test_a_throttle(login: Login, events: Events) -> None:
    """An attempt that is not even looked at is no failure; attempts that were given back do not
    count."""
    for _ in range(7):
        login.sign_in()
    assert {event["event"] for event in events()} == {"login"}
    for _ in range(6):
        login.send("/token", username="ada", password="wrong")
    assert [event["event"] for event in events()] == ["failure"] * 5 + ["throttle"]


def test_a_reuse(login: Login, events: Events, clock: Clock) -> None:
    """A used refresh token that comes again is a warning, once: afterwards its session is
    unknown."""
    first = login.sign_in()["refresh_token"]
    login.refresh(login.refresh(first)["refresh_token"])
    session = events()[0]["session"]
    clock.now += 31
    assert [login.refresh(first)["error"] for _ in range(2)] == ["invalid_grant"] * 2
    assert events() == [
        {"level": "WARNING", "event": "reuse", "user_id": "1", "address": HOME, "session": session},
    ]


@pytest.mark.parametrize("kind", ["refresh_token", "token"])
@pytest.mark.parametrize("fields", [{}, {"all": True}], ids=["one", "all"])
def test_a_logout(kind: str, fields: Any, login: Login, events: Events) -> None:
    """It says what was ended; a token that ends nothing leaves no line."""
    token = login.sign_in()[kind]
    session = events()[0]["session"]
    ended = "all" if fields else "session"
    login.send("/revoke", token=token, **fields)
    login.send("/revoke", token="x" * 64, **fields)
    assert events() == [
        {
            "level": "INFO",
            "event": "logout",
            "user_id": "1",
            "address": HOME,
            "session": session,
            "ended": ended,
        },
    ]


def test_cookie_mode(login: Login, events: Events) -> None:
    """In cookie mode the events are the same, and a request without a cookie is none."""
    options: Any = {"base_url": "https://localhost", "environ_overrides": {"REMOTE_ADDR": HOME}}
    refresh = {"grant_type": "refresh_token", "cookie": True}
    login.post("/token", json=refresh, **options)
    login.post("/token", json={**ADA, "cookie": True}, **options)
    login.post("/token", json=refresh, **options)
    login.post("/revoke", json={"cookie": True}, **options)
    login.post("/revoke", json={"cookie": True}, **options)
    assert [event["event"] for event in events()] == ["login", "refresh", "logout"]


class Broken(MemoryStore):
    """A store that is down for as long as it is told to."""

    is_down = False

    def end_sessions(self, user_id: str, *, issuer: str | None = None) -> None:
        """End them, or not."""
        if self.is_down:
            raise StoreUnavailable("on a Monday")
        super().end_sessions(user_id, issuer=issuer)


def test_a_store_that_is_down(events: Events) -> None:
    """Our own fault is one warning and no other event; asking again with the same token does all
    that was asked."""
    store = Broken(password_method=CHEAP)
    store.add_user("ada", "lovelace")
    login = Login(LoginApp(store, MINTER))
    token, other = login.sign_in()["refresh_token"], login.sign_in()["refresh_token"]
    events()
    store.is_down = True
    assert login.send("/revoke", token=token, all=True).status_code == 503
    down = {"level": "WARNING", "event": "unavailable", "address": HOME, "error": "on a Monday"}
    assert events() == [down]
    store.is_down = False
    assert login.send("/revoke", token=token, all=True).status_code == 200
    assert [event["event"] for event in events()] == ["logout"]
    assert login.refresh(other)["error"] == "invalid_grant"


class Table:
    """A user table of one's own whose user changes after each look."""

    user = User(7, "ada", version=1)

    def authenticate(self, username: str, password: str) -> User | None:
        """Everybody's password is right."""
        return self.user

    def get(self, user_id: str) -> User | None:
        """The user as it is now."""
        return self.user


def test_a_user_that_changes(
    store: MemoryStore, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user gone at the refresh ends the session; one that is gone at once after the sign-in may
    be get()'s fault."""
    login = Login(LoginApp(store, MINTER, users=Table()))
    token = login.sign_in()["refresh_token"]
    monkeypatch.setattr(Table, "get", lambda self, user_id: None)
    assert login.refresh(token)["error"] == "invalid_grant"
    assert login.sign_in()["error"] == "invalid_grant"
    levels = [(event["level"], event["event"]) for event in events()]
    assert levels == [("INFO", "login"), ("INFO", "outdated"), ("WARNING", "changed")]


HOSTILE = [
    '\nlogin: the user has logged in user_id="1"',
    "\r\n",
    "\x1b[31m",
    '" user_id="1',
    "\\",
    "\u2028",
    "\u202e",
    "\x85\x9b",
    "\0",
    "\x7f",
    "\ud800",
    "%s %(x)d",
    "x" * 10_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
@pytest.mark.parametrize("fact", ["username", "address"])
def test_nobody_writes_lines_of_their_own(
    fact: str, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Names and addresses are shortened, and in ASCII without control characters, in the line and
    in the fields."""
    caplog.set_level(logging.INFO, logger="jwt_middleware.login")
    address = text if fact == "address" else HOME
    audit.record("login", address, user_id=1, username=text if fact == "username" else "ada")
    (record,) = caplog.records
    for shown in (record.getMessage(), vars(record)[fact]):
        assert shown.isascii()
        assert shown.isprintable()
        assert len(shown) < 1000
    assert re.fullmatch(
        r'login: the user has logged in( \w+="([^"\\]|\\.)*"){3}', record.getMessage()
    )


def test_a_record_factory_of_the_owners(
    login: Login, events: Events, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Fields that every record of the owner's has cost nobody a sign-in."""

    def factory(*arguments: Any, **options: Any) -> logging.LogRecord:
        record = logging.LogRecord(*arguments, **options)
        record.user_id = record.event = "the owner's"
        return record

    monkeypatch.setattr(logging, "_logRecordFactory", factory)
    assert "token" in login.sign_in()
    assert [event["user_id"] for event in events()] == ["1"]


def test_a_level_that_leaves_them_out(login: Login, caplog: pytest.LogCaptureFixture) -> None:
    """As with every logger, the owner says how much there is to be told."""
    caplog.set_level(logging.WARNING, logger="jwt_middleware.login")
    caplog.handler.setLevel(logging.NOTSET)
    login.sign_in()
    assert caplog.records == []
