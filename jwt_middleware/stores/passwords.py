"""Passwords as hashes (`werkzeug.security`): the same time for a known name, an unknown one and a
damaged hash."""

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from werkzeug.security import check_password_hash, generate_password_hash

from ..errors import ConfigurationError, StoreUnavailable, require

DEFAULT_METHOD = "scrypt:131072:8:1"
"""128 MiB and about 0.4 s a hash (OWASP ASVS 5.0, appendix C)."""

MAX_BYTES = 1024
"""The longest password as UTF-8; a longer one is refused before it is hashed."""

_AT_ONCE = 2
_PATIENCE = 2  # seconds

_log = logging.getLogger("jwt_middleware.login")

# Rounds of seven digits at most: a damaged number must not keep a worker busy for an hour. hashlib
# bounds scrypt.
_SCRYPT, _PBKDF2 = r"scrypt(:\d+){3}", r"pbkdf2:[\w-]+:\d{1,7}"
_METHOD = re.compile(f"{_SCRYPT}|{_PBKDF2}", re.ASCII)
_HASH = re.compile(
    rf"{_SCRYPT}\$[^$]+\$[0-9a-f]{{128}}|{_PBKDF2}\$[^$]+\$([0-9a-f]{{2}}){{16,64}}", re.ASCII
)


@dataclass(frozen=True, slots=True)
class PasswordHasher:
    """Makes and checks hashes with one method of `werkzeug.security.generate_password_hash`.

    `ConfigurationError` for a method that cannot be had. At most two hashes are made at once in a
    process; who has waited 2 s for a turn gets `StoreUnavailable`.
    """

    method: str = DEFAULT_METHOD

    def __post_init__(self) -> None:
        if (
            self.method != DEFAULT_METHOD
        ):  # which is known to work: trying it would cost each start 0.4 s
            _require_possible(self.method)

    def hash(self, password: str) -> str:
        """Return the hash of a new password. `ConfigurationError` if it is empty, too long, no
        Unicode or has a NUL."""
        require(isinstance(password, str) and password, "a password is a text that is not empty")
        require(
            _is_hashable(password),
            f"a password is Unicode text without NUL, at most {MAX_BYTES} bytes as UTF-8",
        )
        return self.renew(password)

    def renew(self, password: str) -> str:
        """Return a new hash of a password that has just been checked."""
        with _turn():
            return generate_password_hash(password, self.method)

    def check(self, stored_hash: str | None, password: str) -> bool:
        """Whether the password is the one of the hash; `check_password` with the time of this
        method for None."""
        return _check(stored_hash, password, self.method)

    def outdated(self, stored_hash: str) -> bool:
        """Whether the hash was made with another method, or with other parameters, than a new one
        would be."""
        return _method_of(stored_hash) != self.method


_usual_method = DEFAULT_METHOD


def check_password(stored_hash: str | None, password: str) -> bool:
    """Whether the password is the one of a hash that `werkzeug.security.generate_password_hash`
    made.

    For a user table of your own: pass None for an unknown name, and the answer is False after the
    time of a real check (with the method of the hash that last was good in this process, at first
    `DEFAULT_METHOD`).

    Whatever the two arguments are, they raise nothing: a damaged hash is False after the same time
    and a WARNING on the logger `jwt_middleware.login`; a password that nobody can have, such as one
    over 1024 bytes, is False at once. The one error is `StoreUnavailable`: two hashes at once have
    kept this process busy for 2 s, or memory is short.
    """
    global _usual_method
    good = _check(stored_hash, password, _usual_method)
    if good and stored_hash is not None:
        _usual_method = _method_of(stored_hash)
    return good


def _check(stored_hash: str | None, password: str, method: str) -> bool:
    if not _is_hashable(password):
        return False
    with _turn():
        try:
            if stored_hash is not None and _HASH.fullmatch(stored_hash):
                return check_password_hash(stored_hash, password)
        # what a damaged number or salt raises in hashlib is of many kinds
        except Exception:  # noqa: S110
            pass
        check_password_hash(
            f"{method}$salt$never", password
        )  # for the time it takes: no hash equals this
    if stored_hash is not None:
        _log.warning(
            "a stored password hash is damaged, so its user cannot sign in: set the password again"
        )
    return False


def _is_hashable(password: object) -> bool:
    if not isinstance(password, str) or len(password) > MAX_BYTES or "\0" in password:
        # HMAC pads with NUL (RFC 2104 section 2), so a hash would be good for "secret" and
        # "secret\0"
        return False
    try:
        return len(password.encode()) <= MAX_BYTES
    except UnicodeEncodeError:
        return False


def _method_of(stored_hash: str) -> str:
    return stored_hash.partition("$")[0]


def _require_possible(method: str) -> None:
    with suppress(OverflowError, TypeError, ValueError):
        if _METHOD.fullmatch(method) and _method_of(generate_password_hash("", method)) == method:
            return
    raise ConfigurationError(
        f"password_method is scrypt:n:r:p or pbkdf2:hash:rounds, such as {DEFAULT_METHOD!r}"
    )


@contextmanager
def _turn() -> Iterator[None]:
    turns = _turns  # the same object to release as was acquired
    if not turns.acquire(timeout=_PATIENCE):
        raise StoreUnavailable("too many passwords are being checked at once")
    try:
        yield
    except (MemoryError, ValueError) as error:  # hashlib reports a failed malloc as ValueError
        raise StoreUnavailable("no password can be hashed here now") from error
    finally:
        turns.release()


def _new_turns() -> None:
    global _turns
    _turns = threading.BoundedSemaphore(_AT_ONCE)


_turns: threading.BoundedSemaphore
_new_turns()
if hasattr(os, "register_at_fork"):  # threads that held a turn do not exist in the child
    os.register_at_fork(after_in_child=_new_turns)
