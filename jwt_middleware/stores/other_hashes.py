"""Reads the hashes that other programs made: bcrypt, Argon2, and the forms of Django.

Django's `pbkdf2_sha256$` and `scrypt$` are the hashes of werkzeug in another spelling, so they are
respelled and werkzeug checks them. bcrypt and Argon2 need the extra `hashes`, the packages `bcrypt`
and `argon2-cffi`.

`unknown_form` names the form of a hash that is not verified. It never repeats the hash, since a
column may hold plain passwords.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from importlib.util import find_spec

MAX_BCRYPT_COST = 16
"""The highest cost of bcrypt, about 4 s. A damaged number must not occupy a worker for hours."""

MAX_ARGON2_MEMORY = 512 * 1024
"""KiB of memory for one Argon2 hash, at most: the limit of scrypt too."""

MAX_ARGON2_WORK = 4 * 1024 * 1024
"""KiB that one Argon2 hash fills in all its passes, at most: about 4 s."""

MAX_LANES = 16
"""The highest parallelism of Argon2. Each lane starts four threads in each pass."""

MAX_PASSES = 100
"""The most passes of Argon2. With 16 lanes they start 6,400 threads, which takes less than 1 s."""

BCRYPT_BYTES = 72
"""bcrypt ignores the bytes of a password after these, in every program that made such hashes."""

_BCRYPT = re.compile(
    r"\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]"
)
_ARGON2 = re.compile(
    r"\$(argon2(?:id|i|d))\$(?:v=(?:16|19)\$)?m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,7})"
    r"\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,171})",
    re.ASCII,
)
_DJANGO_PBKDF2 = re.compile(r"pbkdf2_(sha256|sha1)\$(\d{1,12})\$([^$]{1,255})\$([\w+/]{27,43}=)")
_DJANGO_SCRYPT = re.compile(
    r"scrypt\$(\d{1,12})\$([^$]{1,255})\$(\d{1,12})\$(\d{1,12})\$([\w+/]{86}==)",
    re.ASCII,
)
_SHA256_FIRST = "bcrypt_sha256$"
_STARTS = re.compile(r"\$2[aby]\$|\$argon2(id|i|d)\$|pbkdf2_sha(256|1)\$|scrypt\$")

_UNKNOWN_FORMS = {
    r"\$1\$|\$apr1\$": "MD5 crypt",
    r"\$5\$": "SHA-256 crypt",
    r"\$6\$": "SHA-512 crypt",
    r"\$(y|gy|7)\$": "yescrypt",
    r"\$2x?\$": "bcrypt before $2a$",
    r"\$(P|H|S)\$|\$wp": "phpass, of WordPress, phpBB or Drupal",
    r"\$(pbkdf2|scrypt|s0|bcrypt-sha256)": "passlib's own form",
    r"\{[A-Za-z0-9-]{2,20}\}": "a scheme of LDAP",
    r"(md5|sha1|sha224|sha256|sha384|sha512|crypt|unsalted_md5|unsalted_sha1)\$": "a salted digest "
    "of older releases of Django or werkzeug",
    r"(?i:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})\Z": "a bare digest",
    r"\*[0-9A-F]{40}\Z": "a password of MySQL",
    r"!|\*": "a mark that no password matches",
}
_NAMES = [(re.compile(form), name) for form, name in _UNKNOWN_FORMS.items()]


@dataclass(frozen=True, slots=True)
class OtherHash:
    """A hash as its own library takes it, and the method that made it.

    `method` is `bcrypt:cost` or `argon2id:m:t:p`, in the units of the hash itself (m is in KiB).
    """

    text: str
    method: str
    is_sha256_first: bool = False


def respelled(stored_hash: str) -> str:
    """Return a `pbkdf2_sha256$`, `pbkdf2_sha1$` or `scrypt$` hash of Django in the form of
    werkzeug. Return any other string as it is."""
    if found := _DJANGO_PBKDF2.fullmatch(stored_hash):
        digest, rounds, salt, encoded = found.groups()
        made = _hexadecimal(encoded)
        is_whole = made is not None and len(made) == 2 * hashlib.new(digest).digest_size
        return f"pbkdf2:{digest}:{rounds}${salt}${made}" if is_whole else stored_hash
    if found := _DJANGO_SCRYPT.fullmatch(stored_hash):
        n, salt, r, p, encoded = found.groups()
        made = _hexadecimal(encoded)
        return stored_hash if made is None else f"scrypt:{n}:{r}:{p}${salt}${made}"
    return stored_hash


def read_other(stored_hash: str) -> OtherHash | None:
    """Return a well-formed bcrypt or Argon2 hash, also in Django's wrapping, or None."""
    is_sha256_first = stored_hash.startswith(_SHA256_FIRST)
    text = _unwrapped(stored_hash)
    if found := _BCRYPT.fullmatch(text):
        return OtherHash(text, f"bcrypt:{int(found[1])}", is_sha256_first)
    found = _ARGON2.fullmatch(text)
    if found is None or not all(_is_canonical(part) for part in found.groups()[4:]):
        return None
    return OtherHash(text, f"{found[1]}:{found[2]}:{found[3]}:{found[4]}")


