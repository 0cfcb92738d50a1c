"""What scripts of other origins can read, in a real browser."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .sites import MINTER, SITES, serve

pytestmark = pytest.mark.needs_browser

# The browser's own view of an answer: what a script of the page gets to see, or the error that it
# gets instead.
_FETCH = """async ([url, init]) => {
    try {
        const answer = await fetch(url, init);
        const body = await answer.text();
        const header = (name) => answer.headers.get(name);
        return {
            status: answer.status,
            reason: body.startsWith("{") ? JSON.parse(body).reason : null,
            challenged: (header("WWW-Authenticate") || "").startsWith("Bearer "),
            retryAfter: header("Retry-After"),
        };
    } catch (error) {
        return String(error);
    }
}"""

_GOOD = {"Authorization": f"Bearer {MINTER.mint('ada', lifetime=86_400)}"}
_PUT = {
    "method": "PUT",
    "headers": {**_GOOD, "Content-Type": "application/json", "X-Own": "1"},
    "body": "{}",
}


def _seen(
    status: int, reason: str | None = None, *, challenged: bool = False, retry: str | None = None
) -> Any:
    return {"status": status, "reason": reason, "challenged": challenged, "retryAfter": retry}


ANSWERS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "200": ("/api/me", {"headers": _GOOD}, _seen(200)),
    "200, after a preflight for a method and headers": ("/api/me", _PUT, _seen(200)),
    "404 of the app": ("/api/nothing", {"headers": _GOOD}, _seen(404)),
    "400": (
        "/api/me",
        {"headers": {"Authorization": "Bearer a b"}},
        _seen(400, "malformed", challenged=True),
    ),
    "401 without a token": ("/api/me", {}, _seen(401, "missing", challenged=True)),
    "401 with a bad token": (
        "/api/me",
        {"headers": {"Authorization": "Bearer x.y.z"}},
        _seen(401, "malformed", challenged=True),
    ),
    "403": ("/api/admin", {"headers": _GOOD}, _seen(403, "scope", challenged=True)),
    "503": ("/api/down", {"headers": _GOOD}, _seen(503, "keys_unavailable", retry="7")),
}


@pytest.fixture(scope="module")
def origin() -> Iterator[Callable[[str], str]]:
    """What makes the origin of a host's name."""
    with serve() as origin_of:
        yield origin_of


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest) -> str:
    """Each guarded site in turn."""
    name: str = request.param
    return name


def fetch_all(chromium: Any, page_origin: str, site_origin: str) -> dict[str, Any]:
    """What a script in a page of one origin sees of each answer of the other."""
    page = chromium.new_page()
    page.goto(page_origin + "/")
    seen = {
        name: page.evaluate(_FETCH, [site_origin + path, init])
        for name, (path, init, _) in ANSWERS.items()
    }
    page.close()
    return seen


@pytest.mark.parametrize("host", ["allowed", "same"])
def test_a_script_of_a_listed_or_the_same_origin_reads_every_answer(
    chromium: Any, origin: Callable[[str], str], site: str, host: str
) -> None:
    """Status, challenge or Retry-After, and body of whatever is answered, with a CORS extension
    inside or not."""
    seen = fetch_all(chromium, origin(site if host == "same" else host), origin(site))
    assert seen == {name: expected for name, (_, _, expected) in ANSWERS.items()}


def test_a_script_of_an_unlisted_origin_reads_nothing(
    chromium: Any, origin: Callable[[str], str], site: str
) -> None:
    """Not even that there is an answer."""
    seen = fetch_all(chromium, origin("unlisted"), origin(site))
    assert seen == dict.fromkeys(ANSWERS, "TypeError: Failed to fetch")
