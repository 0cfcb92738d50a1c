"""A way through a real app behind the sign-in page, in a browser."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .conftest import sign_in


@dataclass(frozen=True)
class Journey:
    """A way through an app.

    - `module`: the module of this folder, with the `packages` that it imports.
    - `deep`: the page that is asked for first.
    - `submit`: fills in a form there, and waits until the app has shown what it got.
    - `download`: the click that starts a download from a page.
    - `source`: the page with that click, or None for where `submit` ends.
    """

    module: str
    packages: tuple[str, ...]
    deep: str
    submit: Callable[[Any], None]
    download: Callable[[Any], None]
    source: str | None = None

    def walk(self, name: str, address: str, context: Any) -> None:
        """Go the way in a fresh profile of a browser, and sign out in another tab."""
        page = context.new_page()
        page.goto(address + self.deep)
        assert page.url.startswith(f"{address}/auth/login?next=")
        sign_in(page)
        page.wait_for_url(address + self.deep)
        _show(page, f"{name} landed")
        self.submit(page)
        _show(page, f"{name} submitted")
        if self.source:
            page.goto(address + self.source)
        with page.expect_download() as started:
            self.download(page)
        assert started.value.failure() is None
        assert Path(started.value.path()).stat().st_size > 0
        other = context.new_page()
        other.goto(f"{address}/auth/login")
        other.click("#sign-out")
        other.get_by_text("You are signed out.").wait_for()
        page.goto("about:blank")  # an address that differs in its fragment alone is not loaded
        page.goto(address + self.deep)
        assert page.url.startswith(f"{address}/auth/login?next=")


def link(name: str) -> Callable[[Any], None]:
    """Return what makes a link that downloads from a path, and clicks it."""

    def click(page: Any) -> None:
        page.evaluate(
            "(href) => { const link = document.createElement('a'); link.href = href;"
            " link.download = ''; document.body.append(link); link.click() }",
            name,
        )

    return click


def _show(page: Any, name: str) -> None:
    """Save a picture of the page in the folder that JWT_MIDDLEWARE_SCREENSHOTS names."""
    if folder := os.environ.get("JWT_MIDDLEWARE_SCREENSHOTS"):
        page.wait_for_timeout(2000)  # some apps ask without end
        page.screenshot(path=Path(folder) / f"{name}.png")
