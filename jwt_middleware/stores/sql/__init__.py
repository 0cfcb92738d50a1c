"""`SQLStore`: stores users, sessions, revocations and counters in an SQLite file or in PostgreSQL
(SQLAlchemy Core)."""

from .store import SQLStore

__all__ = ["SQLStore"]
