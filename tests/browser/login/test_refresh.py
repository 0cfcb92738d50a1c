"""`jwt-client.js` in a real browser: access tokens are renewed in time, once, and in all tabs."""

import json
import time
from typing import Any
from urllib.request import Request

import pytest

from .conftest import Browser, Site, Tab, status_of
from .test_client import NETWORK_ERROR, STORAGES, each_storage

pytestmark = pytest.mark.needs_browser

shared = pytest.mark.parametrize("storage", ["cookie", "local"])


def at_once(tabs: list[Tab], calls: int) -> list[Any]:
    """Have the tabs make that many calls each, all at the same moment, and return what each call
    came to."""
    start = tabs[0].run("Date.now() + 150")
    script = """([start, calls]) => {
        window.results = new Promise(
            (resolve) => setTimeout(resolve, start - Date.now())).then(() =>
            Promise.all(Array.from({ length: calls }, () => window.call())));
    }"""
    for tab in tabs:
        tab.page.evaluate(script, [start, calls])
    return [result for tab in tabs for result in tab.page.evaluate("results")]


@pytest.mark.parametrize(
    ("storage", "host"),
    [(storage, "127.0.0.1") for storage in STORAGES] + [("session", "lan.example")],
)
def test_parallel_calls_cost_one_refresh(
    storage: str, host: str, browser: Browser, site: Site, ada: str
) -> None:
    """Twenty calls that are all refused for their token are all answered after one refresh, without
    locks too."""
    tab = browser.tab(storage, host=host)
    tab.login(ada)
    tab.call()
    site.revoke(browser.tokens[-1])
    assert at_once([tab], 20) == [[200, f"{site.id_of(ada)} GET "]] * 20
    assert browser.refreshes == 1


@shared
def test_tabs_at_once_cost_one_refresh(
    storage: str, browser: Browser, site: Site, ada: str
) -> None:
    """Three tabs, five calls each, again and again: each time one tab refreshes and tells the
    others."""
    tabs = [browser.tab(storage) for _ in range(3)]
    tabs[0].login(ada)
    for rounds in range(1, 4):
        tabs[0].call()
        site.revoke(browser.tokens[-1])
        assert at_once(tabs, 5) == [[200, f"{site.id_of(ada)} GET "]] * 15
        assert browser.refreshes == rounds


@shared
def test_the_news_may_come_late(storage: str, browser: Browser, site: Site, ada: str) -> None:
    """A tab whose turn comes before the other's message does waits for that instead of refreshing
    once more."""
    browser.context.add_init_script("""
        const post = BroadcastChannel.prototype.postMessage;
        BroadcastChannel.prototype.postMessage = function (message) {
            setTimeout(() => post.call(this, message), 100) };
    """)
    tabs = [browser.tab(storage) for _ in range(2)]
    tabs[0].login(ada)
    tabs[1].wait_for("changes.length === 1")
    tabs[0].call()
    site.revoke(browser.tokens[-1])
    browser.context.route(
        "**/token", lambda route: (time.sleep(0.3), route.continue_())
    )  # so that the other waits
    assert [status for status, _ in at_once(tabs, 2)] == [200] * 4
    assert browser.refreshes == 1


@shared
def test_an_expired_token_is_renewed_before_the_call(
    storage: str, browser: Browser, site: Site, ada: str
) -> None:
    """A real lifetime of two seconds: two tabs, one refresh, and no call is made with the old
    token."""
    tabs = [browser.tab(storage, base="/short") for _ in range(2)]
    tabs[0].login(ada)
    for tab in tabs:
        tab.call()
    (old,) = set(browser.tokens)
    tabs[0].page.wait_for_timeout(1900)
    at_once(tabs, 3)
    assert browser.refreshes == 1
    assert len(browser.tokens) == 8
    assert browser.tokens[2:].count(old) == 0


@pytest.mark.parametrize("hours", [-30, 30])
def test_the_clock_of_the_browser_may_be_wrong(hours: int, browser: Browser, ada: str) -> None:
    """A token lives for its `expires_in` from when it came, whatever the browser takes for the
    time."""
    shift = f"const now = Date.now; Date.now = () => now() + {hours} * 3_600_000"
    browser.context.add_init_script(shift)
    tab = browser.tab("local")
    tab.login(ada)
    assert [tab.call()[0] for _ in range(2)] == [200, 200]
    assert browser.refreshes == 0


def test_the_body_of_a_repeated_call(browser: Browser, site: Site, ada: str) -> None:
    """A call that is refused for its token is made again with the same method and body, given
    either way."""
    tab, user_id = browser.tab("session"), site.id_of(ada)
    tab.login(ada)
    bodies = {"'text'": "text", "new Uint8Array([65, 66])": "AB", "new Blob(['blob'])": "blob"}
    calls = {f"'/api/me', {{ method: 'PUT', body: {body} }}": echo for body, echo in bodies.items()}
    calls |= {f"new Request({call})": echo for call, echo in calls.items()}
    tab.call()
    for refreshes, (call, echo) in enumerate(calls.items(), 1):
        site.revoke(browser.tokens[-1])
        assert tab.run(f"(await client.fetch({call})).text()") == f"{user_id} PUT {echo}"
        assert browser.refreshes == refreshes


def test_another_401_is_the_apps(browser: Browser, ada: str) -> None:
    """Only `invalid_token` means that a new token may help."""
    tab = browser.tab("session")
    tab.login(ada)
    basic = {"WWW-Authenticate": 'Basic realm="the app"'}
    browser.context.route(
        "**/api/me", lambda route: route.fulfill(status=401, headers=basic, body="of the app")
    )
    assert tab.call() == [401, "of the app"]
    assert browser.refreshes == 0


