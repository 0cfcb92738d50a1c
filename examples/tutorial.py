"""The five steps of the well-known tutorial, with a table of users: `PASSWORD=test gunicorn
examples.tutorial`."""

import os
import secrets
import sqlite3

from flask import Flask, request

from jwt_middleware import Identity, JWTMiddleware, Key, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, User, check_password, hash_password, version_of

app = Flask(__name__)
table = sqlite3.connect("tutorial.db", check_same_thread=False, isolation_level=None)
table.execute(
    "CREATE TABLE IF NOT EXISTS user (id INTEGER PRIMARY KEY, username TEXT UNIQUE, password TEXT)"
)
hashed = hash_password(os.environ.get("PASSWORD") or secrets.token_hex())
table.execute("INSERT OR REPLACE INTO user VALUES (1, 'test', ?)", (hashed,))


class Users:  # with Flask-SQLAlchemy each query stands in `with app.app_context():`
    # 1. POST /token brings name and password, 2. the table is looked up, 3. 200 and a token, or 401
    def authenticate(self, username, password):
        row = table.execute("SELECT * FROM user WHERE username = ?", (username,)).fetchone()
        return user_of(row) if check_password(row and row[2], password) else None

    def get(self, user_id):
        row = table.execute("SELECT * FROM user WHERE id = ?", (user_id,)).fetchone()
        return user_of(row) if row else None


def user_of(row):  # another password has another version, which ends the sessions under the old one
    return User(row[0], row[1], version=version_of(row[2]))


@app.get(
    "/protected"
)  # 4. the front end sends the token with each request, 5. the route reads who is calling
def protected():
    user = Users().get(Identity.from_environ(request.environ).subject)
    return {"id": user.id, "username": user.username}


minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
guarded = JWTMiddleware(app.wsgi_app, providers=[minter.provider], rules=[Rule("/protected")])
app.wsgi_app = LoginApp(MemoryStore(), minter, users=Users()).wrap(guarded, prefix="")
application = app
