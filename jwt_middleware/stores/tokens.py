"""Personal access tokens: their form, and the methods of the bundled stores.

    jwtm_pat_ ID SECRET TAG CHECKSUM        all but the prefix in base62, without separators

    ID          12 characters, random: names the token in lists and logs
    SECRET      43 characters: 256 random bits. The store only has their SHA-256
    TAG         11 characters: 64 bits of an HMAC over all before it, with a key of the store
    CHECKSUM     6 characters: the CRC-32 of all before it

The prefix and the checksum let secret scanners find a token, and distinguish it from strings that
only look like one: `jwtm_pat_[0-9A-Za-z]{72}`. Anybody can make a correct checksum, but only the
store can make a correct tag. So any number of guessed tokens is refused without a read of the
store. The tag does not replace the secret. A reader of the store has the key of the tags, but still
cannot make a token that is accepted.

The key is created with the first token, and never changes.
"""

import hashlib
import hmac
import re
import secrets
import string
import time
import unicodedata
import zlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from .._options import got, require
from ..errors import ConfigurationError
from .base import PersonalToken, TokenRecord, UnknownToken
from .user_fields import join_scopes
from .users import Row, UserStoreBase

PREFIX = "jwtm_pat_"

MAX_TOKENS = 100
"""Personal tokens that a user may have. The limit stops a user from filling the store, and lets all
of them end in one short transaction."""

KEEP_EXPIRED = 90 * 86_400
"""Seconds for which an expired token is listed, and for which its client learns that it expired."""

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID, _SECRET, _TAG, _CHECKSUM = 12, 43, 11, 6
_FORM = re.compile(
    rf"({PREFIX}([0-9A-Za-z]{{{_ID}}})([0-9A-Za-z]{{{_SECRET}}}))"
    rf"([0-9A-Za-z]{{{_TAG}}})([0-9A-Za-z]{{{_CHECKSUM}}})"
)
_MAX_NAME = 255
_EARLIEST = 10**9
"""Seconds since the epoch, in 2001. A smaller number is a duration, passed by mistake."""

_LATEST = 253402300800
"""Seconds since the epoch at the end of the year 9999, the last year of Python's calendar."""


@dataclass(frozen=True, slots=True)
class TokenParts:
    """A token with a correct form and checksum, which is otherwise unchecked."""

    id: str
    secret_hash: bytes = field(repr=False)
    _signed: str = field(repr=False)
    _tag: str = field(repr=False)

    def has_tag_of(self, key: bytes) -> bool:
        """Return whether the store with this key made the token."""
        return hmac.compare_digest(_tag_of(self._signed, key), self._tag)


def parse_token(token: str) -> TokenParts | None:
    """Return the parts of a token, or None if its form or its checksum is wrong."""
    found = _FORM.fullmatch(token)
    if found is None or _checksum_of(token[:-_CHECKSUM]) != found[5]:
        return None
    return TokenParts(found[2], _hash(found[3]), found[1], found[4])


