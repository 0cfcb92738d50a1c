"""The app of the well-known tutorial, with an import line changed: `@jwt_required()` and
`get_jwt_identity()` work as written. And an app that comes from Flask-JWT-Extended with tokens that
are still out there."""

from collections.abc import Callable, Iterator
from contextlib import closing
from sqlite3 import connect
from typing import Any

import pytest
from flask import Flask, jsonify
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token
from werkzeug.security import generate_password_hash

from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule, claim, optional
from jwt_middleware.flask import get_jwt, get_jwt_identity, jwt_required
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, User, check_password, version_of
from tests.kit.passwords import CHEAP

from .conftest import AUDIENCE, ISSUER, PASSWORD, SECRET, Client

pytestmark = pytest.mark.usefixtures("cheap_hashes")

app = Flask(__name__)
app.testing = True


class Users:
    """The tutorial's table of users."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the user of this name and password."""
        row = self.table.execute("SELECT * FROM user WHERE username = ?", (username,)).fetchone()
        return self._user(row) if check_password(row and row[2], password) else None

    def get(self, user_id: str) -> User | None:
        """Return the user of this id."""
        row = self.table.execute("SELECT * FROM user WHERE id = ?", (user_id,)).fetchone()
        return self._user(row) if row else None

    def _user(self, row: Any) -> User:
        return User(row[0], row[1], version=version_of(row[2]))


@pytest.fixture
def users() -> Iterator[Users]:
    """A table with the user `test`."""
    hashed = generate_password_hash(PASSWORD, CHEAP)
    with closing(connect(":memory:", check_same_thread=False)) as table:
        table.execute("CREATE TABLE user (id INTEGER PRIMARY KEY, username TEXT, password TEXT)")
        table.execute("INSERT INTO user VALUES (7, 'test', ?)", (hashed,))
        yield Users(table)


# Protect a route with jwt_required, which will kick out requests without a valid JWT present.
@app.route("/protected", methods=["GET"])
@jwt_required()
def protected() -> Any:
    """The tutorial's view: who is calling."""
    current_user_id = get_jwt_identity()
    return jsonify({"id": current_user_id, "kind": get_jwt().get("type")}), 200


@app.route("/hello")
def hello() -> str:
    """A view that everybody may see."""
    return "hello"


@pytest.fixture
def tutorial(visit: Callable[[Any], Client], minter: TokenMinter, users: Users) -> Client:
    """The site: the login app answers POST /token, and every path is optional."""
    guarded = JWTMiddleware(app.wsgi_app, providers=[minter.provider], rules=[Rule("/", optional)])
    login = LoginApp(MemoryStore(password_method=CHEAP), minter, users=users, throttle=None)
    return visit(login.wrap(guarded, prefix=""))


def test_the_five_steps_of_the_tutorial(tutorial: Client) -> None:
    """Name and password, the table, a token or 401, the token sent, and who is calling."""
    body = {"username": "test", "password": "wrong"}
    assert tutorial.post_json("/token", body, status=401).json["msg"] == "Bad username or password"
    answer = tutorial.sign_in("test", prefix="").json
    assert answer["user_id"] == 7
    assert tutorial.get("/protected").json["id"] == "7"


def test_requests_without_a_valid_token_are_kicked_out(tutorial: Client) -> None:
    """401 from the view without one, 401 from the middleware with a bad one; the rest is open."""
    missing = tutorial.get("/protected", status=401)
    assert missing.json["reason"] == "missing"
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    bad = {"Authorization": "Bearer a.b.c"}
    assert tutorial.get("/protected", headers=bad, status=401).json["error"] == "invalid_token"
    assert tutorial.get("/hello").text == "hello"


@pytest.fixture
def old_tokens() -> dict[str, str]:
    """The tokens of an app with Flask-JWT-Extended: good for 15 minutes and for 30 days."""
    old = Flask("old")
    old.config.update(JWT_SECRET_KEY=SECRET, JWT_ENCODE_ISSUER=ISSUER, JWT_ENCODE_AUDIENCE=AUDIENCE)
    JWTManager(old)
    with old.app_context():
        return {"access": create_access_token("7"), "refresh": create_refresh_token("7")}


def test_refresh_tokens_of_a_migrating_app_no_longer_pass(
    visit: Callable[[Any], Client], old_tokens: dict[str, str]
) -> None:
    """They have the key, issuer and audience of access tokens. `claim("type", "access")` beside
    `optional` is asked of whoever has a token, in views and without."""
    keys = KeySet([Key.from_secret(SECRET)])
    provider = Provider(issuer=ISSUER, audience=AUDIENCE, keys=keys)
    rules = [Rule("/", optional, claim("type", "access"))]
    site = visit(JWTMiddleware(app.wsgi_app, providers=[provider], rules=rules))
    assert site.get("/hello").text == "hello"
    assert site.get("/protected", status=401).json["reason"] == "missing"
    site.authorization = ("Bearer", old_tokens["access"])
    assert site.get("/protected").json == {"id": "7", "kind": "access"}
    assert site.get("/hello").text == "hello"
    site.authorization = ("Bearer", old_tokens["refresh"])
    for path in ("/protected", "/hello"):
        assert site.get(path, status=403).json["reason"] == "claim_missing"
