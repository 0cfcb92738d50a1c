"""`jwt-client.js` in a real browser: signed in and out, in each storage."""

from collections.abc import Callable
from typing import Any
from urllib.request import Request

import pytest

from .conftest import PASSWORD, Browser, Site, status_of

pytestmark = pytest.mark.needs_browser

STORAGES = ["cookie", "session", "local"]
COOKIE, MARKER = "jwt_refresh", "jwt_session"  # by http at a loopback host, so without the prefix

each_storage = pytest.mark.parametrize("storage", STORAGES)

NETWORK_ERROR = {"name": "LoginError", "status": 0, "code": "network_error"}


@each_storage
def test_the_whole_flow(storage: str, browser: Browser, site: Site, ada: str) -> None:
    """Signed in, called, loaded again, called again, signed out: then the server takes the old
    token no more."""
    tab, user_id = browser.tab(storage), site.id_of(ada)
    assert tab.run("client.user()") is None
    assert tab.call()[0] == 401
    tab.login(ada)
    assert tab.run("client.user()") == {"id": user_id, "username": ada}
    assert tab.call() == [200, f"{user_id} GET "]
    header = f"Bearer {browser.tokens[-1]}"
    tab.page.reload()
    tab = browser.with_client(tab.page, storage)
    assert tab.call() == [200, f"{user_id} GET "]
    tab.run("client.logout()")
    assert tab.run("client.user()") is None
    assert tab.call()[0] == 401
    assert status_of(Request(site.url("/api/me"), headers={"Authorization": header})) == 401
    assert tab.changes == [[user_id, "start"], [None, "logout"]]
    assert COOKIE not in browser.cookies


def test_no_script_can_obtain_a_refresh_token(browser: Browser, ada: str) -> None:
    """In cookie mode it is in no answer, no storage and no `document.cookie`, only in a cookie for
    this host."""
    answers: list[Any] = []
    browser.context.on("response", lambda answer: answers.append(answer))
    tab = browser.tab("cookie")
    tab.login(ada)
    first = browser.cookies[COOKIE]
    assert (first["httpOnly"], first["secure"], first["sameSite"], first["path"]) == (
        True,
        False,
        "Strict",
        "/",
    )
    send = """fetch("/auth/token", { method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ grant_type: "refresh_token", ...argument }),
    }).then(async (answer) => [answer.status, await answer.text()])"""
    assert [tab.run(send, fields)[0] for fields in ({"cookie": True}, {})] == [200, 400]
    tokens = {first["value"], browser.cookies[COOKIE]["value"]}
    assert len(tokens) == 2
    readable = [answer.text() for answer in answers if answer.request.method == "POST"]
    readable.append(
        tab.run("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])")
    )
    assert not [
        text
        for text in readable
        if '"refresh_token"' in text or any(token in text for token in tokens)
    ]
    assert readable[-1] == '[{},{},"jwt_session=1"]'  # that there is a session, and nothing else


@each_storage
def test_where_the_tokens_are(storage: str, browser: Browser, ada: str) -> None:
    """In memory and a cookie, in sessionStorage, or in localStorage, and nowhere else; nowhere
    after signing out."""
    tab = browser.tab(storage)
    tab.login(ada)
    places = "({ session: sessionStorage.length, local: localStorage.length })"
    nothing = {"session": 0, "local": 0}
    assert tab.run(places) == {**nothing, **({} if storage == "cookie" else {storage: 1})}
    assert {*browser.cookies} == ({COOKIE, MARKER} if storage == "cookie" else set())
    tab.run("client.logout()")
    assert tab.run(places) == nothing
    assert not browser.cookies


ERRORS: dict[str, tuple[str, dict[str, Any]]] = {
    "wrong password": ("wrong", {"status": 401, "code": "invalid_grant"}),
    "no password": ("", {"status": 400, "code": "invalid_request"}),
}