def new_token(key: bytes) -> tuple[str, str, bytes]:
    """Return a new token, its id, and the hash of its secret."""
    token_id = _base62(secrets.randbits(71), _ID)
    secret = _base62(secrets.randbits(256), _SECRET)
    signed = f"{PREFIX}{token_id}{secret}"
    tagged = signed + _tag_of(signed, key)
    return tagged + _checksum_of(tagged), token_id, _hash(secret)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A stored token: `scopes` are separated by spaces, `removed_at` is None until it is removed.

    A removed token stays until it has expired, so that its bearer learns that it was revoked.
    """

    id: str
    user_id: int
    name: str
    scopes: str
    secret_hash: bytes = field(repr=False)
    created_at: float
    expires_at: float
    removed_at: float | None = None

    def listed(self) -> PersonalToken:
        """Return the token as `tokens()` lists it."""
        return PersonalToken(
            id=self.id,
            name=self.name,
            scopes=tuple(self.scopes.split()),
            created_at=self.created_at,
            expires_at=self.expires_at,
        )

    def record(self, user: Row | None) -> TokenRecord:
        """Return all data of the token, for checking it."""
        return TokenRecord(
            token=self.listed(),
            secret_hash=self.secret_hash,
            is_removed=self.removed_at is not None,
            user=None if user is None else user.record(),
        )


class TokenStoreBase(UserStoreBase):
    """The methods of `MemoryStore` and `SQLStore` for the personal access tokens of their users.

    `disable_user` and `remove_user` end a user's tokens permanently; enabling the user again does
    not restore them. A new password and `end_sessions` leave them, since they are for machines,
    which nobody logs in again. After a theft of a password, check `tokens()`, since the thief may
    have made one.
    """

    def add_token(
        self, username: str, *, name: str, scopes: Sequence[str], expires_at: float
    ) -> str:
        """Store a new token of a user and return it. It can never be shown again.

        - `name`: the user's name for it, 1 to 255 characters without control characters.
        - `scopes`: the token has those of them that its user has at the moment of a request.
        - `expires_at`: seconds since the epoch.

        Raise `UnknownUser` for an unknown username. Raise `ConfigurationError` for an argument that
        cannot be stored, for a disabled user, and beyond `MAX_TOKENS`.
        """
        _check_name(name)
        _check_expiry(expires_at)
        joined = join_scopes(scopes)
        user = self._row_of(username)
        token, token_id, secret_hash = new_token(self._need_token_key())
        row = TokenRow(token_id, user.id, name, joined, secret_hash, time.time(), float(expires_at))
        if not self._insert_token(row):
            raise ConfigurationError(
                f"a user who gets a token must not be disabled, nor have {MAX_TOKENS} tokens"
            )
        return token

    def tokens(self, username: str) -> list[PersonalToken]:
        """Return the tokens of a user, oldest first, including expired ones. Raise `UnknownUser`
        for an unknown username."""
        user = self._row_of(username)
        return [row.listed() for row in self._tokens_of(user.id)]

    def remove_token(self, id: str) -> None:
        """End a token permanently. A `RevocationList` over this store refuses it within a second.

        Removing it again changes nothing. Raise `UnknownToken`, a `LookupError`, if no token has
        this id.
        """
        # Do not show the id, since somebody may have passed the whole token.
        if not isinstance(id, str) or not self._end_token(id):
            raise UnknownToken("there is no personal token with this id")

    @abstractmethod
    def token_key(self) -> bytes | None:
        """Return the key of the tags, or None before the first token."""

    @abstractmethod
    def find_token(self, id: str) -> TokenRecord | None:
        """Return the data of the token with this id, even if it is expired or removed."""

    @abstractmethod
    def _need_token_key(self) -> bytes:
        """Return the key of the tags, and create it if it is missing."""

    @abstractmethod
    def _insert_token(self, row: TokenRow) -> bool:
        """Return False, and change nothing, if the user is gone, disabled or has `MAX_TOKENS`."""

    @abstractmethod
    def _tokens_of(self, user_id: int) -> Sequence[TokenRow]:
        """Return the tokens of a user that were not removed, oldest first."""

    @abstractmethod
    def _end_token(self, id: str) -> bool:
        """Return whether the token exists. Revoke it in the same step."""


def is_token_name(name: object) -> bool:
    """Return whether a token can have this name."""
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME or name.isspace():
        return False
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)


def _check_name(name: object) -> None:
    require(
        is_token_name(name),
        f"name must be 1 to {_MAX_NAME} characters, without control characters and not only "
        f"blanks, got {got(name)}",
    )


def _check_expiry(expires_at: object) -> None:
    is_number = isinstance(expires_at, (int, float)) and not isinstance(expires_at, bool)
    require(
        # The comparison also refuses NaN and infinity.
        is_number and _EARLIEST <= expires_at < _LATEST,  # type: ignore[operator]
        "expires_at must be a moment in seconds since the epoch, such as time.time() + 90 * 86_400,"
        f" got {got(expires_at)}",
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _tag_of(signed: str, key: bytes) -> str:
    mac = hmac.digest(key, signed.encode(), "sha256")
    return _base62(int.from_bytes(mac[:8], "big"), _TAG)


def _checksum_of(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECKSUM)


def _base62(number: int, length: int) -> str:
    """Return a number in base 62 with leading zeros, so that a number has one form."""
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits
