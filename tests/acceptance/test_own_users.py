"""`users=`: people sign in who stand in a table of the app's own."""

import hashlib
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from webtest import lint
from werkzeug.security import generate_password_hash

from jwt_middleware import Identity, JWTMiddleware, Rule
from jwt_middleware.errors import StoreUnavailable
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, User, check_password, version_of
from jwt_middleware.stores import users as stores_users
from tests.kit.passwords import CHEAP

from .conftest import PASSWORD


class SQLiteUsers:
    """A table `member` in an SQLite file, as an app without a framework might have it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._run(
            "CREATE TABLE member (number INTEGER PRIMARY KEY, mail TEXT COLLATE NOCASE UNIQUE, "
            "hash TEXT, role TEXT)"
        )

    def add(self, mail: str, stored_hash: str, role: str) -> None:
        """Keep a member."""
        self._run("INSERT INTO member (mail, hash, role) VALUES (?, ?, ?)", mail, stored_hash, role)

    def authenticate(self, username: str, password: str) -> User | None:
        """Look the name up and check the password."""
        rows = self._run("SELECT number, mail, role, hash FROM member WHERE mail = ?", username)
        good = check_password(rows[0][3] if rows else None, password, unknown=CHEAP)
        return self._user(*rows[0]) if good else None

    def get(self, user_id: str) -> User | None:
        """Look the number up."""
        rows = self._run("SELECT number, mail, role, hash FROM member WHERE number = ?", user_id)
        return self._user(*rows[0]) if rows else None

    def set_password(self, mail: str, stored_hash: str) -> None:
        """Give a member another password."""
        self._run("UPDATE member SET hash = ? WHERE mail = ?", stored_hash, mail)

    def _user(self, number: int, mail: str, role: str, stored_hash: str) -> User:
        return User(number, mail, scopes=(role,), version=version_of(stored_hash))

    def _run(self, statement: str, *values: Any) -> list[Any]:
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()


@pytest.fixture
def members(tmp_path: Path) -> SQLiteUsers:
    """The table with ada in it."""
    users = SQLiteUsers(tmp_path / "app.db")
    users.add("ada", generate_password_hash(PASSWORD, CHEAP), "admin")
    return users


@pytest.fixture
def site(visit: Any, guard: Any, minter: TokenMinter, members: SQLiteUsers) -> Any:
    """A client of the whole, with the members as its users."""
    return visit(LoginApp(MemoryStore(), minter, users=members).wrap(guard(), prefix="/auth"))


def test_members_sign_in(site: Any) -> None:
    """The number and the role of the table are what the app sees."""
    assert site.sign_in().json["user_id"] == 1
    answer = site.get("/api/admin", status=200).json
    assert (answer["subject"], answer["scopes"]) == ("1", ["admin"])


def test_strangers_do_not(site: Any, members: SQLiteUsers) -> None:
    """A wrong password, an unknown name and a hash that is none are one and the same answer."""
    members.add("bob", "not a hash", "admin")
    bodies = {
        site.post_json("/auth/token", {"username": name, "password": "wrong"}, status=401).body
        for name in ("ada", "nobody", "bob", "' OR 1=1 --", "x" * 60_000)
    }
    assert len(bodies) == 1


def test_an_unknown_name_costs_one_hash(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check_password(None, ...)` takes the time of a real check from the first request on, so an
    own table tells no names either."""
    hashed: list[int] = []
    scrypt = hashlib.scrypt

    def counting(password: bytes, **options: Any) -> bytes:
        hashed.append(options["n"])
        return scrypt(password, **options)

    monkeypatch.setattr("hashlib.scrypt", counting)
    for name in ("nobody", "ada"):
        hashed.clear()
        site.post_json("/auth/token", {"username": name, "password": "wrong"}, status=401)
        assert hashed == [1024], name


def test_a_password_change_ends_the_sessions(site: Any, members: SQLiteUsers) -> None:
    """`version_of` the stored hash is all that an own table needs for that."""
    old = site.sign_in().json
    members.set_password("ada", generate_password_hash("another one", CHEAP))
    refresh = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
    site.post_json("/auth/token", refresh, status=400)
    site.post_json("/auth/token", {"username": "ada", "password": PASSWORD}, status=401)
    site.post_json("/auth/token", {"username": "ada", "password": "another one"}, status=200)


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_spellings_share_five_attempts_a_minute(site: Any, name: str) -> None:
    """A table that does not tell them apart gives nobody five more guesses for each; a name that
    nobody has answers the same."""
    spellings = [name, name.upper(), f"{name} ", f"\u3000{name}", f"{name}\u200b", name.title()]
    statuses = [
        site.post_json(
            "/auth/token", {"username": typed, "password": "wrong"}, expect_errors=True
        ).status_int
        for typed in spellings
    ]
    assert statuses == [401] * 5 + [429]


