"""The README: every snippet runs, every command works, and the first lines come first."""

import os
import re
import runpy
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware import Key, Provider, any_of, claim, issued_by, optional, public, scope
from jwt_middleware.errors import DESCRIPTIONS
from jwt_middleware.login import TokenMinter
from jwt_middleware.stores import SQLStore
from tests.kit import ROOT
from tests.kit.serving import running
from tests.kit.waiting import PATIENCE

_README = (ROOT / "README.md").read_text()
_LINES = _README.splitlines()
_BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)


def run_snippets(folder: Path, *snippets: str) -> dict[str, Any]:
    """Run snippets one after the other as one file, with no name given; return what they define."""
    (folder / "app.py").write_text("\n".join(snippets))
    return runpy.run_path("app.py", run_name="app")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def snippets() -> dict[str, str]:
    """The Python snippets by name. Each block of the README has a name here, so none is not run."""
    names = ("first", "on_duty", "providers", "people", "gunicorn")
    return dict(zip(names, blocks("python"), strict=True))


def _public_pem() -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Key.generate().verifying_key
    pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def test_the_first_snippet_guards_a_flask_app(folder: Path, snippets: dict[str, str]) -> None:
    """The first snippet runs as it stands. Its user logs in at /auth/token, and /api/me answers who
    is calling only with the token."""
    client = TestApp(run_snippets(folder, snippets["first"])["app"])
    client.get("/api/me", status=401)
    token = client.post_json(
        "/auth/token", {"username": "ada", "password": "analytical engine"}
    ).json["token"]
    client.authorization = ("Bearer", token)
    assert client.get("/api/me").json == {"id": "1"}


@pytest.mark.needs_servers
def test_the_first_commands_work_when_pasted(folder: Path, snippets: dict[str, str]) -> None:
    """The commands below the first snippet serve it with gunicorn, and print what the text says:
    401, then the caller. A second start finds the user that the first one added."""
    (folder / "app.py").write_text(snippets["first"])
    (commands,) = blocks("bash")
    serve, calls = commands.split("# In another shell:\n")
    environ = {"PATH": f"{_BIN}:{os.environ['PATH']}", "GUNICORN_CMD_ARGS": "--bind 127.0.0.1:0"}
    for _ in range(2):
        with running(shlex.split(serve), cwd=folder, env=environ) as address:
            pasted = calls.replace("localhost:8000", address.removeprefix("http://"))
            run = subprocess.run(
                ["bash", "-c", pasted], capture_output=True, text=True, timeout=PATIENCE
            )
        statuses = re.findall(r"^HTTP/1.1 (\d+)", run.stdout, re.MULTILINE)
        assert statuses == ["401", "200"], run.stdout + run.stderr
        assert run.stdout.rstrip().endswith('{"id":"1"}')


def test_the_extras_of_the_text_exist() -> None:
    """The text says how to get the command, and each extra that it names is one of setup.cfg."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    named = re.findall(r"wsgi-jwt-middleware\[([\w,]+)\]", _README)
    extras = {extra for group in named for extra in group.split(",")}
    assert "cli" in extras
    assert extras <= set(config["options.extras_require"])


def test_your_own_user_table_is_asked(folder: Path, snippets: dict[str, str]) -> None:
    """Below the first snippet, the one for your own table creates it with a user, and the login app
    at /auth asks it instead of the store."""
    names = run_snippets(folder, snippets["first"], snippets["people"])
    client = TestApp(names["app"])
    answer = client.post_json("/auth/token", {"username": "grace", "password": "cobol"})
    assert answer.json["user_id"] == 1
    for name, password in (("grace", "fortran"), ("ada", "analytical engine")):
        client.post_json("/auth/token", {"username": name, "password": password}, status=401)
    client.authorization = ("Bearer", answer.json["token"])
    assert client.get("/api/me").json == {"id": "1"}
    assert names["People"]().get("1").scopes == ("member",)


def test_your_own_requirement_is_asked(folder: Path, snippets: dict[str, str]) -> None:
    """The snippet of a requirement refuses a caller who is not on duty."""
    from jwt_middleware import Identity, JWTMiddleware

    names = run_snippets(folder, "from jwt_middleware import Rule", snippets["on_duty"])
    minter = TokenMinter(Key.generate(), issuer="https://i.example", audience="a")

    def door(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [str(Identity.from_environ(environ)).encode()]

    client = TestApp(JWTMiddleware(door, providers=[minter.provider], rules=names["rules"]))
    for claims, status in (({}, 403), ({"on_duty": True}, 200)):
        client.authorization = ("Bearer", minter.mint("ada", claims=claims))
        client.get("/api/doors", status=status)


def test_the_settings_of_the_text_are_gunicorns(folder: Path, snippets: dict[str, str]) -> None:
    """gunicorn knows each name of its snippet as a setting."""
    from gunicorn.config import Config

    known = Config().settings
    names = [name for name in run_snippets(folder, snippets["gunicorn"]) if name[0] != "_"]
    assert names == ["access_log_format", "accesslog", "forwarder_headers"]
    assert set(names) <= set(known)


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


@pytest.mark.parametrize(
    "command", re.findall(r"`(jwt-middleware [^`]+)`", _README.split("## Users")[1])
)
def test_each_command_of_the_text_works(command: str, tmp_path: Path) -> None:
    """The commands for users and keys do what they say, in an empty folder."""
    arguments = shlex.split(command) + (["--password-stdin"] if " users " in command else [])
    run = subprocess.run(
        [_BIN / arguments[0], *arguments[1:]],
        cwd=tmp_path,
        input="analytical engine\n",
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    if " users " in command:
        assert [user.username for user in SQLStore(f"sqlite:///{tmp_path}/auth.db").users()] == [
            "ada"
        ]


_MYAPP = """
from flask import Flask, request
from jwt_middleware import Identity, JWTMiddleware, Key, KeySet, Provider, Rule, scope

