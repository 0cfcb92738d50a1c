"""A real Chromium for the tests."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.parts import skip

_NO_NOISE = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    # A page that a test makes up has no address, and may then not call a loopback host.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
]
# hosts that, unlike localhost, a browser does not trust
_NAMES = "--host-resolver-rules=MAP *.example 127.0.0.1"


@pytest.fixture(scope="package")  # no longer: playwright keeps an event loop running in this thread
def chromium() -> Iterator[Any]:
    """A browser: the program that JWT_MIDDLEWARE_CHROMIUM names, or one on the path.

    The build of Chromium without windows is preferred: its engine is the same, and a window, which
    nobody sees, takes two thirds of what a page costs. `drivers.chromium` is the whole Chromium.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        skip("playwright is not installed")
    named = os.environ.get("JWT_MIDDLEWARE_CHROMIUM", "")
    names = (named, "chromium-headless-shell", "chromium", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        skip("there is no Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, headless=True, args=[*_NO_NOISE, _NAMES]
        )
        yield browser
        browser.close()
