"""`jwt-middleware keys`, as an operator runs it."""

import os
import re
import stat
import subprocess
import time
from pathlib import Path

import pytest

from jwt_middleware.trust import key_folder
from jwt_middleware.trust.keys import ALGORITHMS, Key
from tests.kit.waiting import BOUND

from .conftest import COMMAND, Command, Done

SECRETS = {"HS256": 32, "HS384": 48, "HS512": 64}


@pytest.mark.parametrize(("algorithm", "size"), SECRETS.items(), ids=SECRETS)
def test_a_secret_is_printed(command: Command, algorithm: str, size: int) -> None:
    """A secret is URL-safe text with as many random bytes as its hash has, another one each
    time."""
    first, second = (command("keys", "new", "--algorithm", algorithm) for _ in range(2))
    assert re.fullmatch(r"[A-Za-z0-9_-]+\n", first.out)
    assert len(first.out.strip()) * 6 // 8 >= size
    assert first.out != second.out
    assert (first.code, first.err) == (0, "")
    assert Key.from_secret(first.out.strip(), algorithm=algorithm)


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name not in SECRETS])
def test_a_private_key_is_written(command: Command, tmp_path: Path, algorithm: str) -> None:
    """A private key goes into a file that nobody else can read; its path and id are printed."""
    done = command("keys", "new", "--algorithm", algorithm, "--out", "key.pem")
    key = Key.from_pem((tmp_path / "key.pem").read_bytes(), algorithm=algorithm)
    assert done == Done(0, f"{tmp_path}/key.pem\t{key.thumbprint()}\n", "")
    assert key.signing_key
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_the_name_of_a_file(command: Command, tmp_path: Path) -> None:
    """Without --out a private key is named after its id and algorithm."""
    done = command("keys", "new", "--algorithm", "ES256")
    (file,) = tmp_path.iterdir()
    assert done.out == f"{file}\t{file.name.removesuffix('.ES256.pem')}\n"


def test_a_secret_is_written(command: Command, tmp_path: Path) -> None:
    """With --out a secret goes into such a file too, and not to stdout."""
    assert command("keys", "new", "--out", "secret") == Done(0, f"{tmp_path}/secret\n", "")
    assert Key.from_secret((tmp_path / "secret").read_bytes())
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_no_file_is_overwritten(command: Command, tmp_path: Path, algorithm: str) -> None:
    """A file that is there stays as it is, also when only a link is."""
    (tmp_path / "key.pem").write_text("precious")
    (tmp_path / "link.pem").symlink_to(tmp_path / "elsewhere.pem")
    for name in ("key.pem", "link.pem"):
        done = command("keys", "new", "--algorithm", algorithm, "--out", name)
        assert done == Done(1, "", f"Error: {name}: File exists\n")
    assert (tmp_path / "key.pem").read_text() == "precious"
    assert not (tmp_path / "elsewhere.pem").exists()


def test_a_folder_that_is_not_there(command: Command) -> None:
    """A file that cannot be made is one line."""
    done = command("keys", "new", "--out", "none/key.pem")
    assert done == Done(1, "", "Error: none/key.pem: No such file or directory\n")


@pytest.mark.parametrize("algorithm", ["none", "HS1", "hs256", ""])
def test_an_unknown_algorithm(command: Command, algorithm: str) -> None:
    """An unknown algorithm is misuse, and the message names the known ones."""
    done = command("keys", "new", "--algorithm", algorithm)
    assert (done.code, done.out) == (2, "")
    assert "'HS256'" in done.err
    assert "'EdDSA'" in done.err


def test_a_real_process(tmp_path: Path) -> None:
    """The command runs outside of the tests as well, and needs no database for keys."""
    done = subprocess.run([*COMMAND, "keys", "new"], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert Key.from_secret(done.stdout.strip())


def ids(listed: Done) -> list[str]:
    """The ids of `keys list`."""
    return [line.split("\t")[0] for line in listed.out.splitlines()]


def test_the_keys_of_a_folder_take_turns(command: Command) -> None:
    """The first key signs at once; another is published, signs when activated, and the listing says
    so."""
    for _ in range(2):
        assert command("keys", "new", "--algorithm", "ES256", "--folder", "keys").good
    first, second = ids(before := command("keys", "list", "--folder", "keys"))
    assert [" signs since " in line.replace("\t", " ") for line in before.out.splitlines()] == [
        True,
        False,
    ]
    assert command("keys", "activate", second, "--folder", "keys", "--now") == Done(0, "", "")
    after = command("keys", "list", "--folder", "keys")
    assert dict(
        zip(ids(after), ["signs since" in line for line in after.out.splitlines()], strict=True)
    ) == {
        first: False,
        second: True,
    }


def two_keys(command: Command) -> list[str]:
    """The ids of two new keys in the folder, of which the first signs."""
    for _ in range(2):
        command("keys", "new", "--algorithm", "EdDSA", "--folder", "keys")
    return ids(command("keys", "list", "--folder", "keys"))


def test_activation_returns_at_once(command: Command, tmp_path: Path) -> None:
    """Without --now a key signs from the time on at which every verifier can know it; the command
    says when, and does not wait."""
    old, new = two_keys(command)
    began = time.time()
    done = command("keys", "activate", new, "--folder", "keys")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"{new} signs from 20")
    kid, moment = (tmp_path / "keys" / "next").read_text().split()
    assert kid == new
    assert 598 < float(moment) - began <= 602
    assert time.time() - began < BOUND
    listed = command("keys", "list", "--folder", "keys").out.splitlines()
    assert "signs since" in next(line for line in listed if line.startswith(old))
    assert "signs from 20" in next(line for line in listed if line.startswith(new))


