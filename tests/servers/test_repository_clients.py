"""git against klaus, and hg against Mercurial's own server, by gunicorn: the token is the password
in the URL."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.kit.clients import ENDS, KINDS, Done, End, Make, Site, client_site
from tests.kit.parts import program

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_tools]

kinds = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def git(site: Site, *words: str | Path, cwd: Path | None = None) -> Done:
    """git as somebody with a name, who cannot be asked for a password."""
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
    return site.shell.run(program("git"), *who, *words, cwd=cwd)


def _repositories(folder: Path) -> Mapping[str, str]:
    """An open and a secret repository, each with one commit on main."""
    for name in ("open", "secret"):
        words = ["init", "-q", "--bare", "-b", "main", str(folder / name)]
        subprocess.run([program("git"), *words], check=True, timeout=60)
        _first_commit(folder / name)
    return {"REPOSITORIES": f"{folder}/open {folder}/secret"}


def _first_commit(bare: Path) -> None:
    stream = (
        "commit refs/heads/main\ncommitter ada <ada@example.com> 0 +0000\n"
        "data 5\nfirstM 644 inline a.txt\ndata 3\none\n"
    )
    command = [program("git"), "--git-dir", str(bare), "fast-import", "--quiet"]
    subprocess.run(command, input=stream.encode(), check=True, timeout=60)


klaus = client_site("examples.real_apps.klaus_app", _repositories, "klaus")
"""klaus with two repositories."""


def _commit(site: Site, folder: Path) -> None:
    (folder / f"{time.time_ns()}.txt").write_text("x")
    assert git(site, "add", "-A", cwd=folder).status == 0
    assert git(site, "commit", "-q", "-m", "another", cwd=folder).status == 0


@kinds
@pytest.mark.parametrize("repository", ["open", "secret"])
def test_git_clones_pushes_and_fetches(
    klaus: Site, make: Make, repository: str, tmp_path: Path
) -> None:
    """By a URL with the token; what one clone pushes, another fetches."""
    url = klaus.url(make(klaus), f"/{repository}")
    for name in ("first", "second"):
        done = git(klaus, "clone", "-q", url, tmp_path / name)
        assert done.status == 0, done.text
    _commit(klaus, tmp_path / "first")
    done = git(klaus, "push", "origin", "main", cwd=tmp_path / "first")
    assert done.status == 0, done.text
    assert git(klaus, "fetch", "-q", cwd=tmp_path / "second").status == 0
    heads = [
        git(klaus, "rev-parse", name, cwd=tmp_path / folder).text
        for folder, name in (("first", "HEAD"), ("second", "origin/main"))
    ]
    assert heads[0] == heads[1]


def test_git_needs_no_token_where_the_rules_ask_for_none(klaus: Site, tmp_path: Path) -> None:
    """Everybody clones the open repository; the secret one, and a push to any, are refused."""
    assert git(klaus, "clone", "-q", klaus.url("", "/open"), tmp_path / "open").status == 0
    _commit(klaus, tmp_path / "open")
    assert git(klaus, "push", "-q", "origin", "main", cwd=tmp_path / "open").status != 0
    assert git(klaus, "clone", "-q", klaus.url("", "/secret"), tmp_path / "secret").status != 0
    assert not (tmp_path / "secret").exists()


@kinds
def test_scopes_decide_who_pushes(klaus: Site, make: Make, tmp_path: Path) -> None:
    """Who may only read clones, and is 403 at a push."""
    url = klaus.url(make(klaus, "grace"), "/secret", name="grace")
    assert git(klaus, "clone", "-q", url, tmp_path / "clone").status == 0
    _commit(klaus, tmp_path / "clone")
    done = git(klaus, "push", "origin", "main", cwd=tmp_path / "clone")
    assert done.status != 0
    assert "403" in done.text


@kinds
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_git_is_refused_within_a_second(klaus: Site, make: Make, end: End, tmp_path: Path) -> None:
    """Where it cloned before, it no longer fetches and no longer pushes."""
    name = f"git-{time.time_ns()}"
    klaus.add_user(name, ("write",))
    token = make(klaus, name)
    url = klaus.url(token, "/secret", name=name)
    assert git(klaus, "clone", "-q", url, tmp_path / "clone").status == 0
    _commit(klaus, tmp_path / "clone")
    end(klaus, name, token)
    time.sleep(1)
    for words in (("fetch",), ("push", "origin", "main"), ("clone", url, "another")):
        done = git(klaus, *words, cwd=tmp_path / "clone")
        assert done.status != 0, words
        assert "Authentication failed" in done.text


# ---------------------------------------------------------------- Mercurial


def _hg_repository(folder: Path) -> Mapping[str, str]:
    repository = folder / "repository"
    subprocess.run([Path(sys.executable).parent / "hg", "init", repository], check=True, timeout=60)
    settings = "[web]\nallow_push = *\npush_ssl = false\n"  # the middleware asks, not hgweb
    (repository / ".hg" / "hgrc").write_text(settings)
    return {"REPOSITORY": str(repository)}


hgweb = client_site("tests.servers.hg_app", _hg_repository, "mercurial")
"""hgweb with an empty repository."""


def hg(site: Site, *words: str | Path, cwd: Path | None = None) -> Done:
    """hg as somebody with a name, who cannot be asked for a password."""
    return site.shell.run("hg", "--noninteractive", *words, cwd=cwd, env={"HGUSER": "ada"})


@kinds
def test_hg_clones_and_pushes_until_the_token_is_taken_back(
    hgweb: Site, make: Make, tmp_path: Path
) -> None:
    """By a URL with the token; who may only read clones, and is refused at a push."""
    token = make(hgweb)
    clone = tmp_path / "clone"
    done = hg(hgweb, "clone", hgweb.url(token), clone)
    assert done.status == 0, done.text
    (clone / f"{time.time_ns()}.txt").write_text("x")
    assert hg(hgweb, "commit", "-A", "-m", "another", cwd=clone).status == 0
    reader = hgweb.url(make(hgweb, "grace"), name="grace")
    assert hg(hgweb, "push", reader, cwd=clone).status != 0
    done = hg(hgweb, "push", hgweb.url(token), cwd=clone)  # hg does not note the password
    assert done.status == 0, done.text
    assert hg(hgweb, "clone", reader, tmp_path / "reader").status == 0
    assert len(list((tmp_path / "reader").glob("*.txt"))) == len(list(clone.glob("*.txt")))
    hgweb.take_back(token)
    time.sleep(1)
    assert hg(hgweb, "pull", hgweb.url(token), cwd=clone).status != 0
