"""Redirects to a page that refuses good cookies are counted, and end."""

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from jwt_middleware.login import returns


def _request(cookie: str = "") -> Request:
    headers = {"Cookie": cookie} if cookie else {}
    return Request(EnvironBuilder(path="/login", headers=headers).get_environ())


def _counted(cookie: str, following: str) -> str:
    """The cookie that a browser has after one more redirect."""
    response = Response()
    returns.count_return(_request(cookie), response, following, {"httponly": True})
    return response.headers["Set-Cookie"].partition(";")[0]


def test_two_redirects_are_enough() -> None:
    """The third time the page is shown, for this target alone."""
    cookie = ""
    for expected in (False, False, True):
        assert returns.is_looping(_request(cookie), "/x") is expected
        cookie = _counted(cookie, "/x")
    assert not returns.is_looping(_request(cookie), "/y")


@pytest.mark.parametrize(
    "value", ["9", "2", "2.", "x.y", "-1.0", "2.0000000000000000", "2.a; jwt_returns=2.a"]
)
def test_a_cookie_that_is_not_ours(value: str) -> None:
    """What somebody else wrote counts nothing."""
    assert not returns.is_looping(_request(f"jwt_returns={value}"), "/x")
