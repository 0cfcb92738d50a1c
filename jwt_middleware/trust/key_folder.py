"""`KeyFolder`: private keys in a folder, one of them signing, changed while the app runs.

    KID.ALG.pem    a private key, mode 0600; whatever lies here is published and verifies
    active         the id of the key that signs

Each file appears by a rename, so a reader sees all of it or nothing. A key goes through three
steps, each with its command: `keys new` publishes it, `keys activate` has it sign once every
verifier can have fetched it, and `keys retire` takes it away once its last token has expired.
Nobody is signed out, and nothing is restarted.
"""

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import ConfigurationError, require
from .keys import Key, KeySet

_log = logging.getLogger("jwt_middleware.login")

PUBLISHED_FOR = 600
"""Seconds for which others may keep the published keys: `max-age` of the JWKS document."""

_LOOK_AGAIN = 1
"""Seconds after which the folder is looked at again; an unknown `kid` looks at once."""

_SLACK = 300
"""Seconds by which a verifier's clock may be late: the greatest leeway."""

_ACTIVE = "active"


class KeyFolder:
    """The keys of a folder: a key source for a `Provider`, and the signer of a `TokenMinter`.

    Building reads the folder: without an active key it is a `ConfigurationError`. Later a folder
    that cannot be read leaves the keys as they were, with a WARNING.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        self._seen: frozenset[tuple[str, int, int]] | None = None
        self._generation = 0
        self._look_at = 0.0
        try:
            self._read()
        except (OSError, ConfigurationError) as error:
            form = f"jwt-middleware keys new --folder {self.path}"
            raise ConfigurationError(
                f"{self.path} holds no active key that can be read: {form}"
            ) from error

    @property
    def active(self) -> Key:
        """The key that signs now."""
        self._look()
        return self._active

    @property
    def keys(self) -> tuple[Key, ...]:
        """All published keys."""
        self._look()
        return self._key_set.keys

    @property
    def generation(self) -> int:
        """Another number after each change of the keys."""
        self._look()
        return self._generation

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """The keys with this id. An unknown one may be new, and another worker signs with it
        already: look at once."""
        self._look()
        if not (found := self._key_set.find(kid)):
            self._look_at = 0
            self._look()
            found = self._key_set.find(kid)
        return found

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + _LOOK_AGAIN
        try:
            self._read()
        except (OSError, ConfigurationError) as error:
            _log.warning(
                "the keys in %s cannot be read, the earlier ones stay: %s", self.path, error
            )

    def _read(self) -> None:
        files = [self.path / _ACTIVE, *self.path.glob("*.pem")]
        seen = frozenset((file.name, file.stat().st_mtime_ns, file.stat().st_ino) for file in files)
        if seen == self._seen:
            return
        keys = {str(key.id): key for key in _keys(self.path)}
        active = (self.path / _ACTIVE).read_text()
        require(active in keys, f"the active key {active} is not there")
        self._key_set, self._active = KeySet(keys.values()), keys[active]
        self._generation += 1
        self._seen = seen


def publish(path: Path, key: Key) -> Path:
    """Put a new private key into the folder and return its file. The first key signs at once."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = path / f"{key.id}.{key.algorithm}.pem"
    _write(file, key.to_pem())
    if not (path / _ACTIVE).exists():
        activate(path, str(key.id))
    return file


def activate(path: Path, kid: str) -> None:
    """Let the key sign from now on. `ConfigurationError` when it is not there."""
    _file(path, kid)
    _write(path / _ACTIVE, kid.encode())


def retire(path: Path, kid: str, lifetime: float) -> None:
    """Take away a key whose tokens lived `lifetime` seconds.

    `ConfigurationError` when it is not there, signs, or signed so lately that a token of it may
    still be good.
    """
    file = _file(path, kid)
    require(kid != active_id(path), f"the key {kid} signs: activate another one first")
    left = activated_at(path) + lifetime + _SLACK - time.time()
    require(left <= 0, f"a token that the key {kid} signed may still be good for {left:.0f} s")
    file.unlink()


def active_id(path: Path) -> str:
    """The id of the key that signs."""
    return (path / _ACTIVE).read_text()


def published_at(path: Path, kid: str) -> float:
    """When the key was published, in seconds since the epoch."""
    return _file(path, kid).stat().st_mtime


def activated_at(path: Path) -> float:
    """When the key that signs was activated: since then no other one has signed."""
    return (path / _ACTIVE).stat().st_mtime


def _keys(path: Path) -> Iterator[Key]:
    for file in sorted(path.glob("*.pem")):
        kid, _, algorithm = file.stem.rpartition(".")
        try:
            yield Key.from_pem(file.read_bytes(), algorithm=algorithm, id=kid)
        except (OSError, ConfigurationError) as error:
            _log.warning("the key file %s is left out: %s", file.name, error)


def _file(path: Path, kid: str) -> Path:
    files = [file for file in path.glob("*.pem") if file.stem.rpartition(".")[0] == kid]
    require(files, f"there is no key {kid} in {path}")
    return files[0]


def _write(file: Path, content: bytes) -> None:
    """Write a file that nobody else may read and that appears whole."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".")
    with open(handle, "wb") as new:
        new.write(content)
        new.flush()
        os.fsync(handle)
    os.replace(name, file)
