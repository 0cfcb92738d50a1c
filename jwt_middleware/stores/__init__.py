"""Where users, sessions, revocations and counters are kept.

`SQLStore` needs SQLAlchemy and `RedisLog` redis-py, which are imported when they are first asked
for. `costs` and `hashing_slots` are tested with `passwords`, in `tests/stores/test_passwords.py`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import (
    Counters,
    NameTaken,
    Session,
    SessionStore,
    UnknownUser,
    User,
    UserRecord,
    UserStore,
)
from .memory import MemoryStore
from .passwords import PasswordHasher, check_password, hash_password, version_of

if TYPE_CHECKING:
    from .redis import RedisLog
    from .sql import SQLStore

__all__ = [
    "Counters",
    "MemoryStore",
    "NameTaken",
    "PasswordHasher",
    "RedisLog",
    "SQLStore",
    "Session",
    "SessionStore",
    "UnknownUser",
    "User",
    "UserRecord",
    "UserStore",
    "check_password",
    "hash_password",
    "version_of",
]

# Name: its module, what that imports, what that is called, and the extra that brings it.
_LATER = {
    "SQLStore": (".sql", "sqlalchemy", "SQLAlchemy", "login"),
    "RedisLog": (".redis", "redis", "redis-py", "redis"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, imports, needs, extra = _LATER[name]
    try:
        return getattr(import_module(module, __name__), name)
    except ModuleNotFoundError as error:
        if error.name != imports:
            raise
        raise ImportError(
            f"{name} needs {needs}: pip install 'wsgi-jwt-middleware[{extra}]'"
        ) from None
