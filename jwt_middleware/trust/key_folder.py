"""`KeyFolder`: private keys in a folder, which change while the app runs. One of them signs.

    KID.ALG.pem    a private key, mode 0600; every key here is published and verifies
    active         the id of the key that signs
    next           the id of the key that signs next, and when; see `trust.key_turn`

Each file appears by a rename, so a reader sees all of it or nothing. A key goes through three
steps, each with its command:

- `keys new` publishes it;
- `keys activate` lets it sign, from the moment when every verifier can have fetched it;
- `keys retire` removes it, once its last token has expired.

Nobody is logged out, and nothing is restarted.

Write access to the folder is as good as the key: it allows signing for anybody. So the folder must
not be writable by others. A private key that others can read causes a WARNING.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .._options import got, require
from ..errors import ConfigurationError
from .key_modes import check_modes, mode_if_readable_by_others
from .key_turn import (
    ACTIVE,
    NEXT,
    Turn,
    activated_at,
    active_id,
    next_turn,
    settle,
    sign_from,
    sign_now,
    stay,
    write_file,
)
from .keys import Key, KeySet

_log = logging.getLogger("jwt_middleware.login")

PUBLISHED_FOR = 600
"""Seconds for which others may cache the published keys: `max-age` of the JWKS document."""

_LOOK_AGAIN = 1
"""Seconds after which the folder is checked again. An unknown `kid` checks it at once."""

_SLACK = 300
"""Seconds by which a verifier's clock may be late: the greatest leeway."""

_ATTEMPTS = 3
"""How often the folder is read if it changes during the read."""


_State = frozenset[tuple[str, int, int]]
"""The names, times and inodes of the files, which differ after each change."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The keys of a folder at one moment, replaced as a whole."""

    keys: KeySet
    active: Key
    next: tuple[Key, Turn] | None
    generation: int
    state: _State

    @property
    def signer(self) -> Key:
        """The key that signs now, by the clock of this machine."""
        return self.next[0] if self.next is not None and self.next[1].is_due else self.active


class KeyFolder:
    """The keys of a folder: a key source for a `Provider`, and the signer of a `TokenMinter`.

    Building reads the folder. It raises `ConfigurationError` without an active key, or if others
    can write to the folder or a file in it. If the folder cannot be read later, the keys stay as
    they were, with a WARNING.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self.path: Path = Path(path)
        except TypeError:
            raise ConfigurationError(
                f"path must be that of a folder, got an object of {type(path).__name__}"
            ) from None
        self._look_at = 0.0
        self._warned: set[tuple[str, int]] = set()
        # One lock for each process, since a fork may copy a lock that a thread holds.
        self._reading: dict[int, threading.Lock] = {}
        try:
            self._snapshot = self._read(None)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path, an odd `active`
            cause = error if isinstance(error, ConfigurationError) else type(error).__name__
            raise ConfigurationError(
                f"path must be a folder with an active key, got {got(str(self.path))}: {cause} "
                "(jwt-middleware keys new --folder makes one)"
            ) from error

    @property
    def active(self) -> Key:
        """The key that signs now."""
        return self._current_snapshot().signer

    @property
    def keys(self) -> tuple[Key, ...]:
        """All published keys."""
        return self._current_snapshot().keys.keys

    @property
    def generation(self) -> int:
        """A number that differs after each change of the keys."""
        return self._current_snapshot().generation

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """Return the keys with this id.

        An unknown key may be new, and another worker may already sign with it. So an unknown id
        checks the folder.
        """
        found = self._current_snapshot().keys.find(kid)
        if found:
            return found
        return self._current_snapshot(at_once=True).keys.find(kid)

    def _current_snapshot(self, *, at_once: bool = False) -> _Snapshot:
        now = time.monotonic()
        if now < self._look_at and not at_once:
            return self._snapshot
        # Let only one thread read. Otherwise an older state could replace a newer one, and a
        # retired key would stay. Other threads go on with the former snapshot, unless their `kid`
        # is unknown.
        reading = self._reading.setdefault(os.getpid(), threading.Lock())
        if reading.acquire(blocking=at_once):
            try:
                self._look_at = now + _LOOK_AGAIN
                self._snapshot = self._read(self._snapshot)
            except (OSError, ValueError) as error:
                _log.warning(
                    "the keys in %s cannot be read, the earlier keys stay: %s", self.path, error
                )
            finally:
                reading.release()
        return self._snapshot

    def _read(self, former: _Snapshot | None) -> _Snapshot:
        """Return a snapshot during which the folder did not change.

        If the folder changes during every attempt, return the last one. The next check reads it
        again.
        """
        for _ in range(_ATTEMPTS):
            state = _state(self.path)
            if former is not None and state == former.state:
                return former
            check_modes(self.path)
            files = dict(_keys(self.path))
            keys = {str(key.id): key for key in files.values()}
            active, turn = (self.path / ACTIVE).read_text(), next_turn(self.path)
            if _state(self.path) == state:
                break
        for file in files:
            self._warn_of_readers(file)
        following = (keys[turn.kid], turn) if turn is not None and turn.kid in keys else None
        if turn is not None and following is None:
            _log.warning("the key %s, which signs next, is missing in %s", turn.kid, self.path)
        if following is not None and active not in keys:  # It was retired after its time.
            active = following[1].kid
        require(active in keys, f"the active key {active} is missing")
        generation = former.generation + 1 if former else 1
        return _Snapshot(KeySet(keys.values()), keys[active], following, generation, state)

    def _warn_of_readers(self, file: Path) -> None:
        mode = mode_if_readable_by_others(file)
        if mode is not None and (file.name, mode) not in self._warned:
            self._warned.add((file.name, mode))
            _log.warning(
                "others can read the private key %s, which has mode %04o; make it 0600",
                file,
                mode,
            )


def _state(path: Path) -> _State:
    files = [path / ACTIVE, *path.glob("*.pem")]
    found = {(file.name, file.stat().st_mtime_ns, file.stat().st_ino) for file in files}
    with suppress(FileNotFoundError):
        status = (path / NEXT).stat()
        found.add((NEXT, status.st_mtime_ns, status.st_ino))
    return frozenset(found)


def publish(path: Path, key: Key) -> Path:
    """Put a new private key into the folder and return its file. The first key signs at once."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_modes(path)
    file = path / f"{key.id}.{key.algorithm}.pem"
    write_file(file, key.to_pem())
    if not (path / ACTIVE).exists():
        activate(path, str(key.id))
    return file


