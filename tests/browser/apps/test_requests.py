"""Requests that can send no header, in Chromium behind the cookie, and the CSRF tokens of apps."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.waiting import wait_for_report

from .conftest import serve, sign_in

pytestmark = pytest.mark.needs_browser

HOST, SIBLING, FAR = "app.site.localhost", "evil.site.localhost", "foreign.localhost"

_EVENTS = """() => new Promise((resolve, reject) => {
    const got = [], source = new EventSource("/events");
    source.onmessage = ({ data }) => { if (got.push(data) === 3) { source.close(); resolve(got) } };
    source.onerror = () => reject(new Error("refused"));
})"""
_SOCKET = """(url) => new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => { socket.close(); resolve(data) };
    socket.onerror = () => resolve("refused");
})"""
_POST = """([url, body]) => fetch(url, {
    method: "POST", body: new URLSearchParams(body),
}).then(async (answer) => [answer.status, await answer.text()])"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app in Flask."""
    packages = ("flask_admin", "flask_wtf", "flask_sock", "flask_sqlalchemy")
    folder = tmp_path_factory.mktemp("flask")
    with serve("flask_admin_app", folder, *packages) as found:
        yield found.replace("localhost", HOST)


def signed_in(context: Any, url: str) -> Any:
    """A page of a browser that has signed in."""
    page = context.new_page()
    page.goto(url)
    sign_in(page)
    page.wait_for_url(url)
    return page


def test_what_an_element_asks_for(address: str, new_context: Callable[[], Any]) -> None:
    """An image is shown, a link with `download` saves the file, events and a WebSocket come, all as
    the user."""
    page = signed_in(new_context(), f"{address}/media")
    assert page.evaluate("document.images[0].naturalWidth") == 1
    with page.expect_download() as started:
        page.click("a[download]")
    assert Path(started.value.path()).read_text() == "name\nada\n"
    assert page.evaluate(_EVENTS) == ["ada 0", "ada 1", "ada 2"]
    socket = f"{address.replace('http:', 'ws:')}/echo"
    assert page.evaluate(_SOCKET, socket) == "ada hello"


@pytest.mark.parametrize(
    ("host", "reported"),
    [(SIBLING, "response code: 403"), (FAR, "HTTP Authentication failed")],
    ids=["a sibling host, with the cookie", "another site, without"],
)
def test_a_web_socket_of_another_page(
    host: str, reported: str, address: str, new_context: Callable[[], Any]
) -> None:
    """The cookie comes along from a sibling host, and the upgrade counts as unsafe. A 401 is what
    the browser calls a failed authentication."""
    context = new_context()
    signed_in(context, f"{address}/media")
    page = context.new_page()
    page.route(
        f"http://{host}/*",
        lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"),
    )
    page.goto(f"http://{host}/")
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text))
    assert page.evaluate(_SOCKET, f"{address.replace('http:', 'ws:')}/echo") == "refused"
    wait_for_report(page, said, reported)


def test_the_tokens_of_flask_wtf(address: str, new_context: Callable[[], Any]) -> None:
    """A form with its token is accepted; the app still refuses one without."""
    page = signed_in(new_context(), f"{address}/note")
    for has_token, said in ((True, "noted: hello"), (False, "")):
        if not has_token:
            page.evaluate("document.querySelector('[name=csrf_token]').remove()")
        page.fill("#text", "hello")
        with page.expect_navigation():
            page.click("button")
        assert page.inner_text("#said") == said


def test_the_tokens_of_django(tmp_path: Path, new_context: Callable[[], Any]) -> None:
    """The app itself refuses a form without its token. The journey sends one with it."""
    with serve("django_admin", tmp_path, "django") as found:
        page = signed_in(new_context(), f"{found}/admin/auth/group/add/")
        url = f"{found}/admin/auth/group/add/"
        status, text = page.evaluate(_POST, [url, {"name": "readers"}])
        assert (status, "CSRF" in text) == (403, True)
