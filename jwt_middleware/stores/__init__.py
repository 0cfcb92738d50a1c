"""Stores users, their personal tokens, sessions, revocations and counters.

`SQLStore` needs SQLAlchemy and `RedisLog` needs redis-py. Both are imported on first use. `costs`,
`hash_checks` and `hashing_slots` are tested with `passwords`, in `tests/stores/test_passwords.py`;
`user_fields` with the users, in `tests/stores/test_conformance.py`; `memory_tokens` in
`tests/stores/test_tokens.py`; `redis_scripts` in `tests/stores/test_redis.py`.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .._packages import require_package
from .base import (
    Counters,
    NameTaken,
    PersonalToken,
    Session,
    SessionStore,
    TokenRecord,
    TokenStore,
    UnknownToken,
    UnknownUser,
    User,
    UserRecord,
    UserStore,
)
from .imports import HashedUser, ImportRefused
from .memory import MemoryStore
from .opaque import OpaqueTokens
from .passwords import PasswordHasher, check_password, hash_password, version_of

if TYPE_CHECKING:
    from .redis import RedisLog
    from .sql import SQLStore

__all__ = [
    "Counters",
    "HashedUser",
    "ImportRefused",
    "MemoryStore",
    "NameTaken",
    "OpaqueTokens",
    "PasswordHasher",
    "PersonalToken",
    "RedisLog",
    "SQLStore",
    "Session",
    "SessionStore",
    "TokenRecord",
    "TokenStore",
    "UnknownToken",
    "UnknownUser",
    "User",
    "UserRecord",
    "UserStore",
    "check_password",
    "hash_password",
    "version_of",
]

# Each name with its module, the package that it needs, a submodule of that package, the
# distribution and our extra.
_LATER = {
    "SQLStore": (".sql", "sqlalchemy", "engine", "SQLAlchemy", "login"),
    "RedisLog": (".redis", "redis", "client", "redis-py", "redis"),
}

# `from jwt_middleware.stores import *` imports every name of `__all__`. Leave out a name whose
# extra is not installed, or the import would fail.
__all__ = [name for name in __all__ if name not in _LATER or find_spec(_LATER[name][1])]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, package, part, distribution, extra = _LATER[name]
    require_package(
        package,
        part,
        lack=f"{name} needs {distribution}",
        install=f"wsgi-jwt-middleware[{extra}]",
    )
    return getattr(import_module(module, __name__), name)
