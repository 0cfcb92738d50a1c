"""What an example of a feature promises beyond what every example does, by WebTest in this
process."""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from jwt_middleware import Key, Unavailable
from jwt_middleware.login import TokenMinter
from jwt_middleware.testing import DPoPKey
from tests.examples.old_app import DECODES, ENCODES, SECRET, old_app, old_tokens
from tests.examples.walking import PASSWORD, Call, loading, sign_in, webtest_call

PARTNER, FRONT_END = "https://partner.example/", "https://app.example"
KEY = Key.generate()
PREFLIGHT = {"method": "OPTIONS", "Origin": FRONT_END, "Access_Control_Request_Method": "GET"}


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Imports an example of this name."""
    public = KEY.verifying_key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()
    environ = {
        "PASSWORD": PASSWORD,
        "JWT_SECRET_KEY": SECRET,
        "PARTNER_KEY": public,
        "FRONT_END": FRONT_END,
    }
    with loading(environ, tmp_path_factory.mktemp("features")) as load:
        yield load


@pytest.fixture
def call(load: Callable[[str], Any], name: str) -> Call:
    """Calls the example of this name."""
    return webtest_call(load(name).application)


def of(name: str) -> pytest.MarkDecorator:
    """This test is about the example of this name."""
    return pytest.mark.parametrize("name", [name], ids=str)


# ---------------------------------------------------------------- dpop_flask


@of("dpop_flask")
def test_a_bound_token_pays_and_a_copy_of_it_does_not(call: Call) -> None:
    """A client with a key signs in and pays; the token alone, a used proof, and a plain token of
    another client do not."""
    url, key = "http://localhost:8000", DPoPKey()
    fields = {"username": "ada", "password": PASSWORD}
    nonce = call("/auth/token", fields=fields, DPoP=key.proof("POST", f"{url}/auth/token")).headers[
        "dpop-nonce"
    ]
    proof = key.proof("POST", f"{url}/auth/token", nonce=nonce)
    answer = call("/auth/token", fields=fields, DPoP=proof)
    assert (answer.status, answer.body["token_type"]) == (200, "DPoP")
    token = answer.body["token"]
    headers = key.headers("POST", f"{url}/api/pay", token, nonce=nonce)
    assert call("/api/pay", method="POST", **headers).body == {"id": "1"}
    for attempt, reason in (
        (headers, "proof_replayed"),
        ({"Authorization": f"Bearer {token}"}, "proof"),
        (DPoPKey().headers("POST", f"{url}/api/pay", token, nonce=nonce), "proof_key"),
    ):
        refused = call("/api/pay", method="POST", **attempt)
        assert (refused.status, refused.body["reason"]) == (401, reason)
    plain = sign_in(call).body["token"]
    assert call("/api/me", plain).status == 200
    assert call("/api/pay", plain, method="POST").body["reason"] == "unbound"
    assert b"dpop: true" in call("/").body


# ---------------------------------------------------------------- scopes


@of("scopes")
@pytest.mark.parametrize(
    ("username", "verb", "path", "status"),
    [
        ("ada", "GET", "/api/docs/7", 200),
        ("ada", "POST", "/api/docs/7", 200),
        ("grace", "GET", "/api/docs/7", 200),
        ("grace", "POST", "/api/docs/7", 403),
        ("ada", "GET", "/api/team", 200),
        ("grace", "GET", "/api/team", 403),
        ("ada", "GET", "/api/books", 403),
        ("grace", "GET", "/api/books", 200),
    ],
)
def test_scopes_and_claims_open_the_paths_that_ask_for_them(
    call: Call, username: str, verb: str, path: str, status: int
) -> None:
    """ada may write and leads a team, grace reads and audits; a token that lacks what a rule asks
    is 403."""
    token = sign_in(call, username=username).body["token"]
    assert call(path, token, {"some": "text"} if verb == "POST" else None).status == status


@pytest.mark.needs_frameworks
@of("pyramid_app")
def test_a_permission_of_pyramid_is_a_scope(load: Callable[[str], Any], call: Call) -> None:
    """A view with a permission is for tokens with that scope."""
    minter = load("pyramid_app").minter
    statuses = [
        call("/api/admin", minter.mint("1", scopes=scopes)).status for scopes in ((), ("admin",))
    ]
    assert statuses == [403, 200]


# ---------------------------------------------------------------- several providers


@of("several_providers")
def test_a_path_of_one_issuer_refuses_the_tokens_of_another(call: Call) -> None:
    """Both may call /api; below `issued_by` only the named issuer's."""
    ours = sign_in(call).body["token"]
    partner = TokenMinter(KEY, issuer=PARTNER, audience="example-api").mint("ada")
    assert call("/api/me", partner).body == {"id": "ada", "issuer": PARTNER}
    assert [call("/api/staff/me", token).status for token in (ours, partner)] == [200, 401]
    assert [call("/api/partner/me", token).status for token in (ours, partner)] == [401, 200]


