"""The apps under gunicorn, and a browser for them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.kit.answers import call
from tests.kit.parts import skip
from tests.kit.serving import gunicorn
from tests.kit.waiting import PATIENCE, wait_for

from .guard import open_store

PASSWORD = "lovelace"


def is_up(address: str) -> bool:
    """Whether the worker has loaded the app; no error if it has ended, as the log says why."""
    try:
        return call(f"{address}/auth/health").status == 200
    except OSError:
        return False


@contextmanager
def serve(
    module: str, folder: Path, *packages: str, python: Path | str = sys.executable
) -> Iterator[str]:
    """Serve the app of a module of this folder if its packages are installed, to a user `ada`; the
    context is the address."""
    for package in packages:
        find_spec(package) or skip(f"{package} is not installed")
    open_store(folder).add_user("ada", PASSWORD)
    target = f"tests.browser.apps.{module}:application"
    # The app is loaded by one worker, so that only one makes its tables.
    options = ("--threads", "8", "--timeout", "120")
    with gunicorn(target, *options, cwd=folder, python=python) as address:
        assert wait_for(lambda: is_up(address), say=(folder / "gunicorn.log").read_text)
        yield address.replace("127.0.0.1", "localhost")


@pytest.fixture
def new_context(chromium: Any) -> Iterator[Callable[[], Any]]:
    """What makes a fresh profile of Chromium."""
    opened: list[Any] = []

    def make() -> Any:
        opened.append(chromium.new_context(locale="en-GB", accept_downloads=True))
        opened[-1].set_default_timeout(PATIENCE * 1000)
        return opened[-1]

    yield make
    for context in opened:
        context.close()


def sign_in(page: Any, password: str = PASSWORD) -> None:
    """Sign in by the page."""
    page.fill("#username", "ada")
    page.fill("#password", password)
    page.click("#sign-in")
