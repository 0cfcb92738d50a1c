"""The README: every snippet runs, every command works, and the first lines come first."""

import os
import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from webtest import TestApp

from jwt_middleware import any_of, claim, issued_by, optional, public, scope
from tests.kit import ROOT
from tests.kit.answers import call
from tests.kit.pages import DOCS, README, blocks, pages, run_snippets
from tests.kit.scripts import paste
from tests.kit.serving import running

pytestmark = pytest.mark.usefixtures("cheap_hashes")

_README = README.read_text()
_LINES = _README.splitlines()
_BIN = Path(sys.executable).parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def snippet() -> str:
    """The one Python snippet."""
    (only,) = blocks(README, "python")
    return only


def test_the_first_snippet_guards_a_flask_app(folder: Path, snippet: str) -> None:
    """The first snippet runs as it stands. Its user logs in at /auth/token, and /api/me answers who
    is calling only with the token."""
    client = TestApp(run_snippets(folder, snippet)["app"])
    client.get("/api/me", status=401)
    token = client.post_json(
        "/auth/token", {"username": "ada", "password": "analytical engine"}
    ).json["token"]
    client.authorization = ("Bearer", token)
    assert client.get("/api/me").json == {"id": "1"}


@pytest.mark.needs_servers
def test_the_first_commands_work_when_pasted(folder: Path, snippet: str) -> None:
    """The commands below the first snippet serve it with gunicorn, and print what the text says:
    401, then the caller. A second start finds the user that the first one added."""
    (folder / "app.py").write_text(snippet)
    (commands,) = blocks(README, "bash")
    serve, calls = commands.split("# In another shell:\n")
    environ = {"PATH": f"{_BIN}:{os.environ['PATH']}", "GUNICORN_CMD_ARGS": "--bind 127.0.0.1:0"}
    for _ in range(2):
        with running(shlex.split(serve), cwd=folder, env=environ) as address:
            pasted = calls.replace("localhost:8000", address.removeprefix("http://"))
            run = paste(pasted)
        statuses = re.findall(r"^HTTP/1.1 (\d+)", run.stdout, re.MULTILINE)
        assert statuses == ["401", "200"], run.stdout + run.stderr
        assert run.stdout.rstrip().endswith('{"id":"1"}')


@pytest.mark.needs_servers
@pytest.mark.parametrize(
    "page",
    [README, DOCS / "tutorial/index.md", DOCS / "tutorial/es.md"],
    ids=["readme", "tutorial", "tutorial-es"],
)
def test_it_runs_without_gunicorn(page: Path, folder: Path) -> None:
    """The command for Windows serves the app too: 401 without a token."""
    (command,) = re.findall(r"`(flask run .+?)`", page.read_text())
    (folder / "app.py").write_text("\n".join(blocks(page, "python")))
    serve = shlex.split(command.replace("8000", "0"))
    with running(serve, cwd=folder, env={"PATH": f"{_BIN}:{os.environ['PATH']}"}) as address:
        assert call(f"{address}/api/me").status == 401


