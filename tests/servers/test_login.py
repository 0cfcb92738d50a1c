"""The login app answers behind every server: each hands over an environ of its own form."""

from pathlib import Path

import pytest

from tests.kit.answers import call
from tests.kit.serving import SERVERS, serving

pytestmark = pytest.mark.needs_servers


@pytest.mark.parametrize("name", SERVERS)
def test_the_login_app_reads_the_environ(name: str, tmp_path: Path) -> None:
    """A page, a wrong password and a broken request: no server's environ is malformed."""
    with serving(name, "tests.servers.drained:application", tmp_path) as port:
        site = f"http://127.0.0.1:{port}/auth"
        assert call(f"{site}/login?next=/x").status == 200
        assert call(f"{site}/token", {"username": "ada", "password": "no"}).status == 401
        assert call(f"{site}/token", {"username": 1}).status == 400