# ---------------------------------------------------------------- personal tokens


@of("personal_tokens")
def test_a_person_makes_a_token_for_a_machine(call: Call) -> None:
    """Which is accepted like the person's own, and can make no other token."""
    mine = sign_in(call).body["token"]
    assert call("/api/tokens", fields={"x": 1}).status == 401
    token = call("/api/tokens", mine, {"x": 1}).body["token"]
    assert call("/api/me", token).body == {"id": "1"}
    assert call("/api/tokens", token, {"x": 1}).status == 401


@of("personal_tokens")
@pytest.mark.parametrize("kind", ["JWT", "personal token"])
def test_a_client_that_only_knows_basic_sends_the_token_as_a_password(
    call: Call, load: Callable[[str], Any], kind: str
) -> None:
    """Beside any name, or as the name beside no password; nothing else is a password, and a machine
    makes no token so either. A token that was taken back is refused."""
    mine = sign_in(call).body["token"]
    token = mine if kind == "JWT" else call("/api/tokens", mine, {"x": 1}).body["token"]
    for pair in (f"ada:{token}", f"__token__:{token}", f"{token}:"):
        sent = {"Authorization": _basic(pair)}
        assert call("/api/me", **sent).body == {"id": "1"}
        made = call("/api/tokens", method="POST", **sent)
        assert made.status == (200 if kind == "JWT" else 401)
    assert call("/api/me", Authorization=_basic(f"ada:{PASSWORD}")).status == 401
    if kind == "personal token":
        load("personal_tokens").store.remove_token(token[9:21])
        time.sleep(1)
        assert call("/api/me", Authorization=_basic(f"ada:{token}")).status == 401


def _basic(pair: str) -> str:
    return f"Basic {b64encode(pair.encode()).decode()}"


# ---------------------------------------------------------------- pages


@of("pages_flask")
def test_a_form_of_the_page_is_taken_and_one_of_another_site_is_not(call: Call) -> None:
    """The cookie of a signed-in browser opens the page; a foreign form changes nothing."""
    cookie = {"Cookie": f"jwt={sign_in(call).body['token']}"}
    assert call("/notes", Accept="text/html").status == 303
    assert b"<form" in call("/notes", **cookie).body
    foreign = {"Origin": "https://evil.example", **cookie}
    assert call("/notes", method="POST", **foreign).status == 403
    own = {"Sec_Fetch_Site": "same-origin", **cookie}
    assert call("/notes", method="POST", **own).status == 400  # Flask's answer: the note is missing


# ---------------------------------------------------------------- a front end of another origin


@of("cross_origin")
@pytest.mark.parametrize("path", ["/api/me", "/auth/token"])
def test_a_browser_may_call_from_the_front_end(call: Call, path: str) -> None:
    """A preflight of the login and of the API is answered 204, for this origin."""
    answer = call(path, **PREFLIGHT)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, FRONT_END)


@of("cross_origin")
def test_the_front_end_can_read_a_refusal_and_nobody_else_can(call: Call) -> None:
    """A 401 is shared with the listed origin alone."""
    shared, kept = call("/api/me", Origin=FRONT_END), call("/api/me", Origin="https://evil.example")
    assert (shared.status, shared.headers["access-control-allow-origin"]) == (401, FRONT_END)
    assert (kept.status, kept.headers.get("access-control-allow-origin")) == (401, None)


# ---------------------------------------------------------------- a mount


@of("mounted_app")
def test_a_rule_is_relative_to_the_mount(call: Call) -> None:
    """`/data` of the mounted app is /reports/data, whatever its spelling; the rest of the mount is
    open."""
    token = sign_in(call).body["token"]
    assert [
        call(path).status
        for path in ("/reports/data/me", "/reports//data/me", "/reports/x/../data/me")
    ] == [401] * 3
    assert call("/reports/data/me", token).body == {"id": "1"}
    assert call("/reports/").body == {"id": None}


# ---------------------------------------------------------------- operation


