"""SQLite files for the tests: each test has a file of its own, and only the first pays for making
the tables and for compiling the statements."""

import shutil
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from jwt_middleware.stores import SQLStore
from jwt_middleware.stores.sql import engines


class _Statements(dict[Any, Any]):
    """Compiled statements of all our SQLite engines, which differ in nothing but their files.

    SQLAlchemy asks by the dialect of the engine and the statement; each engine has a dialect of its
    own, of one class and one driver.
    """

    def get(self, key: tuple[Hashable, ...], default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: tuple[Hashable, ...], compiled: Any) -> None:
        super().__setitem__(key[1:], compiled)


def compile_statements_once() -> None:
    """Let the engines of SQLite files that stores make from now on share what SQLAlchemy has
    compiled for them. It takes as long as all the work of a short test."""
    statements, make = _Statements(), engines.sqlite

    def sqlite(path: Path) -> sa.Engine:
        engine = make(path)
        engine.update_execution_options(compiled_cache=statements)
        return engine

    engines.sqlite = sqlite


def make_tables(file: Path) -> Path:
    """Make a file that has the tables and nothing in them, to be copied."""
    store = SQLStore(f"sqlite:///{file}")
    store.ping()
    store.close()
    return file


def copy_tables(tables: Path, file: Path) -> str:
    """Copy such a file, with its mode, and return the URL of the copy."""
    shutil.copy(tables, file)
    return f"sqlite:///{file}"
