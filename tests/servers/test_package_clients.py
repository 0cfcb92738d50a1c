"""pip, twine, uv and other clients of a package index, against pypiserver by gunicorn: the token is
the password, since these clients only send Basic."""

import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from jwt_middleware.stores import MemoryStore
from jwt_middleware.testing.passwords import CHEAP
from tests.kit.clients import PASSWORD, Done, Site, client_site, wheel
from tests.kit.parts import skip

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_tools]

Make = Callable[..., str]
KINDS: dict[str, Make] = {"a personal token": Site.personal, "a JWT": Site.jwt}
kinds = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def _packages(folder: Path) -> Mapping[str, str]:
    packages = folder / "packages"
    packages.mkdir()
    wheel(packages)
    return {"PACKAGES": str(packages)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """pypiserver with one package; its log has no secret when the last test is over."""
    for name in ("pypiserver", "twine", "uv", "httpx"):
        if not find_spec(name):
            skip(f"{name} is not installed")
    folder = tmp_path_factory.mktemp("packages")
    with client_site("examples.real_apps.pypiserver_app", folder, _packages) as served:
        yield served
        served.check_log()


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
