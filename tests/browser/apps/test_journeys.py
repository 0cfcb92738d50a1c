"""Real apps behind the sign-in page in Chromium: land on the page asked for, submit a form,
download a file, sign out."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import serve
from .journey import Journey, link

pytestmark = pytest.mark.needs_browser


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


JOURNEYS = {
    "Django admin": Journey(
        "django_admin", ("django",), "/admin/auth/group/add/?q=1", _add_group, link("/report.csv")
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
}


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey(name: str, new_context: Callable[[], Any], tmp_path: Path) -> None:
    """A deep page leads to the sign-in page and back, a form and a download work, the app's own
    scripts and tokens too, and signing out in one tab ends the other."""
    journey = JOURNEYS[name]
    if name == "Trac" and sys.version_info >= (3, 13):
        # no part: nothing that could be installed would run
        pytest.skip("Trac 1.6 is made for Python up to 3.12")
    with serve(journey.module, tmp_path, *journey.packages) as address:
        journey.walk(name, address, new_context())
