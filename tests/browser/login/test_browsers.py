"""Signing in on http://localhost in the browsers that people have: the whole Chromium, Firefox, and
WebKit, which drops Secure cookies there."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.browser.drivers import BROWSERS, Driver

from .conftest import PASSWORD, Site
from .test_forms import LOGIN

pytestmark = pytest.mark.needs_browser

HOST = "localhost"

each_browser = pytest.mark.parametrize("name", sorted(BROWSERS))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Driver]]:
    """What starts a browser by its name, with nothing stored."""
    with ExitStack() as opened:
        yield lambda name, **options: opened.enter_context(BROWSERS[name](tmp_path, **options))


def fill_in(driver: Driver, username: str, password: str = PASSWORD) -> None:
    """Sign in by the page."""
    driver.fill("#username", username)
    driver.fill("#password", password)
    driver.click("#sign-in")


@each_browser
@pytest.mark.parametrize("path", ["/auth/login", LOGIN], ids=["refresh cookie", "access cookie"])
def test_signed_in_after_a_reload(
    name: str, path: str, start: Callable[..., Driver], site: Site, ada: str
) -> None:
    """The page signs in, knows it when it is loaded again, and has forgotten it after signing
    out."""
    driver = start(name)
    driver.goto(site.url(path, HOST))
    fill_in(driver, ada, "wrong")
    driver.wait_for_text("#message", "The username or the password is wrong.")
    fill_in(driver, ada)
    for _ in range(2):
        driver.wait_for_text("#who", "You are signed in")
        driver.reload()
    driver.wait_for_text("#who", "You are signed in")
    driver.click("#sign-out")
    driver.wait_for_text("#message", "You are signed out.")
    driver.reload()
    driver.wait_for_text("#sign-in", "Sign in")
    assert driver.cookies == set()


@each_browser
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "plain form"])
def test_a_guarded_page(
    name: str, scripts: bool, start: Callable[..., Driver], site: Site, ada: str
) -> None:
    """A page leads to the form and back, comes again when it is loaded again, and is closed after
    signing out: with scripts and without."""
    driver, page = start(name, scripts=scripts), site.url("/paged/reports?year=2026", HOST)
    driver.goto(page)
    fill_in(driver, ada, "wrong")
    driver.wait_for_text("#message", "The username or the password is wrong.")
    fill_in(driver, ada)
    driver.wait_for_url(page)
    for _ in range(2):
        driver.wait_for_text("body", f"{site.id_of(ada)} GET")
        driver.reload()
    assert driver.cookies == {"jwt", "jwt_refresh", "jwt_session"}
    driver.goto(site.url(LOGIN, HOST))
    driver.click("#sign-out")
    driver.wait_for_text("#sign-in", "Sign in")
    driver.goto(page)
    assert driver.url.startswith(site.url(LOGIN, HOST))
    assert driver.cookies == set()
