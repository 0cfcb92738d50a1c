"""devpi, and twine and pip, against devpi-server by gunicorn: the token is the password in the URL
that `devpi use` is given."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.kit.clients import ENDS, KINDS, Done, End, Make, Site, client_site, wheel

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_tools]

kinds = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def _data(folder: Path) -> Mapping[str, str]:
    data = folder / "devpi"
    command = [Path(sys.executable).parent / "devpi-init", "--serverdir", data, "--no-root-pypi"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return {"DEVPISERVER_SERVERDIR": str(data)}


site = client_site("examples.real_apps.devpi_app", _data, "devpi_server", "devpi")
"""devpi-server without an index."""


class Devpi:
    """The devpi client of one person, with a folder of its own for what it notes."""

    def __init__(self, site: Site, token: str, name: str, folder: Path) -> None:
        self.site, self.name, self.folder = site, name, folder
        self.used = self("use", site.url(token, name=name))

    def __call__(self, command: str, *words: str | Path) -> Done:
        """Run a command."""
        clientdir = ("--clientdir", self.folder / f"devpi-{self.name}")
        return self.site.shell.run("devpi", command, *clientdir, *words)

    def succeed(self, command: str, *words: str | Path) -> str:
        """Run a command that must succeed."""
        done = self(command, *words)
        assert done.status == 0, done.text
        return done.text


def pip(site: Site, token: str, index: str, folder: Path) -> Done:
    """`pip download` of the package from an index of devpi."""
    url = site.url(token, f"/{index}/+simple/")
    options = ("--no-deps", "--no-cache-dir", "--retries", "0", "--index-url", url)
    return site.shell.python("pip", "download", "--dest", folder, *options, "tiny-engine")


def twine(site: Site, token: str, index: str, file: Path) -> Done:
    """`twine upload` to an index of devpi."""
    place = ("--repository-url", f"{site.address}/{index}/", "-u", "ada", "-p", token)
    return site.shell.python("twine", "upload", "--non-interactive", *place, file)


@kinds
def test_devpi_logs_in_makes_an_index_uploads_and_tests(
    site: Site, make: Make, tmp_path: Path
) -> None:
    """No password of devpi's own: the token says who is calling. pip takes what was uploaded, and
    twine uploads to the same place."""
    devpi = Devpi(site, make(site), "ada", tmp_path)
    assert devpi.used.status == 0, devpi.used.text
    assert "logged in 'ada'" in devpi.succeed("login", "ada", "--password=")
    index = f"ada/dev{time.time_ns()}"
    devpi.succeed("index", "-c", index, "bases=")
    devpi.succeed("use", index)
    devpi.succeed("upload", wheel(tmp_path))
    assert "tiny" in devpi.succeed("list")
    done = pip(site, make(site), index, tmp_path / "got")
    assert done.status == 0, done.text
    done = twine(site, make(site), index, wheel(tmp_path, version="2.0"))
    assert done.status == 0, done.text
    assert "tiny_engine-2.0" in devpi.succeed("list", "tiny-engine")


def test_who_calls_is_who_the_token_names(site: Site, tmp_path: Path) -> None:
    """Nobody logs in at devpi by another's name, and another's index stays another's. Who may only
    read logs in and is 403 at a change."""
    ada = Devpi(site, site.personal(), "ada", tmp_path)
    assert ada("login", "root", "--password=").status != 0
    ada.succeed("login", "ada", "--password=")
    index = f"ada/own{time.time_ns()}"
    ada.succeed("index", "-c", index, "bases=")
    site.add_user("charles", ("read", "write"))
    charles = Devpi(site, site.personal("charles"), "charles", tmp_path)
    charles.succeed("login", "charles", "--password=")
    charles.succeed("use", index)
    assert charles("upload", wheel(tmp_path)).status != 0
    grace = Devpi(site, site.personal("grace"), "grace", tmp_path)
    grace.succeed("login", "grace", "--password=")
    assert "403" in grace("index", "-c", "grace/dev", "bases=").text
    assert "401" in Devpi(site, "wonderland", "stranger", tmp_path).used.text


@kinds
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_login_at_devpi_ends_with_the_token(
    site: Site, make: Make, end: End, tmp_path: Path
) -> None:
    """devpi's own login is good for ten hours; it is of no use once the token has ended, which
    counts within a second."""
    name = f"user{time.time_ns()}"
    site.add_user(name, ("read", "write"))
    token = make(site, name)
    devpi = Devpi(site, token, name, tmp_path)
    devpi.succeed("login", name, "--password=")
    devpi.succeed("index", "-c", f"{name}/dev", "bases=")
    devpi.succeed("use", f"{name}/dev")
    end(site, name, token)
    time.sleep(1)
    done = devpi("upload", wheel(tmp_path))
    assert done.status != 0
    assert "401" in done.text


# ---------------------------------------------------------------- without the plugin


plain = client_site("tests.servers.plain_devpi_app", _data, "devpi_server", "devpi")
"""devpi-server that does not know of the middleware."""


@kinds
def test_devpi_sends_its_own_login_beside_the_token(
    plain: Site, make: Make, tmp_path: Path
) -> None:
    """devpi's login is in a header of its own, so `devpi` and pip work without the plugin too.

    twine has one password to send. The middleware takes it as a token, and devpi refuses it as a
    password of its own: that needs the plugin.
    """
    name = f"ada{time.time_ns()}"
    devpi = Devpi(plain, make(plain), name, tmp_path)
    devpi.succeed("user", "-c", name, "password=looking-glass")
    devpi.succeed("login", name, "--password=looking-glass")
    devpi.succeed("index", "-c", f"{name}/dev", "bases=")
    devpi.succeed("use", f"{name}/dev")
    devpi.succeed("upload", wheel(tmp_path))
    assert pip(plain, make(plain), f"{name}/dev", tmp_path / "got").status == 0
    done = twine(plain, make(plain), f"{name}/dev", wheel(tmp_path, version="2.0"))
    assert done.status != 0
    assert "401" in done.text
