"""A front end of another origin that uses the login app, in a real browser."""

from typing import Any

import pytest

from .conftest import Browser, Site
from .test_client import each_storage

pytestmark = pytest.mark.needs_browser

API = "site.localhost"


def client_of(browser: Browser, site: Site, host: str, storage: str) -> Any:
    """A tab on another host, with the client that it imported from the login app's."""
    return browser.tab(storage, base=site.url("/auth", API), host=host)


@each_storage
def test_a_listed_origin_of_the_same_site(
    storage: str, browser: Browser, site: Site, ada: str
) -> None:
    """It imports the module, signs in, calls the API with a new token, and is signed in when it
    comes back."""
    tab = client_of(browser, site, "front.site.localhost", storage)
    tab.login(ada)
    api = site.url("/api/me", API)
    assert tab.call(api) == [200, f"{site.id_of(ada)} GET "]
    site.revoke(browser.tokens[-1])
    assert tab.call(api, {"method": "PUT", "body": "x"}) == [200, f"{site.id_of(ada)} PUT x"]
    tab.page.reload()
    tab = browser.with_client(tab.page, storage, base=site.url("/auth", API))
    assert tab.run("client.user()")["id"] == site.id_of(ada)
    tab.run("client.logout()")
    assert tab.call(api)[0] == 401


def test_a_listed_origin_of_another_site(browser: Browser, site: Site, ada: str) -> None:
    """Browsers keep a SameSite cookie from it, so it uses another storage; cookie mode tells it
    so."""
    tab = client_of(browser, site, "far.localhost", "cookie")
    assert tab.login(ada)["status"] == 403
    tab = client_of(browser, site, "far.localhost", "session")
    tab.login(ada)
    assert tab.call(site.url("/api/me", API))[0] == 200


def test_the_error_says_how_long_to_wait(browser: Browser, site: Site, ada: str) -> None:
    """`Retry-After` is shared with a listed origin."""
    tab = client_of(browser, site, "front.site.localhost", "cookie")
    for _ in range(5):
        tab.login(ada, "wrong")
    error = tab.login(ada, "wrong")
    assert error["status"] == 429
    assert error["retryAfter"] > 0


def test_an_unlisted_origin(browser: Browser, site: Site, ada: str) -> None:
    """It can neither import the module nor, with a copy of it, sign anybody in."""
    with pytest.raises(Exception, match="Failed to fetch dynamically imported module"):
        client_of(browser, site, "evil.site.localhost", "session")
    page = browser.open("/", "evil.site.localhost")
    tab = browser.with_client(page, "session", base="/auth")
    page.evaluate(
        "async (base) => { const { createClient } = await import('/auth/jwt-client.js');"
        " window.client = createClient({ base }); }",
        site.url("/auth", API),
    )
    assert tab.login(ada) == {"name": "LoginError", "status": 0, "code": "network_error"}
    assert browser.cookies == {}


def test_localhost_is_not_127_0_0_1(browser: Browser, site: Site, ada: str) -> None:
    """A page at the one that calls the login app at the other reads what is wrong, and where."""
    page = browser.open("/", "localhost")
    message = page.evaluate(
        """async ([base, name]) => {
            const { createClient } = await import("/auth/jwt-client.js");
            const client = createClient({ base });
            return client.login(name, "lovelace").catch(({ message }) => message);
        }""",
        [site.url("/auth"), ada],
    )
    assert f"The page is at {site.url('', 'localhost')}, the login app at {site.url('')}" in message
    assert "localhost is not 127.0.0.1" in message
    assert browser.cookies == {}
