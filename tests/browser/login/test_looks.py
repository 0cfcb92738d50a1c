"""Every state of the pages, at three sizes, light and dark: axe-core finds nothing, and nothing is
cut off.

The screenshots go to `screenshots/`, to be looked at.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.kit import ROOT

from ..conftest import skip
from .conftest import PASSWORD, Browser, Site, fill_in
from .test_page import throttle

pytestmark = pytest.mark.needs_browser

SHOTS = ROOT / "screenshots"
SIZES = {"narrow": (320, 640), "tablet": (768, 1024), "desktop": (1280, 800)}
VIEWS = [
    ("narrow", "light", "en-GB"),
    ("narrow", "dark", "es-ES"),
    ("tablet", "light", "es-ES"),
    ("desktop", "dark", "en-GB"),
]


two_views = pytest.mark.parametrize(
    "view", [VIEWS[0], VIEWS[3]], ids=["narrow-light", "desktop-dark"], indirect=True
)


@pytest.fixture(params=VIEWS, ids=["-".join(view) for view in VIEWS])
def view(request: pytest.FixtureRequest, new_browser: Callable[..., Browser]) -> "View":
    """A browser of one size, colour scheme and language."""
    return View(*request.param, new_browser)


class View:
    """Looks at pages: with axe-core, for what is cut off, and with a camera."""

    def __init__(
        self, size: str, scheme: str, locale: str, new_browser: Callable[..., Browser]
    ) -> None:
        try:
            from axe_playwright_python.sync_playwright import Axe
        except ImportError:
            skip("axe-playwright-python is not installed")
        self.axe = Axe()
        self.name = f"{size}-{scheme}-{locale[:2]}"
        width, height = SIZES[size]
        self.options = {
            "viewport": {"width": width, "height": height},
            "color_scheme": scheme,
            "locale": locale,
        }
        self.new_browser = new_browser
        self.browser = new_browser(**self.options)

    def picture(self, page: Any, state: str) -> None:
        """Take a picture."""
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{self.name}-{state}.png", full_page=True)

    def look_at(self, page: Any, state: str) -> None:
        """Assert that the page can be read by everybody, and take its picture."""
        page.evaluate(
            "Promise.allSettled(document.getAnimations().map((animation) => animation.finished))"
        )
        self.picture(page, state)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{state}: cut off at the side"
        )
        found = self.axe.run(page)
        assert found.violations_count == 0, f"{state}: {found.generate_report()}"


def test_the_login_page(view: View, site: Site, ada: str) -> None:
    """The form, each sentence, who is signed in, and after signing out."""
    page = view.browser.open()
    page.locator("#sign-in:enabled").wait_for()
    view.look_at(page, "form")
    fill_in(page, ada, "wrong")
    page.locator(".error").wait_for()
    view.look_at(page, "wrong")
    page.check("#show")
    view.browser.context.set_offline(True)
    page.click("#sign-in")
    page.locator("#sign-in:not([aria-disabled=true])").wait_for()
    view.look_at(page, "unreachable")
    view.browser.context.set_offline(False)
    fill_in(page, ada)
    page.locator("#who").wait_for()
    view.look_at(page, "signed in")
    page.click("#sign-out")
    page.locator("#username").wait_for()
    view.look_at(page, "signed out")


@two_views
def test_the_rarer_sentences(view: View, site: Site, ada: str) -> None:
    """Without encryption, with an owner's long title, and without JavaScript, where axe cannot
    run."""
    view.look_at(view.browser.open(host="lan.example"), "insecure")
    view.look_at(view.browser.open("/markup/login"), "title")
    view.picture(view.new_browser(**view.options, java_script_enabled=False).open(), "no script")


def test_throttled_and_down(new_browser: Callable[..., Browser], site: Site, ada: str) -> None:
    """The two answers that take their time to come about, in one view."""
    view = View("narrow", "light", "en-GB", new_browser)
    page = view.browser.open()
    with site.store_locked():
        fill_in(page, ada)
        page.locator(".error").wait_for()
        view.look_at(page, "down")
    throttle(page, ada)
    view.look_at(page, "throttled")


@two_views
def test_the_demo(view: View, site: Site, ada: str) -> None:
    """Its front page, signed in and out."""
    page = view.browser.open("/demo/")
    page.get_by_text("Nobody is signed in").wait_for()
    view.look_at(page, "demo")
    page.click("text=Sign in")
    fill_in(page, ada, PASSWORD)
    page.get_by_role("heading", name=f"Hello, {ada}").wait_for()
    view.look_at(page, "demo signed in")
