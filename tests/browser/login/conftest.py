"""The site under gunicorn, and pages of it."""

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import jwt
import pytest

from tests.kit.serving import gunicorn
from tests.kit.waiting import PATIENCE, wait_for_report

from .site import DATABASE, MARKUP, open_store

PASSWORD = "lovelace"

# Makes a client in the page, notes what it reports, and lets a test ask for what became of a call,
# errors included.
_CLIENT = """async ([base, options]) => {
    const { createClient } = await import(base + "/jwt-client.js");
    window.client = createClient(options);
    window.changes = [];
    window.client.onChange((user, cause) => window.changes.push([user && user.id, cause]));
    window.outcome = async (work) => {
        try {
            return await work();
        } catch ({ name, status, code, retryAfter }) {
            return JSON.parse(JSON.stringify({ name, status, code, retryAfter }));
        }
    };
    window.call = (url = "/api/me", init) =>
        window.outcome(async () => {
            const answer = await window.client.fetch(url, init);
            return [answer.status, await answer.text()];
        });
}"""


@dataclass
class Site:
    """The running site, and its store from behind."""

    address: str
    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.store = open_store(self.folder)
        self.store.add_user(MARKUP, PASSWORD)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of a path, by one of the site's names."""
        return self.address.replace("127.0.0.1", host) + path

    def new_user(self) -> str:
        """The name of a user that no other test has: failures are counted by name."""
        user = self.store.add_user(f"ada{next(self.numbers)}", PASSWORD)
        return user.username

    def id_of(self, username: str) -> int:
        """The id of a user."""
        return next(int(user.id) for user in self.store.users() if user.username == username)

    def age_sessions(self) -> None:
        """Let every login so far be an hour older. Tokens say so from the next refresh on."""
        with closing(sqlite3.connect(self.folder / DATABASE)) as database, database:
            database.execute("UPDATE jwt_middleware_session SET started_at = started_at - 3600")

    def revoke(self, token: str) -> None:
        """Have an access token refused from now on."""
        claims = jwt.decode(token, options={"verify_signature": False})
        self.store.revoke(token_id=claims["jti"], expires_at=claims["exp"], issuer=claims["iss"])

    @contextmanager
    def store_locked(self) -> Iterator[None]:
        """The database cannot be written by anybody else."""
        with closing(sqlite3.connect(self.folder / DATABASE, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            yield


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site, with two workers."""
    folder = tmp_path_factory.mktemp("site")
    options = ("--workers", "2", "--threads", "4")
    open_store(folder).ping()
    with gunicorn("tests.browser.login.site:application", *options, cwd=folder) as address:
        yield Site(address, folder)


@pytest.fixture
def ada(site: Site) -> str:
    """A user who is new to the site."""
    return site.new_user()


class Tab:
    """A page of a browser, with a client in it."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def run(self, script: str, argument: Any = None) -> Any:
        """What an expression comes to, or the error that it throws: name, status, code,
        retryAfter."""
        return self.page.evaluate(f"(argument) => window.outcome(async () => {script})", argument)

    def login(self, username: str, password: str = PASSWORD) -> Any:
        """Sign in by the client."""
        return self.run("client.login(argument[0], argument[1])", [username, password])

    def call(self, url: str = "/api/me", init: Any = None) -> Any:
        """Status and text of a call of the API, or the error."""
        return self.page.evaluate("([url, init]) => window.call(url, init)", [url, init])

    @property
    def changes(self) -> Any:
        """What `onChange` has reported."""
        return self.page.evaluate("changes")

    def wait_for(self, condition: str) -> None:
        """Wait until an expression is true."""
        self.page.wait_for_function(condition)


class Browser:
    """A fresh profile of the browser: what it sent, and what went wrong in it."""

    def __init__(self, context: Any, site: Site) -> None:
        self.context = context
        self.site = site
        self.sent: list[dict[str, Any]] = []
        self.called: list[str] = []
        self.tokens: list[str] = []
        self.wrong: list[str] = []
        context.on("request", self._note)
        context.on("weberror", lambda error: self.wrong.append(str(error.error)))
        context.on("dialog", lambda dialog: self.wrong.append(dialog.message) or dialog.dismiss())
        context.on(
            "console", lambda line: "Security Policy" in line.text and self.wrong.append(line.text)
        )

    def _note(self, request: Any) -> None:
        if (
            request.url.endswith("/token")
            and request.headers.get("content-type") == "application/json"
        ):
            self.sent.append(json.loads(request.post_data))
        if request.headers.get("authorization"):
            self.called.append(request.url)
            self.tokens.append(request.headers["authorization"].removeprefix("Bearer "))

    @property
    def refreshes(self) -> int:
        """How often a token was refreshed."""
        return sum("grant_type" in fields for fields in self.sent)

    @property
    def cookies(self) -> dict[str, Any]:
        """Every cookie by its name."""
        return {cookie["name"]: cookie for cookie in self.context.cookies()}

    def expect_wrong(self, *parts: str) -> None:
        """Wait until a line with each part has gone wrong, and take these lines off, so that they
        do not fail the test."""
        for part in parts:
            wait_for_report(self.context.pages[0], self.wrong, part)
        self.wrong[:] = [line for line in self.wrong if not any(part in line for part in parts)]

    def open(self, path: str = "/auth/login", host: str = "127.0.0.1") -> Any:
        """A new page of the site."""
        page = self.context.new_page()
        page.goto(self.site.url(path, host))
        return page

    def tab(
        self, storage: str, *, base: str = "/auth", host: str = "127.0.0.1", **options: Any
    ) -> Tab:
        """A new page without content, with a client."""
        page = self.open("/", host)
        return self.with_client(page, storage, base=base, **options)

    def with_client(self, page: Any, storage: str, *, base: str = "/auth", **options: Any) -> Tab:
        """A page that was opened or loaded again, with a new client."""
        page.evaluate(_CLIENT, [base, {"storage": storage, **options}])
        return Tab(page)


@pytest.fixture
def new_browser(chromium: Any, site: Site) -> Iterator[Callable[..., Browser]]:
    """What makes a fresh profile. Uncaught errors, dialogs and violations of the policy in its
    pages fail the test."""
    opened: list[Browser] = []

    def make(**options: Any) -> Browser:
        context = chromium.new_context(**{"locale": "en-GB", **options})
        context.set_default_timeout(PATIENCE * 1000)
        opened.append(Browser(context, site))
        return opened[-1]

    yield make
    for browser in opened:
        browser.context.close()
    assert [wrong for browser in opened for wrong in browser.wrong] == []


@pytest.fixture
def browser(new_browser: Callable[..., Browser]) -> Browser:
    """A fresh profile."""
    return new_browser()


def status_of(request: Request) -> int:
    """The status of an answer to somebody who is no browser."""
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def fill_in(page: Any, username: str, password: str = PASSWORD) -> None:
    """Sign in by the page."""
    page.fill("#username", username)
    page.fill("#password", password)
    page.click("#sign-in")


def wait_for_message(page: Any, text: str) -> None:
    """Wait until the page says so."""
    page.locator("#message", has_text=text).wait_for()
