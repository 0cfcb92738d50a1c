"""`examples/mcp_flask.py`: clients of the Model Context Protocol find their way to a token by
themselves, and a scanner finds nothing to complain about."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.kit import ROOT
from tests.kit.answers import call
from tests.kit.authorization_server import AuthorizationServer
from tests.kit.serving import free_port, started
from tests.kit.waiting import PATIENCE

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_frameworks]

READ, WRITE = "notes:read", "notes:write"
VERSION = "io.modelcontextprotocol/protocolVersion"


class Site(NamedTuple):
    """The example under gunicorn, and the authorization server of its tokens."""

    url: str
    idp: AuthorizationServer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The example under gunicorn, with one worker that has the notes in memory."""
    folder = tmp_path_factory.mktemp("mcp")
    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    words = ["-m", "gunicorn", "--no-control-socket", "--threads=8", f"--bind=127.0.0.1:{port}"]
    command = [sys.executable, *words, "examples.mcp_flask"]
    with AuthorizationServer(default_scope=READ) as idp:
        environ = {"ISSUER": idp.issuer, "RESOURCE": url}
        log = folder / "log"

        def is_up() -> bool:
            return "Listening at" in log.read_text()

        with started(command, log, is_up, cwd=ROOT, env=environ):
            yield Site(url, idp)


def send(
    site: Site, method: str, params: Any = None, token: str = "", **headers: str
) -> tuple[int, Any]:
    """Send a request of the current revision; a header that is given here replaces its own."""
    params = params or {}
    named = {"Mcp-Name": params["name"]} if "name" in params else {}
    usual = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method, **named}
    body = {"jsonrpc": "2.0", "id": 1, "method": method}
    body["params"] = {"_meta": {VERSION: "2026-07-28"}, **params}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = call(site.url, body, token=token, headers=usual | given)
    return answer.status, answer.body


def test_a_scanner_gives_the_best_grade(site: Site, tmp_path: Path) -> None:
    """mcp-authlab logs in as a client does, attacks the endpoint with forged and foreign tokens,
    and finds that every MUST holds."""
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}

    def scanner(*words: str) -> str:
        command = [sys.executable, "-m", "mcp_authlab", *words]
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=4 * PATIENCE, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    scanner("login", site.url, "--no-browser")
    report = json.loads(scanner("scan", site.url, "--format=json", "--fail-under=A"))
    refused = [one for one in report["results"] if one["status"] in ("fail", "error")]
    assert refused == []
    assert (report["grade"], report["must_failures"]) == ("A", [])
    warned = [one["id"] for one in report["results"] if one["status"] == "warn"]
    assert warned == ["TLS-01"], "plain http on loopback is all that is left"
    skipped = [one["id"] for one in report["results"] if one["status"] == "skip"]
    assert set(skipped) <= {"SESS-01", "SESS-02"}, "there are no sessions"


def _of_sdk(site: Site) -> Any:
    """The SDK's client of OAuth, whose user agrees to everything. Loaded here, since a run without
    the extra skips this file."""
    from mcp.client.auth import OAuthClientProvider
    from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

    class Storage:
        tokens: Any = None
        client: Any = None

        async def get_tokens(self) -> Any:
            return self.tokens

        async def set_tokens(self, tokens: Any) -> None:
            self.tokens = tokens

        async def get_client_info(self) -> Any:
            return self.client

        async def set_client_info(self, client_info: Any) -> None:
            self.client = client_info

    answers: list[dict[str, list[str]]] = []

    async def visit(url: str) -> None:
        location = requests.get(url, allow_redirects=False, timeout=PATIENCE).headers["Location"]
        answers.append(parse_qs(urlsplit(location).query))

    async def come_back() -> Any:
        found = {name: values[0] for name, values in answers.pop().items()}
        return AuthorizationCodeResult(code=found["code"], state=found["state"], iss=found["iss"])

    metadata = OAuthClientMetadata.model_validate(
        {"client_name": "test", "redirect_uris": ["http://127.0.0.1:1/callback"]}
    )
    return OAuthClientProvider(site.url, metadata, Storage(), visit, come_back)


def test_the_official_client_finds_its_way_in(site: Site) -> None:
    """The Python SDK meets 401, reads the metadata, gets a token for the scope of the challenge,
    meets 403, asks for both scopes and repeats the call."""
    import anyio
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    site.idp.requested.clear()

    async def walk() -> tuple[str, list[str], list[str], list[str]]:
        with anyio.fail_after(4 * PATIENCE):
            async with (
                httpx2.AsyncClient(auth=_of_sdk(site)) as http,
                Client(streamable_http_client(site.url, http_client=http)) as client,
            ):
                tools = [tool.name for tool in (await client.list_tools()).tools]
                asked = [one["scope"] for one in site.idp.requested]
                await client.call_tool("add_note", {"text": "Buy milk"})
                found: Any = (await client.call_tool("list_notes", {})).content
                return client.protocol_version, tools, asked, [one.text for one in found]

    version, tools, asked, notes = anyio.run(walk)
    assert version == "2026-07-28"
    assert tools == ["list_notes", "add_note"]
    assert asked == [READ], "the challenge says what to ask for"
    assert notes[-1] == "Buy milk"
    assert [one["scope"] for one in site.idp.requested] == [READ, f"{READ} {WRITE}"]
    assert {one["resource"] for one in site.idp.requested} == {site.url}


def test_a_broader_scope_implies_the_narrower(site: Site) -> None:
    """Whoever may write may also read, as the protocol demands."""
    token = site.idp.mint(site.url, WRITE)
    written = {"name": "add_note", "arguments": {"text": "x"}}
    assert send(site, "tools/call", {"name": "list_notes"}, token)[0] == 200
    assert send(site, "tools/call", written, token)[0] == 200


BODIES: dict[str, tuple[str, Any, dict[str, str], int]] = {
    "a method that differs": ("ping", {}, {"Mcp_Method": "tools/list"}, -32020),
    "a tool that differs": ("tools/call", {"name": "add_note"}, {"Mcp_Name": "list_notes"}, -32020),
    "a version that differs": ("ping", {"_meta": {VERSION: "2025-06-18"}}, {}, -32020),
    "a version of nobody": ("ping", {}, {"Mcp_Protocol_Version": "1999-01-01"}, -32022),
    "an unknown method": ("tools/remove", {}, {}, -32601),
    "a meta that is a text": ("ping", {"_meta": "x"}, {}, -32020),
    "params that are a list": ("ping", ["x"], {}, -32600),
}


@pytest.mark.parametrize(("method", "params", "headers", "code"), BODIES.values(), ids=BODIES)
def test_a_request_that_contradicts_itself_is_refused(
    site: Site, method: str, params: Any, headers: dict[str, str], code: int
) -> None:
    """A proxy may have decided by the headers, so a body that says something else is 400; and
    nothing malformed is 500."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    if isinstance(params, dict):
        body["params"] = {"_meta": {VERSION: "2026-07-28"}, **params}
    usual = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    token = site.idp.mint(site.url, READ)
    answer = call(site.url, body, token=token, headers=usual | given)
    assert answer.status == (404 if code == -32601 else 400)
    assert answer.body["error"]["code"] == code


def test_only_post_is_answered(site: Site) -> None:
    """The current revision has neither a stream by GET nor a session to end."""
    token = site.idp.mint(site.url, READ)
    headers = {"Authorization": f"Bearer {token}"}
    for method in ("GET", "DELETE"):
        answer = requests.request(method, site.url, headers=headers, timeout=PATIENCE)
        assert answer.status_code == 405
