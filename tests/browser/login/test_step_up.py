"""A page and a call that need a recent login ask for the password, in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import PASSWORD, Browser, Site, fill_in, wait_for_message

pytestmark = pytest.mark.needs_browser

RECENT = "/paged/recent?a=1"


def signed_in_long_ago(browser: Browser, site: Site, username: str) -> Any:
    """A page of a browser whose session is an hour old."""
    page = browser.open("/paged/reports")
    fill_in(page, username)
    page.wait_for_url(site.url("/paged/reports"))
    site.age_sessions()
    browser.context.clear_cookies(name="jwt")  # the next page gets a token that tells the age
    page.goto(site.url("/paged/reports"))
    return page


@pytest.mark.parametrize("has_scripts", [False, True], ids=["without scripts", "with scripts"])
def test_a_page_asks_for_the_password_again(
    new_browser: Callable[..., Browser], site: Site, ada: str, has_scripts: bool
) -> None:
    """The sign-in page asks although the session is good, says what was wrong, and leads back."""
    browser = new_browser(java_script_enabled=has_scripts)
    page = signed_in_long_ago(browser, site, ada)
    page.goto(site.url(RECENT))
    assert "prompt=login" in page.url
    assert page.locator("#password").is_visible()
    assert page.locator("#sign-out").is_hidden()
    fill_in(page, ada, "wrong")
    wait_for_message(page, "The username or the password is wrong.")
    fill_in(page, ada)
    page.wait_for_url(site.url(RECENT))
    assert page.inner_text("body").strip() == f"{site.id_of(ada)} GET"


def test_a_call_asks_for_the_password_again(browser: Browser, site: Site, ada: str) -> None:
    """`onStepUp` is asked once, the call is repeated with its body, and the next one needs no
    question."""
    tab = browser.tab("cookie")
    tab.login(ada)
    site.age_sessions()
    tab.page.reload()
    tab = browser.with_client(tab.page, "cookie")
    init = {"method": "POST", "body": "a body"}
    assert tab.call("/api/recent", init)[0] == 401
    tab.run(
        """window.asked = [], client.onStepUp(async ({ maxAge }) => {
            window.asked.push(maxAge);
            await client.login(...argument);
        }), null""",
        [ada, PASSWORD],
    )
    assert tab.call("/api/recent", init) == [200, f"{site.id_of(ada)} POST a body"]
    assert tab.call("/api/recent", init) == [200, f"{site.id_of(ada)} POST a body"]
    assert tab.run("window.asked") == [600]
