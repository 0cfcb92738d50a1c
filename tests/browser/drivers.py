"""Chromium, Firefox and WebKit for the tests, by the commands of WebDriver that all understand.

Playwright drives builds of its own of two of these, and of Chromium one without windows, but people
have the ones of their system. Firefox takes the commands over Marionette (a length, a colon, JSON),
Chromium and WebKitGTK over HTTP by their drivers.
"""

import itertools
import json
import os
import re
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.kit.parts import program, skip
from tests.kit.serving import end, free_port, started
from tests.kit.waiting import PATIENCE, wait_for

# The commands, and how they are asked for over HTTP (W3C WebDriver section 6.3).
_COMMANDS = {
    "Navigate": ("POST", "/url"),
    "Refresh": ("POST", "/refresh"),
    "GetCurrentURL": ("GET", "/url"),
    "FindElement": ("POST", "/element"),
    "GetElementText": ("GET", "/element/{id}/text"),
    "ElementClick": ("POST", "/element/{id}/click"),
    "ElementClear": ("POST", "/element/{id}/clear"),
    "ElementSendKeys": ("POST", "/element/{id}/value"),
    "GetCookies": ("GET", "/cookie"),
    "DeleteAllCookies": ("DELETE", "/cookie"),
}

# A page may be replaced between two commands; then the same is asked again.
_PASSING = ("no such element", "stale element reference", "element not interactable")
_PASSING += ("element click intercepted", "unknown error")


class DriverError(Exception):
    """A command that failed, with the code of WebDriver."""


class Driver(ABC):
    """One window of a browser. What looks for an element waits until it is there."""

    @abstractmethod
    def _ask(self, command: str, **parameters: Any) -> Any:
        """Return the value of a command, or raise `DriverError`."""

    def goto(self, url: str) -> None:
        """Open an address."""
        self._ask("Navigate", url=url)

    def reload(self) -> None:
        """Load the page again."""
        self._ask("Refresh")

    @property
    def url(self) -> str:
        """The address of the page."""
        return str(self._ask("GetCurrentURL"))

    @property
    def cookies(self) -> set[str]:
        """The names of the cookies that the browser has for this page."""
        return {cookie["name"] for cookie in self._ask("GetCookies")}

    def forget(self) -> None:
        """Delete every cookie of this page's host."""
        self._ask("DeleteAllCookies")

    def fill(self, selector: str, text: str) -> None:
        """Type into a field, in place of what was in it."""
        self._do(selector, "ElementClear")
        self._do(selector, "ElementSendKeys", text=text, value=list(text))

    def click(self, selector: str) -> None:
        """Click on an element."""
        self._do(selector, "ElementClick")

    def text(self, selector: str) -> str:
        """What a person reads in an element."""
        return str(self._do(selector, "GetElementText")[0]).strip()

    def wait_for_text(self, selector: str, text: str) -> None:
        """Wait until an element says so."""
        wait_for(lambda: text in self.text(selector), say=lambda: self.text(selector))

    def wait_for_url(self, url: str) -> None:
        """Wait until the browser is there."""
        wait_for(lambda: self.url == url, say=lambda: self.url)

    def _do(self, selector: str, command: str, **parameters: Any) -> tuple[Any]:
        def attempt() -> tuple[Any] | None:
            try:
                found = self._ask("FindElement", using="css selector", value=selector)
                return (self._ask(command, id=next(iter(found.values())), **parameters),)
            except DriverError as error:
                if str(error).partition(":")[0] not in _PASSING:
                    raise
                last[:] = [str(error)]
                return None

        last: list[str] = []
        return wait_for(attempt, say=lambda: f"{selector}: {last}")