app = Flask(__name__)
app.add_url_rule("/api/me", "me", lambda: {"id": Identity.from_environ(request.environ).subject})
keys = KeySet([Key.generate()])
provider = Provider(issuer="https://idp.example/", audience="example-api", keys=keys)
rules = [Rule("/api", scope("read"))]
app.wsgi_app = JWTMiddleware(app.wsgi_app, providers=[provider], rules=rules)
application = app
"""


def test_the_test_of_an_app_passes(tmp_path: Path) -> None:
    """The snippet for suites is a whole test file: beside an app it runs as it stands."""
    (tmp_path / "myapp.py").write_text(_MYAPP)
    (tmp_path / "test_myapp.py").write_text(blocks("py")[0])
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "1 passed" in run.stdout, run.stdout


def test_a_token_is_inspected(tmp_path: Path) -> None:
    """The command of the text says why an app refuses a token."""
    (command,) = re.findall(r"`(jwt-middleware token [^`]+)`", _README)
    (tmp_path / "module.py").write_text(_MYAPP)
    (tmp_path / "token").write_text(
        TokenMinter(Key.generate(), issuer="https://x.example", audience="a").mint("ada")
    )
    run = subprocess.run(
        f"{_BIN}/{command}", shell=True, cwd=tmp_path, capture_output=True, text=True
    )
    assert (run.returncode, "issuer" in run.stdout) == (1, True), run.stderr


@pytest.mark.parametrize("reason", DESCRIPTIONS)
def test_what_to_do_about_a_refusal(reason: str) -> None:
    """The table of reasons has each that a 401 or a 400 can have."""
    others = {"scope", "claim_missing", "keys_unavailable", "revocations_unavailable"}
    others |= {"tokens_unavailable", "tenants_unavailable"}
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ", _README, re.MULTILINE)
    assert (f"`{reason}`" in ", ".join(rows)) != (reason in others)


def test_what_comes_first_comes_first() -> None:
    """Line 3 says how to install and what the unrelated package's error is; code is within the
    first ten lines."""
    assert '`pip install "wsgi-jwt-middleware[login]"`' in _LINES[2]
    assert "ImportError: cannot import name 'Identity' from 'jwt_middleware'" in _LINES[2]
    assert "```python" in _LINES[:9]


def test_the_two_commands_are_the_first_two_sh_blocks() -> None:
    """One command installs and runs the demo, one installs and runs the tests; the build runs both
    as they stand."""
    run, test = blocks("sh")[:2]
    assert run.count("\n") == test.count("\n") == 1
    assert run.rstrip().endswith("jwt-middleware demo")
    assert test.rstrip().endswith("-m pytest -m quick -n 2 --dist loadfile")
    assert all(
        command.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
        for command in (run, test)
    )


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", _README))
def test_each_link_leads_somewhere(link: str) -> None:
    """A link to a file of the project leads to one."""
    assert (ROOT / link).exists()


def test_the_providers_of_the_text_are_some(folder: Path, snippets: dict[str, str]) -> None:
    """The snippet for identity providers builds what it says, beside a public key in a file."""
    (folder / "public.pem").write_bytes(_public_pem())
    names = run_snippets(folder, snippets["providers"])
    assert all(isinstance(names[name], Provider) for name in ("auth0", "other", "fixed"))


@pytest.mark.needs_time
def test_the_commands_that_check_are_there() -> None:
    """The first of them prints the figures of the text; the others, which take minutes, are files
    that run."""
    table = _README.split("## How it is checked")[1].split("##")[0]
    commands = re.findall(r"\| `([^`|]+)` \|$", table, re.MULTILINE)
    assert len(commands) == 5
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    first = commands[0].replace("python", sys.executable)
    printed = subprocess.run(
        first, shell=True, cwd=ROOT, env=environ, capture_output=True, text=True
    ).stdout
    figures = re.findall(r"^\S.*: (\d+) cases, (\d+) wrong$", printed, re.MULTILINE)
    told = re.findall(r"([\d,]+) \w+ cases, no wrong .*?: (\d+) wrong of the ([\d,]+)", table)
    for ours, wrong, asked in told:
        assert (ours.replace(",", ""), "0") in figures
        # Whether PyJWT takes a few forms of a JWK depends on the RSA key of the run.
        near = [str(int(wrong) + difference) for difference in (-1, 0, 1)]
        assert any((asked.replace(",", ""), count) in figures for count in near)
    assert len(told) * 2 == len(figures)
    for command in commands[1:]:
        name = command.removeprefix("python -m ").split()[0]
        assert (ROOT / name.replace(".", "/") / "__main__.py").exists()


def test_the_architecture_page_names_what_is_there() -> None:
    """Every file and every `module.name` of the page exists in the package."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    package = ROOT / "jwt_middleware"
    files = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", page))
    missing = {name for name in files if not list(ROOT.rglob(name.split("/")[-1]))}
    dotted = set(re.findall(r"`([a-z_]+)\.([a-zA-Z_]+)`", page)) - {("tests", "py")}
    for module, name in dotted:
        sources = [*package.rglob(f"{module}.py"), *package.rglob(f"{module}/*.py")]
        is_file = name == "py" and list(package.rglob(f"{module}.py"))
        if not is_file and not any(re.search(rf"\b{name}\b", one.read_text()) for one in sources):
            missing.add(f"{module}.{name}")
    assert len(files) + len(dotted) > 20
    assert not missing