def unknown_form(stored_hash: str) -> str | None:
    """Return a sentence that names the form of a hash that is not verified. Return None if the
    form is known, so that the hash is damaged."""
    if _STARTS.match(_unwrapped(stored_hash)) or stored_hash.startswith(("scrypt:", "pbkdf2:")):
        return None
    name = next((name for form, name in _NAMES if form.match(stored_hash)), None)
    return (
        "it has an unknown form" if name is None else f"it has a form that is unknown here: {name}"
    )


def missing_package(method: str) -> str | None:
    """Return a sentence if the package that checks a method is not installed."""
    package = "bcrypt" if method.startswith("bcrypt:") else "argon2"
    if not method.startswith(("bcrypt:", "argon2")) or _is_installed(package):
        return None
    kind = method.partition(":")[0]
    return f"{kind} needs a package: pip install 'wsgi-jwt-middleware[hashes]'"


def is_possible_argon2(memory: int, passes: int, lanes: int) -> bool:
    """Return whether the parameters obey RFC 9106 section 3.1 and the bounds of this module."""
    is_bounded = memory <= MAX_ARGON2_MEMORY and memory * passes <= MAX_ARGON2_WORK
    has_lanes = 1 <= lanes <= MAX_LANES and 8 * lanes <= memory
    return is_bounded and has_lanes and 1 <= passes <= MAX_PASSES


def matches_other(stored: OtherHash, password: str) -> bool:
    """Return whether the password matches. Raise `MemoryError` if the machine cannot compute it.

    Of a long password bcrypt has only ever used the first 72 bytes, so that only these can match.
    """
    given = password.encode()
    if stored.is_sha256_first:
        given = binascii.hexlify(hashlib.sha256(given).digest())
    if stored.method.startswith("bcrypt:"):
        import bcrypt

        return bcrypt.checkpw(given[:BCRYPT_BYTES], stored.text.encode())
    from argon2 import exceptions, low_level

    kinds = {
        "argon2id": low_level.Type.ID,
        "argon2i": low_level.Type.I,
        "argon2d": low_level.Type.D,
    }
    try:
        kind = kinds[stored.method.partition(":")[0]]
        return low_level.verify_secret(stored.text.encode(), given, kind)
    except exceptions.VerifyMismatchError:
        return False
    except exceptions.Argon2Error as error:  # the form was checked: memory or threads are short
        raise MemoryError from error


def spend_other(method: str, password: str) -> None:
    """Spend the time of one check with a method of this module."""
    name, *numbers = method.split(":")
    salt = b"." * 22 if name == "bcrypt" else b"." * 16
    if name == "bcrypt":
        import bcrypt

        bcrypt.hashpw(password.encode()[:BCRYPT_BYTES], b"$2b$%02d$" % int(numbers[0]) + salt)
        return
    from argon2 import exceptions, low_level

    memory, passes, lanes = map(int, numbers)
    kind = low_level.Type.ID
    try:
        low_level.hash_secret_raw(password.encode(), salt, passes, memory, lanes, 32, kind)
    except exceptions.Argon2Error as error:
        raise MemoryError from error


def _unwrapped(stored_hash: str) -> str:
    """Return what Django has put its own name before."""
    if stored_hash.startswith(("bcrypt$$2", f"{_SHA256_FIRST}$2")):
        return stored_hash.partition("$")[2]
    return stored_hash[6:] if stored_hash.startswith("argon2$argon2") else stored_hash


def _hexadecimal(encoded: str) -> str | None:
    """Return what base64 with padding encodes in hexadecimal digits, or None."""
    try:
        return base64.b64decode(encoded, validate=True).hex()
    except ValueError:
        return None


def _is_canonical(encoded: str) -> bool:
    """Return whether a string is base64 without padding and without unused bits, as the reference
    implementation of Argon2 requires."""
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        return False
    return base64.b64encode(decoded).rstrip(b"=") == encoded.encode()


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # a name in `sys.modules` without a module
        return False
