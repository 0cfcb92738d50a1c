"""A folder of keys: published, then signing, then gone, while the apps that use it run."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, InvalidToken, Key, Provider
from jwt_middleware.login import KeyFolder, TokenMinter
from jwt_middleware.trust import key_folder
from jwt_middleware.trust.verifier import Verifier
from tests.kit.waiting import PATIENCE

LIFETIME = 900


def minter(path: Path) -> TokenMinter:
    """A worker's minter, with a view of the folder of its own."""
    return TokenMinter(
        KeyFolder(path), issuer="https://example.com", audience="api", lifetime=LIFETIME
    )


def publish(path: Path, algorithm: str = "ES256") -> Key:
    """Put a new key into the folder."""
    key = Key.generate(algorithm)
    key_folder.publish(path, key)
    return key


def age(path: Path, seconds: float) -> None:
    """Let everything in the folder have happened that long ago."""
    for file in path.iterdir():
        os.utime(file, (time.time() - seconds, file.stat().st_mtime - seconds))


def kids(of: TokenMinter) -> set[str]:
    """The ids of the published keys."""
    return {key["kid"] for key in (of.jwks or {})["keys"]}


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Move the clock by which the folder is looked at."""
    now = time.monotonic() + seconds
    monkeypatch.setattr(key_folder.time, "monotonic", lambda: now)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder with one key, which signs."""
    publish(tmp_path / "keys")
    return tmp_path / "keys"


