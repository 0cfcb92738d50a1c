"""How long a test's tokens are good: for the test, for the module, and not for a moment longer."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, JWTMiddleware
from jwt_middleware.testing import Client, Tokens, identity_environ, trusting
from tests.kit.apps import guarded

CLIENTS: dict[str, Callable[[Client], Any]] = {
    "itself": lambda client: client.get("/api/me", status="*"),
    "a caller": lambda client: client.as_user("ada"),
    "any token": lambda client: client.with_token("x").get("/api/me", status="*"),
    "anonymous": lambda client: client.anonymous.post("/api/me", status="*"),
    "JSON": lambda client: client.post_json("/api/me", {}, status="*"),
    "a good token": lambda client: client.tokens.good("ada"),
    "a bad token": lambda client: client.tokens.bad("expired"),
}


@pytest.mark.parametrize("use", CLIENTS.values(), ids=CLIENTS)
def test_a_client_that_was_kept_says_so(use: Callable[[Client], Any]) -> None:
    """Beyond its test every use of a client and its tokens is an error with fixed words: a refusal
    could be what a test expects."""
    with trusting(site := guarded()) as tokens:
        client = Client(site, tokens)
        use(client)
    with pytest.raises(ConfigurationError, match="got a use after its end: make a client in each"):
        use(client)


def test_a_caller_that_was_kept_says_so() -> None:
    """A client with a token of a caller does so too, under another app's trust."""
    with trusting(site := guarded()) as tokens:
        ada = Client(site, tokens).as_user("ada")
    with trusting(site), pytest.raises(ConfigurationError, match="after its end"):
        ada.get("/api/me")


@pytest.mark.parametrize(
    "first_ends", [True, False], ids=["in the order of beginning", "in the reverse order"]
)
def test_uses_end_in_any_order(first_ends: bool) -> None:
    """What ends takes its own key away and no other, and the last leaves the app as it was."""
    site = guarded()
    before = site.verifier
    uses = [trusting(site), trusting(site)]
    clients = [Client(site, use.__enter__()).as_user("ada") for use in uses]
    order = [0, 1] if first_ends else [1, 0]
    uses[order[0]].__exit__(None, None, None)
    assert clients[order[1]].get("/api/me").json == {"id": "ada"}
    kept = clients[order[0]].authorization[1]
    clients[order[1]].with_token(kept).get("/api/me", status=401)
    uses[order[1]].__exit__(None, None, None)
    assert site.verifier is before


SUBJECTS = {"number": 1, "none": None, "bytes": b"ada", "list": ["ada"], "boolean": True}
MAKERS: dict[str, Callable[[Tokens, JWTMiddleware, Any], Any]] = {
    "as_user": lambda tokens, site, subject: Client(site, tokens).as_user(subject),
    "good": lambda tokens, site, subject: tokens.good(subject),
    "bad": lambda tokens, site, subject: tokens.bad("expired", subject),
    "identity_environ": lambda tokens, site, subject: identity_environ(subject),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_a_subject_is_a_string(make: Callable[..., Any], subject: Any) -> None:
    """Another value, such as the id of a row, would be a token that every app refuses."""
    with trusting(site := guarded()) as tokens:
        with pytest.raises(ConfigurationError, match="subject must be a string, got "):
            make(tokens, site, subject)
        make(tokens, site, "1")


@pytest.mark.parametrize("token", [None, b"a.b.c", 1], ids=["none", "bytes", "number"])
def test_a_token_is_a_string(token: Any) -> None:
    """It is no secret that a token is missing; the value is not shown."""
    with (
        trusting(site := guarded()) as tokens,
        pytest.raises(ConfigurationError, match=r"^token must be a string$"),
    ):
        Client(site, tokens).with_token(token)


SUITE = """
import pytest
from myapp import app

@pytest.fixture(scope="module")
def client(jwt_module_client, jwt_module_tokens):
    made = jwt_module_client(app)
    assert made.tokens is jwt_module_tokens(app)
    return made.as_user("ada")

kept = []

def test_one(client, jwt_client):
    client.get("/api", status=200)
    kept.append(jwt_client(app))

def test_two(client, jwt_client):
    client.get("/api", status=200)
    with pytest.raises(ValueError, match="after its end"):
        kept[0].get("/api", status=401)

def test_late(jwt_client, request):
    jwt_client(app).as_user("bob").get("/api", status=200)
    kept.append(request.getfixturevalue("jwt_module_client")(app).as_user("cy"))

def test_later():
    kept[-1].get("/api", status=200)
"""
APP = """
from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule

def inner(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]

keys = KeySet([Key.from_secret("s" * 32)])
provider = Provider(issuer="https://login.example", audience="api", keys=keys)
app = JWTMiddleware(inner, providers=[provider], rules=[Rule("/api")])
"""
OTHER = """
import pytest
from test_first import kept

def test_the_module_is_over():
    with pytest.raises(ValueError, match="after its end"):
        kept[-1].get("/api", status=401)
"""


def test_a_module_may_share_a_client(tmp_path: Path) -> None:
    """Fixtures of module scope may use `jwt_module_client`, which outlives its tests and no
    module, also when a test began to trust the app before it. No warning, with `-W error`."""
    (tmp_path / "myapp.py").write_text(APP)
    (tmp_path / "test_first.py").write_text(SUITE)
    (tmp_path / "test_second.py").write_text(OTHER)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-W", "error"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n5 passed in " in done.stdout
