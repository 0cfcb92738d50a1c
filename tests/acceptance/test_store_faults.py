"""Databases that are damaged, locked or gone: the answer of the table, and nothing half-written."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore
from tests.kit.passwords import CHEAP
from tests.kit.sqlite import copy_tables

from .conftest import PASSWORD

ADA = {"username": "ada", "password": PASSWORD}


@pytest.fixture
def path(sqlite_tables: Path, tmp_path: Path) -> Path:
    """The file of a database with ada in it."""
    path = tmp_path / "auth.db"
    url = copy_tables(sqlite_tables, path)
    SQLStore(url, password_method=CHEAP).add_user("ada", PASSWORD, scopes=["admin"])
    return path


@pytest.fixture
def login(path: Path, visit: Any, minter: TokenMinter) -> Any:
    """A client of the login app over that file, which has been used once."""
    login = visit(
        LoginApp(SQLStore(f"sqlite:///{path}", password_method=CHEAP), minter, throttle=None)
    )
    login.sign_in(prefix="")
    return login


def run(path: Path, statement: str, *values: Any) -> list[Any]:
    """Do something behind the store's back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def dump(path: Path) -> list[str]:
    """All that the database holds, as SQL."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def assert_unavailable(login: Any) -> None:
    """A sign-in and the health check are answered 503, and nothing of the database is told."""
    for answer in (login.post_json("/token", ADA, status=503), login.get("/health", status=503)):
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json["error"] == "temporarily_unavailable"
        assert "sql" not in answer.text.lower()


def test_a_database_that_vanished(login: Any, path: Path) -> None:
    """A file that is gone is an outage, not a new and empty database; it is found again when it
    comes back."""
    for file in path.parent.glob("auth.db*"):
        shutil.move(file, str(file).replace("auth.db", "kept.db"))
    assert_unavailable(login)
    assert not path.exists()
    shutil.move(path.parent / "kept.db", path)
    login.post_json("/token", ADA, status=200)


def test_a_file_that_is_no_database(login: Any, path: Path) -> None:
    """Rubbish put in place of the file is left as it is."""
    for file in path.parent.glob("auth.db*"):
        file.unlink()
    path.write_bytes(b"rubbish" * 1000)
    assert_unavailable(login)
    assert path.read_bytes() == b"rubbish" * 1000


def test_a_table_that_is_gone(login: Any, path: Path) -> None:
    """A sign-in without its table is an outage and no wrong password; the table is not made
    anew."""
    run(path, "DROP TABLE jwt_middleware_user")
    login.post_json("/token", ADA, status=503)
    assert run(path, "SELECT count(*) FROM sqlite_master WHERE name = 'jwt_middleware_user'") == [
        (0,)
    ]


@pytest.fixture
def impatient(path: Path, visit: Any, minter: TokenMinter) -> Any:
    """A client whose store waits a tenth of a second for a lock and would like to renew every
    hash."""
    options = {"connect_args": {"timeout": 0.1}, "poolclass": sa.NullPool, "hide_parameters": True}
    engine = sa.create_engine(f"sqlite:///{path}", **options)
    login = visit(LoginApp(SQLStore(engine, password_method="scrypt:2048:8:1"), minter))
    login.get("/health", status=200)
    return login


def test_a_database_that_is_locked(impatient: Any, path: Path) -> None:
    """Who cannot read gets 503, as long as the lock is held."""
    run(path, "PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert_unavailable(impatient)
    impatient.post_json("/token", ADA, status=200)


def test_a_database_that_cannot_be_written(impatient: Any, path: Path) -> None:
    """While another one writes, a session cannot be kept: no token goes out, and nothing of the
    sign-in stays."""
    before = dump(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        impatient.post_json("/token", ADA, status=503)
    assert dump(path) == before
    impatient.post_json("/token", ADA, status=200)
    assert run(path, "SELECT substr(password_hash, 1, 15) FROM jwt_middleware_user") == [
        ("scrypt:2048:8:1",)
    ]


DAMAGED_HASHES = {
    "empty": "",
    "a word": "x",
    "only separators": "$$",
    "a plain password": PASSWORD,
    "an unknown method": "md5$salt$00",
    "a missing part": "scrypt:1024:8:1$salt",
    "no parameters": "scrypt$salt$00",
    "parameters that are no numbers": "scrypt:a:b:c$salt$00",
    "zeros": f"scrypt:0:0:0$salt${'0' * 128}",
    "no power of two": f"scrypt:1000:8:1$salt${'0' * 128}",
    "more memory than there is": f"scrypt:1073741824:8:1$salt${'0' * 128}",
    "an unknown digest": f"pbkdf2:nothing:1000$salt${'0' * 64}",
    "zero rounds": f"pbkdf2:sha256:0$salt${'0' * 64}",
    "rounds for a year": f"pbkdf2:sha256:99999999999$salt${'0' * 64}",
    "a salt that is not there": f"scrypt:1024:8:1$${'0' * 128}",
    "bytes": b"scrypt:1024:8:1$\xff",
}


@pytest.mark.parametrize("damaged", DAMAGED_HASHES.values(), ids=DAMAGED_HASHES)
def test_a_damaged_hash(damaged: Any, login: Any, path: Path) -> None:
    """Its user cannot sign in, gets the words of a wrong password, and the row stays for who mends
    it."""
    wrong = login.post_json("/token", {"username": "ada", "password": "wrong"}, status=401)
    run(path, "UPDATE jwt_middleware_user SET password_hash = ?", damaged)
    before = dump(path)
    assert login.post_json("/token", ADA, status=401).body == wrong.body
    assert dump(path) == before


@pytest.mark.parametrize(
    "claims", ["", "x", "[]", "null", "1", '{"a":', '{"iss": "https://evil.example"}']
)
def test_damaged_claims(claims: str, login: Any, path: Path) -> None:
    """Claims that cannot be read, or that would replace the minter's, cost 503: no token goes out
    without them."""
    run(path, "UPDATE jwt_middleware_user SET claims = ?", claims)
    login.post_json("/token", ADA, status=503)


def test_a_wrong_password_stays_one(login: Any, path: Path) -> None:
    """Whose claims are damaged is told to nobody who does not know the password."""
    run(path, "UPDATE jwt_middleware_user SET claims = 'x'")
    login.post_json("/token", {"username": "ada", "password": "wrong"}, status=401)
