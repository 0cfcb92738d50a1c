"""What a hostile page, address or name cannot do, in a real browser."""

import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from jwt_middleware.login.pages import local_path

from .conftest import Browser, Site, fill_in
from .site import MARKUP

pytestmark = pytest.mark.needs_browser

_PIECES = [
    "/",
    "//",
    "\\",
    "..",
    ".",
    "%2f",
    "%5C",
    "%252f",
    "\t",
    "\n",
    "\r",
    "\0",
    " ",
    ";",
    "?",
    "#",
    "@",
    ":",
    "%",
]
_PIECES += [
    "evil.example",
    "x",
    "%09",
    "%0a",
    "%2e%2e",
    "http:",
    "javascript:",
    "\u2028",
    "\ufeff",
    "\u2215",
    "é",
    "[",
]


def test_every_path_that_is_let_through_stays_here(browser: Browser, site: Site) -> None:
    """Of 20,000 texts of hostile pieces, each that the server takes for a path is one of this
    origin to the browser."""
    choose = random.Random(7)
    texts = ["".join(choose.choices(_PIECES, k=choose.randint(0, 6))) for _ in range(20_000)]
    taken = [text for text in {*texts, *("/" + text for text in texts)} if local_path([text])]
    assert len(taken) > 1000
    page = browser.open()
    script = (
        "(paths) => paths.filter((path) => new URL(path, location.href).origin !== location.origin)"
    )
    assert page.evaluate(script, taken) == []


def test_signing_in_leads_nowhere_else(browser: Browser, site: Site, ada: str) -> None:
    """Who signs in below a hostile `next` stays on the page."""
    page = browser.open("/auth/login?next=/%5Cevil.example")
    fill_in(page, ada)
    page.get_by_text("You are signed in").wait_for()
    assert page.url.startswith(site.url("/auth/login"))


@pytest.mark.parametrize("mount", ["/markup", "/template"])
def test_markup_is_text_wherever_it_comes_from(
    mount: str, new_browser: Callable[..., Browser]
) -> None:
    """In the title, the address, the language and the name of a user: nothing of it becomes an
    element or runs."""
    browser = new_browser(extra_http_headers={"Accept-Language": 'es"><img src=x>'})
    page = browser.open(f"{mount}/login?{urlencode({'next': '/' + MARKUP})}")
    assert page.get_attribute("main", "data-next") == "/" + MARKUP
    page.goto(browser.site.url(f"{mount}/login"))
    assert MARKUP in page.inner_text("main")
    fill_in(page, MARKUP)
    page.get_by_text(f"You are signed in as {MARKUP}.").wait_for()
    assert page.locator("img").count() == 0
    assert page.locator("script:not([src])").count() == 0


def test_an_injected_script_does_not_run(new_browser: Callable[..., Browser]) -> None:
    """Had markup come through all the same, the policy would keep it from running, and from sending
    anything away."""
    browser = new_browser()
    page = browser.open()
    page.evaluate("""() => {
        document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = 1'>");
        const script = document.createElement("script");
        script.textContent = "window.ran = 2";
        document.body.append(script);
    }""")
    assert (
        page.evaluate("fetch('http://evil.example/').catch((error) => error.name)") == "TypeError"
    )
    browser.expect_wrong("script-src", "inline event handler", "inline script")
    browser.expect_wrong("connect-src", "Fetch API cannot load")
    assert page.evaluate("window.ran") is None


def test_no_frame(browser: Browser, site: Site) -> None:
    """No page, not even one of the same origin, can lay something over the form."""
    page = browser.open("/")
    page.set_content(f"<iframe src='{site.url('/auth/login')}'></iframe>")
    browser.expect_wrong("frame-ancestors")
    assert page.frames[1].locator("form").count() == 0


@pytest.mark.parametrize("host", ["evil.localhost", "evil.site.localhost", "evil.example"])
def test_a_foreign_page_cannot_sign_its_visitor_in(
    host: str, browser: Browser, site: Site, ada: str
) -> None:
    """Neither by a form of any type nor by a script, from another site or from another host of the
    same site."""
    here = "site.localhost"
    page = browser.open("/", host)
    send = """([url, type, fields]) => {
        const form = document.createElement("form");
        Object.assign(form, { method: "POST", action: url, enctype: type });
        for (const [name, value] of Object.entries(fields)) {
            const input = Object.assign(document.createElement("input"), { name, value });
            form.append(input);
        }
        document.body.append(form);
        form.submit();
    }"""
    as_text = {f'{{"cookie": true, "password": "lovelace", "username": "{ada}", "x": "': '"}'}
    fields = {"username": ada, "password": "lovelace", "cookie": "true"}
    types = {
        "application/x-www-form-urlencoded": fields,
        "multipart/form-data": fields,
        "text/plain": as_text,
    }
    for content_type, values in types.items():
        page.goto(site.url("/", host))
        with page.expect_navigation() as answered:
            page.evaluate(send, [site.url("/auth/token", here), content_type, values])
        assert answered.value.status in (403, 415)
    page.goto(site.url("/", host))
    for mode in ("no-cors", "cors"):
        for content_type, values in types.items():
            body = "&".join(f"{name}={value}" for name, value in values.items())
            init = {"method": "POST", "mode": mode, "credentials": "include", "body": body}
            init["headers"] = {"Content-Type": content_type}
            page.evaluate(
                "([url, init]) => fetch(url, init).catch(() => {})",
                [site.url("/auth/token", here), init],
            )
    assert browser.cookies == {}


def test_a_foreign_page_cannot_use_the_cookie(browser: Browser, site: Site, ada: str) -> None:
    """Its visitor stays signed in, whatever it asks the login app to do."""
    here = "site.localhost"
    tab = browser.tab("cookie", host=here)
    tab.login(ada)
    kept = browser.cookies
    page = browser.open("/", "evil.site.localhost")
    for path, fields in (
        ("token", "grant_type=refresh_token&cookie=true"),
        ("revoke", "cookie=true"),
    ):
        init: Any = {"method": "POST", "credentials": "include", "mode": "no-cors", "body": fields}
        init["headers"] = {"Content-Type": "application/x-www-form-urlencoded"}
        page.evaluate(
            "([url, init]) => fetch(url, init).catch(() => {})",
            [site.url(f"/auth/{path}", here), init],
        )
    assert browser.cookies == kept
    assert tab.call()[0] == 200
