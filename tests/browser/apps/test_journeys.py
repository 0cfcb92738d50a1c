"""Real apps behind the sign-in page in Chromium: land on the page asked for, submit a form,
download a file, sign out."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from .conftest import serve, sign_in

pytestmark = pytest.mark.needs_browser


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


def _add_group(page: Any) -> None:
    page.fill("#id_name", "readers")
    page.click("input[name=_save]")
    page.get_by_text("was added successfully").wait_for()


def _add_book(page: Any) -> None:
    page.fill("#title", "Notes")
    page.click("input[type=submit] >> nth=0")
    page.get_by_text("Record was successfully created").wait_for()


def _send_word(page: Any) -> None:
    page.get_by_text("page /deep").wait_for()
    page.fill("#word", "hello")
    page.click("#send")
    page.get_by_text("received: hello").wait_for()


def _new_ticket(page: Any) -> None:
    page.get_by_text("logged in as ada").wait_for()
    page.fill("#field-summary", "Engine jams")
    page.click("input[name=submit]")
    page.wait_for_url("**/ticket/2#*")
    page.locator("#ticket", has_text="Engine jams").wait_for()


def _new_experiment(page: Any) -> None:
    page.get_by_role("button", name="Create").first.click()
    page.get_by_placeholder("Input an experiment name").fill("analytical")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    page.get_by_text("analytical").first.wait_for()


def _link(name: str) -> Callable[[Any], None]:
    def click(page: Any) -> None:
        page.evaluate(
            "(href) => { const link = document.createElement('a'); link.href = href;"
            " link.download = ''; document.body.append(link); link.click() }",
            name,
        )

    return click


JOURNEYS = {
    "Django admin": Journey(
        "django_admin", ("django",), "/admin/auth/group/add/?q=1", _add_group, _link("/report.csv")
    ),
    "Flask-Admin": Journey(
        "flask_admin_app",
        ("flask_admin", "flask_wtf", "flask_sock", "flask_sqlalchemy"),
        "/admin/books/new/?url=/admin/books/",
        _add_book,
        lambda page: page.get_by_role("link", name="report.csv", exact=True).click(),
        "/admin/fileadmin/",
    ),
    "Dash": Journey("dash_app", ("dash",), "/deep", _send_word, lambda page: page.click("#fetch")),
    "Trac": Journey(
        "trac_app",
        ("trac",),
        "/newticket?type=defect",
        _new_ticket,
        lambda page: page.get_by_role("link", name="Original Format").click(),
        "/attachment/ticket/1/report.csv",
    ),
    "MLflow": Journey(
        "mlflow_app",
        ("mlflow",),
        "/?from=mail#/experiments",
        _new_experiment,
        _link("/static-files/manifest.json"),
    ),
}


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey(name: str, new_context: Callable[[], Any], tmp_path: Path) -> None:
    """A deep page leads to the sign-in page and back, a form and a download work, the app's own
    scripts and tokens too, and signing out in one tab ends the other."""
    journey = JOURNEYS[name]
    if name == "Trac" and sys.version_info >= (3, 13):
        pytest.skip("Trac 1.6 is made for Python up to 3.12")
    if name == "MLflow" and not find_spec("mlflow"):
        # It takes a gigabyte and pins older versions of what the other tests use.
        pytest.skip("MLflow is not installed")
    with serve(journey.module, tmp_path, *journey.packages) as address:
        context = new_context()
        page = context.new_page()
        page.goto(address + journey.deep)
        assert page.url.startswith(f"{address}/auth/login?next=")
        sign_in(page)
        page.wait_for_url(address + journey.deep)
        _show(page, f"{name} landed")
        journey.submit(page)
        _show(page, f"{name} submitted")
        if journey.source:
            page.goto(address + journey.source)
        with page.expect_download() as started:
            journey.download(page)
        assert started.value.failure() is None
        assert Path(started.value.path()).stat().st_size > 0
        other = context.new_page()
        other.goto(f"{address}/auth/login")
        other.click("#sign-out")
        other.get_by_text("You are signed out.").wait_for()
        page.goto("about:blank")  # an address that differs in its fragment alone is not loaded
        page.goto(address + journey.deep)
        assert page.url.startswith(f"{address}/auth/login?next=")


def _show(page: Any, name: str) -> None:
    """Save a picture of the page in the folder that JWT_MIDDLEWARE_SCREENSHOTS names."""
    if folder := os.environ.get("JWT_MIDDLEWARE_SCREENSHOTS"):
        page.wait_for_timeout(2000)  # some apps ask without end
        page.screenshot(path=Path(folder) / f"{name}.png")
