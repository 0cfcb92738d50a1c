"""The front end of the tutorial, in a browser, on another port than its server."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kit.answers import call
from tests.kit.pages import DOCS, blocks
from tests.kit.parts import program
from tests.kit.serving import free_port, running, started
from tests.kit.waiting import PATIENCE

pytestmark = pytest.mark.needs_browser

_PAGE = DOCS / "tutorial" / "index.md"


def test_the_page_logs_in_and_out(chromium: Any, tmp_path: Path) -> None:
    """A person who has signed up logs in on the page, is greeted, reloads, and logs out."""
    port = free_port()
    front = tmp_path / "front"
    front.mkdir()
    origin = f"http://localhost:{port}"
    code = "\n".join(blocks(_PAGE, "python")).replace("http://localhost:5173", origin)
    (tmp_path / "app.py").write_text(code)
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GUNICORN_CMD_ARGS": "--bind 127.0.0.1:0",
    }
    with running(["gunicorn", "app:app"], cwd=tmp_path, env=environ) as address:
        (page_html,) = blocks(_PAGE, "html")
        local = address.replace("127.0.0.1", "localhost")
        (front / "index.html").write_text(page_html.replace("http://localhost:8000", local))
        made = call(f"{address}/api/sign-up", {"name": "ada", "password": "analytical engine"})
        assert made.status == 201
        serve = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
        with started(serve, tmp_path / "log", lambda: _is_up(port), cwd=front):
            page = chromium.new_page()
            page.set_default_timeout(PATIENCE * 1000)
            page.goto(origin)
            page.fill("#name", "ada")
            page.fill("#password", "analytical engine")
            page.click("#form button")
            page.get_by_text("Hello, ada").wait_for()
            page.reload()
            page.get_by_text("Hello, ada").wait_for()
            page.click("#logout")
            page.get_by_text("Logged out").wait_for()
            page.close()


def _is_up(port: int) -> bool:
    seconds = ("--max-time", "5")  # of one poll; a server that hangs is asked again
    command = [program("curl"), "-s", *seconds, "-o", os.devnull, f"http://127.0.0.1:{port}/"]
    return subprocess.run(command, timeout=PATIENCE).returncode == 0
