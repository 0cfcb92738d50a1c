"""Passwords as hashes (`werkzeug.security`): a known name, an unknown name and a damaged hash cost
the same.

A wrong password for a cheaper hash is padded with more hashing up to the cost of an unknown name,
so that a table whose hashes have several methods does not tell which names it has. A check that
succeeds is never padded: its caller knows the password.
"""

import hashlib
import logging
import time
from dataclasses import dataclass, field
from functools import cache

from werkzeug.security import check_password_hash, generate_password_hash

from .._options import require
from ..errors import ConfigurationError
from .costs import Method, is_encodable, read_hash, read_method
from .hashing_slots import MAX_WAITING_CHECKS, hashing_slot

DEFAULT_METHOD = "scrypt:131072:8:1"
"""128 MiB and about 0.4 s a hash (OWASP ASVS 5.0, appendix C)."""

MAX_BYTES = 1024
"""The longest password in bytes of UTF-8; a longer one is refused before it is hashed."""

_TOLERANCE = 10  # 1/10 of a cost: below it, CPU times of two kinds of hashes do not differ

_MEASURED_PART = 8  # 1/8 of a cost is long enough to be measured

_log = logging.getLogger("jwt_middleware.login")


class _UnknownNames:
    """How much an unknown name costs: its method, or a costlier one that a table turned out to
    have."""

    __slots__ = ("costliest",)

    def __init__(self) -> None:
        self.costliest: Method | None = None

    def target(self, method: Method) -> Method:
        """Return what a check must cost that fails."""
        return self.costliest or method

    def learn(self, method: Method) -> None:
        """Let unknown names cost as much as this from now on."""
        self.costliest = method


