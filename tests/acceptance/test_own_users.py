"""`users=`: people sign in who stand in a table of the app's own."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from webtest import lint
from werkzeug.security import check_password_hash, generate_password_hash

from jwt_middleware import Identity, JWTMiddleware, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, User, check_password

from .conftest import CHEAP, PASSWORD


class SQLiteUsers:
    """A table `member` in an SQLite file, as an app without a framework might have it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._run(
            "CREATE TABLE member (number INTEGER PRIMARY KEY, mail TEXT UNIQUE, hash TEXT, role TEXT)"
        )

    def add(self, mail: str, stored_hash: str, role: str) -> None:
        """Keep a member."""
        self._run("INSERT INTO member (mail, hash, role) VALUES (?, ?, ?)", mail, stored_hash, role)

    def authenticate(self, username: str, password: str) -> User | None:
        """Look the name up and check the password."""
        rows = self._run("SELECT number, mail, role, hash FROM member WHERE mail = ?", username)
        good = check_password(rows[0][3] if rows else None, password)
        return User(rows[0][0], rows[0][1], scopes=(rows[0][2],)) if good else None

    def get(self, user_id: str) -> User | None:
        """Look the number up."""
        rows = self._run("SELECT number, mail, role FROM member WHERE number = ?", user_id)
        return User(rows[0][0], rows[0][1], scopes=(rows[0][2],)) if rows else None

    def _run(self, statement: str, *values: Any) -> list[Any]:
        connection = sqlite3.connect(self.path)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()


@pytest.fixture
def cheap_dummy(monkeypatch: pytest.MonkeyPatch) -> None:
    """`check_password` has not seen a hash yet; the one for an unknown name is to be as cheap as
    the table's."""
    monkeypatch.setattr("jwt_middleware.stores.passwords._usual_method", CHEAP)


@pytest.fixture
def members(tmp_path: Path, cheap_dummy: None) -> SQLiteUsers:
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
    """`check_password(None, ...)` takes the time of a real check, so an own table tells no names
    either."""
    hashed: list[str] = []

    def counting(stored_hash: str, password: str) -> bool:
        hashed.append(stored_hash.partition("$")[0])
        return check_password_hash(stored_hash, password)

    monkeypatch.setattr("jwt_middleware.stores.passwords.check_password_hash", counting)
    for name in ("ada", "nobody"):
        hashed.clear()
        site.post_json("/auth/token", {"username": name, "password": "wrong"}, status=401)
        assert hashed == [CHEAP], name


@pytest.mark.usefixtures("cheap_dummy")
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
                good = check_password(member and member.password, password)
                return User(member.id, member.username) if good else None

        def get(self, user_id: str) -> User | None:
            with app.app_context():
                member = db.session.get(Member, int(user_id))
                return member and User(member.id, member.username)

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
