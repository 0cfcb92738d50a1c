"""The login page in a real browser, as who signs in sees it."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Browser, Site, fill_in, wait_for_message

pytestmark = pytest.mark.needs_browser

MOUNTS = ["/auth", "/deep/er/auth", "/proxied/auth", "/template"]


def test_signed_in_and_out(browser: Browser, ada: str) -> None:
    """The page says who is signed in, still does when it is loaded again, and goes back to the form
    afterwards."""
    page = browser.open()
    fill_in(page, ada)
    page.get_by_text(f"You are signed in as {ada}.").wait_for()
    page.reload()
    page.get_by_role("heading", name="Signed in").wait_for()
    page.click("#sign-out")
    wait_for_message(page, "You are signed out.")
    assert page.evaluate("document.activeElement.id") == "username"
    page.reload()
    fill_in(page, ada)
    page.get_by_text("You are signed in").wait_for()


@pytest.mark.parametrize("mount", MOUNTS)
def test_any_mount(mount: str, browser: Browser, ada: str) -> None:
    """Below any prefix, a proxy's too that the app does not know of, and with a template of the
    owner's."""
    page = browser.open(f"{mount}/login")
    fill_in(page, ada)
    page.get_by_text(f"You are signed in as {ada}.").wait_for()
    assert browser.cookies["jwt_refresh"]["path"] == "/"
    page.reload()
    page.get_by_text("You are signed in").wait_for()
    page.click("#sign-out")
    wait_for_message(page, "You are signed out.")
    assert not browser.cookies


def test_by_keyboard(browser: Browser, ada: str) -> None:
    """The cursor is in the first field; Tab, Space and Enter do the rest, and focus goes to what
    changed."""
    page = browser.open()
    page.locator("#sign-in:enabled").wait_for()
    page.keyboard.type(ada)
    page.keyboard.press("Tab")
    page.keyboard.type("lovelac")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_attribute("#password", "type") == "text"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("End")
    page.keyboard.type("e")
    page.keyboard.press("Enter")
    page.get_by_text("You are signed in as").wait_for()
    assert page.evaluate("document.activeElement.id") == "who"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    wait_for_message(page, "You are signed out.")
    assert page.get_attribute("#password", "type") == "password"
    assert page.input_value("#password") == ""


def test_a_password_manager_is_welcome(new_browser: Callable[..., Browser], ada: str) -> None:
    """The fields say what they are for, and a password can be pasted."""
    browser = new_browser(permissions=["clipboard-read", "clipboard-write"])
    page = browser.open()
    assert page.get_attribute("#username", "autocomplete") == "username"
    assert page.get_attribute("#password", "autocomplete") == "current-password"
    page.evaluate("navigator.clipboard.writeText('lovelace')")
    page.fill("#username", ada)
    page.focus("#password")
    page.keyboard.press("Control+V")
    page.click("#sign-in")
    page.get_by_text("You are signed in").wait_for()


def test_where_to_go_next(browser: Browser, site: Site, ada: str) -> None:
    """Who has signed in goes to `next`, and who was signed in goes there at once; the form is no
    step back."""
    page = browser.open("/")
    page.goto(site.url("/auth/login?next=/deep/er/page%3Fa%3D1%26b%3D2%23there"))
    fill_in(page, ada)
    page.wait_for_url(site.url("/deep/er/page?a=1&b=2#there"))
    page.go_back()
    assert page.url == site.url("/")
    page.goto(site.url("/auth/login?next=/page"))
    page.wait_for_url(site.url("/page"))


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en-US", "The username or the password is wrong."),
        ("es-MX", "El usuario o la contraseña no son correctos."),
    ],
)
def test_wrong_password(
    locale: str, text: str, new_browser: Callable[..., Browser], ada: str
) -> None:
    """One sentence in the reader's language; the name stays, and the password is ready to be typed
    over."""
    page = new_browser(locale=locale).open()
    assert page.get_attribute("html", "lang") == locale[:2]
    fill_in(page, ada, "wrong")
    wait_for_message(page, text)
    assert page.get_by_role("alert").inner_text() == text
    assert page.input_value("#username") == ada
    assert page.get_attribute("#password", "aria-invalid") == "true"
    assert page.evaluate("document.activeElement.id") == "password"
    page.keyboard.type("lovelace")
    page.keyboard.press("Enter")
    page.locator("#who").wait_for()


def throttle(page: Any, username: str) -> None:
    """Use up the attempts of a name."""
    for _ in range(5):
        fill_in(page, username, "wrong")
        page.locator("#sign-in:not([aria-disabled=true])").wait_for()
    fill_in(page, username, "wrong")
    wait_for_message(page, "Too many attempts.")


def test_throttled(browser: Browser, ada: str) -> None:
    """The seconds go by where they are seen, stand still where they are heard, and at the end both
    say so."""
    page = browser.context.new_page()
    page.clock.install()
    page.goto(browser.site.url("/auth/login"))
    throttle(page, ada)
    heard, seen = page.locator("#message .unseen"), page.locator("#message [aria-hidden=true]")
    first = heard.inner_text()
    page.clock.fast_forward(10_000)
    assert seen.inner_text() != first == heard.inner_text()
    assert "second" in seen.inner_text()
    page.clock.fast_forward(60_000)
    wait_for_message(page, "You can try again now.")


