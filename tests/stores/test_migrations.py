"""The tables beside those of an app that is migrated by Alembic or Flask-Migrate: with the line of
the docs nothing of ours is found to drop."""

import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jwt_middleware.stores import SQLStore
from tests.kit import ROOT
from tests.kit.inside import database_of
from tests.kit.pages import DOCS, blocks
from tests.kit.passwords import CHEAP

pytestmark = pytest.mark.needs_frameworks

metadata = sa.MetaData()
sa.Table("book", metadata, sa.Column("id", sa.Integer, primary_key=True))


def documented() -> str:
    """The lines of the docs that define `include_name`."""
    found = [
        one for one in blocks(DOCS / "how-to/deployment.md", "python") if "include_name" in one
    ]
    return found[0]


def include_name(*arguments: Any) -> bool:
    """The function of the docs."""
    names: dict[str, Any] = {}
    exec(documented(), names)
    return bool(names["include_name"](*arguments))


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database of each engine."""
    return str(request.getfixturevalue(f"{request.param}_url"))


def used(url: str) -> SQLStore:
    """A store with a row in each table that it makes."""
    store = SQLStore(url, password_method=CHEAP)
    store.add_user("ann", "wonderland")
    store.add_token("ann", name="ci", scopes=[], expires_at=2e9)
    store.end_sessions("1")
    store.increment("key", 60)
    return store


def found(url: str, **options: Any) -> list[str]:
    """What an autogenerate wants to do to the database of an app with the table `book`."""
    from alembic.autogenerate import produce_migrations, render_python_code
    from alembic.migration import MigrationContext

    with closing(SQLStore(url)) as store, database_of(store).engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, **options})
        made = produce_migrations(context, metadata)
        return re.findall(r"op\.\w+\('\w+", render_python_code(made.upgrade_ops))  # type: ignore[arg-type]


def test_an_autogenerate(url: str) -> None:
    """With the documented line it only finds the app's own table; without it, it would drop all of
    ours, whose names all have the one prefix."""
    used(url).close()
    assert found(url, include_name=include_name) == ["op.create_table('book"]
    dropped = {one for one in found(url) if "drop_table" in one}
    assert len(dropped) == 7
    assert all(one.startswith("op.drop_table('jwt_middleware_") for one in dropped)


def test_every_name_has_the_prefix(url: str) -> None:
    """Tables and indexes of ours begin so, so that one line tells them from all others."""
    used(url).close()
    with closing(SQLStore(url)) as store, database_of(store).engine.connect() as connection:
        inspector = sa.inspect(connection)
        tables = inspector.get_table_names()
        indexes = [str(one["name"]) for table in tables for one in inspector.get_indexes(table)]
    assert len(tables) == 7
    assert all(name.startswith("jwt_middleware_") for name in tables)
    named = [one for one in indexes if one != "username"]  # MySQL names a unique column's so
    assert all("jwt_middleware_" in name for name in named)


def test_tables_of_the_app(url: str) -> None:
    """The line leaves the app's own tables, columns and indexes to Alembic: one that is gone from
    the models is still dropped."""
    with closing(used(url)) as store, database_of(store).engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE old_shelf (id INTEGER PRIMARY KEY)"))
        connection.execute(sa.text("CREATE TABLE jwt_middlewares (id INTEGER PRIMARY KEY)"))
    assert sorted(found(url, include_name=include_name)) == [
        "op.create_table('book",
        "op.drop_table('jwt_middlewares",
        "op.drop_table('old_shelf",
    ]
    for kind, name in (("schema", None), ("column", "jwt_middleware_id"), ("table", "book")):
        assert include_name(name, kind, {"table_name": "book"})


APP = """
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

{documented}

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///{folder}/app.db"
db = SQLAlchemy(app)

class Book(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    {column}

Migrate(app, db{option})
"""


def flask(folder: Path, *arguments: str) -> str:
    """Run Flask's command, and return what it printed."""
    env = {**os.environ, "FLASK_APP": "app.py", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "flask", "db", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("is_documented", [True, False], ids=["documented", "without"])
def test_flask_db_migrate(is_documented: bool, tmp_path: Path) -> None:
    """`flask db migrate` and `upgrade` in a database with users leave the users alone, and only
    without the line would they drop them."""
    option = ", include_name=include_name" if is_documented else ""

    def write(column: str) -> None:
        text = APP.format(documented=documented(), folder=tmp_path, option=option, column=column)
        (tmp_path / "app.py").write_text(text)

    url = f"sqlite:///{tmp_path}/app.db"
    used(url).close()
    write("")
    flask(tmp_path, "init")
    flask(tmp_path, "migrate", "-m", "books")
    (script,) = (tmp_path / "migrations" / "versions").glob("*.py")
    assert ("jwt_middleware" in script.read_text()) is not is_documented
    if not is_documented:
        return
    flask(tmp_path, "upgrade")
    write("title = db.Column(db.Text)")
    flask(tmp_path, "migrate", "-m", "titles")
    flask(tmp_path, "upgrade")
    flask(tmp_path, "downgrade", "base")
    assert "No changes" not in flask(tmp_path, "upgrade")
    with closing(SQLStore(url, password_method=CHEAP)) as store:
        assert store.authenticate("ann", "wonderland") is not None
        assert len(store.tokens("ann")) == 1
