"""Hashes passwords (`werkzeug.security`), and checks hashes of bcrypt, Argon2 and Django too. A
known name, an unknown name and a damaged hash take the same time.

A table may have hashes of several methods, and the time of a check must not reveal which names
exist. So after a wrong password for a cheap hash, further hashing adds up to the cost of an unknown
name. A check that succeeds is never padded: its caller knows the password.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from werkzeug.security import generate_password_hash

from .._options import require
from ..errors import ConfigurationError
from .costs import Method, is_encodable, read_hash, read_method
from .hash_checks import TOLERANCE, clock_of, is_costlier, matches, pad, spend
from .hashing_slots import MAX_WAITING_CHECKS, hashing_slot
from .other_hashes import missing_package

DEFAULT_METHOD = "scrypt:131072:8:1"
"""A hash takes 128 MiB and about 0.4 s, as OWASP ASVS 5.0, appendix C, recommends."""

MAX_BYTES = 1024
"""Bytes of the longest password in UTF-8. A longer one is refused before any hashing, so that it
costs nothing."""

_MAKES = "scrypt:n:r:p (at most 512 MiB) or pbkdf2:digest:rounds"
_CHECKS = f"{_MAKES}, bcrypt:cost or argon2id:m:t:p (m in KiB)"

_log = logging.getLogger("jwt_middleware.login")


class _UnknownNames:
    """Knows the cost of an unknown name: its method, or a costlier method found in the table."""

    __slots__ = ("costliest", "has_seen_table")

    def __init__(self) -> None:
        self.costliest: Method | None = None
        self.has_seen_table = False

    def target(self, method: Method) -> Method:
        """Return the method whose cost every failed check must reach."""
        return self.costliest or method

    def learn(self, method: Method) -> None:
        """Make unknown names cost as much as this method from now on."""
        self.costliest = method


@dataclass(frozen=True, slots=True)
class PasswordHasher:
    """Makes and checks hashes with one method of `werkzeug.security.generate_password_hash`.

    `method` is `scrypt:n:r:p` or `pbkdf2:digest:rounds`. Any other method, one that this machine
    lacks, and one over 512 MiB raise `ConfigurationError`. Making a hash waits up to 2 s for one of
    the two slots of the process, then raises `StoreUnavailable`. A check raises it at once when two
    others are waiting.
    """

    method: str = DEFAULT_METHOD
    _unknown: _UnknownNames = field(
        default_factory=_UnknownNames, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        method = _checked_method("password_method", self.method, _MAKES)
        require(method.is_of_werkzeug, f"password_method must be {_MAKES}, got {self.method!r}")

    def hash(self, password: str) -> str:
        """Return the hash of a new password.

        A password that is empty, longer than 1024 bytes, not Unicode, or contains NUL raises
        `ConfigurationError`.
        """
        require(isinstance(password, str), "password must be a string")
        require(password != "", "password must not be empty")
        require(
            _is_hashable(password),
            f"password must be a Unicode string without NUL, at most {MAX_BYTES} bytes in UTF-8",
        )
        with hashing_slot():
            return generate_password_hash(password, self.method)

    def rehash(self, password: str) -> str:
        """Return a new hash of a password that has just been checked.

        Raise `StoreUnavailable` at once if others wait for a slot, since the next login can do it.
        """
        with hashing_slot(max_waiting=MAX_WAITING_CHECKS):
            return generate_password_hash(password, self.method)

    def check(self, stored_hash: str | None, password: str) -> bool:
        """Return whether the password matches the hash. None stands for an unknown name, and takes
        the time of this method."""
        return _check(stored_hash, password, _method(self.method), self._unknown)

    def expect(self, stored_hashes: Callable[[], Iterable[str]]) -> None:
        """Make unknown names cost as much as the costliest of these hashes, from the first check
        on.

        `stored_hashes` returns hashes of the table, or methods of such. It is called once: without
        it, the first wrong password for a costlier hash would show that its name exists.
        """
        if self._unknown.has_seen_table:
            return
        unknown = _method(self.method)
        found = (read_hash(one)[0] or read_method(one) for one in stored_hashes())
        others = {method.text: method for method in found if method and method != unknown}
        if others:
            target = costliest = self._unknown.target(unknown)
            with hashing_slot(max_waiting=MAX_WAITING_CHECKS):
                for method in others.values():
                    if is_costlier(method, costliest):
                        costliest = method
            if costliest is not target:
                _report_costlier(costliest, target, self._unknown)
        self._unknown.has_seen_table = True

    def needs_rehash(self, stored_hash: str) -> bool:
        """Return whether the hash has another method or other parameters than a new hash."""
        return _method_text(stored_hash) != self.method


_unknown_by_default = _UnknownNames()


def check_password(stored_hash: str | None, password: str, *, unknown: str | None = None) -> bool:
    """Return whether the password matches a hash of `hash_password`, of
    `werkzeug.security.generate_password_hash`, of Django (PBKDF2, scrypt, Argon2, bcrypt), of
    bcrypt (`$2a$`, `$2b$`, `$2y$`) or of Argon2. bcrypt and Argon2 need the extra `hashes`.

    Use it for your own user table. Pass None for an unknown name: the answer is False and takes the
    time of a real check. That time is one hash of `hash_password`, or one of the method `unknown`,
    such as `unknown="scrypt:32768:8:1"` for a table filled by werkzeug's defaults, `"bcrypt:12"` or
    `"argon2id:65536:3:4"`. A wrong password
    for a cheaper hash takes the same time. A costlier hash in the table logs a WARNING once.

    No value of `stored_hash` or `password` makes it raise. A hash that is damaged, unknown or over
    512 MiB returns False after the same time, with a WARNING on the logger `jwt_middleware.login`.
    A password that no user can have, such as one over 1024 bytes, returns False at once.

    Raise `StoreUnavailable` if two hashes run and two checks wait already, or if memory is short.
    Raise `ConfigurationError` if `unknown` is not a method.
    """
    if unknown is None:
        return _check(stored_hash, password, _method(DEFAULT_METHOD), _unknown_by_default)
    return _check(stored_hash, password, _checked_method("unknown", unknown, _CHECKS), None)


def hash_password(password: str) -> str:
    """Return a hash for your own user table. It takes the default time of an unknown name.

    A password that is empty, longer than 1024 bytes in UTF-8, not Unicode, or contains NUL raises
    `ConfigurationError`. Raise `StoreUnavailable` if no slot is free within 2 s.
    """
    return PasswordHasher().hash(password)


def version_of(stored_hash: str | bytes | None) -> int:
    """Return an integer that changes when the stored hash changes: the `version` of a `User`.

    It is positive and fits 63 bits, so that sessions can store it. It reveals nothing of the hash.
    A session that started under another version ends, so a new password ends the old sessions.
    Compute it from the stored row: after a rehash, not before. A user without a password (None or
    "") has 0. Any other type raises `ConfigurationError`.
    """
    if stored_hash is None or stored_hash in ("", b""):
        return 0
    if isinstance(stored_hash, str):
        stored_hash = stored_hash.encode("utf-8", "surrogatepass")
    if not isinstance(stored_hash, bytes):
        raise ConfigurationError(
            f"stored_hash must be a string, bytes or None, got {type(stored_hash).__name__}"
        )
    digest = hashlib.sha256(b"jwt_middleware version\0" + stored_hash).digest()
    return int.from_bytes(digest[:8], "big") >> 1 or 1


def _check(
    stored_hash: str | None, password: str, unknown: Method, learned: _UnknownNames | None
) -> bool:
    if not _is_hashable(password):
        return False
    target = learned.target(unknown) if learned else unknown
    method, fault = read_hash(stored_hash)
    missing = target.work
    with hashing_slot(max_waiting=MAX_WAITING_CHECKS):
        if method is None:
            spend(target.text, password)
        else:
            clock = clock_of(method)
            started_at = clock()
            if matches(str(stored_hash), password):
                return True
            missing = pad(method, clock() - started_at, target, password)
    if fault is not None:
        _log.warning(
            "cannot check a stored password hash: %s; its user cannot log in until the password "
            "is set again",
            fault,
        )
    elif method is not None and missing < -target.work // TOLERANCE:
        _report_costlier(method, target, learned)
    return False


def _report_costlier(method: Method, target: Method, learned: _UnknownNames | None) -> None:
    if learned is not None:
        learned.learn(method)
    _warn_costlier(method.text, target.text)


@cache
def _warn_costlier(method: str, target: str) -> None:
    made = read_method(method)
    is_ours = made is not None and made.is_of_werkzeug
    _log.warning(
        "a stored password hash has the method %s, which costs more than the check of an unknown "
        "name (%s), so the time of a login reveals which names exist: pass unknown=%r to "
        "check_password%s",
        method,
        target,
        method,
        f", or password_method={method!r} to the store"
        if is_ours
        else "; a bundled store makes unknown names cost as much from now on",
    )


def _is_hashable(password: object) -> bool:
    # HMAC pads with NUL (RFC 2104 section 2), so the hash of "secret" would accept "secret\0".
    if not isinstance(password, str) or "\0" in password or len(password) > MAX_BYTES:
        return False
    return is_encodable(password) and len(password.encode()) <= MAX_BYTES


def _method_text(stored_hash: str) -> str:
    return stored_hash.partition("$")[0]


@cache
def _method(text: str) -> Method:
    method = read_method(text)
    if method is None:
        raise ConfigurationError(f"method must be one that this machine has, got {text!r}")
    return method


def _checked_method(option: str, text: object, form: str) -> Method:
    method = read_method(text)
    if method is None:
        raise ConfigurationError(
            f"{option} must be {form}, got {text!r}; the default is {DEFAULT_METHOD!r}"
        )
    fault = missing_package(method.text)
    require(fault is None, f"{option}={text!r}: {fault}")
    return method
