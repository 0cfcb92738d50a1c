"""pip, twine, uv and other clients of a package index, against pypiserver by gunicorn: the token is
the password, since these clients only send Basic."""

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from jwt_middleware.stores import MemoryStore
from jwt_middleware.testing.passwords import CHEAP
from tests.kit.clients import (
    KINDS,
    PASSWORD,
    Done,
    Make,
    Shell,
    Site,
    client_site,
    hide_bcrypt,
    wheel,
)
from tests.kit.parts import program

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_tools]

kinds = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def _packages(folder: Path) -> Mapping[str, str]:
    packages = folder / "packages"
    packages.mkdir()
    wheel(packages)
    hide_bcrypt(folder)
    return {"PACKAGES": str(packages)}


site = client_site(
    "examples.real_apps.pypiserver_app", _packages, "pypiserver", "twine", "uv", "httpx"
)
"""pypiserver with one package."""


def pip(site: Site, what: str, url: str, folder: Path) -> Done:
    """`pip install` or `pip download` of the package from an index, into a folder."""
    into = {"install": "--target", "download": "--dest"}[what]
    options = ("--no-deps", "--no-cache-dir", "--retries", "0", "--index-url", url)
    return site.shell.python("pip", what, into, folder, *options, "tiny-engine")


def twine(site: Site, file: Path, token: str, name: str = "ada") -> Done:
    """`twine upload` of a file."""
    options = ("--non-interactive", "--disable-progress-bar", "--repository-url", site.address)
    return site.shell.python("twine", "upload", *options, "-u", name, "-p", token, file)


@kinds
@pytest.mark.parametrize("what", ["install", "download"])
@pytest.mark.parametrize("name", ["ada", "__token__"])
def test_pip_takes_a_package(site: Site, make: Make, what: str, name: str, tmp_path: Path) -> None:
    """With the token in the URL, beside any name."""
    done = pip(site, what, site.url(make(site), "/simple", name=name), tmp_path)
    assert done.status == 0, done.text
    assert list(tmp_path.glob("tiny_engine*"))


@kinds
def test_twine_uploads_and_pip_takes_it(site: Site, make: Make, tmp_path: Path) -> None:
    """What one client has put there the other takes."""
    file = wheel(tmp_path, version=f"2.{time.time_ns()}")
    token = make(site)
    done = twine(site, file, token)
    assert done.status == 0, done.text
    assert (site.folder / "packages" / file.name).exists()
    assert pip(site, "download", site.url(token, "/simple"), tmp_path / "got").status == 0
    assert (tmp_path / "got" / file.name).read_bytes() == file.read_bytes()


def test_a_token_is_the_name_beside_an_empty_password(site: Site, tmp_path: Path) -> None:
    """As some gateways and tools send it, a JWT and a personal token alike."""
    for token in (site.jwt(), site.personal()):
        url = f"http://{token}:@{site.place}/simple"
        done = pip(site, "download", url, tmp_path)
        assert done.status == 0, done.text


def _changed(token: str, at: int) -> str:
    """The token with another character there."""
    return token[:at] + ("0" if token[at] != "0" else "1") + token[at:][1:]


def _of_another_site(site: Site) -> str:
    """A personal token with the right form and a good checksum."""
    store = MemoryStore(password_method=CHEAP)
    store.add_user("ada", PASSWORD)
    return store.add_token("ada", name="x", scopes=(), expires_at=time.time() + 3600)


WRONG: dict[str, Callable[[Site], str]] = {
    "none": lambda site: "",
    "a password": lambda site: "wonderland",
    "a mistyped personal token": lambda site: _changed(site.personal(), 30),
    "a personal token of another site": _of_another_site,
    "a tampered JWT": lambda site: _changed(site.jwt(), -20),
    "a personal token that was taken back": lambda site: _taken_back(site, site.personal()),
    "a JWT that was revoked": lambda site: _taken_back(site, site.jwt()),
}


def _taken_back(site: Site, token: str) -> str:
    site.take_back(token)
    time.sleep(1)
    return token


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_not_a_good_token_is_refused(
    site: Site, wrong: Callable[[Site], str], tmp_path: Path
) -> None:
    """pip and twine end with an error, and nothing is read or written."""
    token = wrong(site)
    file = wheel(tmp_path, version=f"3.{time.time_ns()}")
    assert pip(site, "download", site.url(token, "/simple"), tmp_path / "got").status != 0
    done = twine(site, file, token or "x")
    assert done.status != 0
    assert "401" in done.text
    assert not (tmp_path / "got").exists() or not list((tmp_path / "got").iterdir())
    assert not (site.folder / "packages" / file.name).exists()


@kinds
def test_scopes_decide_who_reads_and_who_writes(site: Site, make: Make, tmp_path: Path) -> None:
    """Who may read only is 403 at an upload; who has no scope takes nothing either."""
    reader, stranger = make(site, "grace"), make(site, "nobody")
    file = wheel(tmp_path, version=f"4.{time.time_ns()}")
    assert pip(site, "download", site.url(reader, "/simple"), tmp_path / "got").status == 0
    done = twine(site, file, reader, "grace")
    assert done.status != 0
    assert "403" in done.text
    assert not (site.folder / "packages" / file.name).exists()
    assert pip(site, "download", site.url(stranger, "/simple"), tmp_path / "none").status != 0
    assert not list(tmp_path.glob("none/*"))


