"""Uses of `trusting` may end in any order, as the fixtures of a test and of its module do."""

import subprocess
import sys
from pathlib import Path

import pytest

from jwt_middleware.testing import Client, trusting
from tests.kit.apps import guarded


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["as they began", "in reverse"])
def test_uses_end_in_any_order(order: tuple[int, int]) -> None:
    """What ends takes its own key away and no other, and the last leaves the app as it was."""
    site = guarded()
    before = site.verifier
    uses = [trusting(site), trusting(site)]
    tokens = [use.__enter__() for use in uses]
    first, last = order
    ended, client = tokens[first].good("ada"), Client(site, tokens[last])
    client.with_token(ended).get("/api/me")
    uses[first].__exit__(None, None, None)
    assert client.as_user("ada").get("/api/me").json == {"id": "ada"}
    client.with_token(ended).get("/api/me", status=401)
    uses[last].__exit__(None, None, None)
    assert site.verifier is before


APP = """
from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule

def inner(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]

keys = KeySet([Key.from_secret("s" * 32)])
provider = Provider(issuer="https://login.example", audience="api", keys=keys)
app = JWTMiddleware(inner, providers=[provider], rules=[Rule("/api")])
"""
SUITE = """
from myapp import app

kept = []

def test_begins_late(jwt_client, request):
    jwt_client(app).as_user("bob").get("/api", status=200)
    kept.append(request.getfixturevalue("jwt_module_client")(app).as_user("cy"))

def test_goes_on():
    kept[0].get("/api", status=200)
"""


def test_a_module_may_begin_after_its_test(tmp_path: Path) -> None:
    """A client of the module that is made when a test trusts the app already outlives the test.
    No warning, with `-W error`."""
    (tmp_path / "myapp.py").write_text(APP)
    (tmp_path / "test_myapp.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-W", "error"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n2 passed in " in done.stdout


def test_all_names_need_no_django(monkeypatch: pytest.MonkeyPatch) -> None:
    """`from jwt_middleware.testing import *` works for who installed the extra `testing` alone."""
    monkeypatch.delitem(sys.modules, "jwt_middleware.testing.django_client", raising=False)
    monkeypatch.setitem(sys.modules, "django", None)
    names: dict[str, object] = {}
    exec("from jwt_middleware.testing import *", names)
    assert "Client" in names