def activate(path: Path, kid: str) -> None:
    """Let the key sign from now on. Raise `ConfigurationError` if it does not exist."""
    _file(path, kid)
    sign_now(path, kid)


def activate_in_time(path: Path, kid: str) -> float:
    """Let the key sign as soon as every verifier can have fetched it. Return that moment, in
    seconds since the epoch. Raise `ConfigurationError` if it does not exist.

    The key that signs already goes on, and no other key will sign.
    """
    moment = math.ceil(published_at(path, kid) + PUBLISHED_FOR)
    settle(path)
    if kid == active_id(path):
        stay(path)
        return activated_at(path)
    if moment > time.time():
        sign_from(path, kid, moment)
        return moment
    sign_now(path, kid)
    return activated_at(path)


def retire(path: Path, kid: str, lifetime: float) -> None:
    """Remove a key whose tokens lived `lifetime` seconds.

    Raise `ConfigurationError` if it does not exist, if it signs or will sign, or if one of its
    tokens may still be valid.
    """
    file = _file(path, kid)
    require(kid != active_id(path), f"the key {kid} signs: activate another one first")
    turn = next_turn(path)
    require(
        turn is None or turn.is_due or turn.kid != kid,
        f"the key {kid} will sign: activate another one first",
    )
    left = activated_at(path) + lifetime + _SLACK - time.time()
    require(left <= 0, f"a token that the key {kid} signed may still be valid for {left:.0f} s")
    settle(path)
    file.unlink()


def published_at(path: Path, kid: str) -> float:
    """Return when the key was published, in seconds since the epoch."""
    return _file(path, kid).stat().st_mtime


def _keys(path: Path) -> Iterator[tuple[Path, Key]]:
    for file in sorted(path.glob("*.pem")):
        kid, _, algorithm = file.stem.rpartition(".")
        try:
            yield file, Key.from_pem(file.read_bytes(), algorithm=algorithm, id=kid)
        except (OSError, ConfigurationError) as error:
            _log.warning("the key file %s is left out: %s", file.name, error)


def _file(path: Path, kid: str) -> Path:
    files = [file for file in path.glob("*.pem") if file.stem.rpartition(".")[0] == kid]
    require(files, f"there is no key {kid} in {path}")
    return files[0]
