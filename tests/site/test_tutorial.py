"""The tutorial: its code runs as it stands and does what its text says, and the Spanish one has the
same code to the letter."""

import os
import re
import shlex
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from tests.kit.pages import DOCS, blocks, run_snippets
from tests.kit.scripts import paste
from tests.kit.serving import running

pytestmark = pytest.mark.usefixtures("cheap_hashes")

ENGLISH, SPANISH = (DOCS / "tutorial" / name for name in ("index.md", "es.md"))
_BIN = Path(sys.executable).parent
ADA = {"name": "ada", "password": "analytical engine"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestApp]:
    """A client of the app that the Python blocks make, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names = run_snippets(tmp_path, *blocks(ENGLISH, "python"))
    yield TestApp(names["app"])
    names["store"].close()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _token(site: TestApp, name: str, password: str, status: int = 200) -> Any:
    body = {"username": name, "password": password}
    return site.post_json("/auth/token", body, status=status).json.get("token")


def test_the_five_steps(site: TestApp) -> None:
    """Sign-up, current user, roles, password change and logout do what the page says."""
    site.get("/api/me", status=401)
    made = site.post_json("/api/sign-up", ADA, status=201).json
    assert site.get("/api/me", headers=_bearer(made["token"])).json == {"id": 1, "name": "ada"}
    assert site.get("/api/admin/people", headers=_bearer(made["token"])).json == ["ada"]
    site.post_json("/api/sign-up", ADA, status=409)
    site.post_json("/api/sign-up", {"name": "eve", "password": "short"}, status=400)
    grace = {"name": "grace", "password": "a ship in port"}
    other = site.post_json("/api/sign-up", grace, status=201).json["token"]
    site.get("/api/admin/people", headers=_bearer(other), status=403)


@pytest.mark.parametrize(
    "body",
    [
        [],
        None,
        "ada",
        {},
        {"name": "ada"},
        {**ADA, "name": None},
        {**ADA, "password": 123456789012},
    ],
    ids=["list", "null", "string", "empty", "no-password", "name-null", "password-number"],
)
def test_a_malformed_body_is_the_callers_fault(site: TestApp, body: object) -> None:
    """A body without the two texts is 400 at the sign-up and at the password change, never 500."""
    site.post_json("/api/sign-up", body, status=400)
    token = site.post_json("/api/sign-up", ADA, status=201).json["token"]
    site.post_json("/api/password", body, headers=_bearer(token), status=400)


def test_a_person_who_is_gone(site: TestApp) -> None:
    """The token of a person whose row was deleted is 404, never 500."""
    token = site.post_json("/api/sign-up", ADA, status=201).json["token"]
    with sqlite3.connect("instance/people.db") as database:
        database.execute("delete from person")
    site.get("/api/me", headers=_bearer(token), status=404)


def test_a_password_change_and_a_logout(site: TestApp) -> None:
    """A password change ends the sessions under the old password, and a logout ends a session."""
    site.post_json("/api/sign-up", ADA, status=201)
    token = _token(site, "ada", ADA["password"])
    change = {"old": ADA["password"], "new": "difference engine"}
    site.post_json("/api/password", {**change, "old": "x"}, headers=_bearer(token), status=403)
    site.post_json("/api/password", {**change, "new": "short"}, headers=_bearer(token), status=400)
    site.post_json("/api/password", change, headers=_bearer(token))
    _token(site, "ada", ADA["password"], status=401)
    token = _token(site, "ada", change["new"])
    site.post_json("/auth/revoke", {"token": token})


def test_the_front_end_may_call(site: TestApp) -> None:
    """Both apps answer the preflight of the page on the other port, and of no other page."""
    for path, method in (("/api/me", "GET"), ("/auth/token", "POST")):
        for origin, expected in (("http://localhost:5173", True), ("http://evil.example", False)):
            asked = {"Origin": origin, "Access-Control-Request-Method": method}
            answer = site.options(path, headers=asked, expect_errors=True)
            assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is expected


@pytest.mark.parametrize("language", ["python", "sh", "bash", "html"])
def test_the_spanish_code_is_the_english_to_the_letter(language: str) -> None:
    """Both pages have the same blocks, in the same order."""
    assert blocks(SPANISH, language) == blocks(ENGLISH, language) != []


def test_both_languages_have_the_same_parts() -> None:
    """Both pages have as many headings, items and rows, so that no part lacks its translation."""

    def parts(file: Path) -> list[str]:
        text = re.sub(r"^```.*?^```$", "```", file.read_text(), flags=re.MULTILINE | re.DOTALL)
        return re.findall(r"^(?:#+|-|\d\.|\||```)", text, re.MULTILINE)

    spanish, english = parts(SPANISH), parts(ENGLISH)
    assert spanish == english[: len(spanish)]
    assert english[len(spanish) :] == ["```"]  # the table of contents


@pytest.mark.needs_servers
def test_the_commands_work_when_pasted(tmp_path: Path) -> None:
    """The commands serve the app and print what the text says: 401, then 200 twice."""
    (tmp_path / "app.py").write_text("\n".join(blocks(ENGLISH, "python")))
    serve = shlex.split(blocks(ENGLISH, "sh")[1].replace(".venv/bin/", ""))
    environ = {"PATH": f"{_BIN}:{os.environ['PATH']}", "GUNICORN_CMD_ARGS": "--bind 127.0.0.1:0"}
    with running(serve, cwd=tmp_path, env=environ) as address:
        (calls,) = blocks(ENGLISH, "bash")
        pasted = calls.replace("localhost:8000", address.removeprefix("http://"))
        run = paste(pasted)
    statuses = re.findall(r"^HTTP/1.1 (\d+)", run.stdout, re.MULTILINE)
    assert statuses == ["401", "200", "200"], run.stdout + run.stderr
