"""What an owner's user table may return, and how a mistake in it is told."""

import uuid
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware.errors import ConfigurationError
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, User
from tests.kit.passwords import CHEAP

LOGIN = {"username": "ada", "password": "hunter2"}


class Table:
    """A user table that returns what a test wants."""

    def __init__(self, authenticated: Any, got: Any = None) -> None:
        self._authenticated = authenticated
        self._got = authenticated if got is None else got

    def authenticate(self, username: str, password: str) -> Any:
        """Return it."""
        made = self._authenticated
        return made() if callable(made) else made

    def get(self, user_id: str) -> Any:
        """Return it."""
        return self._got() if callable(self._got) else self._got


@dataclass
class Person:
    """A row as an ORM gives it, with the hash of its password."""

    id: int = 1
    username: str = "ada"
    scopes: tuple[str, ...] = ()
    version: int = 1
    password_hash: str = "scrypt:1:1:1$hunter2"


async def a_coroutine() -> User:
    """What `async def authenticate` returns."""
    return User(1, "ada", version=1)


GOOD = User(1, "ada", version=1)
MISTAKES = {
    "a row": (Person(), "must return a User or None, got Person: return User(row.id"),
    "a namespace": (SimpleNamespace(id=1), "got SimpleNamespace: return User(row.id"),
    "True": (True, "must return a User or None, got bool"),
    "False": (False, "must return a User or None, got bool"),
    "a dict": ({"id": 1}, "must return a User or None, got dict"),
    "a tuple": ((1, "ada"), "must return a User or None, got tuple"),
    "the class": (lambda: User, "must return a User or None, got type"),
    "a coroutine": (a_coroutine, "got a coroutine: leave out async"),
    "an id that is a UUID": (User(uuid.uuid4(), "ada", version=1), "got UUID: User(str(row.id)"),  # type: ignore[arg-type]
    "no id": (User(None, "ada", version=1), "id is an integer or a string, got NoneType"),  # type: ignore[arg-type]
    "an id that is a bool": (User(True, "ada", version=1), "got bool"),
    "an id that is a float": (User(1.0, "ada", version=1), "got float"),  # type: ignore[arg-type]
    "an id in bytes": (User(b"1", "ada", version=1), "got bytes"),  # type: ignore[arg-type]
    "an empty id": (User("", "ada", version=1), "got an empty string"),
    "a version that is a hash": (User(1, "ada", version="hunter2"), "version=version_of("),  # type: ignore[arg-type]
    "a version that is too large": (User(1, "ada", version=2**63), "version is a 64-bit integer"),
    "scopes in one string": (User(1, "ada", "admin", version=1), "scopes are a tuple"),  # type: ignore[arg-type]
    "claims in a list": (User(1, "ada", claims=[], version=1), "claims are a dict"),  # type: ignore[arg-type]
}


def app_of(table: Any) -> TestApp:
    """The login app over that table."""
    minter = TokenMinter.from_secret("s" * 32, issuer="https://i.example", audience="a")
    return TestApp(LoginApp(MemoryStore(password_method=CHEAP), minter, users=table))


@pytest.mark.parametrize(("value", "said"), MISTAKES.values(), ids=MISTAKES)
@pytest.mark.parametrize("method", ["authenticate", "get"])
def test_a_mistake_is_told_at_the_first_call(
    method: str, value: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The client gets a 503, and the log one sentence with the class, the method and the right
    form, without the value."""
    table = Table(value) if method == "authenticate" else Table(GOOD, value)
    answer = app_of(table).post_json("/token", LOGIN, status=503)
    assert answer.json["error"] == "temporarily_unavailable"
    (line,) = [one.getMessage() for one in caplog.records if "unavailable" in one.getMessage()]
    assert f"Table.{method} must return a User" in line
    assert said in line
    assert "hunter2" not in caplog.text


def test_mistakes_are_no_failures() -> None:
    """They do not count as wrong passwords: the table can be mended under the running app."""
    table = Table(Person())
    app = app_of(table)
    for _ in range(20):
        app.post_json("/token", LOGIN, status=503)
    table.__init__(GOOD)  # type: ignore[misc]
    assert app.post_json("/token", LOGIN).json["user_id"] == 1


@pytest.mark.parametrize("name", ["authenticate", "get"])
def test_coroutine_functions(name: str) -> None:
    """`async def` is told while building: a WSGI app cannot await."""

    class Asynchronous(Table):
        pass

    async def method(self: Any, *arguments: str) -> User:
        return GOOD

    setattr(Asynchronous, name, method)
    with pytest.raises(ConfigurationError, match=f"users.{name} must be a plain function"):
        app_of(Asynchronous(GOOD))


@pytest.mark.parametrize(
    "user",
    [GOOD, User("a-b", "ada", version=2**63 - 1), User(-1, "", ["read"], version=-1)],
    ids=str,  # type: ignore[arg-type]
)
def test_what_may_be_returned(user: User) -> None:
    """A `User` with an id of either type is served, and None is a wrong password."""
    assert app_of(Table(user)).post_json("/token", LOGIN).json["user_id"] == user.id
    assert app_of(Table(lambda: None)).post_json("/token", LOGIN, status=401)


def test_a_refresh_and_a_page(caplog: pytest.LogCaptureFixture) -> None:
    """A table that goes wrong later is told at the refresh too."""
    table = Table(GOOD)
    app = app_of(table)
    token = app.post_json("/token", LOGIN).json["refresh_token"]
    table.__init__(GOOD, Person())  # type: ignore[misc]
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    app.post_json("/token", fields, status=503)
    assert "Table.get must return a User or None, got Person" in caplog.text
