"""Logout at an identity provider, as Keycloak sends it, to a gunicorn with several workers."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.kit.answers import Answer, call
from tests.kit.authorization_server import AuthorizationServer
from tests.kit.serving import gunicorn
from tests.kit.tokens import issued
from tests.kit.waiting import wait_for

pytestmark = pytest.mark.needs_servers

_APP = """
import os
from jwt_middleware import JWTMiddleware, Provider, RevocationList, Rule
from jwt_middleware.login import BackChannelLogout
from jwt_middleware.stores import SQLStore

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REMOTE_USER"].encode()]

store = SQLStore("sqlite:///revocations.db")
issuer = os.environ["ISSUER"]
api = Provider.discover(issuer, audience="shop-api")
guarded = JWTMiddleware(
    app, providers=[api], rules=[Rule("/api")], revocations=RevocationList(store)
)
shop = Provider.discover(issuer, audience="shop")
application = BackChannelLogout([shop], store).wrap(guarded, path="/backchannel-logout")
"""
_EVENT = "http://schemas.openid.net/event/backchannel-logout"


def logout_token(idp: AuthorizationServer, typ: str = "logout+jwt", **claims: object) -> str:
    """A logout token with the claims of Keycloak's. Before its version 25, the header's `typ` was
    `JWT`."""
    now = int(time.time())
    usual = {"iss": idp.issuer, "aud": "shop", "exp": now + 120, "jti": f"{time.perf_counter_ns()}"}
    usual |= {"typ": "Logout", "sub": "ada", "events": {_EVENT: {}}}
    return issued(idp.key, headers={"typ": typ}, **usual | claims)


def send(address: str, token: str) -> Answer:
    """Send a logout request as Keycloak does."""
    body = urlencode({"logout_token": token})
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return call(f"{address}/backchannel-logout", headers=headers, body=body)


@pytest.mark.parametrize("typ", ["logout+jwt", "JWT"])
def test_a_logout_reaches_every_worker(typ: str, tmp_path: Path) -> None:
    """A session ends within about a second in four workers, the other session of the same person
    goes on, and one token that is sent many times at once counts once."""
    (tmp_path / "shop.py").write_text(_APP)
    with (
        AuthorizationServer() as idp,
        gunicorn("shop", "-w", "4", cwd=tmp_path, env={"ISSUER": idp.issuer}) as address,
    ):
        tokens = {sid: idp.mint("shop-api", session=sid) for sid in ("laptop", "phone", "old")}

        def statuses(sid: str) -> set[int]:
            """What some workers answer: several at once, so that one worker cannot take all."""
            with ThreadPoolExecutor(8) as pool:
                answers = pool.map(lambda _: call(f"{address}/api", token=tokens[sid]), range(16))
                return {answer.status for answer in answers}

        assert {*map(frozenset, map(statuses, tokens))} == {frozenset({200})}
        logout = logout_token(idp, typ, sid="laptop")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: send(address, logout), range(8)))
        assert Counter(answer.status for answer in answers) == {200: 1, 400: 7}
        assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
        wait_for(lambda: statuses("laptop") == {401})
        assert statuses("phone") == {200}
        refusal = call(f"{address}/api", token=tokens["laptop"])
        assert refusal.body["reason"] == "revoked"

        time.sleep(1.1)  # the tokens carry whole seconds
        assert send(address, logout_token(idp, typ)).status == 200
        wait_for(lambda: statuses("phone") == {401})
        wait_for(lambda: statuses("old") == {401})
        time.sleep(1.1)
        tokens["new"] = idp.mint("shop-api", session="new")
        assert statuses("new") == {200}
