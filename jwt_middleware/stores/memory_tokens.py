"""Stores the personal tokens of a `MemoryStore`."""

import secrets
import threading
import time
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace

from ..trust.revocation import Revocation
from .base import TokenRecord
from .passwords import DEFAULT_METHOD
from .revocations import token_entry
from .tokens import KEEP_EXPIRED, MAX_TOKENS, TokenRow, TokenStoreBase


class TokensInMemory(TokenStoreBase):
    """The methods of `MemoryStore` on personal tokens."""

    def __init__(self, password_method: str = DEFAULT_METHOD) -> None:
        super().__init__(password_method)
        self._tokens: dict[str, TokenRow] = {}
        self._token_key: bytes | None = None
        self._lock = threading.Lock()

    def token_key(self) -> bytes | None:
        """Return the key that authenticates the form of this store's tokens, or None before the
        first token."""
        return self._token_key

    def find_token(self, id: str) -> TokenRecord | None:
        """Return what is known of the token with this id: expired or not, removed or not."""
        row = self._tokens.get(id)
        return None if row is None else row.record(self._get(row.user_id))

    def _need_token_key(self) -> bytes:
        with self._lock:
            self._token_key = self._token_key or secrets.token_bytes(32)
            return self._token_key

    def _insert_token(self, row: TokenRow) -> bool:
        with self._lock:
            user = self._get(row.user_id)
            if user is None or user.disabled or len(self._tokens_of(user.id)) >= MAX_TOKENS:
                return False
            self._tokens[row.id] = row
            return True

    def _tokens_of(self, user_id: int) -> list[TokenRow]:
        rows = list(self._tokens.values())
        return [row for row in rows if row.user_id == user_id and row.removed_at is None]

    def _end_token(self, id: str) -> bool:
        with self._lock:
            row = self._tokens.get(id)
            if row is None:
                return False
            if row.removed_at is None:
                self._end_tokens([row])
            return True

    def _end_tokens_of(self, user_id: int) -> None:
        self._end_tokens(self._tokens_of(user_id))

    def _end_tokens(self, rows: Iterable[TokenRow]) -> None:
        now = time.time()
        for row in rows:
            self._tokens[row.id] = replace(row, removed_at=now)
            self._append(token_entry(row.id, row.expires_at, ""))

    def _sweep_tokens(self, now: float) -> None:
        self._tokens = {
            id_: row for id_, row in self._tokens.items() if row.expires_at + KEEP_EXPIRED > now
        }

    @abstractmethod
    def _append(self, entry: Revocation) -> None:
        """Append to the revocation log. The lock is held."""
