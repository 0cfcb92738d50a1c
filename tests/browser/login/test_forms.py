"""Pages of the server behind an access cookie, in a real browser without scripts."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Browser, Site, fill_in, wait_for_message

pytestmark = pytest.mark.needs_browser

LOGIN = "/paged/auth/login"


@pytest.fixture
def plain(new_browser: Callable[..., Browser]) -> Browser:
    """A browser that runs no script."""
    return new_browser(java_script_enabled=False)


def signed_in(browser: Browser, username: str) -> Any:
    """A page of the site that asked for a sign-in, and was landed on."""
    page = browser.open("/paged/reports?year=2026")
    fill_in(page, username)
    page.wait_for_url(browser.site.url("/paged/reports?year=2026"))
    return page


def test_signing_in_lands_on_the_page(plain: Browser, site: Site, ada: str) -> None:
    """A page without a session leads to the form, which says what is wrong, and then back."""
    page = plain.open("/paged/reports?year=2026")
    assert page.url.startswith(site.url(LOGIN))
    fill_in(page, ada, "wrong")
    wait_for_message(page, "The username or the password is wrong.")
    fill_in(page, ada)
    page.wait_for_url(site.url("/paged/reports?year=2026"))
    assert page.inner_text("body").strip() == f"{site.id_of(ada)} GET"


def test_an_expired_access_cookie_is_renewed(plain: Browser, site: Site, ada: str) -> None:
    """The page comes as asked for, without a form in between, and the access cookie is new."""
    page = signed_in(plain, ada)
    plain.context.clear_cookies(name="jwt")  # as a browser does when its time is over
    page.goto(site.url("/paged/other?a=1"))
    assert page.url == site.url("/paged/other?a=1")
    assert page.inner_text("body").strip() == f"{site.id_of(ada)} GET"
    assert "jwt" in plain.cookies


def test_signing_out_in_one_tab_ends_all(plain: Browser, site: Site, ada: str) -> None:
    """The form clears every cookie, and another tab gets the form at its next page."""
    page = signed_in(plain, ada)
    other = plain.open("/paged/other")
    page.goto(site.url(LOGIN))
    page.click("#sign-out")
    page.locator("#sign-in").wait_for()
    assert plain.cookies == {}
    other.goto(site.url("/paged/other"))
    assert other.url.startswith(site.url(LOGIN))


def test_a_link_from_another_site_hops_once(plain: Browser, site: Site, ada: str) -> None:
    """Browsers leave out the strict cookie at first: the login page asks for itself once, and the
    page comes."""
    page = signed_in(plain, ada)
    plain.context.clear_cookies(name="jwt")
    seen: list[str] = []
    page.on("response", lambda each: each.request.is_navigation_request() and seen.append(each.url))
    link = f'<a href="{site.url("/paged/linked")}">link</a>'
    plain.context.route(
        "http://foreign.localhost/*",
        lambda route: route.fulfill(body=link, content_type="text/html"),
    )
    page.goto("http://foreign.localhost/")
    page.click("a")
    page.wait_for_url(site.url("/paged/linked"))
    assert page.inner_text("body").strip() == f"{site.id_of(ada)} GET"
    assert len([url for url in seen if url.startswith(site.url(LOGIN))]) == 2


def test_the_fragment_of_the_page(browser: Browser, site: Site, ada: str) -> None:
    """An app with routes of its own after the `#` gets it back: by the script of the page after a
    sign-in, and by the redirects of a renewal."""
    page = browser.open("/paged/reports?year=2026#part")
    fill_in(page, ada)
    page.wait_for_url(site.url("/paged/reports?year=2026#part"))
    browser.context.clear_cookies(name="jwt")
    page.goto(site.url("/paged/other#there"))
    assert page.url == site.url("/paged/other#there")


def test_a_sign_in_page_without_an_access_cookie(browser: Browser, site: Site, ada: str) -> None:
    """The script of the page is sent back a few times, then the page says what is wrong and
    stays."""
    seen: list[str] = []
    page = browser.open("/misled/reports")
    page.on("request", lambda each: each.is_navigation_request() and seen.append(each.url))
    fill_in(page, ada)
    wait_for_message(page, "the page that you asked for does not accept it")
    page.wait_for_load_state("networkidle")
    assert page.locator("#sign-out").is_visible()
    assert len([url for url in seen if url == site.url("/misled/reports")]) == 3