@dataclass(frozen=True, slots=True)
class PasswordHasher:
    """Makes and checks hashes with one method of `werkzeug.security.generate_password_hash`.

    `method` is `scrypt:n:r:p` or `pbkdf2:digest:rounds`; any other, one that this machine lacks, or
    one over 512 MiB is a `ConfigurationError`. Making a hash waits up to 2 s for one of the two
    slots of the process, then raises `StoreUnavailable`; a check is refused at once when two others
    are waiting.
    """

    method: str = DEFAULT_METHOD
    _unknown: _UnknownNames = field(
        default_factory=_UnknownNames, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        _checked_method("password_method", self.method)

    def hash(self, password: str) -> str:
        """Return the hash of a new password.

        `ConfigurationError` if it is empty, longer than 1024 bytes, not Unicode or contains NUL.
        """
        require(isinstance(password, str), "password must be a string")
        require(password != "", "password must not be empty")
        require(
            _is_hashable(password),
            f"password must be Unicode text without NUL, at most {MAX_BYTES} bytes in UTF-8",
        )
        with hashing_slot():
            return generate_password_hash(password, self.method)

    def rehash(self, password: str) -> str:
        """Return a new hash of a password that has just been checked.

        `StoreUnavailable` at once when others wait for a slot: the next login can do it.
        """
        with hashing_slot(max_waiting=MAX_WAITING_CHECKS):
            return generate_password_hash(password, self.method)

    def check(self, stored_hash: str | None, password: str) -> bool:
        """Return whether the password matches the hash. None, for an unknown name, costs what this
        method costs."""
        return _check(stored_hash, password, _method(self.method), self._unknown)

    def needs_rehash(self, stored_hash: str) -> bool:
        """Return whether the hash has another method, or other parameters, than a new one."""
        return _method_text(stored_hash) != self.method


_unknown_by_default = _UnknownNames()


def check_password(stored_hash: str | None, password: str, *, unknown: str | None = None) -> bool:
    """Return whether the password matches a hash of `hash_password` or of
    `werkzeug.security.generate_password_hash`.

    For a user table of your own. Pass None for an unknown name: the answer is False, at the cost of
    a real check. That cost is one hash of ours (`hash_password`), or of the method that `unknown`
    names: `unknown="scrypt:32768:8:1"` for a table filled by werkzeug's defaults. A wrong password
    for a cheaper hash costs the same. A costlier hash in the table is logged once as a WARNING.

    Neither `stored_hash` nor `password` makes it raise. A hash that is damaged, of an unknown form
    or over 512 MiB is False at the same cost, with a WARNING on the logger `jwt_middleware.login`.
    A password that nobody can have, such as one over 1024 bytes, is False at once.

    `StoreUnavailable` if two hashes are being made and two checks wait already, or if memory is
    short. `ConfigurationError` if `unknown` is not a method.
    """
    if unknown is None:
        return _check(stored_hash, password, _method(DEFAULT_METHOD), _unknown_by_default)
    return _check(stored_hash, password, _checked_method("unknown", unknown), None)


def hash_password(password: str) -> str:
    """Return a hash for a user table of your own, of the method that an unknown name costs by
    default.

    `ConfigurationError` if the password is empty, longer than 1024 bytes in UTF-8, not Unicode or
    contains NUL. `StoreUnavailable` if no slot was free for 2 s.
    """
    return PasswordHasher().hash(password)


def version_of(stored_hash: str | bytes | None) -> int:
    """Return a number that changes when the stored hash changes: the `version` of a `User`.

    It is positive and fits 63 bits, so that sessions can store it; it tells nothing of the hash.
    A session started under another version ends, so a new password ends the sessions under the old
    one. Read it from the row as it is stored: after a rehash, not before. A user without a password
    (None or "") has 0. `ConfigurationError` for any other type.
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
            _spend(target.text, password)
        else:
            started_at = time.thread_time()
            if check_password_hash(str(stored_hash), password):
                return True
            missing = _pad(method, time.thread_time() - started_at, target, password)
    if fault is not None:
        _log.warning(
            "cannot check a stored password hash: %s; its user cannot log in until the password "
            "is set again",
            fault,
        )
    elif method is not None and missing < -target.work // _TOLERANCE:
        if learned is not None:
            learned.learn(method)
        _warn_costlier(method.text, target.text)
    return False


def _pad(method: Method, seconds: float, target: Method, password: str) -> int:
    """Hash on, after a hash that took this many CPU seconds, until the target's cost is reached.

    Return how much work was missing; negative if the first hash cost more than the target.
    """
    if method.kind == target.kind:
        missing = target.work - method.work
        _spend_work(target, missing, password)
        return missing
    # The works of two kinds have no common unit, so measure a part of the target. The part counts:
    # a measurement beforehand would make the first login of a worker slower.
    part = target.work // _MEASURED_PART
    started_at = time.thread_time()
    _spend_work(target, part, password)
    whole = max(time.thread_time() - started_at, 1e-9) * _MEASURED_PART
    missing = round(target.work * (1 - seconds / whole))
    _spend_work(target, missing - part, password)
    return missing


def _spend_work(target: Method, work: int, password: str) -> None:
    for method in target.runs(work) if work > 0 else ():
        _spend(method, password)


def _spend(method: str, password: str) -> None:
    """Take the time of a check: no hash equals "never"."""
    check_password_hash(f"{method}$salt$never", password)


def _report_costlier(method: Method, target: Method, learned: _UnknownNames | None) -> None:
    if learned is not None:
        learned.learn(method)
    _warn_costlier(method.text, target.text)


@cache
def _warn_costlier(method: str, target: str) -> None:
    _log.warning(
        "a stored password hash has the method %s, which costs more than the check of an unknown "
        "name (%s), so the time of a login tells which names exist: pass unknown=%r to "
        "check_password, or password_method=%r to the store",
        method,
        target,
        method,
        method,
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
        raise ConfigurationError(f"no method {text!r} on this machine")
    return method


def _checked_method(option: str, text: object) -> Method:
    method = read_method(text)
    if method is None:
        raise ConfigurationError(
            f"{option} must be scrypt:n:r:p (at most 512 MiB) or pbkdf2:digest:rounds, "
            f"got {text!r}; the default is {DEFAULT_METHOD!r}"
        )
    return method
