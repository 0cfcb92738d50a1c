"""`LoginApp`: what it refuses to be built from, and how it stands beside other apps."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import Client

from jwt_middleware import ConfigurationError, Key
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, User
from tests.kit.passwords import CHEAP

MINTER = TokenMinter.from_secret("a secret of at least thirty-two bytes", issuer="i", audience="a")


@pytest.fixture
def store() -> MemoryStore:
    """A store with ada in it."""
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", "lovelace")
    return store


class Table:
    """A user table without what the login app keeps beside the users."""

    def authenticate(self, username: str, password: str) -> User | None:
        """Nobody is in it."""
        return None

    def get(self, user_id: str) -> User | None:
        """Nobody is in it."""
        return None


def login_app(*arguments: Any, **options: Any) -> LoginApp:
    """Build one without the type checker's objections."""
    return LoginApp(*arguments, **options)


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "store and minter swapped": (
        lambda: login_app(MINTER, MemoryStore()),
        r"LoginApp\(store, minter\)",
    ),
    "a key as minter": (
        lambda: login_app(MemoryStore(), Key.generate()),
        r"LoginApp\(store, minter\)",
    ),
    "an own table as store": (lambda: login_app(Table(), MINTER), "goes in users="),
    "no store": (lambda: login_app(None, MINTER), "goes in users="),
    "a list of users": (
        lambda: login_app(MemoryStore(), MINTER, users=["ada"]),
        "authenticate and get",
    ),
    "one origin": (
        lambda: login_app(MemoryStore(), MINTER, allowed_origins="https://a.example"),
        r"=\['https://",
    ),
    "any origin, and one": (
        lambda: login_app(MemoryStore(), MINTER, allowed_origins=["*", "https://a.example"]),
        r"allowed_origins must hold '\*' alone",
    ),
    "an origin with a path": (
        lambda: login_app(MemoryStore(), MINTER, allowed_origins=["https://a.example/"]),
        r"=\['https://",
    ),
    "a prefix without a slash": (
        lambda: login_app(MemoryStore(), MINTER).wrap(print, prefix="auth"),
        'prefix="/auth"',
    ),
    "a prefix with one at its end": (
        lambda: login_app(MemoryStore(), MINTER).wrap(print, prefix="/auth/"),
        'prefix="/auth"',
    ),
    "the root as prefix": (
        lambda: login_app(MemoryStore(), MINTER).wrap(print, prefix="/"),
        'or prefix=""',
    ),
    "no prefix": (
        lambda: login_app(MemoryStore(), MINTER).wrap(print, prefix=None),
        'or prefix=""',
    ),  # type: ignore[arg-type]
    "no app to wrap": (
        lambda: login_app(MemoryStore(), MINTER).wrap(None, prefix=""),
        r"app\.wsgi_app",
    ),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("build", "words"), WRONG.values(), ids=WRONG)
def test_contradictions(build: Callable[[], object], words: str) -> None:
    """What cannot be a login app is a ConfigurationError that shows the right form."""
    with pytest.raises(ConfigurationError, match=words):
        build()


def test_an_error_of_the_owners_table_is_the_owners() -> None:
    """It goes to the server, which logs it: only `StoreUnavailable` says that trying again may
    help."""

    class Broken(Table):
        def authenticate(self, username: str, password: str) -> User | None:
            raise ZeroDivisionError

    client = Client(LoginApp(MemoryStore(), MINTER, users=Broken()))
    with pytest.raises(ZeroDivisionError):
        client.post("/token", json={"username": "ada", "password": "x"})


def test_what_the_owners_table_is_asked(store: MemoryStore) -> None:
    """Name and password as they were sent, nothing stripped or folded."""
    asked: list[tuple[str, str]] = []

    class Listening(Table):
        def authenticate(self, username: str, password: str) -> User | None:
            asked.append((username, password))
            return None

    client = Client(LoginApp(store, MINTER, users=Listening()))
    client.post("/token", json={"username": " Ada\n", "password": " é "})
    client.post("/token", data={"username": " Ada\n", "password": " é "})
    assert asked == [(" Ada\n", " é ")] * 2


def test_a_body_of_a_sign_in(store: MemoryStore) -> None:
    """`user_id` is a number where the store has numbers, and every member is there once."""
    response = Client(LoginApp(store, MINTER)).post(
        "/token", json={"username": "ada", "password": "lovelace"}
    )
    members = json.loads(response.data, object_pairs_hook=list)
    assert [name for name, _ in members if name != "refresh_token"] == [
        "token",
        "user_id",
        "access_token",
        "token_type",
        "expires_in",
    ]
    assert dict(members)["user_id"] == 1


def test_many_at_once(store: MemoryStore) -> None:
    """One app serves many threads, each its own user."""
    for number in range(4):
        store.add_user(f"user{number}", f"password{number}")
    client, start = Client(LoginApp(store, MINTER)), threading.Barrier(4)

    def sign_in(number: int) -> tuple[int, int]:
        start.wait()
        body = {"username": f"user{number}", "password": f"password{number}"}
        return number, client.post("/token", json=body).json["user_id"]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(sign_in, range(4))) == [(number, number + 2) for number in range(4)]
