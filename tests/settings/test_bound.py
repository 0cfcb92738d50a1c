"""Text options of bound tokens: DPoP for a middleware and a login app, and certificates."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware import ConfigurationError
from jwt_middleware.login import paste
from jwt_middleware.stores import SQLStore
from jwt_middleware.testing import DPoPKey
from tests.settings.built import BASIC, SECRET, token

pytestmark = pytest.mark.usefixtures("cheap_hashes")

ROOT_URL = "https://api.example"


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a database with a user."""
    url = f"sqlite:///{tmp_path}/auth.db"
    store = SQLStore(url)
    store.add_user("ada", "analytical engine")
    store.close()
    return url


def test_a_proof_counts_once(build: Callable[..., Any], database: str) -> None:
    """A bound token opens the path with its proof, and the proof is then used up."""
    guarded = build(**BASIC, dpop_url=ROOT_URL, database_url=database)
    key = DPoPKey()
    bound = token(claims={"cnf": key.confirmation})
    client = TestApp(guarded)
    headers = key.headers("GET", f"{ROOT_URL}/api", bound)
    assert client.get("/api", headers=headers).text == "ada"
    client.get("/api", headers=headers, status=401)
    client.get("/api", headers={"Authorization": f"Bearer {bound}"}, status=401)


@pytest.mark.parametrize("nonces", ["true", "a secret for nonces, 32 bytes or more"])
def test_nonces(nonces: str, build: Callable[..., Any], database: str) -> None:
    """A proof without a nonce is told which one to use."""
    guarded = build(**BASIC, dpop_url=ROOT_URL, database_url=database, dpop_nonces=nonces)
    key = DPoPKey()
    bound = token(claims={"cnf": key.confirmation})
    headers = key.headers("GET", f"{ROOT_URL}/api", bound)
    answer = TestApp(guarded).get("/api", headers=headers, status=401)
    assert "use_dpop_nonce" in answer.headers["WWW-Authenticate"]
    assert answer.headers["DPoP-Nonce"]


def test_a_login_app_binds(database: str) -> None:
    """With a proof, the token of the login app is bound to its key."""
    app = paste.app_factory(
        {},
        issuer=BASIC["issuer"],
        audience=BASIC["audience"],
        secret=SECRET,
        database_url=database,
        dpop_url=ROOT_URL,
    )
    proof = DPoPKey().proof("POST", f"{ROOT_URL}/token")
    body = {"username": "ada", "password": "analytical engine"}
    answer = TestApp(app).post_json("/token", body, headers={"DPoP": proof})
    assert answer.json["token_type"] == "DPoP"


@pytest.mark.parametrize(
    "text",
    [
        "ssl_client_cert",
        "uwsgi_client_cert",
        "client_cert_header",
        "escaped_cert_header=X-SSL-Client-Cert",
    ],
)
def test_a_place_of_a_certificate(text: str, build: Callable[..., Any]) -> None:
    """A token that is bound to a certificate is refused without one."""
    guarded = build(**BASIC, certificate=text)
    bound = token(claims={"cnf": {"x5t#S256": "A" * 43}})
    answer = TestApp(guarded).get("/api", headers={"Authorization": f"Bearer {bound}"}, status=401)
    assert answer.json["reason"] == "proof"


BAD = {
    "no store": ({"dpop_url": ROOT_URL}, "dpop_url must be set together with .*database_url or"),
    "no url": ({"dpop_max_age": "30", "log_url": "redis://localhost"}, "dpop_url must be set to"),
    "a path for a url": ({"dpop_url": "/api", "log_url": "redis://localhost"}, "dpop_url of DPoP"),
    "a short secret": (
        {"dpop_url": ROOT_URL, "dpop_nonces": "short", "log_url": "redis://localhost"},
        "dpop_nonces must be",
    ),
    "an age of no number": ({"dpop_url": ROOT_URL, "dpop_max_age": "x"}, "dpop_max_age must be"),
    "another function": ({"certificate": "getattr"}, "certificate must be ssl_client_cert"),
    "no header": ({"certificate": "escaped_cert_header"}, "certificate must be ssl_client_cert"),
    "no name": ({"certificate": "escaped_cert_header="}, "certificate must be ssl_client_cert"),
}


@pytest.mark.parametrize(("options", "expected"), BAD.values(), ids=BAD)
def test_what_cannot_be_meant(
    options: dict[str, str], expected: str, build: Callable[..., Any]
) -> None:
    """It stops the app while building and names the option; a secret is never shown."""
    with pytest.raises(ConfigurationError, match=f"(?i){expected}") as caught:
        build(**BASIC, **options)
    assert "short" not in str(caught.value)