@each_storage
def test_a_session_that_ended_elsewhere(
    storage: str, browser: Browser, site: Site, ada: str
) -> None:
    """The call is answered 401 by the server, and every tab of the session hears that it has
    ended."""
    tabs = [browser.tab(storage) for _ in range(1 if storage == "session" else 2)]
    tabs[0].login(ada)
    for tab in tabs:
        assert tab.call()[0] == 200
    site.store.end_sessions(str(site.id_of(ada)))
    assert tabs[0].call()[0] == 401
    for tab in tabs:
        tab.wait_for("changes.at(-1)[0] === null")
        assert tab.changes[-1] == [None, "ended"]
        assert tab.run("client.user()") is None
    assert browser.refreshes == 1


def test_a_session_that_ended_while_nobody_looked(browser: Browser, site: Site, ada: str) -> None:
    """A page that is opened later says so; one that is opened for the first time has nothing to
    say."""
    tab = browser.tab("cookie")
    assert tab.run("client.user()") is None
    assert tab.changes == [[None, "start"]]
    tab.login(ada)
    site.store.end_sessions(str(site.id_of(ada)))
    for cause in ("ended", "start"):  # the cookie is gone by then
        tab = browser.tab("cookie")
        assert tab.run("client.user()") is None
        assert tab.changes == [[None, cause]]


def test_a_stolen_refresh_token_ends_the_session(browser: Browser, site: Site, ada: str) -> None:
    """Used again by a thief after two refreshes: the thief gets nothing, and the tab hears that the
    session ended."""
    tab = browser.tab("local")
    tab.login(ada)
    stolen = tab.run("JSON.parse(Object.values(localStorage)[0]).refreshToken")
    for _ in range(2):
        tab.call()
        site.revoke(browser.tokens[-1])
    tab.call()
    body = json.dumps({"grant_type": "refresh_token", "refresh_token": stolen}).encode()
    assert (
        status_of(Request(site.url("/auth/token"), body, {"Content-Type": "application/json"}))
        == 400
    )
    assert tab.call()[0] == 401
    assert tab.changes[-1] == [None, "ended"]


@shared
def test_a_lost_answer_costs_nothing(storage: str, browser: Browser, site: Site, ada: str) -> None:
    """The server has refreshed but the browser never hears of it: the call fails, and the next one
    goes well."""
    tab = browser.tab(storage)
    tab.login(ada)
    tab.call()
    site.revoke(browser.tokens[-1])

    def lose(route: Any) -> None:
        cookies = "; ".join(f"{name}={cookie['value']}" for name, cookie in browser.cookies.items())
        request = Request(route.request.url, route.request.post_data_buffer, route.request.headers)
        request.add_header("Cookie", cookies)
        assert status_of(request) == 200
        route.abort()

    browser.context.route("**/token", lose, times=1)
    assert tab.call() == NETWORK_ERROR
    assert tab.call()[0] == 200
    assert browser.refreshes == 2


def test_one_tab_tells_the_others(browser: Browser, site: Site, ada: str) -> None:
    """Signed in and out in one tab is signed in and out in the others, but for sessionStorage: that
    is per tab."""
    user_id = site.id_of(ada)
    for storage in ("cookie", "local"):
        here, there = browser.tab(storage), browser.tab(storage)
        here.login(ada)
        there.wait_for("changes.length === 1")
        there.run("client.logout()")
        here.wait_for("changes.length === 2")
        assert here.changes == there.changes == [[user_id, "login"], [None, "logout"]]
    here, there = browser.tab("session"), browser.tab("session")
    there.login(ada)
    here.login(ada)
    here.run("client.logout()")
    assert there.call()[0] == 200
    assert there.changes == [[user_id, "login"]]


def test_a_duplicated_tab(browser: Browser, site: Site, ada: str) -> None:
    """It takes a copy of sessionStorage with it, so both are one session, and neither's refresh is
    the other's end."""
    first = browser.tab("session")
    first.login(ada)
    with browser.context.expect_page() as opened:
        first.page.evaluate("void window.open('/')")
    opened.value.wait_for_load_state()
    second = browser.with_client(opened.value, "session")
    for tab in (first, second, first, first, second):
        assert tab.call()[0] == 200
        site.revoke(browser.tokens[-1])
    first.run("client.logout()")
    second.wait_for("changes.at(-1)[0] === null")
    assert second.changes[-1] == [None, "logout"]
    assert browser.refreshes == 4


def test_no_tab_overhears_a_token(browser: Browser, site: Site, ada: str) -> None:
    """What a tab with `storage: "session"` tells its copies is readable by no other tab."""
    spy = browser.tab("session")
    spy.run("""(() => {
        window.overheard = [];
        const base = new URL("/auth/", location.href);
        new BroadcastChannel(`jwt-client session ${base}`).onmessage = ({ data }) => {
            const parts = Object.values(data).map((part) => new TextDecoder("latin1").decode(part));
            window.overheard.push(JSON.stringify(data) + parts.join(""));
        };
    })()""")
    tab = browser.tab("session")
    tab.login(ada)
    tab.call()
    site.revoke(browser.tokens[-1])
    tab.call()
    spy.wait_for("overheard.length >= 1")
    refresh_token = tab.run("JSON.parse(Object.values(sessionStorage)[0]).refreshToken")
    overheard = "".join(spy.run("overheard"))
    assert not [token for token in (refresh_token, *browser.tokens) if token in overheard]
