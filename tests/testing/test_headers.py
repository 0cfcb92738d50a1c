"""The headers of clients that send a token in a cookie or as a password."""

from typing import Any

import pytest

from jwt_middleware import ConfigurationError, basic_password, bearer, in_cookie
from jwt_middleware.testing import basic_headers, cookie_headers
from tests.kit.apps import flask_app, guarded

PLACES = (bearer, in_cookie("__Host-jwt"), basic_password)
HEADERS: dict[str, Any] = {
    "a cookie": cookie_headers,
    "a password": basic_headers,
    "a password beside a name": lambda token: basic_headers(token, "adä"),
    "the name": lambda token: basic_headers("", token),
}


@pytest.mark.parametrize("make", HEADERS.values(), ids=HEADERS)
def test_the_app_knows_the_caller(make: Any, jwt_client: Any, jwt_tokens: Any) -> None:
    """By any client, with a safe method and with an unsafe one."""
    site = guarded(flask_app(), credentials=PLACES)
    client, headers = jwt_client(site).anonymous, make(jwt_tokens(site).good("ada"))
    assert client.get("/api/me", headers=headers).json == {"id": "ada"}
    assert client.post("/api/me", headers=headers).json == {"id": "ada"}


def test_a_cookie_has_the_name_that_the_app_reads() -> None:
    """It is that of the README unless another is given."""
    assert cookie_headers("x")["Cookie"] == "__Host-jwt=x"
    assert cookie_headers("x", "session")["Cookie"] == "session=x"


BAD: dict[str, Any] = {
    "no token": lambda: cookie_headers(None),  # type: ignore[arg-type]
    "bytes": lambda: basic_headers(b"x"),  # type: ignore[arg-type]
    "two cookies": lambda: cookie_headers("x", "a=b; c"),
    "no name of a cookie": lambda: cookie_headers("x", ""),
    "a colon": lambda: basic_headers("x", "a:b"),
    "no name": lambda: basic_headers("x", None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("make", BAD.values(), ids=BAD)
def test_what_cannot_be_sent_is_said_at_once(make: Any) -> None:
    """A `ConfigurationError`, not an unexplained 401."""
    with pytest.raises(ConfigurationError):
        make()
