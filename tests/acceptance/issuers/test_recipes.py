"""Each page of an issuer in `docs/issuers` is run as it is, against the stand-in of the issuer:
what it sends to an API is accepted, everything else of it is refused."""

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from flask import Flask, jsonify, request

from jwt_middleware import Identity, JWTMiddleware, Provider, RemoteKeySet, Rule
from jwt_middleware.cli.root import root
from tests.acceptance.conftest import Client
from tests.kit.cases import case
from tests.kit.pages import DOCS, blocks, pages, run_snippets

from .conftest import Network
from .stand_ins import PLACES, STAND_INS, Case, Cases, bearer

GENERAL = {"index", "odd-tokens", "opaque-tokens", "openid", "tenants"}
"""The pages of `docs/issuers` that are about no single issuer."""

SHARED_SECRET = {"simplejwt", "devise-jwt"}
"""The issuers without a key document."""

Visit = Callable[[Any], Client]


def whoami(rest: str = "") -> Any:
    """What an app sees of its caller."""
    caller = Identity.from_environ(request.environ)
    assert caller
    return jsonify(subject=caller.subject, user=request.environ.get("REMOTE_USER"))


def built(page: str, network: Network, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the snippets of a page as one file, and give its apps a view."""
    monkeypatch.chdir(network.folder)
    names = run_snippets(network.folder, *blocks(DOCS / "issuers" / f"{page}.md", "python"))
    for app in names.values():
        if isinstance(app, Flask):
            app.add_url_rule("/<path:rest>", "whoami", whoami, methods=["GET", "POST"])
    return names


def headers_of(page: str, token: str) -> dict[str, str]:
    """The request header in which the issuer's tokens come."""
    return PLACES.get(page, bearer)(token)


def outcome(client: Client, page: str, found: Case) -> Any:
    """What comes of a token: the subject, or the status and the reason."""
    client.secrets.add(found.token)
    headers = headers_of(page, found.token)
    answer = client.get(found.path, headers=headers, expect_errors=True)
    if answer.status_int == 200:
        return answer.json["subject"]
    assert found.token not in answer.text
    return answer.status_int, answer.json["reason"]


def good_of(cases: Cases) -> Case:
    """The first token of the table, which the page's app accepts."""
    good = next(iter(cases.values()))
    assert isinstance(good.expected, str)
    return good


@pytest.mark.parametrize("page", STAND_INS)
def test_the_tokens_of_an_issuer(
    page: str, network: Network, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Access tokens name their caller; refresh and ID tokens, those for other audiences and those
    without the role are refused, each with the status and the reason that the page names."""
    cases = STAND_INS[page](network)
    names = built(page, network, monkeypatch)
    clients = {name: visit(names[name]) for name in sorted({one.app for one in cases.values()})}
    for name, found in cases.items():
        with case(page, name):
            assert outcome(clients[found.app], page, found) == found.expected
    for name, client in clients.items():
        with case(page, name):
            assert client.get("/api/x", status=401).json["reason"] == "missing"


@pytest.mark.parametrize("page", [page for page in STAND_INS if page not in SHARED_SECRET])
@pytest.mark.parametrize("status", [401, 500])
def test_an_issuer_that_is_away_costs_no_401(
    page: str, status: int, network: Network, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its keys, a token that may be good is 503."""
    good = good_of(STAND_INS[page](network))
    client = visit(built(page, network, monkeypatch)[good.app])
    for server in network.servers:
        server.fail(status)
    assert outcome(client, page, good) == (503, "keys_unavailable")


@pytest.mark.parametrize("page", STAND_INS)
def test_the_command_of_the_page_says_why(
    page: str, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`token inspect --app app:app` in the folder of the app accepts the good token, and names the
    reason of each 401."""
    text = (DOCS / "issuers" / f"{page}.md").read_text().split("## Check it")[1]
    (command,) = set(re.findall(r"jwt-middleware (token inspect --app app:app) < token", text))
    cases = STAND_INS[page](network)
    built(page, network, monkeypatch)
    monkeypatch.syspath_prepend(str(network.folder))
    monkeypatch.setitem(sys.modules, "app", None)  # so that what the command imports goes again
    del sys.modules["app"]
    accepted = CliRunner().invoke(root, command.split(), input=good_of(cases).token)
    assert (accepted.exit_code, accepted.exception) == (0, None), accepted.output
    for name, found in cases.items():
        if found.app == "app" and isinstance(found.expected, tuple) and found.expected[0] == 401:
            with case(page, name):
                refused = CliRunner().invoke(root, command.split(), input=found.token)
                assert refused.exit_code == 1
                words = found.expected[1].replace("malformed", "not a well-formed JWT")
                assert words in refused.output


def test_every_page_of_an_issuer_is_run() -> None:
    """No page without a stand-in, none without the parts that a reader looks for."""
    found = {name.removeprefix("issuers/").removesuffix(".md") for name in pages()}
    own = {name for name in found if (DOCS / "issuers" / f"{name}.md").exists()}
    assert own - GENERAL == set(STAND_INS)
    for page in STAND_INS:
        text = (DOCS / "issuers" / f"{page}.md").read_text()
        headings = re.findall("^## (.+)$", text, re.MULTILINE)
        with case(page):
            assert headings[0] == "What it sends"
            assert headings[-3].startswith("In ")
            assert headings[-2:] == ["Traps", "Check it"]


@pytest.mark.parametrize("page", STAND_INS)
def test_a_trap_names_what_happens(page: str, network: Network) -> None:
    """Each status with a reason in a page is what a token of its stand-in gets."""
    text = (DOCS / "issuers" / f"{page}.md").read_text()
    named = re.findall(r"\b(40[013]) `(\w+)`", text)
    assert named
    happens = {one.expected for one in STAND_INS[page](network).values()}
    assert {(int(status), reason) for status, reason in named} <= happens


def test_the_cookie_of_clerk(
    network: Network, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session cookie is a credential too, for an unsafe method only from pages of this site."""
    good = good_of(STAND_INS["clerk"](network))
    client = visit(built("clerk", network, monkeypatch)["app"])
    client.secrets.add(good.token)
    cookie = {"Cookie": f"__session={good.token}; other=1"}
    assert client.get("/api/x", headers=cookie).json["subject"] == "user_123"
    site = {"Sec-Fetch-Site": "cross-site"}
    refused = client.post("/api/x", headers=cookie | site, status=403)
    assert refused.json["reason"] == "cross_site"
    client.post("/api/x", headers=cookie | {"Sec-Fetch-Site": "same-origin"}, status=200)


@pytest.mark.parametrize("page", PLACES)
def test_the_header_of_a_gateway(
    page: str, network: Network, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program's POST passes, a foreign page's does not; `Authorization` is not read, and the name
    for logs is the person's address."""
    good = good_of(STAND_INS[page](network))
    client = visit(built(page, network, monkeypatch)["app"])
    client.secrets.add(good.token)
    headers = headers_of(page, good.token)
    assert client.post("/api/x", headers=headers).json["user"] == "ada@example.com"
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    refused = client.post("/api/x", headers=headers | foreign, status=403)
    assert refused.json["reason"] == "cross_site"
    refused = client.get("/api/x", headers=bearer(good.token), status=401)
    assert refused.json["reason"] == "unread_scheme"


def test_the_token_of_a_pod_rotates(
    network: Network, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is read at each fetch, so a cluster that wants the new one gets it."""
    good = good_of(STAND_INS["kubernetes"](network))
    client = visit(built("kubernetes", network, monkeypatch)["app"])
    (network.folder / "serviceaccount" / "token").write_text("the next token\n")
    (server,) = network.servers
    server.authorization = "Bearer the next token"
    assert outcome(client, "kubernetes", good) == good.expected


def test_the_volume_of_a_pod_names_the_app(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the pods mount has the audience that the app asks for, and the file of its own name."""
    STAND_INS["kubernetes"](network)
    provider = built("kubernetes", network, monkeypatch)["cluster"]
    (text,) = blocks(DOCS / "issuers" / "kubernetes.md", "yaml")
    ((volume,),) = yaml.safe_load(text).values()
    (source,) = volume["projected"]["sources"]
    assert source["serviceAccountToken"] == {
        "audience": provider.audience,
        "expirationSeconds": 3600,
        "path": "token",
    }


def test_the_certificates_of_firebase_are_no_key_set(
    network: Network, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap of the page: the document of X.509 certificates is 503, and the log says why."""
    good = good_of(STAND_INS["firebase"](network))
    path = "/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"
    (server,) = network.servers
    server.documents[path] = {"kid": "-----BEGIN CERTIFICATE-----\nMIIC\n"}
    provider = Provider(
        issuer=server.issuer,
        audience="example-project",
        keys=RemoteKeySet(f"https://www.googleapis.com{path}"),
    )
    app = Flask("certificates")
    app.wsgi_app = JWTMiddleware(  # type: ignore[method-assign]
        app.wsgi_app, providers=[provider], rules=[Rule("/api")]
    )
    assert outcome(visit(app), "firebase", good) == (503, "keys_unavailable")
