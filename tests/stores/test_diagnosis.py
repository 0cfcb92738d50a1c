"""A database that does not answer: the cause, its code and the statement's purpose are named, and
no credential."""

import errno
import logging
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from jwt_middleware.errors import ConfigurationError, StoreUnavailable
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, SQLStore
from jwt_middleware.stores.sql.diagnosis import CONNECTING, describe
from jwt_middleware.trust.revocation import RevocationList
from tests.kit.engines import MariaDB
from tests.kit.parts import skip
from tests.kit.passwords import CHEAP
from tests.kit.waiting import wait_for

HUNTER = "hunter2%24 and more"  # of every role here, as a URL has it


@contextmanager
def changed(server: str, *statements: str) -> Iterator[None]:
    """Have PostgreSQL execute statements."""
    with psycopg.connect(server, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
        yield


def url_for(url: str, role: str, password: str = HUNTER) -> str:
    """The URL of the same place for another role."""
    made = make_url(url).set(username=role, password="PASSWORD")
    return made.render_as_string(hide_password=False).replace("PASSWORD", password)


@pytest.fixture
def role(postgresql_server: str) -> Iterator[str]:
    """A role that may log in, and nothing else."""
    name = f"role_{uuid.uuid4().hex[:8]}"
    password = "hunter2$ and more"
    with changed(postgresql_server, f"CREATE ROLE {name} LOGIN PASSWORD '{password}'"):
        yield name
    with changed(postgresql_server, f"DROP OWNED BY {name}", f"DROP ROLE {name}"):
        pass


@pytest.fixture
def account(mariadb_server: MariaDB) -> Iterator[str]:
    """An account that may log in, and nothing else."""
    name = f"role_{uuid.uuid4().hex[:8]}"
    mariadb_server.execute(f"CREATE USER {name}@localhost IDENTIFIED BY 'hunter2$ and more'")
    yield name
    mariadb_server.execute(f"DROP USER {name}@localhost")


def told(url: str, use: Callable[[SQLStore], object] = SQLStore.ping) -> str:
    """What a store says is wrong, at the first use."""
    with closing(SQLStore(url, password_method=CHEAP)) as store:
        with pytest.raises(StoreUnavailable) as caught:
            use(store)
        assert str(caught.value) == "the user database does not answer"
        for secret in ("hunter2", "24 and more"):
            assert secret not in caught.value.in_full()
        return caught.value.cause


def schema_of(url: str) -> str:
    """The schema that a URL of PostgreSQL names."""
    return str(make_url(url).query["options"]).removeprefix("-csearch_path=")


def test_no_create_on_the_schema(postgresql_server: str, postgresql_url: str, role: str) -> None:
    """PostgreSQL 15 and later give no CREATE on the schema public: that right is named."""
    with changed(postgresql_server, f"GRANT USAGE ON SCHEMA {schema_of(postgresql_url)} TO {role}"):
        assert told(url_for(postgresql_url, role)).startswith(
            "the role lacks CREATE on the schema (InsufficientPrivilege 42501 while creating "
            "jwt_middleware_"
        )


def test_no_create_on_public(postgresql_server: str, role: str) -> None:
    """The same in the schema public of a new database, as a host of databases hands it out."""
    name = f"test_{uuid.uuid4().hex}"
    with changed(postgresql_server, f"CREATE DATABASE {name}"):
        url = make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
        assert "the role lacks CREATE on the schema (" in told(url_for(url, role))
    with changed(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)"):
        pass


TABLE_RIGHTS = {
    "reads": ("SELECT", "reading", lambda store: store.users()),
    "writes": ("UPDATE", "writing", lambda store: store.set_scopes("ann", [])),
}


def test_no_right_on_a_table(postgresql_server: str, postgresql_url: str, role: str) -> None:
    """A role that may not read, or not write, a table: the purpose and the table are named."""
    with closing(SQLStore(postgresql_url, password_method=CHEAP)) as owner:
        owner.add_user("ann", "wonderland")
    schema, url = schema_of(postgresql_url), url_for(postgresql_url, role)
    with changed(postgresql_server, f"GRANT USAGE ON SCHEMA {schema} TO {role}"):
        assert told(url, SQLStore.users).startswith("the role lacks a right on this table (")
    with changed(
        postgresql_server,
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
        f"GRANT UPDATE ON {schema}.jwt_middleware_schema TO {role}",
    ):
        assert told(url, lambda store: store.add_user("bob", "x")) == (
            "the role lacks a right on this table (InsufficientPrivilege 42501 while writing "
            "jwt_middleware_user)"
        )


def test_wrong_places(postgresql_server: str, postgresql_url: str, role: str) -> None:
    """A wrong database, role, schema and host are told apart, with the SQLSTATE."""
    made = make_url(postgresql_url)
    another = made.set(database="nothing").render_as_string(hide_password=False)
    assert told(another) == "there is no such database (OperationalError 3D000 while connecting)"
    nobody = url_for(postgresql_url, "nobody_at_all")
    if "JWT_MIDDLEWARE_TEST_DATABASE_URL" not in os.environ:
        assert told(nobody) == "there is no such role (OperationalError 28000 while connecting)"
    nowhere = made.update_query_dict({"options": "-csearch_path=nowhere"})
    assert "3F000 while creating" in told(nowhere.render_as_string(hide_password=False))
    refused = told(f"postgresql://ann:{HUNTER}@127.0.0.1:1/auth")
    assert refused.endswith("(OperationalError while connecting)")
    assert refused.startswith("connection failed")


def test_a_wrong_password(postgresql_server: str, postgresql_url: str, role: str) -> None:
    """It is named as such, with its SQLSTATE, which the driver does not give."""
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        (name,) = connection.execute("SHOW hba_file").fetchone() or ("",)
        hba = Path(name)
        if not (hba.exists() and os.access(hba, os.W_OK)):
            skip("the rules of the PostgreSQL server cannot be changed here")
        before = hba.read_text()
        hba.write_text(
            f"local all {role} scram-sha-256\nhost all {role} all scram-sha-256\n{before}"
        )
        connection.execute("SELECT pg_reload_conf()")
        expected = "the role or the password is wrong (OperationalError 28P01 while connecting)"
        try:
            wrong = url_for(postgresql_url, role, "wrong-hunter2")
            wait_for(lambda: "28P01" in _told_or_nothing(wrong))
            assert told(wrong) == expected
            without = make_url(postgresql_url).set(username=role, password=None)
            assert "password" in told(without.render_as_string())
        finally:
            hba.write_text(before)
            connection.execute("SELECT pg_reload_conf()")


def _told_or_nothing(url: str) -> str:
    with closing(SQLStore(url, password_method=CHEAP)) as store:
        try:
            store.ping()
        except StoreUnavailable as error:
            return error.cause
    return ""


def test_mariadb(mariadb_server: MariaDB, mariadb_url: str, account: str) -> None:
    """A wrong password, account and database, and a missing right, have the number of the
    server."""
    name = str(make_url(mariadb_url).database)
    wrong = told(url_for(mariadb_url, account, "wrong-hunter2"))
    assert wrong == "the account or the password is wrong (OperationalError 1045 while connecting)"
    assert "1045 while connecting" in told(url_for(mariadb_url, "nobody_at_all"))
    assert told(mariadb_server.url_of("nothing")) == (
        "there is no such database (OperationalError 1049 while connecting)"
    )
    assert "1044 while connecting" in told(url_for(mariadb_url, account))
    mariadb_server.execute(f"GRANT SELECT ON {name}.* TO {account}@localhost")
    assert told(url_for(mariadb_url, account)).startswith(
        "the account lacks a right on this table (OperationalError 1142 while creating "
        "jwt_middleware_"
    )


def test_sqlite(tmp_path: Path) -> None:
    """A file that is no database, a folder that is not there, a lock and a lost table are told
    apart."""
    (tmp_path / "rubbish").write_bytes(b"rubbish" * 1000)
    assert told(f"sqlite:///{tmp_path}/rubbish").startswith(
        "file is not a database (DatabaseError SQLITE_NOTADB while "
    )
    assert told(f"sqlite:///{tmp_path}/none/auth.db") == (
        "No such file or directory (FileNotFoundError while looking for the tables)"
    )
    url = f"sqlite:///{tmp_path}/auth.db"
    with closing(SQLStore(url, password_method=CHEAP)) as store:
        store.add_user("ann", "wonderland")
    with closing(sqlite3.connect(tmp_path / "auth.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert told(url, lambda store: store.set_scopes("ann", [])).startswith(
            "another process holds the lock (OperationalError SQLITE_BUSY while starting"
        )
        other.execute("DROP TABLE jwt_middleware_user")
        other.execute("COMMIT")
    assert told(url, SQLStore.users) == (
        "a table is missing: is this the right database and schema? "
        "(OperationalError SQLITE_ERROR while reading jwt_middleware_user)"
    )


def test_a_schema_of_another_version(sqlite_url: str, tmp_path: Path) -> None:
    """Tables of a newer release, or of another program, are told apart."""
    with closing(SQLStore(sqlite_url, password_method=CHEAP)) as store:
        store.ping()
    with closing(sqlite3.connect(tmp_path / "auth.db")) as other, other:
        other.execute("UPDATE jwt_middleware_schema SET version = 9")
    with (
        closing(SQLStore(sqlite_url)) as store,
        pytest.raises(ConfigurationError, match="its schema is 9, this release knows 2"),
    ):
        store.ping()
    with closing(sqlite3.connect(tmp_path / "auth.db")) as other, other:
        other.execute("UPDATE jwt_middleware_schema SET version = 2")
        other.execute("ALTER TABLE jwt_middleware_user RENAME COLUMN scopes TO rights")
    assert told(sqlite_url, SQLStore.users) == (
        "a table has another form: another program or release made it "
        "(OperationalError SQLITE_ERROR while reading jwt_middleware_user)"
    )


OUTSIDE = [
    "postgresql://ann:hunter@2@127.0.0.1:1/auth",
    "postgresql://ann:hunter@2/x@127.0.0.1:1/auth",
    "mysql://ann:hunter@2@127.0.0.1:1/auth",
    "mysql://ann:a/b@hunter2@db/auth",
]


@pytest.mark.parametrize("url", OUTSIDE)
def test_a_password_that_is_not_encoded(url: str) -> None:
    """Its rest would count as the host, and be shown as such: it is refused in one sentence."""
    with pytest.raises(ConfigurationError, match="written as %40 and %2F") as caught:
        SQLStore(url)
    assert "hunter" not in str(caught.value)


def test_the_first_request_says_it(
    postgresql_server: str, postgresql_url: str, role: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The login app and a `RevocationList` log it as a WARNING, also the code and the purpose."""
    from webtest import TestApp

    url = url_for(postgresql_url, role)
    minter = TokenMinter.from_secret("s" * 32, issuer="https://i.example", audience="a")
    with (
        changed(postgresql_server, f"GRANT USAGE ON SCHEMA {schema_of(postgresql_url)} TO {role}"),
        closing(SQLStore(url, password_method=CHEAP)) as store,
    ):
        app = TestApp(LoginApp(store, minter))
        app.post_json("/token", {"username": "ann", "password": "x"}, status=503)
        with pytest.raises(Exception, match="revocations_unavailable"):
            RevocationList(store).check(("x",))
    warnings = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert [one for one in warnings if one.startswith("unavailable: ")]
    assert [one for one in warnings if one.startswith("the revocation log cannot be read: ")]
    for line in warnings:
        assert "the role lacks CREATE on the schema (InsufficientPrivilege 42501 while" in line
    assert "hunter2" not in caplog.text


def test_an_error_without_words() -> None:
    """An error that nothing is known of is its class and the purpose, and never its message."""
    assert describe(RuntimeError("hunter2"), CONNECTING) == "RuntimeError while connecting"
    said = describe(OSError(errno.EIO, "hunter2"), CONNECTING)
    assert said == f"{os.strerror(errno.EIO)} (OSError while connecting)"


def test_memory_never_fails() -> None:
    """A `StoreUnavailable` of an own store keeps its message as its cause."""
    MemoryStore().ping()
    error = StoreUnavailable("on a Monday")
    assert (error.cause, error.in_full()) == ("on a Monday", "on a Monday")
    assert StoreUnavailable("a", "b").args == ("a", "b")
