"""Checks users that come from another program with the hashes of their passwords."""

import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..errors import ConfigurationError
from .costs import read_hash
from .user_fields import join_scopes, write_claims

BATCH = 400
"""Users that are inserted by one statement. SQLite takes at least 999 values in a condition."""

_MAX_FAULTS = 1000
"""Faults that are collected: more would only fill the memory."""


@dataclass(frozen=True, slots=True)
class HashedUser:
    """A user to import, with the hash of its password as `check_password` takes it."""

    username: str
    password_hash: str = field(repr=False)
    scopes: Sequence[str] = ()
    claims: Mapping[str, Any] | None = None


class ImportRefused(ConfigurationError):
    """No user was imported, because some of them cannot be stored.

    `faults` maps the number of a user, counted from 0, to a sentence. It has up to 1000 faults.
    """

    def __init__(self, faults: Mapping[int, str]) -> None:
        self.faults = dict(faults)
        first = min(self.faults)
        super().__init__(
            f"nothing was imported, because {len(self.faults)} of the users cannot be stored; "
            f"number {first}, counted from 0: {self.faults[first]}"
        )


class Import:
    """One import: the rows to insert, the faults, and the methods of the hashes."""

    def __init__(self, users: Iterable[HashedUser], is_name: Callable[[object], bool]) -> None:
        self._users = enumerate(users)
        self._is_name = is_name
        self._faults: dict[int, str] = {}
        self.methods: set[str] = set()
        self.count = 0

    def batches(self) -> Iterator[dict[int, dict[str, Any]]]:
        """Yield the rows of `BATCH` users at a time, by their numbers. Users with a fault are left
        out."""
        while some := list(islice(self._users, BATCH)):
            rows = {}
            for number, user in some:
                try:
                    rows[number] = self._row(user)
                except ConfigurationError as error:
                    self.report(number, str(error))
            self.count += len(rows)
            yield rows

    def report(self, number: int, fault: str) -> None:
        """Note why a user cannot be imported."""
        if len(self._faults) < _MAX_FAULTS:
            self._faults[number] = fault

    def report_taken(self, number: int, username: str) -> None:
        """Note that the name of a user is taken."""
        self.report(number, f"there is a user named {reprlib.repr(username)} already")

    def finish(self) -> int:
        """Return how many users were imported, or raise `ImportRefused`."""
        if self._faults:
            raise ImportRefused(self._faults)
        return self.count

    def _row(self, user: object) -> dict[str, Any]:
        if not isinstance(user, HashedUser):
            raise ConfigurationError(f"users must be of HashedUser, got {type(user).__name__}")
        if not self._is_name(user.username):
            raise ConfigurationError(
                "username must be 1 to 255 characters, without control characters and not only "
                f"blanks, got {reprlib.repr(user.username)}"
            )
        method, fault = read_hash(user.password_hash)
        if method is None:
            raise ConfigurationError(
                f"the hash of {reprlib.repr(user.username)} cannot be used: "
                f"{fault or 'it is missing'}"
            )
        self.methods.add(method.text)
        return {
            "username": user.username,
            "password_hash": user.password_hash,
            "scopes": join_scopes(user.scopes),
            "claims": write_claims(user.claims),
            "disabled": False,
            "version": 0,
        }