def test_minutes_are_not_counted_in_seconds(browser: Browser, ada: str) -> None:
    """A long wait is said in minutes."""
    browser.context.route(
        "**/token",
        lambda route: route.fulfill(
            status=429, headers={"Retry-After": "3550"}, json={"error": "x"}
        ),
    )
    page = browser.open()
    fill_in(page, ada)
    wait_for_message(page, "Try again in 60 minutes.")


def test_store_down(browser: Browser, site: Site, ada: str) -> None:
    """It is not the reader's fault, and the page says so."""
    page = browser.open()
    with site.store_locked():
        fill_in(page, ada)
        wait_for_message(page, "Signing in does not work at the moment.")
    page.click("#sign-in")
    page.get_by_text("You are signed in").wait_for()


def test_offline(browser: Browser, ada: str) -> None:
    """No answer at all is another sentence, and what was typed is still there."""
    page = browser.open()
    page.wait_for_load_state("networkidle")
    browser.context.set_offline(True)
    fill_in(page, ada)
    wait_for_message(page, "The server cannot be reached.")
    browser.context.set_offline(False)
    page.click("#sign-in")
    page.get_by_text("You are signed in").wait_for()


def test_an_ended_session(browser: Browser, site: Site, ada: str) -> None:
    """A page that is open says so as soon as another tab finds out, one opened later when it is
    opened."""
    page = browser.open()
    fill_in(page, ada)
    page.get_by_text("You are signed in").wait_for()
    site.store.end_sessions(str(site.id_of(ada)))
    later = browser.open()
    for each in (later, page):
        wait_for_message(each, "Your session has ended. Please sign in again.")
    later.reload()
    later.locator("#sign-in:enabled").wait_for()
    later.wait_for_load_state("networkidle")
    assert later.inner_text("#message") == ""


def test_without_encryption(browser: Browser, ada: str) -> None:
    """The page says it before anything is typed, and sends no password."""
    page = browser.open(host="lan.example")
    wait_for_message(page, "Open it with https:// instead.")
    fill_in(page, ada)
    wait_for_message(page, "Open it with https:// instead.")
    assert browser.sent == []


def test_without_javascript(new_browser: Callable[..., Browser], ada: str) -> None:
    """The forms do it all: a wrong password is said, `next` is landed on, and signing out ends the
    session."""
    browser = new_browser(java_script_enabled=False)
    page = browser.open("/auth/login?next=/page")
    fill_in(page, ada, "wrong")
    wait_for_message(page, "The username or the password is wrong.")
    fill_in(page, ada)
    page.wait_for_url(browser.site.url("/page"))
    assert {*browser.cookies} == {"jwt_refresh", "jwt_session"}
    assert browser.sent == []


def test_before_the_script_is_there(browser: Browser, site: Site, ada: str) -> None:
    """Who is quicker than the network signs in by the plain form, not to an answer in JSON."""
    browser.context.route("**/login.js", lambda route: route.abort())
    page = browser.open("/auth/login?next=/page")
    fill_in(page, ada)
    page.wait_for_url(site.url("/page"))
    assert browser.sent == []


@pytest.mark.parametrize("path", ["/auth/login", "/paged/auth/login", "/demo/", "/template/login"])
def test_a_first_visit_is_quiet(path: str, browser: Browser) -> None:
    """Nothing is asked of the server but files, and the console has no error, of a missing icon
    neither."""
    lines: list[str] = []
    posts: list[str] = []
    statuses: list[int] = []
    # "[DOM]" begins advice on an owner's template.
    browser.context.on("console", lambda line: "[DOM]" in line.text or lines.append(line.text))
    browser.context.on("request", lambda each: each.method == "POST" and posts.append(each.url))
    browser.context.on("response", lambda each: statuses.append(each.status))
    browser.open(path).wait_for_load_state("networkidle")
    assert (lines, posts) == ([], [])
    assert max(statuses) < 400


def test_an_old_session_without_the_marker(browser: Browser, ada: str) -> None:
    """A browser that signed in before the marker existed is signed in still."""
    page = browser.open()
    fill_in(page, ada)
    page.get_by_text("You are signed in").wait_for()
    browser.context.clear_cookies(name="jwt_session")
    page.reload()
    page.get_by_text("You are signed in").wait_for()
    assert "jwt_session" in browser.cookies


def test_a_double_click(browser: Browser, ada: str) -> None:
    """It is one attempt."""
    page = browser.open()
    page.wait_for_load_state("networkidle")
    browser.sent.clear()
    page.fill("#username", ada)
    page.fill("#password", "lovelace")
    page.dblclick("#sign-in")
    page.get_by_text("You are signed in").wait_for()
    assert len(browser.sent) == 1
