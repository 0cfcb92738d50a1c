"""The demo's front page in a real browser."""

import pytest

from .conftest import Browser, fill_in

pytestmark = pytest.mark.needs_browser


def test_the_front_page(browser: Browser, ada: str) -> None:
    """Sign in, see the name from a protected call, see the token expire and be renewed, and sign
    out in another tab."""
    page = browser.context.new_page()
    page.clock.install()
    page.goto(browser.site.url("/demo/"))
    page.click("text=Sign in")
    fill_in(page, ada)
    page.get_by_role("heading", name=f"Hello, {ada}").wait_for()
    old = page.inner_text("#token")
    page.click("#call")
    answers = page.locator("#log").get_by_text("GET /api/me: 200")
    answers.nth(1).wait_for()  # the page counts from the answer: a leap before it would be lost
    page.clock.fast_forward(61_000)
    page.get_by_text("has expired.").wait_for()
    page.get_by_text("A new token").wait_for()
    assert page.inner_text("#token") != old
    answers.nth(2).wait_for()
    other = browser.open("/demo/")
    other.click("#sign-out")
    page.get_by_role("heading", name="Nobody is signed in").wait_for()
    page.get_by_text("Signed out.").wait_for()
