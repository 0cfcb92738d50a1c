"""Who may read the file of an `SQLStore`: what we make is for its owner only, and an operator is
warned of the rest."""

import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from jwt_middleware.stores import SQLStore
from jwt_middleware.stores.sql import files
from tests.kit.inside import database_of
from tests.kit.passwords import CHEAP

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")


def by_url(path: Path) -> str:
    return f"sqlite:///{path}"


def by_engine(path: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///{path}")


def by_uri(path: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///file:{path}?uri=true")


def by_uri_with_mode(path: Path) -> sa.Engine:
    return sa.create_engine(f"sqlite:///file:{path}?mode=rwc&uri=true")


def with_wal(path: Path) -> sa.Engine:
    """An engine as many owners have it: with a write-ahead log, which lies in files of its own."""
    engine = by_engine(path)
    sa.event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA journal_mode = WAL"))
    return engine


FORMS = [by_url, by_engine, by_uri, by_uri_with_mode, with_wal]
Form = Callable[[Path], str | sa.Engine]


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """The usual umask, with which others may read each new file; and no warning given so far."""
    before = os.umask(0o022)
    # inside: warns once in a process, and has to warn anew here
    files._warned_of.clear()
    yield
    os.umask(before)


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_file_that_we_make_is_for_its_owner_only(
    tmp_path: Path, form: Form, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether by a URL or by an engine of the owner's: the file and those beside it are 0600."""
    store = SQLStore(form(tmp_path / "auth.db"), password_method=CHEAP)
    store.add_user("ann", "wonderland")
    with database_of(store).transaction() as connection:
        connection.execute(sa.text("SELECT 1 FROM jwt_middleware_user"))
        modes = modes_in(tmp_path)
    assert modes["auth.db"] == 0o600
    assert set(modes.values()) == {0o600}
    assert not caplog.records
    database_of(store).engine.dispose()


OPEN = {"usual": 0o644, "group": 0o640, "all": 0o666, "write only": 0o622}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("mode", OPEN.values(), ids=OPEN)
def test_a_file_that_others_may_read_is_told_once(
    tmp_path: Path, form: Form, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that was there keeps its mode, and one WARNING names the path and the mode."""
    path = tmp_path / "auth.db"
    path.touch()
    path.chmod(mode)
    for _ in range(2):
        store = SQLStore(form(path), password_method=CHEAP)
        store.ping()
        database_of(store).engine.dispose()
    assert stat.S_IMODE(path.stat().st_mode) == mode
    warnings = [record for record in caplog.records if f"{path} " in record.getMessage()]
    assert [record.levelno for record in warnings] == [logging.WARNING]
    assert f"(mode {mode:04o})" in warnings[0].getMessage()


def test_the_files_beside_it_are_looked_at(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The last changes lie in the -wal file: one that others may read is told of as well."""
    store = SQLStore(by_url(tmp_path / "auth.db"), password_method=CHEAP)
    store.add_user("ann", "wonderland")
    (tmp_path / "auth.db-wal").chmod(0o644)
    SQLStore(by_engine(tmp_path / "auth.db"), password_method=CHEAP).ping()
    assert f"{tmp_path}/auth.db-wal (mode 0644)" in caplog.text
    assert len(caplog.records) == 1
    database_of(store).engine.dispose()


@pytest.mark.parametrize("mode", ["ro", "rw"])
def test_an_engine_that_makes_no_file_makes_none(tmp_path: Path, mode: str) -> None:
    """Where the owner's engine would not create the file, neither do we."""
    engine = sa.create_engine(f"sqlite:///file:{tmp_path}/auth.db?mode={mode}&uri=true")
    with pytest.raises(Exception, match="does not answer"):
        SQLStore(engine, password_method=CHEAP).ping()
    assert not any(tmp_path.iterdir())