def test_a_key_that_all_know_signs_at_once(command: Command, tmp_path: Path) -> None:
    """Ten minutes after `new` there is nothing to wait for."""
    _, new = two_keys(command)
    (file,) = (tmp_path / "keys").glob(f"{new}.*.pem")
    long_ago = time.time() - 601
    os.utime(file, (long_ago, long_ago))
    done = command("keys", "activate", new, "--folder", "keys")
    assert done.err.startswith(f"{new} signs since 20")
    assert (tmp_path / "keys" / "active").read_text() == new
    assert not (tmp_path / "keys" / "next").exists()


def test_an_activation_is_taken_back(command: Command, tmp_path: Path) -> None:
    """`activate` with the key that signs keeps it, as long as the other has not begun; its own time
    stays."""
    old, new = two_keys(command)
    before = (tmp_path / "keys" / "active").stat().st_mtime_ns
    command("keys", "activate", new, "--folder", "keys")
    assert command("keys", "activate", old, "--folder", "keys").good
    assert not (tmp_path / "keys" / "next").exists()
    assert (tmp_path / "keys" / "active").stat().st_mtime_ns == before


def test_a_key_that_will_sign_is_not_retired(command: Command, tmp_path: Path) -> None:
    """Neither the key that signs nor the next one goes; once the next one has begun, the old one
    goes after the usual time, and its folder is as after `--now`."""
    old, new = two_keys(command)
    command("keys", "activate", new, "--folder", "keys")
    assert f"the key {new} will sign" in command("keys", "retire", new, "--folder", "keys").err
    assert f"the key {old} signs" in command("keys", "retire", old, "--folder", "keys").err
    started = int(time.time()) - 700
    (tmp_path / "keys" / "next").write_text(f"{new} {started}\n")
    err = command("keys", "retire", old, "--folder", "keys").err
    assert re.search(r"may still be valid for (49|50)\d s", err)
    (tmp_path / "keys" / "next").write_text(f"{new} {started - 600}\n")
    assert command("keys", "retire", old, "--folder", "keys").good
    assert (tmp_path / "keys" / "active").read_text() == new
    assert int((tmp_path / "keys" / "active").stat().st_mtime) == started - 600
    assert not (tmp_path / "keys" / "next").exists()


def test_a_key_is_not_retired_too_early(command: Command, tmp_path: Path) -> None:
    """A key that signs stays, and one whose tokens may be good; after these have expired it
    goes."""
    for _ in range(2):
        command("keys", "new", "--algorithm", "EdDSA", "--folder", "keys")
    old, new = ids(command("keys", "list", "--folder", "keys"))
    assert (
        "signs: activate another one first"
        in command("keys", "retire", old, "--folder", "keys").err
    )
    command("keys", "activate", new, "--folder", "keys", "--now")
    assert "may still be valid for 1" in command("keys", "retire", old, "--folder", "keys").err
    long_ago = time.time() - 1300
    os.utime(tmp_path / "keys" / "active", (long_ago, long_ago))
    assert command("keys", "retire", old, "--folder", "keys").good
    assert ids(command("keys", "list", "--folder", "keys")) == [new]


@pytest.mark.parametrize("kid", ["-Wx", "--Wx", "-", "--folder2", "-1"])
def test_an_id_that_starts_with_a_dash(command: Command, tmp_path: Path, kid: str) -> None:
    """A key that Python code published under such an id is activated and retired as any other."""
    folder = tmp_path / "keys"
    for id_ in ("first", kid):
        key_folder.publish(folder, Key.generate(id=id_))
    long_ago = time.time() - 1300
    steps = {kid: ("activate", kid, "--now"), "first": ("activate", "first", "--now")}
    for signs, arguments in (*steps.items(), ("first", ("retire", kid))):
        done = command("keys", *arguments, "--folder", "keys")
        assert (done.code, done.err) == (0, "")
        assert (folder / "active").read_text() == signs
        os.utime(folder / "active", (long_ago, long_ago))
    assert [file.name for file in folder.glob("*.pem")] == ["first.ES256.pem"]


@pytest.mark.parametrize("name", ["activate", "retire"])
def test_a_mistyped_option_beside_an_id(command: Command, tmp_path: Path, name: str) -> None:
    """It is an error of usage, and nothing happens."""
    folder = tmp_path / "keys"
    for id_ in ("first", "second"):
        key_folder.publish(folder, Key.generate(id=id_))
    done = command("keys", name, "second", "--folder", "keys", "--nwo")
    assert (done.code, done.out) == (2, "")
    assert "unexpected extra argument (--nwo)" in done.err
    assert len([*folder.glob("*.pem")]) == 2
    assert (folder / "active").read_text() == "first"


@pytest.mark.parametrize(
    "arguments",
    [
        ("new", "--folder", "keys"),
        ("new", "--algorithm", "ES256", "--folder", "keys", "--out", "key.pem"),
    ],
    ids=["a secret", "a file besides"],
)
def test_a_folder_takes_private_keys_only(command: Command, arguments: tuple[str, ...]) -> None:
    """A secret in a folder of published keys, or two places for one key, is refused."""
    done = command("keys", *arguments)
    assert (done.code, done.err) == (
        1,
        "Error: --folder must be used without --out and with the algorithm of a private key\n",
    )


@pytest.mark.parametrize(
    "arguments", [("list",), ("activate", "none"), ("retire", "none")], ids=lambda words: words[0]
)
def test_a_key_folder_that_is_not_there_is_one_line(
    command: Command, arguments: tuple[str, ...]
) -> None:
    """A folder without keys is named in one line."""
    done = command("keys", *arguments, "--folder", "nowhere")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: ")
    assert "nowhere" in done.err
    assert done.err.count("\n") == 1