@pytest.mark.parametrize(("password", "expected"), ERRORS.values(), ids=ERRORS)
def test_errors_say_what_is_wrong(
    password: str, expected: dict[str, Any], browser: Browser, ada: str
) -> None:
    """Status and code of the answer."""
    assert browser.tab("cookie").login(ada, password) == {"name": "LoginError", **expected}


def test_throttled(browser: Browser, ada: str) -> None:
    """The seconds to wait are in the error."""
    tab = browser.tab("cookie")
    for _ in range(5):
        tab.login(ada, "wrong")
    error = tab.login(ada, PASSWORD)
    assert (error["status"], error["name"]) == (429, "LoginError")
    assert 0 < error["retryAfter"] <= 60


def test_store_down(browser: Browser, site: Site, ada: str) -> None:
    """503 with seconds; who was signed in stays so."""
    tab = browser.tab("local")
    tab.login(ada)
    with site.store_locked():
        error = tab.login(ada)
        assert (error["status"], error["code"]) == (503, "temporarily_unavailable")
        assert error["retryAfter"] > 0
    assert tab.call()[0] == 200


@each_storage
def test_offline(storage: str, browser: Browser, ada: str) -> None:
    """Nothing can be done, signing out neither, but nothing is lost."""
    tab = browser.tab(storage)
    tab.login(ada)
    browser.context.set_offline(True)
    assert tab.login(ada) == NETWORK_ERROR
    assert tab.run("client.logout()") == NETWORK_ERROR
    assert tab.call()["name"] == "TypeError"
    browser.context.set_offline(False)
    assert tab.call()[0] == 200
    assert [cause for _, cause in tab.changes] == ["login"]


def test_signed_out_everywhere(new_browser: Callable[..., Browser], ada: str) -> None:
    """`logout({ all: true })` ends the user's sessions in other browsers too."""
    here, there = (new_browser().tab("cookie") for _ in range(2))
    here.login(ada)
    there.login(ada)
    here.run("client.logout({ all: true })")
    assert there.call()[0] == 401
    assert there.changes[-1] == [None, "ended"]


def test_a_browser_that_drops_the_cookie(browser: Browser, ada: str) -> None:
    """By http, but for localhost, cookie mode is refused before the password is sent; the other
    storages work."""
    tab = browser.tab("cookie", host="lan.example")
    assert tab.login(ada) == {"name": "LoginError", "status": 0, "code": "insecure_context"}
    assert browser.sent == []
    for storage in ("session", "local"):
        tab = browser.tab(storage, host="lan.example")
        tab.login(ada)
        assert tab.call()[0] == 200


def test_the_token_goes_nowhere_else(browser: Browser, site: Site, ada: str) -> None:
    """A call of an origin that is neither the page's nor the login app's is not made, unless that
    origin was named."""
    elsewhere = site.url("/api/me", "elsewhere.localhost")
    tab = browser.tab("local")
    tab.login(ada)
    assert tab.call(elsewhere)["name"] == "TypeError"
    assert browser.tokens == []
    tab = browser.tab("local", origins=[site.url("", "elsewhere.localhost")])
    tab.call(elsewhere)  # which that origin does not share, but the token may go there
    assert browser.called[-1] == elsewhere


def test_an_unknown_storage(browser: Browser) -> None:
    """It is named at once, not when somebody signs in."""
    page = browser.open("/")
    with pytest.raises(Exception, match="got cookies"):
        browser.with_client(page, "cookies")


def test_callbacks_end(browser: Browser, ada: str) -> None:
    """`onChange` returns what ends it; one that throws costs the others nothing."""
    tab = browser.tab("session")
    tab.page.evaluate("""() => {
        window.onerror = () => true;
        client.onChange(() => { throw new Error("of the page"); });
        window.end = client.onChange(() => window.changes.push("second"));
        window.end();
    }""")
    tab.login(ada)
    assert [cause for _, cause in tab.changes] == ["login"]
    assert tab.call()[0] == 200
