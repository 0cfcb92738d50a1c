"""The key that signs next: every process follows by its own clock, and nobody is refused."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import Key
from jwt_middleware.errors import ConfigurationError
from jwt_middleware.login import KeyFolder, TokenMinter
from jwt_middleware.trust import key_folder, key_turn
from tests.kit.clock import Clock, stopped


class Machine:
    """The clocks of this machine: the wall clock is set by a test, the other always goes on."""

    def __init__(self, wall: Clock, steady: Clock) -> None:
        self._wall, self._steady = wall, steady

    @property
    def now(self) -> float:
        """What the wall clock says."""
        return self._wall.now

    def at(self, moment: float) -> None:
        """Set the wall clock."""
        self._steady.now += 2
        self._wall.now = moment


@pytest.fixture
def clock() -> Iterator[Machine]:
    """The clocks of the test."""
    with stopped("time", time.time()) as wall, stopped("monotonic") as steady:
        yield Machine(wall, steady)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder with two keys, of which the first signs."""
    path = tmp_path / "keys"
    key_folder.publish(path, Key.generate("EdDSA", id="old"))
    key_folder.publish(path, Key.generate("EdDSA", id="new"))
    return path


def signer(folder: KeyFolder) -> str:
    """The id of the key that signs."""
    return str(folder.active.id)


def test_a_running_folder_follows(path: Path, clock: Machine) -> None:
    """A process that read the folder before the moment signs with the next key after it, without
    any change of the files."""
    folder = KeyFolder(path)
    moment = key_folder.activate_in_time(path, "new")
    assert 599 <= moment - clock.now <= 602
    for at, kid in ((moment - 0.1, "old"), (moment, "new"), (moment + 1e6, "new")):
        clock.at(at)
        assert signer(folder) == signer(KeyFolder(path)) == kid
        assert key_turn.active_id(path) == kid
    assert {key.id for key in folder.keys} == {"old", "new"}


@pytest.mark.parametrize("lag", [-4, -1, 0, 1, 4])
def test_a_clock_that_is_late_or_early(lag: float, path: Path, clock: Machine) -> None:
    """Around the moment, tokens of a machine whose clock differs by seconds are good at the others
    and the other way round, whichever key signed."""
    minters = [
        TokenMinter(KeyFolder(path), issuer="https://i.example", audience="a") for _ in range(2)
    ]
    moment = key_folder.activate_in_time(path, "new")
    signers = set()
    for step in (-5, -3, -1, 0, 1, 3, 5):
        clock.at(moment + step + lag)
        token = minters[0].mint("1")
        signers.add(signer(KeyFolder(path)))
        clock.at(moment + step)
        assert minters[1].verify(token).subject == "1"
    assert signers == {"old", "new"}


def test_settling_changes_nothing(path: Path, clock: Machine) -> None:
    """The next command turns `next` into `active`, with the same time, also for a process whose
    clock is late."""
    key_folder.activate_in_time(path, "new")
    folder = KeyFolder(path)
    turn = key_turn.next_turn(path)
    assert turn is not None
    clock.at(turn.starts_at + 1)
    third = key_folder.publish(path, Key.generate("EdDSA", id="third"))
    os.utime(third, (clock.now, clock.now))
    key_folder.activate_in_time(path, "third")
    assert _next(path) == "third"
    assert (path / "active").read_text() == "new"
    assert (path / "active").stat().st_mtime == turn.starts_at
    clock.at(turn.starts_at - 3)
    assert signer(folder) == "new"


def test_a_clock_that_is_set_back(path: Path, clock: Machine) -> None:
    """Before the moment the old key signs again; once it was retired, the next one does, whatever
    the clock says."""
    folder = KeyFolder(path)
    moment = key_folder.activate_in_time(path, "new")
    clock.at(moment + 1)
    assert signer(folder) == "new"
    clock.at(moment - 5)
    assert signer(folder) == "old"
    next(path.glob("old.*.pem")).unlink()
    clock.at(moment - 4)
    assert signer(folder) == signer(KeyFolder(path)) == "new"


def test_a_machine_that_got_only_the_files(path: Path, clock: Machine) -> None:
    """A machine to which `next` was copied and from which the old key was deleted needs no
    command."""
    moment = key_folder.activate_in_time(path, "new")
    next(path.glob("old.*.pem")).unlink()
    clock.at(moment + 1200)
    assert signer(KeyFolder(path)) == "new"
    assert (path / "active").read_text() == "old"


def test_a_next_key_that_is_not_there(
    path: Path, clock: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """`next` that was copied before its key is a WARNING, and the old key goes on signing."""
    moment = key_folder.activate_in_time(path, "new")
    folder = KeyFolder(path)
    next(path.glob("new.*.pem")).unlink()
    clock.at(moment + 1)
    assert signer(folder) == signer(KeyFolder(path)) == "old"
    assert "the key new, which signs next, is missing in" in caplog.text


BAD = {
    "empty": "",
    "no time": "new",
    "no id": "1700000000",
    "words": "new tomorrow",
    "negative": "new -5",
    "endless": "new inf",
    "fraction": "new 1.5",
    "two lines": "new 1\nold 2\n",
    "too long": "new " + "9" * 400,
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_next_that_is_malformed(
    text: str, path: Path, clock: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """A running app goes on with its keys and a WARNING; a new one says what is wrong."""
    folder = KeyFolder(path)
    (path / "next").write_text(text)
    os.chmod(path / "next", 0o600)
    clock.at(clock.now + 5)
    assert signer(folder) == "old"
    assert any(record.levelno == logging.WARNING for record in caplog.records)
    with pytest.raises(ConfigurationError, match="must have the id of a key, a space and a time"):
        KeyFolder(path)


def test_next_is_written_by_the_owner_only(path: Path, clock: Machine) -> None:
    """It has mode 0600, and a `next` that others can write is refused: they could choose the
    signer."""
    key_folder.activate_in_time(path, "new")
    assert (path / "next").stat().st_mode & 0o777 == 0o600
    os.chmod(path / "next", 0o622)
    with pytest.raises(ConfigurationError, match="must be writable by its owner only"):
        KeyFolder(path)


def test_another_plan_replaces_the_first(path: Path, clock: Machine) -> None:
    """The last command counts: another key, at once, or none."""
    key_folder.publish(path, Key.generate("EdDSA", id="third"))
    key_folder.activate_in_time(path, "new")
    key_folder.activate_in_time(path, "third")
    assert _next(path) == "third"
    key_folder.activate_in_time(path, "old")
    assert _next(path) is None
    key_folder.activate_in_time(path, "new")
    key_folder.activate(path, "third")
    assert _next(path) is None
    assert key_turn.active_id(path) == "third"


def _next(path: Path) -> Any:
    turn = key_turn.next_turn(path)
    return None if turn is None else turn.kid


@pytest.mark.parametrize("kid", ["none", "../keys/old"])
def test_a_key_that_is_not_there(kid: str, path: Path) -> None:
    """It cannot be planned, and nothing changes."""
    with pytest.raises(ConfigurationError, match="there is no key"):
        key_folder.activate_in_time(path, kid)
    assert _next(path) is None


def test_a_write_that_fails_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the files as they were, and no other file."""

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(file.name for file in path.iterdir())
    monkeypatch.setattr(key_turn.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        key_turn.sign_from(path, "new", time.time() + 600)
    assert sorted(file.name for file in path.iterdir()) == before
