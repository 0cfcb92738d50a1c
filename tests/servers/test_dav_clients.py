"""cadaver and curl against WsgiDAV by gunicorn: the token is the password."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.kit.clients import ENDS, KINDS, Done, End, Make, Site, client_site
from tests.kit.parts import program

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_tools]

kinds = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def _folders(folder: Path) -> Mapping[str, str]:
    for name in ("public", "private"):
        (folder / "dav" / name).mkdir(parents=True)
        (folder / "dav" / name / "a.txt").write_text(name)
    return {"DAV_FOLDER": str(folder / "dav")}


site = client_site("examples.real_apps.wsgidav_app", _folders, "wsgidav")
"""WsgiDAV with two folders."""


def cadaver(site: Site, token: str, folder: Path, *commands: str, path: str = "/private/") -> Done:
    """cadaver with these commands, and the token in `.netrc`."""
    site.shell.netrc(folder, token)
    stdin = "".join(f"{command}\n" for command in (*commands, "quit"))
    url, env = f"{site.address}{path}", {"HOME": str(folder)}
    return site.shell.run(program("cadaver"), url, stdin=stdin, cwd=folder, env=env)


def test_cadaver_lists_gets_puts_moves_and_deletes(site: Site, tmp_path: Path) -> None:
    """With a personal token: each command succeeds, and the files are those of the server."""
    (tmp_path / "b.txt").write_text("two")
    commands = ("ls", "put b.txt", "get a.txt got.txt", "mkcol new", "move b.txt new/c.txt")
    done = cadaver(site, site.personal(), tmp_path, *commands, "ls new")
    assert "failed" not in done.text
    assert done.text.count("succeeded") == 6, done.text
    assert (tmp_path / "got.txt").read_text() == "private"
    assert (site.folder / "dav" / "private" / "new" / "c.txt").read_text() == "two"
    done = cadaver(site, site.personal(), tmp_path, "delete new/c.txt", "rmcol new")
    assert done.text.count("succeeded") == 2, done.text
    assert not (site.folder / "dav" / "private" / "new").exists()


def test_cadaver_cannot_send_a_jwt(site: Site, tmp_path: Path) -> None:
    """It cuts a password at 255 bytes, so the token is not one: refused, whatever JWT it was."""
    token = site.jwt()
    assert len(token) > 255
    assert "rejected Basic challenge" in cadaver(site, token, tmp_path, "ls").text
    assert "refused OPTIONS /private/: basic_malformed" in site.log


def test_scopes_decide_what_cadaver_may_do(site: Site, tmp_path: Path) -> None:
    """Who may only read lists, and is 403 at each command that writes; who may nothing is refused
    at once."""
    (tmp_path / "d.txt").write_text("three")
    reader = site.personal("grace")
    writes = ("put d.txt", "mkcol new", "delete a.txt", "move a.txt e.txt", "copy a.txt e.txt")
    done = cadaver(site, reader, tmp_path, "ls", *writes)
    assert done.text.count("403") == len(writes), done.text
    assert "a.txt" in done.text
    assert [file.name for file in (site.folder / "dav" / "private").iterdir()] == ["a.txt"]
    assert "403" in cadaver(site, site.personal("nobody"), tmp_path, "ls").text
    assert "succeeded" in cadaver(site, "", tmp_path, "ls", path="/public/").text


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_cadaver_is_refused_within_a_second(site: Site, end: End, tmp_path: Path) -> None:
    """Where it listed before, it is refused."""
    name = f"dav-{time.time_ns()}"
    site.add_user(name, ("read", "write"))
    token = site.personal(name)
    assert "succeeded" in cadaver(site, token, tmp_path, "ls").text
    end(site, name, token)
    time.sleep(1)
    done = cadaver(site, token, tmp_path, "ls", "get a.txt got.txt")
    assert "rejected Basic challenge" in done.text
    assert not (tmp_path / "got.txt").exists()


def curl(site: Site, token: str, method: str, path: str, *words: str | Path) -> str:
    """The status of a WebDAV method by curl."""
    how = ("--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "-u", f"ada:{token}")
    url = f"{site.address}/private/{path}"
    return site.shell.run(program("curl"), *how, "-X", method, *words, url).text


@kinds
def test_curl_reads_and_writes(site: Site, make: Make, tmp_path: Path) -> None:
    """Its password has room for a JWT."""
    token, name = make(site), f"{time.time_ns()}.txt"
    (tmp_path / "x").write_text("x")
    target = ("-H", f"Destination: {site.address}/private/m{name}")
    steps = (
        ("PUT", name, ("--data-binary", f"@{tmp_path}/x")),
        ("GET", name, ()),
        ("PROPFIND", "", ("-H", "Depth: 1")),
        ("MOVE", name, target),
        ("DELETE", f"m{name}", ()),
    )
    statuses = [curl(site, token, method, path, *words) for method, path, words in steps]
    assert statuses == ["201", "200", "207", "201", "204"]
    site.take_back(token)
    time.sleep(1)
    assert curl(site, token, "GET", "a.txt") == "401"
