"""Parses, bounds and compares hashing methods by their cost.

| method | made by | its *work* |
|---|---|---|
| `scrypt:n:r:p` | werkzeug, Django | `n * r * p` |
| `pbkdf2:digest:rounds` | werkzeug, Django | the rounds |
| `bcrypt:cost` | bcrypt, Django | `2 ** cost` |
| `argon2id:m:t:p`, also `argon2i` and `argon2d` | argon2-cffi, Django | `m * t` |

The time of a hash is proportional to its work, so the works of one kind can be added up.
"""

import hashlib
import re
from dataclasses import dataclass

from .other_hashes import (
    MAX_BCRYPT_COST,
    is_possible_argon2,
    missing_package,
    read_other,
    respelled,
    unknown_form,
)

MAX_MEMORY = 512 * 2**20
"""Bytes of memory for one scrypt hash (128 * r * n), at most. The limit is four times the default:
two hashes at once must not exhaust the memory of a worker."""

MAX_WORK = 8 * 131_072 * 8
"""Work of one scrypt hash, at most. The limit is eight times the default, about 3 s: a damaged
number in a table must not occupy a worker for an hour."""

_SCRYPT = re.compile(r"scrypt:([1-9]\d{0,9}):([1-9]\d{0,9}):([1-9]\d{0,9})", re.ASCII)
# At most 9,999,999 rounds: about 5 s of SHA-256.
_PBKDF2 = re.compile(r"pbkdf2:([\w-]{1,32}):([1-9]\d{0,6})", re.ASCII)
_BCRYPT = re.compile(r"bcrypt:([1-9]\d?)", re.ASCII)
_ARGON2 = re.compile(r"argon2(?:id|i|d):([1-9]\d{0,9}):([1-9]\d{0,9}):([1-9]\d{0,7})", re.ASCII)
_MIN_BCRYPT_COST = 4
_MAX_BLOCKS = 65_536  # r * p: scrypt starts with a PBKDF2 of 128 * r * p bytes, here 8 MiB
_SCRYPT_REST = re.compile(r"[^$]+\$[0-9a-f]{128}", re.ASCII)
_PBKDF2_REST = re.compile(r"[^$]+\$([0-9a-f]{2}){16,64}", re.ASCII)
_TOO_COSTLY = "its method is unknown, impossible or over the bound of 512 MiB and some seconds"
_PADDING_R = 8
_NEGLIGIBLE = 64  # Padding below 1/64 of the whole cost is skipped: nobody can measure it.


