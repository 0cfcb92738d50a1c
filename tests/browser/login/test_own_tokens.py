"""The page of personal tokens in a real browser: made, used, taken back, and looked at."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import Browser, Site, fill_in
from .test_looks import VIEWS, View

pytestmark = pytest.mark.needs_browser


@pytest.fixture(params=VIEWS, ids=["-".join(view) for view in VIEWS])
def view(request: pytest.FixtureRequest, new_browser: Callable[..., Browser]) -> View:
    """A browser of one size, color scheme and language."""
    return View(*request.param, new_browser)


def make(page: Any, name: str) -> str:
    """Make a token by the form, and return it."""
    page.fill("#name", name)
    page.check('input[value="deploy"]')
    page.click("#make-token")
    return str(page.locator("#token").inner_text())


def test_made_and_taken_back(view: View, site: Site, ada: str) -> None:
    """A click on the signed-in page leads there, and every state can be read by everybody."""
    site.store.set_scopes(ada, ["read", "deploy"])
    page = view.browser.open()
    fill_in(page, ada)
    page.click("section a")
    page.locator("#make").wait_for()
    view.look_at(page, "no tokens")
    token = make(page, "laptop <b>of</b> ada")
    site.store.add_token(ada, name="x" * 255, scopes=["read"], expires_at=1.1e9)
    view.look_at(page, "new token")
    assert token.startswith("jwtm_pat_")
    page.goto(page.url)
    assert token not in page.content()
    view.look_at(page, "tokens")
    page.locator("button.remove").first.click()
    page.wait_for_function("document.querySelectorAll('button.remove').length === 1")
    assert [each.name for each in site.store.tokens(ada)] == ["x" * 255]


def test_without_a_script(new_browser: Callable[..., Browser], site: Site, ada: str) -> None:
    """Whoever is not signed in comes by way of the sign-in page, and needs no script."""
    site.store.set_scopes(ada, ["deploy"])
    browser = new_browser(java_script_enabled=False)
    page = browser.open("/deep/er/auth/tokens")
    assert urlsplit(page.url).path == "/deep/er/auth/login"
    fill_in(page, ada)
    page.locator("#make").wait_for()
    assert urlsplit(page.url).path == "/deep/er/auth/tokens"
    make(page, "ci")
    page.click("button.remove")
    page.locator("button.remove").wait_for(state="detached")
    assert site.store.tokens(ada) == []


def test_a_page_of_a_sibling_host_makes_no_token(browser: Browser, site: Site, ada: str) -> None:
    """Its form is refused, although the browser adds the cookies of this host."""
    page = browser.open("/short/login", host="site.localhost")
    fill_in(page, ada)
    page.locator("#who").wait_for()
    sibling = browser.open("/", host="front.site.localhost")
    sibling.evaluate(
        """(url) => {
            document.body.innerHTML = `<form method="post" action="${url}"><input name="name"
                value="x"><input name="days" value="7"></form>`;
            document.forms[0].submit();
        }""",
        site.url("/short/tokens", host="site.localhost"),
    )
    sibling.get_by_text("This form came from another website").wait_for()
    assert site.store.tokens(ada) == []