class _Firefox(Driver):
    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._stream = self._socket.makefile("rwb")
        self._numbers = itertools.count(1)
        self._read()  # a greeting
        self._ask("NewSession")

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _ask(self, command: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        message = json.dumps([0, number, f"WebDriver:{command}", parameters]).encode()
        self._stream.write(b"%d:%s" % (len(message), message))
        self._stream.flush()
        _, answered, error, result = self._read()
        assert answered == number
        if error:
            raise DriverError(f"{error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and "value" in result else result

    def _read(self) -> Any:
        length = b""
        while (byte := self._stream.read(1)) != b":":
            assert byte, "Firefox has ended"
            length += byte
        return json.loads(self._stream.read(int(length)))


class _OverHTTP(Driver):
    def __init__(self, port: int, **wanted: Any) -> None:
        self._driver = f"http://127.0.0.1:{port}"
        session = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{session['sessionId']}"

    def close(self) -> None:
        self._send("DELETE", self._session, None)

    def _ask(self, command: str, **parameters: Any) -> Any:
        method, path = _COMMANDS[command]
        path = path.format(id=parameters.pop("id", ""))
        return self._send(method, self._session + path, parameters)

    def _send(self, method: str, path: str, body: Any) -> Any:
        data = json.dumps(body).encode() if method == "POST" else None
        headers = {"Content-Type": "application/json"}
        request = Request(self._driver + path, data, headers, method=method)
        try:
            with urlopen(request, timeout=2 * PATIENCE) as answer:
                return json.load(answer)["value"]
        except HTTPError as error:
            value = json.load(error)["value"]
            raise DriverError(f"{value['error']}: {value['message']}") from None


def _is_open(port: int) -> bool:
    with closing(socket.socket()) as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def firefox(folder: Path, *, scripts: bool = True) -> Iterator[Driver]:
    """A Firefox with a fresh profile; without `scripts`, it runs none of a page."""
    path, port = program("firefox-esr"), free_port()
    preferences: dict[str, Any] = {
        "marionette.port": port,
        "javascript.enabled": scripts,
        "intl.accept_languages": "en-GB",
        "browser.startup.page": 0,
        "browser.startup.homepage_override.mstone": "ignore",
        "datareporting.policy.dataSubmissionEnabled": False,
        "signon.rememberSignons": False,
    }
    lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in preferences.items()]
    (folder / "user.js").write_text("\n".join(lines))
    command = [path, "--headless", "--marionette", "--no-remote", "--profile", str(folder)]
    running = started(command, folder / "firefox.log", lambda: _is_open(port))
    with running, closing(_Firefox(port)) as driver:
        yield driver


@contextmanager
def chromium(folder: Path, *, scripts: bool = True) -> Iterator[Driver]:
    """A whole Chromium with a fresh profile; without `scripts`, it runs none of a page."""
    path, binary, port = program("chromedriver"), program("chromium"), free_port()
    # 2 is "block" in the profile's content settings.
    profile = {} if scripts else {"profile.managed_default_content_settings.javascript": 2}
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--lang=en-GB"]
    arguments += [f"--user-data-dir={folder / 'profile'}", "--disable-background-networking"]
    options = {"binary": binary, "args": arguments, "prefs": profile}
    running = started([path, f"--port={port}"], folder / "chromium.log", lambda: _is_open(port))
    with running, closing(_OverHTTP(port, **{"goog:chromeOptions": options})) as driver:
        yield driver


def _mini_browser() -> Path:
    """WebKitGTK's own small browser, which the package of the driver brings."""
    found = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    return found[-1] if found else skip("WebKit's MiniBrowser is not installed")


@contextmanager
def webkit(folder: Path, *, scripts: bool = True) -> Iterator[Driver]:
    """A WebKitGTK with nothing stored; without `scripts`, it runs none of a page."""
    path, binary, port = program("WebKitWebDriver"), _mini_browser(), free_port()
    with _display() as display:
        log = folder / "webkit.log"
        env = {"DISPLAY": display, "GDK_BACKEND": "x11", "LANGUAGE": "en_GB", "HOME": str(folder)}
        command = [path, f"--port={port}"]
        with started(command, log, lambda: _is_open(port), env=env):
            arguments = ["--automation", *([] if scripts else ["--enable-javascript=false"])]
            options = {"binary": str(binary), "args": arguments}
            wanted = {"browserName": "MiniBrowser", "webkitgtk:browserOptions": options}
            with closing(_OverHTTP(port, **wanted)) as driver:
                yield driver


@contextmanager
def _display() -> Iterator[str]:
    """A screen that nobody sees, on a free number."""
    reading, writing = os.pipe()
    command = [program("Xvfb"), "-displayfd", str(writing), "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with open(reading) as numbers:
            number = re.fullmatch(r"(\d+)\s*", numbers.readline())
        assert number, "Xvfb has ended"
        yield f":{number[1]}"
    finally:
        end(server)


BROWSERS = {"chromium": chromium, "firefox": firefox, "webkit": webkit}
"""What starts a browser, by its name."""
