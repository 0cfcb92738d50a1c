"""A folder of keys: published, then signing, then gone, while the apps that use it run."""

import os
import time
from pathlib import Path

import pytest

from jwt_middleware import ConfigurationError, InvalidToken, Key
from jwt_middleware.login import KeyFolder, TokenMinter
from jwt_middleware.trust import key_folder
from jwt_middleware.trust.verifier import Verifier

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
    with pytest.raises(ConfigurationError, match="may still be good"):
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
    assert "the earlier ones stay" in caplog.text
    with pytest.raises(ConfigurationError, match="jwt-middleware keys new --folder"):
        KeyFolder(path)


def test_the_folder_is_looked_at_once_a_second(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request costs no look at the file system within the second."""
    folder = KeyFolder(path)
    assert folder.generation
    looks: list[str] = []
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
