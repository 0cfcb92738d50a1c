"""Says in words what is wrong with a database: the cause, the code, and what was being done.

A driver's message may quote a URL, a statement or a password, so it is only searched for known
phrases and never repeated. All words here are ours.
"""

import os
import re

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
_CREATES = ("CREATE", "ALTER")
_TABLE = re.compile(r"\bjwt_middleware_[a-z]+\b")

_WRONG_LOGIN = "the role or the password is wrong"
_NO_RIGHT = "the role lacks a right on this table"
_NO_CREATE = "the role lacks CREATE on the schema"
_NO_DATABASE = "there is no such database"
_NO_TABLE = "a table is missing: is this the right database and schema?"
_NO_COLUMN = "a table has another form: another program or release made it"
_FULL = "the server accepts no more connections"
_READ_ONLY = "it cannot be written"
_SLOW = "it took longer than two seconds"

_HINTS = {
    # PostgreSQL, appendix A of its manual
    "28P01": _WRONG_LOGIN,
    "28000": "the server does not accept this role from here",
    "3D000": _NO_DATABASE,
    "3F000": "the search_path names no schema that exists",
    "42501": _NO_RIGHT,
    "42P01": _NO_TABLE,
    "42703": _NO_COLUMN,
    "42804": _NO_COLUMN,
    "25006": f"{_READ_ONLY}: is it a standby?",
    "53100": "its disk is full",
    "53300": _FULL,
    "55P03": _SLOW,
    "57014": _SLOW,
    "57P01": "the server shuts down",
    "57P03": "the server starts up",
    # MySQL and MariaDB, their reference of server errors
    "1040": _FULL,
    "1044": "the account lacks every right on this database",
    "1045": "the account or the password is wrong",
    "1049": _NO_DATABASE,
    "1054": _NO_COLUMN,
    "1142": "the account lacks a right on this table",
    "1143": "the account lacks a right on this table",
    "1146": _NO_TABLE,
    "1205": _SLOW,
    "1290": _READ_ONLY,
    "1698": "the account or the password is wrong",
    "1836": _READ_ONLY,
    "1969": _SLOW,
    "2003": "connection failed",
    "2006": "the connection was lost",
    "2013": "the connection was lost",
    "3024": _SLOW,
    # SQLite, sqlite.org/rescode.html
    "SQLITE_BUSY": "another process holds the lock",
    "SQLITE_CANTOPEN": "unable to open database file",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR": "the disk does not answer",
    "SQLITE_LOCKED": "another process holds the lock",
    "SQLITE_NOTADB": "file is not a database",
    "SQLITE_PERM": _READ_ONLY,
    "SQLITE_READONLY": f"{_READ_ONLY}: check the modes of the file and its folder",
}

# libpq reports no SQLSTATE for a connection that failed, and SQLite none for a missing table.
_PHRASES = {
    "password authentication failed": ("28P01", _WRONG_LOGIN),
    "SASL authentication failed": ("28P01", _WRONG_LOGIN),
    "no password supplied": (None, "the server asks for a password"),
    "no pg_hba.conf entry": ("28000", _HINTS["28000"]),
    "permission denied for database": ("42501", "the role may not connect to this database"),
    "too many connections for": ("53300", _FULL),
    "too many clients": ("53300", _FULL),
    "remaining connection slots": ("53300", _FULL),
    "the database system is starting up": ("57P03", _HINTS["57P03"]),
    "the database system is shutting down": ("57P03", _HINTS["57P01"]),
    "no such table": (None, _NO_TABLE),
    "no such column": (None, _NO_COLUMN),
    "has no column named": (None, _NO_COLUMN),
    "Name or service not known": (None, "connection failed: the host name is not known"),
    "failed to resolve host": (None, "connection failed: the host name is not known"),
    "Connection refused": (None, "connection failed: nothing listens there"),
}
_NO_ROLE = re.compile(r'role "[^"]*" does not exist')
_NO_SUCH_DATABASE = re.compile(r'database "[^"]*" does not exist|no such database')

CONNECTING = "connecting"
PREPARING = "looking for the tables"
USING = "using the database"


def describe(error: BaseException, doing: str) -> str:
    """Return what is wrong, with the class and the code of the driver's error, and the purpose of
    the statement that failed. `doing` is what was going on if no statement failed."""
    driver = getattr(error, "orig", None) or error
    purpose = _purpose(error, doing)
    code = _code(driver)
    hint = _hint(code, purpose)
    if hint is None:
        found, hint = _phrase(str(driver))
        code = code or found
    if hint is None and isinstance(driver, TimeoutError | PoolTimeout):
        hint = _SLOW
    if hint is None and isinstance(driver, OSError) and (driver.errno or 0) > 0:
        hint = os.strerror(driver.errno or 0)
    if hint is None and purpose == CONNECTING and isinstance(error, DBAPIError):
        hint = "connection failed"
    named = " ".join(filter(None, (type(driver).__name__, code)))
    return f"{named} while {purpose}" if hint is None else f"{hint} ({named} while {purpose})"


def _code(driver: BaseException) -> str | None:
    """Return the SQLSTATE, SQLite's name, or MySQL's number of an error."""
    code = getattr(driver, "sqlstate", None) or getattr(driver, "sqlite_errorname", None)
    if driver.args and type(driver.args[0]) is int:  # MySQL's SQLSTATE says less than its number
        code = None if isinstance(driver, OSError) else str(driver.args[0])
    return code if isinstance(code, str) and re.fullmatch(r"\w{2,40}", code) else None


def _hint(code: str | None, purpose: str) -> str | None:
    if code is None:
        return None
    if code == "42501" and purpose.startswith("creating"):
        return _NO_CREATE
    if code.startswith("SQLITE_"):  # an extended code has the primary one before it
        code = "_".join(code.split("_")[:2])
    return _HINTS.get(code)


def _phrase(message: str) -> tuple[str | None, str | None]:
    if _NO_ROLE.search(message):
        return "28000", "there is no such role"
    if _NO_SUCH_DATABASE.search(message):
        return "3D000", _NO_DATABASE
    found = (about for phrase, about in _PHRASES.items() if phrase in message)
    return next(found, (None, None))


def _purpose(error: BaseException, doing: str) -> str:
    statement = getattr(error, "statement", None)
    if not isinstance(statement, str):
        has_failed_early = doing == PREPARING and isinstance(error, DBAPIError)
        return CONNECTING if has_failed_early else doing
    verb, table = statement.split(maxsplit=1)[:1], _TABLE.search(statement)
    kind = verb[0].upper() if verb else ""
    if kind in _CREATES:
        return f"creating {table[0]}" if table else "creating the tables"
    if table is None:
        return doing if doing == PREPARING else "starting a transaction"
    return f"{'writing' if kind in _WRITES else 'reading'} {table[0]}"
