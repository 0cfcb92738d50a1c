"""The snippet of docs/how-to/front-end.md, as the module script of a page of the Flask example."""

from pathlib import Path
from typing import Any

import pytest

from jwt_middleware.stores import SQLStore
from tests.kit.pages import DOCS, blocks
from tests.kit.serving import gunicorn
from tests.kit.waiting import PATIENCE, wait_for_report

pytestmark = pytest.mark.needs_browser


def test_the_snippet_signs_in_calls_and_signs_out(chromium: Any, tmp_path: Path) -> None:
    """It signs ada in, calls /api/me with 200, says who she is, and signs her out."""
    (snippet,) = blocks(DOCS / "how-to/front-end.md", "js")
    page_html = f'<!doctype html><script type="module">{snippet}window.done = true;</script>'
    SQLStore(f"sqlite:///{tmp_path}/auth.db").add_user("ada", "analytical engine")
    with gunicorn("examples.flask_app", cwd=tmp_path) as address:
        page = chromium.new_page()
        said: list[str] = []
        page.on("console", lambda line: said.append(line.text))
        page.route(
            "**/front", lambda route: route.fulfill(body=page_html, content_type="text/html")
        )
        page.goto(f"{address}/front")
        page.wait_for_function("window.done", timeout=PATIENCE * 1000)
        wait_for_report(page, said, "200 {")
        assert said == ["200 {id: 1, username: ada}"]
        assert page.title() == "logged out"
        page.close()
