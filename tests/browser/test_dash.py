"""Dash's own scripts behind the middleware: they know nothing of tokens, and `client.install()`
adds them."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.kit.parts import skip
from tests.kit.serving import gunicorn
from tests.kit.waiting import PATIENCE

pytestmark = [pytest.mark.needs_browser, pytest.mark.needs_frameworks]


def test_callbacks_of_dash(chromium: Any, tmp_path: Path) -> None:
    """Refused without a session; after a login each callback carries a token, and one with an
    expired token renews it. Each click is one callback."""
    if find_spec("dash") is None:
        skip("dash is not installed")
    from .dash_site import LIFETIME, PASSWORD

    context = chromium.new_context()
    context.set_default_timeout(PATIENCE * 1000)
    page, posts = context.new_page(), []
    page.on("response", lambda each: each.request.method == "POST" and posts.append(each))
    with gunicorn("tests.browser.dash_site:application", "--threads=4", cwd=tmp_path) as address:
        page.goto(address)
        button, shown = page.locator("#count"), page.locator("#shown")
        with page.expect_response("**/_dash-update-component*") as refused:
            button.click()
        assert refused.value.status == 401
        page.evaluate("(password) => client.login('ada', password)", PASSWORD)
        posts.clear()
        button.click()
        shown.filter(has_text="ada: 2").wait_for()
        page.wait_for_timeout(LIFETIME * 1000 + 100)
        button.click()
        shown.filter(has_text="ada: 3").wait_for()
        paths = [each.url.removeprefix(address).split("?")[0] for each in posts]
        assert paths == ["/_dash-update-component", "/auth/token", "/_dash-update-component"]
        page.evaluate("client.logout()")
        with page.expect_response("**/_dash-update-component*") as refused:
            button.click()
        assert refused.value.status == 401
    context.close()
