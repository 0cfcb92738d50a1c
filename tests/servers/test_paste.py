"""The ini file of the examples, served by `gunicorn --paste` and by Pyramid's `pserve`."""

import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from jwt_middleware import Key
from jwt_middleware.stores import SQLStore
from jwt_middleware.trust.key_folder import publish
from tests.kit import ROOT
from tests.kit.answers import call, sign_in
from tests.kit.parts import part
from tests.kit.serving import gunicorn, running

pytestmark = pytest.mark.needs_servers


@pytest.fixture(scope="module", params=["gunicorn --paste", "pserve"])
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The ini file on a free port, with a key and a user."""
    folder = tmp_path_factory.mktemp("paste")
    publish(folder / "keys", Key.generate())
    SQLStore(f"sqlite:///{folder}/auth.db", password_method="scrypt:1024:1:1").add_user(
        "ada", "analytical engine"
    )
    text = (ROOT / "examples" / "paste.ini").read_text()
    (folder / "paste.ini").write_text(text.replace("127.0.0.1:8000", "127.0.0.1:0"))
    served = (
        running([_pserve(), "paste.ini"], cwd=folder)
        if request.param == "pserve"
        else gunicorn("paste.ini", "--paste", cwd=folder)
    )
    with served as address:
        yield address


def _pserve() -> str:
    part("pyramid")
    return str(Path(sys.executable).parent / "pserve")


def test_the_pipeline(address: str) -> None:
    """401 without a token, 200 with the one that the login app gives, 403 without the scope; other
    paths are open."""
    assert call(f"{address}/api/me").status == 401
    assert call(f"{address}/api/health").status == 200
    token = sign_in(address, "ada", "analytical engine").body["token"]
    assert call(f"{address}/api/me", token=token).body == {"id": "1"}
    assert call(f"{address}/api/admin", token=token).status == 403
    assert call(f"{address}/auth/revoke", {"token": token}).status == 200


def test_the_entry_points_load() -> None:
    """Each name that an ini file may use is there."""
    found = {
        (group, point.name): point.load()
        for group in ("paste.filter_app_factory", "paste.app_factory")
        for point in entry_points(group=group)
        if point.value.startswith("jwt_middleware")
    }
    names = {
        ("paste.filter_app_factory", "main"),
        ("paste.filter_app_factory", "login"),
        ("paste.app_factory", "login"),
    }
    assert set(found) == names