def test_a_new_key_is_published_before_it_signs(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running app publishes a new key within a second, and goes on signing with the active
    one."""
    worker = minter(path)
    (old,) = kids(worker)
    new = publish(path, "EdDSA")
    later(monkeypatch, 1.1)
    assert kids(worker) == {old, new.id}
    assert KeyFolder(path).active.id == old


def test_an_activated_key_signs_and_the_old_tokens_stay_good(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After `activate` a running app signs with the new key; what the old one signed is still
    accepted."""
    worker = minter(path)
    verifier = Verifier([worker.provider])
    before = worker.mint("ada")
    new = publish(path)
    key_folder.activate(path, str(new.id))
    later(monkeypatch, 1.1)
    after = worker.mint("ada")
    assert verifier.identify(before).subject == verifier.identify(after).subject == "ada"
    assert KeyFolder(path).active.id == new.id


def test_a_worker_that_has_not_looked_yet_accepts_what_another_signs(path: Path) -> None:
    """An unknown `kid` has the folder looked at at once, not after the second."""
    slow = Verifier([minter(path).provider])
    key_folder.activate(path, str(publish(path).id))
    assert slow.identify(minter(path).mint("ada")).subject == "ada"


def test_a_retired_key_verifies_no_more(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking a key away ends its tokens everywhere within a second, kept ones too."""
    worker = minter(path)
    verifier = Verifier([worker.provider])
    token = worker.mint("ada")
    verifier.identify(token)
    old = KeyFolder(path).active.id
    key_folder.activate(path, str(publish(path).id))
    age(path, LIFETIME + 301)
    key_folder.retire(path, str(old), LIFETIME)
    later(monkeypatch, 1.1)
    with pytest.raises(InvalidToken, match="key"):
        verifier.identify(token)


def test_a_key_stays_until_its_last_token_has_expired(path: Path) -> None:
    """`retire` refuses a key that signs, one whose tokens may be good, and one that is not
    there."""
    old = str(KeyFolder(path).active.id)
    with pytest.raises(ConfigurationError, match="signs"):
        key_folder.retire(path, old, LIFETIME)
    key_folder.activate(path, str(publish(path).id))
    age(path, LIFETIME + 295)
    with pytest.raises(ConfigurationError, match="may still be valid"):
        key_folder.retire(path, old, LIFETIME)
    with pytest.raises(ConfigurationError, match="there is no key"):
        key_folder.retire(path, "../keys", LIFETIME)
    assert old in kids(minter(path))


def test_nobody_else_reads_the_keys(path: Path) -> None:
    """The folder is 0700, its files are 0600, and nothing half-written is left."""
    assert path.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.iterdir()} == {0o600}
    assert sorted(file.suffix for file in path.iterdir()) == ["", ".pem"]


def test_a_broken_file_costs_no_other_key(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that is no key, or one of another algorithm than its name says, is left out with a
    WARNING."""
    (path / "broken.ES256.pem").write_text("not a key")
    (path / "other.RS256.pem").write_bytes(Key.generate("EdDSA").to_pem())
    assert len(KeyFolder(path).keys) == 1
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


@pytest.mark.parametrize("damage", ["no folder", "no active", "active is gone"])
def test_a_folder_that_cannot_be_read_leaves_the_keys_as_they_were(
    damage: str, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A running app signs on; only a new one is refused."""
    worker = minter(path)
    if damage == "no folder":
        path.rename(path.parent / "elsewhere")
    elif damage == "no active":
        (path / "active").unlink()
    else:
        (path / "active").write_text("nobody")
    later(monkeypatch, 1.1)
    assert Verifier([worker.provider]).identify(worker.mint("ada")).subject == "ada"
    assert "the earlier keys stay" in caplog.text
    with pytest.raises(ConfigurationError, match="jwt-middleware keys new --folder"):
        KeyFolder(path)


def test_the_folder_is_looked_at_once_a_second(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request costs no look at the file system within the second."""
    folder = KeyFolder(path)
    assert folder.generation
    looks: list[str] = []
    # inside: the moment between two looks at the folder has no other handle
    monkeypatch.setattr(KeyFolder, "_read", lambda self: looks.append("look"))
    later(monkeypatch, 0)
    for _ in range(100):
        assert folder.generation
    assert len(looks) <= 1


def test_fallbacks_do_not_go_with_a_folder(path: Path) -> None:
    """A folder has its earlier keys in it."""
    with pytest.raises(ConfigurationError, match="leave fallbacks out"):
        TokenMinter(
            KeyFolder(path),
            issuer="https://example.com",
            audience="api",
            fallbacks=[Key.generate()],
        )


def test_an_older_look_never_replaces_a_newer_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread has read the old state and is held up, the key is retired, another thread looks:
    the retired key is gone for both, now and after the first thread goes on."""
    folder = KeyFolder(path)
    old = str(folder.active.id)
    token = minter(path).mint("ada")
    key_folder.activate(path, str(publish(path).id))
    # inside: the moment between two looks at the folder has no other handle
    real, has_read, may_go_on = key_folder._keys, threading.Event(), threading.Event()

    def held_up(where: Path) -> Iterator[tuple[Path, Key]]:
        found = list(real(where))
        if threading.current_thread().name == "slow":
            has_read.set()
            assert may_go_on.wait(PATIENCE)
        return iter(found)

    monkeypatch.setattr(key_folder, "_keys", held_up)
    later(monkeypatch, 1.1)
    slow = threading.Thread(target=folder.find, args=("unknown",), name="slow")
    slow.start()
    assert has_read.wait(PATIENCE)
    age(path, LIFETIME + 301)
    key_folder.retire(path, old, LIFETIME)
    later(monkeypatch, 2.2)
    assert folder.keys  # meanwhile the former keys serve, and nobody waits
    may_go_on.set()
    slow.join(PATIENCE)
    assert not slow.is_alive()
    later(monkeypatch, 3.3)
    assert [key.id for key in folder.keys] == [folder.active.id] != [old]
    provider = Provider(issuer="https://example.com", audience="api", keys=folder)
    with pytest.raises(InvalidToken, match="key"):
        Verifier([provider]).identify(token)


def test_a_folder_that_changes_while_it_is_read_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that appears and is activated between the listing and the reading of `active` is
    there at once, and one that goes is gone at once."""
    folder = KeyFolder(path)
    old = str(folder.active.id)
    # inside: the moment between two looks at the folder has no other handle
    real, changes = key_folder._keys, [lambda: change()]

    def change() -> None:
        key_folder.activate(path, str(publish(path).id))
        age(path, LIFETIME + 301)
        key_folder.retire(path, old, LIFETIME)

    def changing(where: Path) -> Iterator[tuple[Path, Key]]:
        found = list(real(where))
        if changes:
            changes.pop()()
        return iter(found)

    publish(path)
    monkeypatch.setattr(key_folder, "_keys", changing)
    later(monkeypatch, 1.1)
    ids = {key.id for key in folder.keys}
    assert not changes
    assert old not in ids
    assert folder.active.id in ids


def test_many_threads_see_one_state_after_another(path: Path) -> None:
    """Under threads the active key is always among the keys, and the last state wins."""
    folder = KeyFolder(path)
    has_ended = threading.Event()
    wrong: list[str] = []

    def look() -> None:
        while not has_ended.is_set():
            folder.find("unknown")
            snapshot = folder.active
            if not folder.find(snapshot.id):
                wrong.append(str(snapshot))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            new = publish(path)
            key_folder.activate(path, str(new.id))
    finally:
        has_ended.set()
        for thread in threads:
            thread.join(PATIENCE)
    folder.find("unknown")
    assert folder.active.id == new.id
    assert len(folder.keys) == 11
    assert not wrong


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o770, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_refused(mode: int, path: Path) -> None:
    """They could add a key of their own and sign for anybody; no key is published there either."""
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"writable by its owner only.*{mode:04o}"):
        KeyFolder(path)
    with pytest.raises(ConfigurationError, match="writable by its owner only"):
        publish(path)
    path.chmod(0o755)
    assert KeyFolder(path).active


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
@pytest.mark.parametrize("name", ["active", "*.pem"])
def test_a_file_that_others_can_write_to_is_refused(name: str, mode: int, path: Path) -> None:
    """They could put another key in its place, or choose which one signs."""
    (file,) = path.glob(name)
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=f"{file.name} must be writable by its owner only"):
        KeyFolder(path)


def test_a_folder_that_others_can_write_to_later_gives_no_new_keys(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A running app goes on with the keys it has, and a WARNING says why."""
    folder = KeyFolder(path)
    before = folder.keys
    publish(path)
    path.chmod(0o777)
    later(monkeypatch, 1.1)
    assert folder.keys == before
    assert "writable by its owner only" in caplog.text


@pytest.mark.parametrize("mode", [0o644, 0o604])
def test_a_private_key_that_others_can_read_is_told_once(
    mode: int, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The WARNING names the file and its mode, once; the app starts."""
    (file,) = path.glob("*.pem")
    file.chmod(mode)
    folder = KeyFolder(path)
    publish(path)
    later(monkeypatch, 1.1)
    assert len(folder.keys) == 2
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert str(file) in record.getMessage()
    assert f"{mode:04o}" in record.getMessage()


def test_a_read_only_mount_is_safe_whatever_its_modes_say(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kubernetes mounts a secret read-only and with mode 1777: nobody can write there."""
    path.chmod(0o1777)
    real = os.statvfs
    read_only = SimpleNamespace(f_flag=os.ST_RDONLY)
    monkeypatch.setattr(os, "statvfs", lambda where: read_only if where == path else real(where))
    assert KeyFolder(path).active


@pytest.mark.parametrize("value", [None, 5, b"\0", "a\0b", ["keys"], "", 1.5])
def test_a_path_that_is_none_is_a_configuration_error(value: Any) -> None:
    """Whatever it is, no other exception comes out."""
    with pytest.raises(ConfigurationError, match="path"):
        KeyFolder(value)
