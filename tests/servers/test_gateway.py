"""nginx as the gateway in front of gunicorn: it tells the app who is calling by a header of its
own, and overwrites what a client sends there."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from jwt_middleware import Key
from jwt_middleware.login import KeyFolder, TokenMinter
from jwt_middleware.trust import key_folder
from tests.kit import ROOT, serving
from tests.kit.answers import call

pytestmark = pytest.mark.needs_servers

HEADERS = ("Cf-Access-Jwt-Assertion", "X-Goog-IAP-JWT-Assertion")

# A gateway knows its users by a cookie of its own; this one holds a token for one of them.
_SITE = """
map $cookie_gateway $assertion {{ default ""; ada "{token}"; }}
server {{
    listen {address};
    location / {{
        proxy_set_header {header} $assertion;
        proxy_pass {app};
    }}
}}
"""


class Gateway(NamedTuple):
    """nginx, the app that it stands before, and its header."""

    address: str
    app: str
    header: str
    minter: TokenMinter


@pytest.fixture(scope="module", params=HEADERS)
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """nginx before gunicorn, for each header."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    key_folder.publish(folder / "keys", Key.generate())
    minter = TokenMinter(
        KeyFolder(folder / "keys"), issuer="https://gateway.example", audience="example-api"
    )
    conf = ("-c", str(ROOT / "examples" / "gunicorn.conf.py"))
    env = {"GATEWAY_HEADER": request.param, "WEB_CONCURRENCY": "1"}
    with serving.gunicorn("tests.servers.gateway_app", *conf, cwd=folder, env=env) as app:
        address = f"127.0.0.1:{serving.free_port()}"
        fill = {"address": address, "header": request.param, "app": app}
        with serving.nginx(folder, _SITE.format(token=minter.mint("ada"), **fill)):
            yield Gateway(f"http://{address}", app, request.param, minter)
        log = (folder / "gunicorn.log").read_text()
        assert "eyJ" not in log


def test_the_header_of_the_gateway_names_the_caller(gateway: Gateway) -> None:
    """Whom the gateway knows is let through; nobody else is, and other places are not read."""
    known = call(f"{gateway.address}/api", headers={"Cookie": "gateway=ada"})
    assert (known.status, known.body) == (200, {"subject": "ada"})
    for headers in ({}, {"Cookie": "gateway=eve"}):
        assert call(f"{gateway.address}/api", headers=headers).body["reason"] == "missing"
    bearer = call(f"{gateway.address}/api", token=gateway.minter.mint("eve"))
    assert (bearer.status, bearer.body["reason"]) == (401, "unread_scheme")


SPELLINGS = (str, str.lower, str.upper)


@pytest.mark.parametrize("spell", SPELLINGS, ids=["as is", "lower", "upper"])
@pytest.mark.parametrize("cookie", ["gateway=ada", "gateway=eve"])
def test_what_a_client_sends_there_is_overwritten(
    gateway: Gateway, spell: object, cookie: str
) -> None:
    """A good token of another person counts for nothing, with a session at the gateway and
    without."""
    name = spell(gateway.header)  # type: ignore[operator]
    sent = {name: gateway.minter.mint("eve"), "Cookie": cookie}
    answer = call(f"{gateway.address}/api", headers=sent)
    if cookie == "gateway=ada":
        assert answer.body == {"subject": "ada"}
    else:
        assert (answer.status, answer.body["reason"]) == (401, "missing")


def test_underscores_do_not_get_past_the_gateway(gateway: Gateway) -> None:
    """WSGI reads `_` and `-` in a header's name alike; nginx and gunicorn drop the one with `_`, so
    a client cannot send a second header that the app takes for the gateway's."""
    sent = {gateway.header.replace("-", "_"): gateway.minter.mint("eve")}
    for address in (gateway.address, gateway.app):
        assert call(f"{address}/api", headers=sent).status == 401
    both = call(f"{gateway.address}/api", headers={**sent, "Cookie": "gateway=ada"})
    assert both.body == {"subject": "ada"}


def test_past_the_gateway_the_token_still_counts(gateway: Gateway) -> None:
    """Who reaches the app itself needs a good token, since the header alone proves nothing; with
    one they choose who they are, so only the gateway may reach the app."""
    there = f"{gateway.app}/api"
    for forged in ("ada", "e30.e30.", gateway.minter.mint("ada")[:-6] + "AAAAAA"):
        assert call(there, headers={gateway.header: forged}).status in (400, 401)
    own = call(there, headers={gateway.header: gateway.minter.mint("eve")})
    assert own.body == {"subject": "eve"}


def test_a_foreign_page_cannot_use_the_session_at_the_gateway(gateway: Gateway) -> None:
    """The gateway knows the browser by a cookie, so it adds its header to a forged request too."""
    headers = {"Cookie": "gateway=ada", "Origin": "https://evil.example"}
    answer = call(f"{gateway.address}/api", {"x": 1}, headers=headers)
    assert (answer.status, answer.body["reason"]) == (403, "cross_site")
    assert call(f"{gateway.address}/api", {"x": 1}, headers={"Cookie": "gateway=ada"}).status == 200