@of("readiness")
def test_a_probe_is_told_of_keys_and_revocations(load: Callable[[str], Any], call: Call) -> None:
    """200 and what is ready without a token; 503 when the revocations cannot be read."""
    answer = call("/readyz")
    assert answer.status == 200
    assert answer.body["keys"] == [{"issuer": "https://example.com", "ready": True, "age": None}]
    assert answer.body["revocations"]["ready"] is True
    revocations = load("readiness").guarded.verifier.revocations
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(revocations, "check", _fail)
        answer = call("/readyz")
        assert (answer.status, answer.body["ready"]) == (503, False)
    assert call("/readyz").status == 200


def _fail(keys: object) -> None:
    raise Unavailable("revocations_unavailable")


@of("readiness")
def test_the_rule_to_come_refuses_nobody(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """ada has no scope for it, is let through, and the log says that she would be refused."""
    caplog.set_level("INFO", "jwt_middleware")
    assert call("/api/me", sign_in(call).body["token"]).body == {"id": "1"}
    assert [
        record.getMessage() for record in caplog.records if record.name == "jwt_middleware"
    ] == ['would refuse GET /api/me: scope subject="1" audience="example-api"']


@of("opentelemetry_flask")
def test_decisions_go_to_opentelemetry(load: Callable[[str], Any], name: str) -> None:
    """A span and a count for each decision, read from exporters in memory; only the span names who
    is calling."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(MeterProvider([reader], shutdown_on_exit=False))
    call = webtest_call(load(name).application)
    token = sign_in(call).body["token"]
    assert [call("/api/me").status, call("/api/me", token).status] == [401, 200]
    found = [dict(span.attributes or {}) for span in spans.get_finished_spans()]
    assert found == [
        {"rule": "/api", "reason": "missing"},
        {"rule": "/api", "reason": "allowed", "enduser.id": "1"},
    ]
    read: Any = reader.get_metrics_data()
    (metric,) = read.resource_metrics[0].scope_metrics[0].metrics
    counted = {point.attributes["reason"]: point.value for point in metric.data.data_points}
    assert counted == {"missing": 1, "allowed": 1}


# ---------------------------------------------------------------- Flask-JWT-Extended


@of("from_flask_jwt_extended")
@pytest.mark.parametrize(
    ("kind", "path", "status"),
    [
        ("access", "/api/me", 200),
        ("fresh", "/api/me", 200),
        ("refresh", "/api/me", 403),
        ("access", "/api/password", 403),
        ("fresh", "/api/password", 200),
    ],
)
def test_what_a_token_of_flask_jwt_extended_may_do(
    call: Call, kind: str, path: str, status: int
) -> None:
    """Access tokens pass, refresh tokens do not, and freshness is a claim to ask for."""
    assert call(path, old_tokens(**ENCODES)[kind]).status == status


@of("from_flask_jwt_extended")
def test_tokens_need_an_issuer_and_an_audience_before_the_move(call: Call) -> None:
    """A token without them is good for the old app alone; and not even there once that asks for
    them."""
    plain, moved = old_tokens()["access"], old_tokens(**ENCODES)["access"]
    assert [call("/api/me", token).status for token in (plain, moved)] == [401, 200]
    ahead, after = webtest_call(old_app(**ENCODES)), webtest_call(old_app(**ENCODES, **DECODES))
    assert [ahead("/", token).status for token in (plain, moved)] == [200, 200]
    assert [after("/", token).status for token in (plain, moved)] == [422, 200]


# ---------------------------------------------------------------- views


@pytest.mark.parametrize("name", ["flask_views", "bottle_views"])
def test_a_view_asks_more_than_its_path(call: Call, name: str) -> None:
    """Removing a user needs a scope that ada does not have; Flask's lets people remove themselves.
    Without a token it is 401."""
    token = sign_in(call).body["token"]
    answer = call("/api/users/2", token, method="DELETE")
    assert (answer.status, answer.body["reason"]) == (403, "scope")
    assert call("/api/users/2", method="DELETE").status == 401
    assert call("/api/users/1", token, method="DELETE").status == (
        200 if name == "flask_views" else 403
    )


@of("flask_views")
def test_a_page_for_everybody_knows_who_is_calling(call: Call) -> None:
    """`@jwt_required(optional=True)`."""
    token = sign_in(call).body["token"]
    assert [call("/").body, call("/", token).body] == [{"for": "everybody"}, {"for": "1"}]
    assert call("/", "a.b.c").status == 401