@dataclass(frozen=True, slots=True)
class Method:
    """A method that this machine can compute within the bounds.

    `kind` is `"scrypt"`, `"pbkdf2:<digest>"`, `"bcrypt"` or `"argon2:<lanes>"`. `largest` is what
    one run may take at most: scrypt's n, the KiB of Argon2, else the work. `lanes` are the threads
    that compute one hash.
    """

    text: str
    kind: str
    work: int
    largest: int
    lanes: int = 1

    @property
    def is_of_werkzeug(self) -> bool:
        """Whether new hashes can have this method."""
        return self.kind == "scrypt" or self.kind.startswith("pbkdf2:")

    def runs(self, work: int) -> list[str]:
        """Return methods of this kind that together cost this work. None needs more memory."""
        least = self.work // _NEGLIGIBLE
        if self.kind.startswith("pbkdf2:"):
            return [f"{self.kind}:{work}"] if work > least else []
        if self.kind == "scrypt":
            whole, rest = divmod(work // _PADDING_R, self.largest)
            parts = [(self.largest, whole)] if whole else []
            parts += [(2**bit, 1) for bit in _bits(rest)]
            runs = [f"scrypt:{n}:{_PADDING_R}:{p}" for n, p in parts if n * p * _PADDING_R > least]
        elif self.kind == "bcrypt":
            whole, rest = divmod(work, self.largest)
            runs = [self.text] * whole + [f"bcrypt:{bit}" for bit in _bits(rest) if 2**bit > least]
        else:
            passes, rest = divmod(work, self.largest)
            parts = [(self.largest, passes), (rest, 1)]
            runs = [f"argon2id:{m}:{t}:{self.lanes}" for m, t in parts if m * t > least]
        return [run for run in runs if read_method(run)]


def read_method(text: object) -> Method | None:
    """Return the method that a string describes, or None if it is unknown, impossible or too
    costly."""
    if not isinstance(text, str):
        return None
    if found := _SCRYPT.fullmatch(text):
        n, r, p = map(int, found.groups())
        return Method(text, "scrypt", n * r * p, n) if _is_possible_scrypt(n, r, p) else None
    if found := _PBKDF2.fullmatch(text):
        digest, rounds = found[1], int(found[2])
        if _is_possible_digest(digest):
            return Method(text, f"pbkdf2:{digest}", rounds, rounds)
    return _read_other_method(text)


def _read_other_method(text: str) -> Method | None:
    if found := _BCRYPT.fullmatch(text):
        cost = int(found[1])
        is_possible = _MIN_BCRYPT_COST <= cost <= MAX_BCRYPT_COST
        return Method(text, "bcrypt", 2**cost, 2**cost) if is_possible else None
    if found := _ARGON2.fullmatch(text):
        memory, passes, lanes = map(int, found.groups())
        if is_possible_argon2(memory, passes, lanes):
            return Method(text, f"argon2:{lanes}", memory * passes, memory, lanes)
    return None


def read_hash(stored_hash: object) -> tuple[Method | None, str | None]:
    """Return the method of a hash and None, or None and the fault of the hash. For None return
    (None, None)."""
    if stored_hash is None:
        return None, None
    if not isinstance(stored_hash, str):
        return None, "it is not a string"
    if other := read_other(stored_hash):
        return _with_package(read_method(other.method))
    if fault := unknown_form(stored_hash):
        return None, fault
    text, _, rest = respelled(stored_hash).partition("$")
    if not text.startswith(("scrypt:", "pbkdf2:")):
        return None, "it is damaged"
    method = read_method(text)
    if method is None:
        return None, _TOO_COSTLY
    form = _SCRYPT_REST if method.kind == "scrypt" else _PBKDF2_REST
    # Hashing encodes the salt, which fails for lone surrogates.
    if not form.fullmatch(rest) or not is_encodable(rest):
        return None, "it is damaged"
    return method, None


def _with_package(method: Method | None) -> tuple[Method | None, str | None]:
    if method is None:
        return None, _TOO_COSTLY
    fault = missing_package(method.text)
    return (method, None) if fault is None else (None, fault)


def _bits(number: int) -> list[int]:
    """Return the places of the ones of a number, the highest first."""
    return [bit for bit in reversed(range(number.bit_length())) if number & 2**bit]


def is_encodable(text: str) -> bool:
    """Return whether UTF-8 can encode the string: it has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_possible_scrypt(n: int, r: int, p: int) -> bool:
    """Return whether the parameters obey RFC 7914 section 2, the memory limit that werkzeug sets
    for OpenSSL, and the bounds of this module."""
    is_power_of_two = n & (n - 1) == 0
    if not hasattr(hashlib, "scrypt") or n < 2 or not is_power_of_two or n.bit_length() > 16 * r:
        return False
    if 128 * (n + p + 2) > 132 * n * p:  # werkzeug passes maxmem=132 * n * r * p
        return False
    return 128 * n * r <= MAX_MEMORY and n * r * p <= MAX_WORK and r * p <= _MAX_BLOCKS


def _is_possible_digest(digest: str) -> bool:
    """Return whether hashlib has the digest. That depends on OpenSSL and its FIPS mode."""
    try:
        hashlib.pbkdf2_hmac(digest, b"", b"", 1)
    except (ValueError, TypeError):
        return False
    return True