class Unversioned:
    """A table as people copied it when `version` was in no example."""

    def authenticate(self, username: str, password: str) -> User | None:
        """Know ada."""
        return User(1, username) if (username, password) == ("ada", PASSWORD) else None

    def get(self, user_id: str) -> User | None:
        """Know ada."""
        return User(1, "ada")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The warnings of the login app."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "jwt_middleware.login" and record.levelno == logging.WARNING
    ]


def test_a_table_without_versions(
    visit: Any, guard: Any, minter: TokenMinter, caplog: pytest.LogCaptureFixture
) -> None:
    """The first login logs one WARNING that shows what to write; later ones are silent."""
    # inside: warns once in a process, and has to warn anew here
    stores_users._warn_without_version.cache_clear()
    app = LoginApp(MemoryStore(), minter, users=Unversioned()).wrap(guard(), prefix="/auth")
    site = visit(app)
    site.post_json("/auth/token", {"username": "ada", "password": "wrong"}, status=401)
    assert warnings(caplog) == []
    for _ in range(3):
        site.sign_in()
    (warning,) = warnings(caplog)
    assert "version=version_of(row.password_hash)" in warning
    assert "Unversioned" in warning


def test_tables_with_versions(
    site: Any, visit: Any, guard: Any, minter: TokenMinter, caplog: pytest.LogCaptureFixture
) -> None:
    """A table that sets `version`, and a bundled store, are no reason to warn."""
    # inside: warns once in a process, and has to warn anew here
    stores_users._warn_without_version.cache_clear()
    site.sign_in()
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", PASSWORD)
    bundled = visit(LoginApp(store, minter).wrap(guard(), prefix="/auth"))
    bundled.sign_in()
    assert warnings(caplog) == []


class Busy(Unversioned):
    """A table whose database is down, until it is not."""

    is_down = True

    def authenticate(self, username: str, password: str) -> User | None:
        """Fail, or know ada."""
        if self.is_down:
            raise StoreUnavailable("down")
        return super().authenticate(username, password)


def test_what_ended_in_503_is_not_a_failure(visit: Any, guard: Any, minter: TokenMinter) -> None:
    """Twenty logins in an outage leave the throttle as it was."""
    users = Busy()
    site = visit(LoginApp(MemoryStore(), minter, users=users).wrap(guard(), prefix="/auth"))
    login = {"username": "ada", "password": PASSWORD}
    for _ in range(20):
        site.post_json("/auth/token", login, status=503)
    users.is_down = False
    for _ in range(4):
        site.post_json("/auth/token", {**login, "password": "wrong"}, status=401)
    site.post_json("/auth/token", login, status=200)


def test_a_flask_app_with_its_own_user_model(
    visit: Any, minter: TokenMinter, tmp_path: Path
) -> None:
    """Outside of Flask's requests a query needs `app.app_context()`; tutorial and middleware share
    one model."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path}/flask.db"
    db = SQLAlchemy(app)

    class Member(db.Model):  # type: ignore[name-defined,misc]
        id = db.Column(db.Integer, primary_key=True)
        username = db.Column(db.Text, unique=True)
        password = db.Column(db.Text)

    class Users:
        def authenticate(self, username: str, password: str) -> User | None:
            with app.app_context():
                member = Member.query.filter_by(username=username).one_or_none()
                good = check_password(member and member.password, password, unknown=CHEAP)
                return user_of(member) if good else None

        def get(self, user_id: str) -> User | None:
            with app.app_context():
                member = db.session.get(Member, int(user_id))
                return member and user_of(member)

    def user_of(member: Member) -> User:
        return User(member.id, member.username, version=version_of(member.password))

    @app.get("/protected")
    def protected() -> Any:
        caller = Identity.from_environ(request.environ)
        assert caller is not None
        member = db.session.get(Member, int(caller.subject))
        return {"id": member.id, "username": member.username}

    with app.app_context():
        db.create_all()
        db.session.add(Member(username="ada", password=generate_password_hash(PASSWORD, CHEAP)))
        db.session.commit()
    guarded = JWTMiddleware(
        lint.middleware(app.wsgi_app), providers=[minter.provider], rules=[Rule("/protected")]
    )
    site = visit(LoginApp(MemoryStore(), minter, users=Users()).wrap(guarded, prefix=""))

    site.get("/protected", status=401)
    answer = site.post_json("/token", {"username": "ada", "password": "wrong"}, status=401)
    assert answer.json["msg"] == "Bad username or password"
    site.post_json("/token", {"username": "nobody", "password": "wrong"}, status=401)
    assert site.sign_in(prefix="").json["user_id"] == 1
    assert site.get("/protected", status=200).json == {"id": 1, "username": "ada"}
    with app.app_context():
        db.engine.dispose()