# ---------------------------------------------------------------- clients of the kind

_READ = {
    "httpx": "import httpx; r = httpx.get({url!r}, auth=({name!r}, {token!r}))",
    "httpx, in the URL": "import httpx; r = httpx.get({full!r})",
    "httpx, .netrc": "import httpx; r = httpx.get({url!r}, auth=httpx.NetRCAuth({netrc!r}))",
    "requests": "import requests; r = requests.get({url!r}, auth=({name!r}, {token!r}))",
    "requests, .netrc": "import requests; r = requests.get({url!r})",
}
_END = "; print(r.text); raise SystemExit(r.status_code != 200)"

Read = Callable[[Site, str, Path], Done]


def _in_python(source: str) -> Read:
    """A client library in a process of its own, as `ada`."""

    def read(site: Site, token: str, folder: Path) -> Done:
        fill = {
            "url": f"{site.address}/simple/tiny-engine/",
            "full": site.url(token, "/simple/tiny-engine/"),
            "name": "ada",
            "token": token,
            "netrc": str(Shell.netrc(folder, token)),
        }
        env = {"HOME": str(folder)}
        return site.shell.run(sys.executable, "-c", source.format(**fill) + _END, env=env)

    return read


def _curl(site: Site, *words: str | Path) -> Done:
    url = f"{site.address}/simple/tiny-engine/"
    return site.shell.run(program("curl"), "--silent", "--fail", *words, url)


def _pip_by_netrc(site: Site, token: str, folder: Path) -> Done:
    """pip, whose URL has no token."""
    Shell.netrc(folder, token)
    words = ("--no-deps", "--no-cache-dir", "--retries", "0", "--index-url")
    return site.shell.python(
        "pip",
        *("download", "--dest", folder / "got", *words, f"{site.address}/simple", "tiny-engine"),
        env={"HOME": str(folder)},
    )


def _uv(site: Site, token: str, folder: Path) -> Done:
    """`uv pip install`."""
    url = site.url(token, "/simple")
    words = ("--no-cache", "--no-config", "--python", sys.executable, "--default-index", url)
    into = ("--target", folder / "got", "--no-deps", "tiny-engine")
    return site.shell.run("uv", "pip", "install", *words, *into)


READERS: dict[str, Read] = {
    "pip": lambda site, token, folder: pip(
        site, "download", site.url(token, "/simple"), folder / "got"
    ),
    "pip, .netrc": _pip_by_netrc,
    "uv": _uv,
    "curl -u": lambda site, token, folder: _curl(site, "-u", f"ada:{token}"),
    "curl --netrc": lambda site, token, folder: _curl(
        site, "--netrc-file", Shell.netrc(folder, token)
    ),
    **{name: _in_python(source) for name, source in _READ.items()},
}


@kinds
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_client_reads_until_the_token_is_taken_back(
    site: Site, make: Make, read: Read, tmp_path: Path
) -> None:
    """Each client that sends Basic, from the URL, from an option or from `.netrc`; within a second
    of the end of the token it is refused, though it was let through before."""
    token = make(site)
    done = read(site, token, tmp_path)
    assert done.status == 0, done.text
    site.take_back(token)
    time.sleep(1)
    shutil.rmtree(tmp_path / "got", ignore_errors=True)
    done = read(site, token, tmp_path)
    assert done.status != 0, done.text
    assert "tiny_engine-1.0" not in done.text


@kinds
def test_a_disabled_user_is_out_within_a_second(site: Site, make: Make, tmp_path: Path) -> None:
    """pip and twine of somebody who was disabled end with an error, whichever token they have."""
    name = f"lovelace-{'pat' if make is Site.personal else 'jwt'}"
    site.add_user(name, ("read", "write"))
    token, file = make(site, name), wheel(tmp_path, version=f"5.{time.time_ns()}")
    url = site.url(token, "/simple", name=name)
    assert pip(site, "download", url, tmp_path / "got").status == 0
    site.store.disable_user(name)
    time.sleep(1)
    assert pip(site, "download", url, tmp_path / "none").status != 0
    assert twine(site, file, token, name).status != 0
    assert not list(tmp_path.glob("none/*"))


def test_uv_publishes(site: Site, tmp_path: Path) -> None:
    """With a token as the password, as twine does; who may only read is refused."""
    file = wheel(tmp_path, version=f"6.{time.time_ns()}")

    def publish(token: str) -> Done:
        words = ("--no-config", "--publish-url", f"{site.address}/", "--trusted-publishing=never")
        return site.shell.run("uv", "publish", *words, "-u", "ada", "-p", token, file)

    assert publish(site.personal("grace")).status != 0
    assert not (site.folder / "packages" / file.name).exists()
    done = publish(site.personal())
    assert done.status == 0, done.text
    assert (site.folder / "packages" / file.name).exists()
