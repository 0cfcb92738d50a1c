"""Apps that read REMOTE_USER, as they are: Trac shows the name of the person who logged in, and
Radicale opens their collection."""

import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware import JWTMiddleware, Rule, optional
from jwt_middleware.login import LoginApp, TokenMinter
from tests.kit.engines import skip

pytestmark = pytest.mark.needs_frameworks

Site = Callable[..., TestApp]


@pytest.fixture
def site(minter: TokenMinter, login_app: LoginApp) -> Site:
    """Makes a client of an app behind the middleware and the login app, signed in as ada.

    Without lint: what these apps do of PEP 3333 is theirs.
    """

    def site(app: Any, *rules: Rule) -> TestApp:
        provider = replace(minter.provider, remote_user_claim="preferred_username")
        guarded = JWTMiddleware(app, providers=[provider], rules=rules)
        client = TestApp(login_app.wrap(guarded, prefix="/auth"), lint=False)
        fields = {"username": "ada", "password": "correct horse battery staple"}
        token = client.post_json("/auth/token", fields).json["token"]
        client.authorization = ("Bearer", token)
        return client

    return site


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_trac_shows_who_is_calling(site: Site, tmp_path: Path) -> None:
    """`logged in as ada`, and ada's rights as its administrator; nobody without a token."""
    if sys.version_info >= (3, 13):
        # no part: nothing that could be installed would run
        pytest.skip("Trac 1.6 is made for Python up to 3.12")
    if not find_spec("trac"):
        skip("Trac is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from trac.env import Environment
        from trac.perm import PermissionSystem
        from trac.web.main import dispatch_request

        env = Environment(str(tmp_path / "trac"), create=True)
        PermissionSystem(env).grant_permission("ada", "TRAC_ADMIN")

    def trac(environ: dict[str, Any], start_response: Any) -> Any:
        environ["trac.env_path"] = str(tmp_path / "trac")
        return dispatch_request(environ, start_response)

    client = site(trac, Rule("/", optional), Rule("/admin"))
    try:
        page = client.get("/about")
        assert "logged in as" in page.text
        assert page.html.find(class_="trac-author-user").text == "ada"
        assert client.get("/admin/general/perm").status_int == 200
        client.authorization = None
        nobody = client.get("/about", extra_environ={"REMOTE_USER": "ada"}, status="*")
        assert "logged in as" not in nobody.text
        assert client.get("/admin/general/perm", status="*").status_int == 401
    finally:
        env.shutdown()


EVENT = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//test//EN\r
BEGIN:VEVENT\r
UID:1\r
DTSTAMP:20260101T000000Z\r
DTSTART:20260101T000000Z\r
SUMMARY:The engine\r
END:VEVENT\r
END:VCALENDAR\r
"""
WHO = '<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>'


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_radicale_opens_the_collection_of_who_is_calling(site: Site, tmp_path: Path) -> None:
    """Its principal is /ada/: a calendar there can be made, filled and read, and no other's."""
    if not find_spec("radicale"):
        skip("Radicale is not installed")
    from radicale import config
    from radicale.app import Application

    configuration = config.load()
    options = {
        "auth": {"type": "remote_user"},
        "rights": {"type": "owner_only"},
        "storage": {"filesystem_folder": str(tmp_path)},
    }
    configuration.update(options, "test", privileged=True)
    client = site(Application(configuration), Rule("/"))
    found = client.request("/", method="PROPFIND", body=WHO.encode(), headers={"Depth": "0"})
    assert found.status_int == 207
    assert "<href>/ada/</href>" in found.text
    client.request("/ada/cal/", method="MKCALENDAR", status=201)
    client.put("/ada/cal/1.ics", EVENT, content_type="text/calendar", status=201)
    assert "SUMMARY:The engine" in client.get("/ada/cal/1.ics").text
    assert (tmp_path / "collection-root" / "ada" / "cal" / "1.ics").exists()
    assert client.request("/grace/cal/", method="MKCALENDAR", status="*").status_int == 403
    client.authorization = None
    assert client.get("/ada/cal/1.ics", status="*").status_int == 401
