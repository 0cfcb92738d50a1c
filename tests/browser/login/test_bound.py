"""`jwt-client.js` with `{dpop: true}`: what a thief copies from here is worthless elsewhere."""

from collections.abc import Callable

import pytest

from .conftest import Browser, Site, Tab

pytestmark = pytest.mark.needs_browser

STORAGES = ["cookie", "session", "local"]


def tab_of(browser: Browser, storage: str = "cookie", mount: str = "/bound") -> Tab:
    """A page with a client that signs its requests."""
    return browser.tab(storage, base=f"{mount}/auth", dpop=True)


@pytest.mark.parametrize("mount", ["/bound", "/nonces"])
@pytest.mark.parametrize("storage", STORAGES)
def test_the_whole_way(storage: str, mount: str, browser: Browser, ada: str, site: Site) -> None:
    """Log in, call, call with a query and a body, load again, log out; with nonces too."""
    tab = tab_of(browser, storage, mount)
    user = str(site.id_of(ada))
    assert tab.call(f"{mount}/api/me")[0] == 401
    assert tab.login(ada) is None
    for _ in range(2):
        assert tab.call(f"{mount}/api/me?a=1#b") == [200, f"{user} GET "]
    post = {"method": "POST", "body": "hello"}
    assert tab.call(f"{mount}/api/me", post) == [200, f"{user} POST hello"]
    tab.page.reload()
    tab = browser.with_client(tab.page, storage, base=f"{mount}/auth", dpop=True)
    assert tab.call(f"{mount}/api/me") == [200, f"{user} GET "]
    assert {token.partition(" ")[0] for token in browser.tokens} == {"DPoP"}
    assert tab.run("client.logout()") is None
    assert tab.call(f"{mount}/api/me")[0] == 401


def test_what_a_thief_copies_is_worthless(
    browser: Browser, new_browser: Callable[..., Browser], ada: str, site: Site
) -> None:
    """The access token, the refresh cookie and all that a script can read, in another browser:
    refused there, while the owner goes on."""
    tab = tab_of(browser)
    tab.login(ada)
    assert tab.call("/bound/api/me")[0] == 200
    token = browser.tokens[-1].removeprefix("DPoP ")
    thief = new_browser()
    thief.context.add_cookies(browser.context.cookies())
    stolen = tab_of(thief)
    for scheme in ("Bearer", "DPoP"):
        init = {"headers": {"Authorization": f"{scheme} {token}"}}
        script = "fetch(argument[0], argument[1]).then((answer) => answer.status)"
        assert stolen.run(script, ["/bound/api/me", init]) == 401
    renewal = {
        "method": "POST",
        "headers": {"Content-Type": "application/json"},
        "body": '{"grant_type": "refresh_token", "cookie": true}',
    }
    assert stolen.run(script, ["/bound/auth/token", renewal]) == 400
    assert stolen.run("client.user()") is None
    assert stolen.call("/bound/api/me")[0] == 401
    # The thief has a key too, and a proof that was overheard.
    proof = tab.page.evaluate(_OVERHEARD, "/bound/api/me")
    init = {"headers": {"Authorization": f"DPoP {token}", "DPoP": proof}}
    assert stolen.run(script, ["/bound/api/me", init]) == 401
    assert tab.call("/bound/api/me")[0] == 200
    tab.page.reload()
    tab = browser.with_client(tab.page, "cookie", base="/bound/auth", dpop=True)
    assert tab.call("/bound/api/me")[0] == 200


_OVERHEARD = """async (url) => {
    const before = window.fetch;
    let proof;
    window.fetch = (request) => {
        proof = request.headers.get("DPoP");
        return before(request);
    };
    await window.call(url);
    window.fetch = before;
    return proof;
}"""


def test_no_script_can_read_the_key(browser: Browser, ada: str) -> None:
    """It cannot be exported, neither as it is stored nor by the client."""
    tab = tab_of(browser)
    tab.login(ada)
    found = tab.page.evaluate(
        """async () => {
            const opened = indexedDB.open("jwt-client", 1);
            await new Promise((resolve) => (opened.onsuccess = resolve));
            const all = opened.result.transaction("keys").objectStore("keys").getAll();
            await new Promise((resolve) => (all.onsuccess = resolve));
            const [{ privateKey }] = all.result;
            const exporting = crypto.subtle.exportKey("jwk", privateKey);
            const error = await exporting.catch(({ name }) => name);
            return [all.result.length, privateKey.extractable, error];
        }"""
    )
    assert found == [1, False, "InvalidAccessError"]


def test_tabs_share_one_key(browser: Browser, ada: str, site: Site) -> None:
    """Two tabs that start at once have one key, so either renews the session of the other."""
    first, second = tab_of(browser), tab_of(browser)
    assert first.login(ada) is None
    assert second.call("/bound/api/me") == [200, f"{site.id_of(ada)} GET "]
    calls = "Promise.all(Array.from({ length: 5 }, () => window.call(argument)))"
    for tab in (first, second):
        assert {status for status, _ in tab.run(calls, "/bound/api/me")} == {200}


def test_a_session_from_before_goes_on(browser: Browser, ada: str) -> None:
    """With a key its access tokens are bound; the session itself is bound by the next login."""
    page = browser.open("/")
    plain = browser.with_client(page, "cookie", base="/bound/auth")
    plain.login(ada)
    assert plain.call("/bound/api/me")[0] == 200
    page.reload()
    tab = browser.with_client(page, "cookie", base="/bound/auth", dpop=True)
    assert tab.call("/bound/api/me")[0] == 200
    assert browser.tokens[-1].startswith("DPoP ")
    page.reload()
    plain = browser.with_client(page, "cookie", base="/bound/auth")
    assert plain.call("/bound/api/me")[0] == 200


def test_a_clock_that_is_wrong(browser: Browser, ada: str) -> None:
    """The client learns the time of the server from its refusal."""
    for hours in (-3, 3):
        tab = tab_of(browser)
        shift = "(hours) => { const now = Date.now; Date.now = () => now() + hours * 3_600_000; }"
        tab.page.evaluate(shift, hours)
        assert tab.login(ada) is None
        assert tab.call("/bound/api/me")[0] == 200


def test_a_server_without_proofs(browser: Browser, ada: str, site: Site) -> None:
    """The client sends bearer tokens where the login app gives such."""
    tab = browser.tab("cookie", dpop=True)
    tab.login(ada)
    assert tab.call() == [200, f"{site.id_of(ada)} GET "]
    assert not browser.tokens[-1].startswith("DPoP ")


def test_an_installed_fetch_signs_too(browser: Browser, ada: str, site: Site) -> None:
    """Scripts that do not know the client are served alike."""
    tab = tab_of(browser)
    tab.login(ada)
    script = "(client.install(), fetch(argument).then((answer) => answer.text()))"
    assert tab.run(script, "/bound/api/me") == f"{site.id_of(ada)} GET "
