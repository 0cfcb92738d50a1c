"""A client that knows only the address of a resource finds its way to a token (RFC 9728)."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware import (
    ConfigurationError,
    Introspection,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    RevocationList,
    Rule,
    StoreUnavailable,
    any_of,
    basic_password,
    bearer,
    claim,
    enforce,
    in_cookie,
    issued_by,
    optional,
    public,
    refusal_response,
    scope,
)

from .conftest import AUDIENCE, ISSUER, Client

RESOURCE = "https://api.example/mcp"
DOCUMENT = "/.well-known/oauth-protected-resource/mcp"
URL = f"https://api.example{DOCUMENT}"
ELSEWHERE = "https://evil.example"
Visit = Callable[[Any], Client]
Guard = Callable[..., JWTMiddleware]


def parameters(answer: Any) -> dict[str, str]:
    """The parameters of the Bearer challenge of an answer."""
    (value,) = (one for one in answer.headers.getall("WWW-Authenticate") if one[:6] == "Bearer")
    return dict(
        pair.strip().replace('"', "").split("=", 1) for pair in value[7:].split('",') if pair
    )


RULES = {
    "a rule for everything": [Rule("/", scope("read"))],
    "a rule for the document": [Rule(DOCUMENT, scope("never"), exact=True)],
    "a rule for all that is well-known": [Rule("/.well-known", claim("never"))],
    "a report-only rule": [Rule("/", scope("read"), report_only=True)],
    "a public rule": [Rule("/", public), Rule("/mcp", scope("read"))],
    "a rule for some methods": [Rule("/", scope("read"), methods=("GET", "OPTIONS", "POST"))],
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("is_strict", [False, True], ids=["lenient", "strict"])
def test_no_rule_blocks_the_document(
    visit: Visit, guard: Guard, rules: list[Rule], is_strict: bool
) -> None:
    """The document is for everybody, whatever governs the paths above it, with a token that is bad
    and from a page of any origin."""
    client = visit(guard(rules=rules, resource=RESOURCE, strict_origins=is_strict))
    for headers in ({}, {"Authorization": "Bearer x"}, {"Origin": ELSEWHERE, "Host": "evil"}):
        answer = client.get(DOCUMENT, headers=headers, status=200)
        assert answer.json["resource"] == RESOURCE
        assert answer.content_type == "application/json"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "evil" not in answer.text


def test_what_the_document_says(visit: Visit, guard: Guard) -> None:
    """Issuers and scopes are those of the enforced rules, and none is named twice."""
    other = Provider(
        issuer="https://other.example", audience=AUDIENCE, keys=KeySet([Key.generate()])
    )
    never = Provider(
        issuer="https://never.example", audience=AUDIENCE, keys=KeySet([Key.generate()])
    )
    usual = guard().verifier.providers
    rules = [
        Rule("/mcp", scope("read"), issued_by(ISSUER)),
        Rule("/mcp/write", any_of(scope("write", "read"), scope("admin")), issued_by(other.issuer)),
        Rule("/mcp/new", scope("reported"), report_only=True),
        Rule("/mcp/open", public),
    ]
    app = guard(rules=rules, resource=RESOURCE, providers=[other, never, *usual])
    assert visit(app).get(DOCUMENT).json == {
        "resource": RESOURCE,
        "authorization_servers": ["https://other.example", ISSUER],
        "scopes_supported": ["read", "write", "admin"],
        "bearer_methods_supported": ["header"],
    }


PLACES = {
    "bearer": ((bearer,), ["header"]),
    "a cookie and bearer": ((in_cookie("jwt"), bearer), ["header"]),
    "a cookie": ((in_cookie("jwt"),), []),
    "a password": ((basic_password,), []),
}


@pytest.mark.parametrize(("places", "methods"), PLACES.values(), ids=PLACES)
def test_the_methods_are_the_places_that_clients_know(
    visit: Visit, guard: Guard, places: Any, methods: list[str]
) -> None:
    """Only the Authorization header is a method of RFC 6750; without it, none works."""
    document = visit(guard(credentials=places, resource=RESOURCE)).get(DOCUMENT).json
    assert document["bearer_methods_supported"] == methods


ISSUERS: dict[str, tuple[dict[str, Any], list[str] | None]] = {
    "one": ({"issuer": "https://idp.example/"}, ["https://idp.example/"]),
    "without a name": ({"issuer": None}, None),
    "a name that is not a URL": ({"issuer": "idp"}, None),
    "tenants of a list": (
        {"issuer": "https://idp.example/{tid}", "tenants": ("shop", "bank")},
        ["https://idp.example/bank", "https://idp.example/shop"],
    ),
    "tenants of a predicate": (
        {"issuer": "https://idp.example/{tid}", "tenants": lambda name: True},
        None,
    ),
}


@pytest.mark.parametrize(("terms", "servers"), ISSUERS.values(), ids=ISSUERS)
def test_only_a_url_is_an_authorization_server(
    visit: Visit, guard: Guard, terms: dict[str, Any], servers: list[str] | None
) -> None:
    """A client can do nothing with another issuer, so the member is left out (section 2)."""
    provider = Provider(**{"audience": AUDIENCE, "keys": KeySet([Key.generate()])} | terms)
    app = guard(providers=[provider], resource=RESOURCE)
    assert visit(app).get(DOCUMENT).json.get("authorization_servers") == servers


def test_one_tenant_of_a_predicate_is_named_by_its_rule(visit: Visit, guard: Guard) -> None:
    """`issued_by` says which tenant a rule accepts, so a client can be told."""
    template, tenant = "https://idp.example/{tid}", "https://idp.example/shop"
    provider = Provider(
        issuer=template,
        audience=AUDIENCE,
        keys=KeySet([Key.generate()]),
        tenants=lambda name: True,
    )
    app = guard(providers=[provider], rules=[Rule("/", issued_by(tenant))], resource=RESOURCE)
    assert visit(app).get(DOCUMENT).json["authorization_servers"] == [tenant]


def test_an_issuer_of_looked_up_tokens_is_named(visit: Visit, guard: Guard) -> None:
    """The issuer of an introspection is an authorization server too."""
    lookup = Introspection(
        "https://idp.example/introspect",
        issuer="https://idp.example",
        audience=AUDIENCE,
        client_id="a",
        client_secret="b",
    )
    document = visit(guard(providers=[lookup], resource=RESOURCE)).get(DOCUMENT).json
    assert document["authorization_servers"] == ["https://idp.example"]


ADDRESSES = {
    "https://api.example": "/.well-known/oauth-protected-resource",
    "https://api.example/": "/.well-known/oauth-protected-resource",
    "https://api.example/mcp": "/.well-known/oauth-protected-resource/mcp",
    "https://api.example/mcp/": "/.well-known/oauth-protected-resource/mcp/",
    "https://api.example:8443/a/b": "/.well-known/oauth-protected-resource/a/b",
    "http://127.0.0.1:8000/mcp": "/.well-known/oauth-protected-resource/mcp",
    "http://localhost/mcp": "/.well-known/oauth-protected-resource/mcp",
    "http://[::1]:8000/mcp": "/.well-known/oauth-protected-resource/mcp",
    "https://api.example/caf%C3%A9": "/.well-known/oauth-protected-resource/caf%C3%A9",
    "https://api.example/a:b@c": "/.well-known/oauth-protected-resource/a:b@c",
    "https://api.example/:id/*": "/.well-known/oauth-protected-resource/:id/*",
}


@pytest.mark.parametrize(("resource", "path"), ADDRESSES.items(), ids=ADDRESSES)
def test_the_path_is_inserted(visit: Visit, guard: Guard, resource: str, path: str) -> None:
    """The well-known part stands before the path of the resource (section 3.1), challenges name
    that address, and a slash at its end makes no difference."""
    client = visit(guard(resource=resource))
    assert client.get(path).json["resource"] == resource
    assert client.get(path.rstrip("/") + "/").json["resource"] == resource
    origin = resource[: resource.index("/", 8)] if "/" in resource[8:] else resource
    assert parameters(client.get("/api/me", status=401))["resource_metadata"] == f"{origin}{path}"


NO_RESOURCES = {
    "no text": 7,
    "nothing": "",
    "http": "http://api.example/mcp",
    "http on what only begins like loopback": "http://127.0.0.1.example/mcp",
    "another scheme": "ftp://api.example/mcp",
    "no scheme": "api.example/mcp",
    "a path": "/mcp",
    "no host": "https:///mcp",
    "a query": "https://api.example/mcp?a=b",
    "an empty query": "https://api.example/mcp?",
    "a fragment": "https://api.example/mcp#a",
    "an empty fragment": "https://api.example/mcp#",
    "user info": "https://ada:secret@api.example/mcp",
    "an empty user": "https://@api.example/mcp",
    "the scheme in capitals": "HTTPS://api.example/mcp",
    "the host in capitals": "https://API.example/mcp",
    "the usual port": "https://api.example:443/mcp",
    "the usual port of http": "http://localhost:80/mcp",
    "port 0": "https://api.example:0/mcp",
    "port 65536": "https://api.example:65536/mcp",
    "no number as port": "https://api.example:http/mcp",
    "an empty port": "https://api.example:/mcp",
    "a dot segment": "https://api.example/./mcp",
    "two dots": "https://api.example/a/../mcp",
    "escaped dots": "https://api.example/a/%2e%2e/mcp",
    "an empty segment": "https://api.example//mcp",
    "two slashes at the end": "https://api.example/mcp//",
    "a backslash": "https://api.example\\mcp",
    "an escaped slash": "https://api.example/a%2Fb",
    "an escaped line break": "https://api.example/a%0Ab",
    "a half escape": "https://api.example/a%2",
    "a space": "https://api.example/m cp",
    "a line break": "https://api.example/mcp\n",
    "a quote": 'https://api.example/"mcp',
    "letters beyond ASCII": "https://api.example/café",
    "a host beyond ASCII": "https://café.example/mcp",
    "digits beyond ASCII": "https://api.example:٨٠٠/mcp",
    "brackets without an address": "https://[::g]/mcp",
}


@pytest.mark.parametrize("resource", NO_RESOURCES.values(), ids=NO_RESOURCES)
def test_what_is_no_resource_stops_the_start(guard: Guard, resource: Any) -> None:
    """A resource that clients would write differently is found while building, and the message
    says the right form without a password."""
    with pytest.raises(ConfigurationError, match="resource must be the https URL") as caught:
        guard(resource=resource)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_405(visit: Visit, guard: Guard, method: str) -> None:
    """The document can only be read."""
    answer = visit(guard(resource=RESOURCE)).request(DOCUMENT, method=method, status=405)
    assert answer.headers["Allow"] == "GET, HEAD"


def test_head_is_get_without_a_body(visit: Visit, guard: Guard) -> None:
    """HEAD has the headers of GET and no body."""
    client = visit(guard(resource=RESOURCE))
    got, head = client.get(DOCUMENT), client.head(DOCUMENT, status=200)
    assert head.body == b""
    assert dict(head.headers) == dict(got.headers)
    assert head.headers["Content-Length"] == str(len(got.body))


@pytest.mark.parametrize("origins", [(), ("https://app.example",), ("*",)], ids=str)
def test_scripts_of_every_origin_may_read_it(
    visit: Visit, guard: Guard, origins: tuple[str, ...]
) -> None:
    """A client in a browser asks with a header of its own, so the preflight of any page is
    answered, whatever origins the app itself allows."""
    client = visit(guard(resource=RESOURCE, allowed_origins=origins))
    headers = {
        "Origin": ELSEWHERE,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "mcp-protocol-version",
    }
    answer = client.options(DOCUMENT, headers=headers, status=204)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert answer.headers["Access-Control-Allow-Headers"] == "mcp-protocol-version"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert client.get(DOCUMENT, headers={"Origin": ELSEWHERE}).json["resource"] == RESOURCE


def test_a_body_is_read_before_the_answer(visit: Visit, guard: Guard) -> None:
    """A server that closes a connection with an unread body resets it."""
    body = io.BytesIO(b"x" * 1000)
    visit(guard(resource=RESOURCE)).send(DOCUMENT, body, length=1000, status=405)
    assert body.read() == b""


NEIGHBORS = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp/x",
    "/.well-known/oauth-protected-resource/MCP",
    "/.well-known/oauth-protected-resource//mcp",
    "/.well-known/./oauth-protected-resource/mcp",
    "/mcp/.well-known/oauth-protected-resource",
]


@pytest.mark.parametrize("path", NEIGHBORS)
def test_other_spellings_are_governed_by_the_rules(visit: Visit, guard: Guard, path: str) -> None:
    """Only the one address is open; whatever else an app may take for it asks for a token."""
    client = visit(guard(rules=[Rule("/")], resource=RESOURCE))
    client.get(path, status=401)


def test_a_mount_below_well_known_serves_it(guard: Guard) -> None:
    """A dispatcher may hand on only what is below /.well-known."""
    app = guard(rules=[Rule("/")], resource=RESOURCE)
    mount, path = DOCUMENT.rsplit("/", 1)
    decision = app.decide({"SCRIPT_NAME": mount, "PATH_INFO": f"/{path}", "REQUEST_METHOD": "GET"})
    assert type(decision.answer).__name__ == "Metadata"


def test_without_a_resource_nothing_is_served(visit: Visit, guard: Guard) -> None:
    """The path is one like any other, and challenges are as they were."""
    client = visit(guard(rules=[Rule("/", scope("read"))]))
    answer = client.get(DOCUMENT, status=401)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


# ---------------------------------------------------------------- challenges

WAYS: dict[str, tuple[list[Rule], str | None, int, str | None]] = {
    # rules of /api, scopes of the token or none, status, scope of the challenge
    "no token, no scope": ([Rule("/api")], None, 401, None),
    "no token": ([Rule("/api", scope("a"))], None, 401, "a"),
    "no token, two scopes": ([Rule("/api", scope("a", "b"), scope("c", "a"))], None, 401, "a b c"),
    "no token, alternatives": ([Rule("/api", any_of(scope("a"), scope("b")))], None, 401, "a"),
    "a token that lacks all": ([Rule("/api", scope("a", "b"), scope("c"))], "", 403, "a b c"),
    "a token that lacks one": ([Rule("/api", scope("a"), scope("b"))], "a", 403, "a b"),
    "a token without a claim": ([Rule("/api", scope("a"), claim("x"))], "a", 403, None),
    "a caller who may not": ([Rule("/api", scope("a"), lambda caller: False)], "a", 403, None),
    "a token of another issuer": (
        [Rule("/api", any_of(claim("x"), scope("b"), issued_by(ISSUER)))],
        None,
        401,
        None,
    ),
}


@pytest.mark.parametrize(("rules", "scopes", "status", "named"), WAYS.values(), ids=WAYS)
def test_a_challenge_leads_to_a_token(
    visit: Visit,
    guard: Guard,
    forge: Any,
    rules: list[Rule],
    scopes: str | None,
    status: int,
    named: str | None,
) -> None:
    """Every 401 and 403 names the metadata; it names all scopes at once where scopes help, since a
    client asks for exactly these."""
    client = visit(guard(rules=rules, resource=RESOURCE))
    headers = {} if scopes is None else {"Authorization": f"Bearer {forge(scope=scopes)}"}
    found = parameters(client.get("/api/me", headers=headers, status=status))
    assert found["resource_metadata"] == URL
    assert found.get("scope") == named


def test_a_bad_token_is_led_to_a_good_one(visit: Visit, guard: Guard, forge: Any) -> None:
    """An expired token is answered like a missing one, and with its error."""
    client = visit(guard(rules=[Rule("/api", scope("a"))], resource=RESOURCE))
    headers = {"Authorization": f"Bearer {forge(exp=1)}"}
    found = parameters(client.get("/api/me", headers=headers, status=401))
    assert (found["error"], found["scope"]) == ("invalid_token", "a")
    assert found["resource_metadata"] == URL


def test_a_malformed_request_gets_no_scope(visit: Visit, guard: Guard) -> None:
    """No other scope would help a client that sends nonsense."""
    client = visit(guard(rules=[Rule("/api", scope("a"))], resource=RESOURCE))
    found = parameters(client.get("/api/me", headers={"Authorization": "Bearer"}, status=400))
    assert found["resource_metadata"] == URL
    assert "scope" not in found


def test_a_fault_of_ours_has_no_challenge(visit: Visit, guard: Guard, forge: Any) -> None:
    """503 does not send a client for another token."""

    class Log:
        def read_revocations(self, cursor: object) -> Any:
            raise StoreUnavailable("down")

    client = visit(guard(revocations=RevocationList(Log()), resource=RESOURCE))
    headers = {"Authorization": f"Bearer {forge()}"}
    answer = client.get("/api/me", headers=headers, status=503)
    assert "WWW-Authenticate" not in answer.headers


def test_a_view_asks_for_its_own_scope_too(visit: Visit, guard: Guard, forge: Any) -> None:
    """The 403 of a view names the scopes of the rule and its own: a token with the view's alone
    would meet the next 403."""

    def app(environ: Any, start_response: Any) -> Any:
        try:
            enforce(environ, scope("write"))
        except Exception as refusal:
            return refusal_response(refusal, environ)(environ, start_response)  # type: ignore[arg-type]
        raise AssertionError

    client = visit(guard(app, rules=[Rule("/api", scope("read"))], resource=RESOURCE))
    headers = {"Authorization": f"Bearer {forge(scope='read')}"}
    found = parameters(client.get("/api/me", headers=headers, status=403))
    assert (found["scope"], found["resource_metadata"]) == ("read write", URL)


def test_the_document_does_not_depend_on_the_request(visit: Visit, guard: Guard) -> None:
    """A client may send any Host, port and forwarded address: the document is the configured one,
    byte for byte."""
    client = visit(guard(rules=[Rule("/", optional)], resource=RESOURCE))
    usual = client.get(DOCUMENT)
    for headers in (
        {"Host": "evil.example:1"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/x"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Script-Name": "/.well-known"},
    ):
        answer = client.get(DOCUMENT, headers=headers)
        assert answer.body == usual.body
        assert sorted(answer.headers.items()) == sorted(usual.headers.items())