def test_the_extras_of_the_text_exist() -> None:
    """The README and the pages say how to get each part, and each extra that they name is one of
    setup.cfg."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    text = _README + "".join(page.read_text() for page in pages().values())
    named = re.findall(r"wsgi-jwt-middleware\[([\w,]+)\]", text)
    extras = {extra for group in named for extra in group.split(",")}
    assert {"cli", "login", "testing"} <= extras
    assert extras <= set(config["options.extras_require"])


@pytest.mark.parametrize("page", [name for name in pages() if name.startswith("issuers/")])
def test_a_command_of_an_issuer_names_its_extra(page: str) -> None:
    """An API that only verifies tokens has no extra installed. So each page that shows the command
    says how to get it."""
    text = pages()[page].read_text()
    if "`jwt-middleware " in text:
        assert re.search(r"wsgi-jwt-middleware\[cli\]|the extra `cli`", text)


@pytest.mark.parametrize(
    "code", re.findall(r"^\|[^|]*\| `((?:rules=|Rule\()(?:[^`])*)`", _README, re.MULTILINE)
)
def test_the_rules_of_the_table_can_be_built(code: str) -> None:
    """Each rule in the table "You want to / use" is a rule."""
    from jwt_middleware import Rule

    known = {
        item.__name__: item for item in (Rule, any_of, claim, issued_by, optional, public, scope)
    }
    assert eval(f"dict({code})" if code.startswith("rules=") else code, known)


def test_it_is_short() -> None:
    """A stranger gives it a minute: 120 lines at most. What does not fit belongs to `docs`."""
    assert len(_LINES) <= 120


def test_what_comes_first_comes_first() -> None:
    """Line 3 says what it is; how to install comes before the code, which is within the first ten
    lines; what the error of the unrelated package means is said."""
    assert _LINES[2].startswith("A WSGI middleware for any framework:")
    before_code = _LINES[: _LINES.index("```python")]
    assert '`pip install "wsgi-jwt-middleware[login]"`' in "\n".join(before_code)
    assert len(before_code) < 9
    text = "\n".join(_LINES)
    assert "ImportError: cannot import name 'Identity' from 'jwt_middleware'" in text


def test_the_two_commands_are_the_first_two_sh_blocks() -> None:
    """One command installs and runs the demo, one installs and runs the tests; the build runs both
    as they stand."""
    run, test = blocks(README, "sh")[:2]
    assert run.count("\n") == test.count("\n") == 1
    assert run.rstrip().endswith("jwt-middleware demo")
    assert test.rstrip().endswith("-m pytest -m quick -n 4")
    assert all(
        command.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
        for command in (run, test)
    )


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", _README))
def test_each_link_leads_somewhere(link: str) -> None:
    """A link to a file of the project leads to one."""
    assert (ROOT / link).exists()


@pytest.mark.needs_time
def test_the_mutants_of_the_text_are_those_of_the_table() -> None:
    """The README's numbers of mutants are the sums of the figures that a run compares."""
    from tests.checks import mutation

    rows = re.findall(r"^\| `\S+` \| (\d+) \| (\d+) \| (\d+) \|$", mutation.__doc__ or "", re.M)
    told = re.search(r"([\d,]+): the quick tests kill ([\d,]+), and the other ([\d,]+)", _README)
    assert told
    sums = [f"{sum(int(row[place]) for row in rows):,}" for place in range(3)]
    assert list(told.groups()) == sums


def test_the_commands_that_check_are_there() -> None:
    """The first of them prints the figures of the text; the others, which take minutes, are files
    that run."""
    table = _README.split("## How it is checked")[1].split("##")[0]
    commands = re.findall(r"\| `([^`|]+)` \|$", table, re.MULTILINE)
    assert len(commands) == 6
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    first = commands[0].replace("python", sys.executable)
    printed = subprocess.run(
        first, shell=True, cwd=ROOT, env=environ, capture_output=True, text=True
    ).stdout
    figures = re.findall(r"^\S.*: (\d+) cases, (\d+) wrong$", printed, re.MULTILINE)
    told = re.findall(r"([\d,]+) \w+ cases, no wrong .*?: (\d+) wrong of the ([\d,]+)", table)
    for ours, wrong, asked in told:
        told_today = f"the README says {ours} cases; this run has {figures}"
        assert (ours.replace(",", ""), "0") in figures, told_today
        # From 3.15 on, Python's base64 takes more forms of a JWK, and so does PyJWT.
        if asked == "916" and sys.version_info >= (3, 15):
            (wrong,) = re.findall(r"\((\d+) on Python 3\.15\)", table)
        # Whether PyJWT takes some forms of a JWK depends on the RSA key of the run: of 25 runs, 21
        # had one figure, 3 one more, and 1 four more.
        near = [str(int(wrong) + difference) for difference in range(-9, 10)]
        assert any((asked.replace(",", ""), count) in figures for count in near)
    assert len(told) * 2 == len(figures)
    proofs = re.search(r"(\d+) DPoP proofs and (\d+) logout tokens, all judged right", table)
    assert proofs
    assert f"jwt_middleware: {proofs[1]} DPoP proofs, 0 wrong\n" in printed
    assert f"jwt_middleware: {proofs[2]} logout tokens, 0 wrong\n" in printed
    for command in commands[1:]:
        name = command.removeprefix("python -m ").split()[0]
        assert (ROOT / name.replace(".", "/") / "__main__.py").exists()
