"""`SQLStore`: stores users, sessions, revocations and counters in an SQLite file, PostgreSQL, MySQL
or MariaDB (SQLAlchemy Core)."""

from .store import SQLStore

__all__ = ["SQLStore"]
