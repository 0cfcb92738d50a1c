"""Signs of a proxy beside a private peer, and the field `all` of `POST /revoke`."""

import pytest
from webtest import TestApp

from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore
from jwt_middleware.wire.addresses import client_address


@pytest.mark.parametrize("header", ["VIA", "X_FORWARDED_PROTO", "CF_CONNECTING_IP", "X_CLIENT_IP"])
def test_a_private_peer_beside_any_sign_of_a_proxy_is_a_proxy(header: str) -> None:
    """Its clients would all count as one, so none of them has an address."""
    environ = {"REMOTE_ADDR": "172.17.0.2"}
    assert client_address(environ) == "172.17.0.2"
    assert client_address(environ | {f"HTTP_{header}": "x"}) is None


@pytest.mark.parametrize("value", ["1", "yes", "TRUE", [True], None])
def test_all_is_a_boolean_or_a_refusal(value: object) -> None:
    """A logout everywhere is never taken for one of a single session."""
    minter = TokenMinter.from_secret("s" * 32, issuer="https://i.example", audience="a")
    app = TestApp(LoginApp(MemoryStore(), minter))
    fields = {"token": minter.mint("ada"), "all": value}
    assert app.post_json("/revoke", fields, status=400).json["error"] == "invalid_request"
