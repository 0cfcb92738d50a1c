"""The answers of the middleware itself: status, challenge, body, and nothing else."""

import io
from typing import Any

import pytest

from jwt_middleware import (
    JWTMiddleware,
    Key,
    Provider,
    RevocationList,
    Rule,
    StoreUnavailable,
    Unavailable,
)
from jwt_middleware.login import TokenMinter
from jwt_middleware.trust.revocation import Revocation, RevocationPage, revocation_keys

from .conftest import AUDIENCE, ISSUER, SECRET

OTHER = "another secret that is as long as it has to be"

# situation: Authorization, status, error, reason; {good} and the like stand for tokens
ANSWERS = {
    "no Authorization": (None, 401, None, "missing"),
    "empty": ("", 401, None, "missing"),
    "another scheme": ("Basic YWRhOnB3", 401, None, "unread_scheme"),
    "a scheme that begins like Bearer": ("Bearerish {good}", 401, None, "unread_scheme"),
    "Bearer without a token": ("Bearer", 400, "invalid_request", "malformed"),
    "Bearer and a space": ("Bearer ", 400, "invalid_request", "malformed"),
    "two tokens": ("Bearer {good} {good}", 400, "invalid_request", "malformed"),
    "two headers, joined": ("Bearer {good},Bearer {good}", 400, "invalid_request", "malformed"),
    "a comma": ("Bearer {good},", 400, "invalid_request", "malformed"),
    "a tab": ("Bearer\t{good}", 400, "invalid_request", "malformed"),
    "bytes outside token68": ("Bearer a\xe9b", 400, "invalid_request", "malformed"),
    "a quote": ('Bearer "{good}"', 400, "invalid_request", "malformed"),
    "no JWT": ("Bearer abc", 401, "invalid_token", "malformed"),
    "another signature": ("Bearer {other_key}", 401, "invalid_token", "signature"),
    "no signature": ("Bearer {unsigned}", 401, "invalid_token", "algorithm"),
    "another algorithm": ("Bearer {other_algorithm}", 401, "invalid_token", "algorithm"),
    "expired": ("Bearer {expired}", 401, "invalid_token", "expired"),
    "not valid yet": ("Bearer {early}", 401, "invalid_token", "not_yet_valid"),
    "another issuer": ("Bearer {other_issuer}", 401, "invalid_token", "issuer"),
    "another audience": ("Bearer {other_audience}", 401, "invalid_token", "audience"),
    "another type of token": ("Bearer {other_type}", 401, "invalid_token", "type"),
    "without exp": ("Bearer {endless}", 401, "invalid_token", "claims"),
    "without a subject": ("Bearer {nobody}", 401, "invalid_token", "claims"),
    "too big": (f"Bearer {'a' * 8193}", 401, "invalid_token", "too_large"),
}


@pytest.fixture
def tokens(forge: Any) -> dict[str, str]:
    """A good token, and one for each fault."""
    return {
        "good": forge(),
        "other_key": forge(key=OTHER),
        "unsigned": forge(key=None, algorithm="none"),
        "other_algorithm": forge(key=SECRET * 2, algorithm="HS512"),
        "expired": forge(exp=1_000_000_000),
        "early": forge(nbf=4_000_000_000),
        "other_issuer": forge(iss="https://evil.example"),
        "other_audience": forge(aud="another-api"),
        "other_type": forge(headers={"typ": "JWT"}),
        "endless": forge(exp=None),
        "nobody": forge(sub=None),
    }


def headers_of(authorization: str | None, tokens: dict[str, str]) -> dict[str, str]:
    return {} if authorization is None else {"Authorization": authorization.format(**tokens)}


@pytest.mark.parametrize(
    ("authorization", "status", "error", "reason"), ANSWERS.values(), ids=ANSWERS
)
def test_refusal(
    authorization: str | None,
    status: int,
    error: str | None,
    reason: str,
    api: Any,
    tokens: dict[str, str],
) -> None:
    """Each situation has its status, its challenge (RFC 6750) and its problem document (RFC
    9457)."""
    answer = api.get("/api/me", headers=headers_of(authorization, tokens), status=status)
    challenge = answer.headers["WWW-Authenticate"]
    if error is None:
        assert challenge == 'Bearer realm="api"'
    else:
        description = answer.json["detail"]
        assert (
            challenge == f'Bearer realm="api", error="{error}", error_description="{description}"'
        )
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (answer.json["error"], answer.json["reason"], answer.json["status"]) == (
        error,
        reason,
        status,
    )
    assert answer.json["detail"].isascii()


@pytest.mark.parametrize("authorization", [row[0] for row in ANSWERS.values()], ids=ANSWERS)
def test_nothing_of_the_request_is_echoed(
    authorization: str | None, api: Any, tokens: dict[str, str]
) -> None:
    """Two requests with the same fault get the same bytes, whatever path, query and body they
    have."""
    headers = headers_of(authorization, tokens)
    first = api.get("/api/me", headers=headers, expect_errors=True)
    second = api.post(
        "/api/you?q=evil", "evil", headers=headers | {"X-Evil": "evil"}, expect_errors=True
    )
    assert (first.status, first.headerlist, first.body) == (
        second.status,
        second.headerlist,
        second.body,
    )


@pytest.mark.parametrize(
    "authorization", ["Bearer {good}", "bearer {good}", "BEARER {good}", "Bearer    {good}"]
)
def test_a_good_token_passes(authorization: str, api: Any, tokens: dict[str, str]) -> None:
    """The scheme is read without regard to case, with one or more spaces after it (RFC 9110 section
    11.1)."""
    assert api.get("/api/me", headers=headers_of(authorization, tokens)).json["subject"] == "1"


def test_a_scope_is_missing(site: Any, store: Any) -> None:
    """Verified, but without the scope: 403 that names what is needed, and with it 200."""
    store.set_scopes("ada", ["reader"])
    site.sign_in()
    answer = site.get("/api/admin", status=403)
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith(
        'Bearer realm="api", error="insufficient_scope", error_description="'
    )
    assert challenge.endswith('", scope="admin"')
    assert (answer.json["error"], answer.json["reason"]) == ("insufficient_scope", "scope")
    store.set_scopes("ada", ["reader", "admin"])
    site.sign_in()
    site.get("/api/admin", status=200)


class NoKeys:
    """Keys of an issuer that cannot be reached."""

    generation = 0

    def find(self, kid: str | None) -> Any:
        """Fail as a source does that never had a key."""
        raise Unavailable("keys_unavailable", retry_after=7)


class NoLog:
    """A log of revocations in a store that is down."""

    def read_revocations(self, cursor: object) -> Any:
        """Fail as a store does."""
        raise StoreUnavailable("the store is down")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"providers": [Provider(issuer=ISSUER, audience=AUDIENCE, keys=NoKeys())]},
            "keys_unavailable",
        ),
        ({"revocations": RevocationList(NoLog(), max_outage=0)}, "revocations_unavailable"),
    ],
    ids=["no usable key", "revocations unknown for too long"],
)
def test_our_own_fault(options: Any, reason: str, visit: Any, guard: Any, forge: Any) -> None:
    """What we cannot judge is 503 with Retry-After and no challenge: another token would not
    help."""
    answer = visit(guard(**options)).get(
        "/api", headers={"Authorization": f"Bearer {forge()}"}, status=503
    )
    assert int(answer.headers["Retry-After"]) > 0
    assert "WWW-Authenticate" not in answer.headers
    assert (answer.json["error"], answer.json["reason"]) == ("temporarily_unavailable", reason)


class LogOfOneSession:
    """A log in which the session "s" is revoked."""

    def read_revocations(self, cursor: object) -> RevocationPage:
        """Answer with the one entry."""
        keys = revocation_keys(ISSUER, None, "s")
        return RevocationPage(1, [Revocation(key, 4e9) for key in keys])


def test_revoked(visit: Any, guard: Any, forge: Any) -> None:
    """A token of a revoked session is refused, one of another session is not."""
    api = visit(guard(revocations=RevocationList(LogOfOneSession())))
    answer = api.get("/api", headers={"Authorization": f"Bearer {forge()}"}, status=401)
    assert (answer.json["error"], answer.json["reason"]) == ("invalid_token", "revoked")
    api.get("/api", headers={"Authorization": f"Bearer {forge(sid='another')}"}, status=200)


@pytest.mark.parametrize(
    ("authorization", "status"), [(None, 401), ("Bearer", 400), ("Bearer abc", 401)]
)
def test_head_has_no_body(authorization: str | None, status: int, api: Any) -> None:
    """HEAD is answered with the headers of GET and no body (RFC 9110 section 9.3.2)."""
    headers = headers_of(authorization, {})
    get, head = (
        api.request("/api", method=method, headers=headers, status=status)
        for method in ("GET", "HEAD")
    )
    assert head.body == b""
    assert head.headerlist == get.headerlist


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_is_guarded(method: str, api: Any) -> None:
    """A rule without methods holds for all of them, OPTIONS included."""
    api.request("/api", method=method, status=401)


def test_the_realm_is_the_owners(visit: Any, guard: Any) -> None:
    """`realm` names the protection space in every challenge."""
    answer = visit(guard(realm="my shop")).get("/api", status=401)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="my shop"'


@pytest.mark.parametrize("length", [10, 1_000_000], ids=["short", "long"])
def test_the_body_of_a_refused_request_is_read(length: int, api: Any) -> None:
    """So that a client that is still sending reads the refusal and not a reset."""
    body = io.BytesIO(b"x" * length)
    api.send("/api", body, length=length, status=401)
    assert body.tell() == length


@pytest.mark.parametrize("length", [20_000_000, None], ids=["with a length", "chunked"])
def test_no_more_than_a_bound_is_read(length: int | None, api: Any) -> None:
    """A client that sends for ever does not keep a worker: at most 8 MiB are read."""
    body = io.BytesIO(b"x" * 20_000_000)
    api.send("/api", body, length=length, status=401)
    assert body.tell() == 8 * 1024 * 1024


def test_a_body_that_cannot_be_read(api: Any) -> None:
    """A connection that breaks while the body is read costs nobody a 500."""

    class Broken(io.BytesIO):
        def read(self, *args: Any) -> bytes:
            raise ConnectionResetError

    api.send("/api", Broken(), length=10, status=401)


def test_several_providers(visit: Any, guard: Any, minter: TokenMinter, forge: Any) -> None:
    """Each token is verified with the keys of its own issuer, whoever else is trusted."""
    key = Key.generate()
    second = TokenMinter(key, issuer="https://second.example", audience="example-api")
    api = visit(guard(providers=[minter.provider, second.provider]))
    for token, issuer in (
        (minter.mint("ada"), ISSUER),
        (second.mint("ada"), "https://second.example"),
    ):
        api.authorization = ("Bearer", token)
        assert api.get("/api").json["claims"]["iss"] == issuer
    api.authorization = (
        "Bearer",
        forge(iss="https://second.example"),
    )  # signed with the first one's secret
    assert api.get("/api", status=401).json["reason"] == "algorithm"


def test_rules_of_a_path(visit: Any, guard: Any, forge: Any) -> None:
    """The longest prefix by whole segments governs, also below a mount; a path without a rule is
    open."""
    api = visit(guard())
    for path, status in {
        "/api/x": 401,
        "/apix": 200,
        "/": 200,
        "/api/health": 200,
        "/api/health/x": 200,
    }.items():
        api.get(path, status=status)
    assert api.get("/news").json["subject"] is None
    api.authorization = ("Bearer", forge())
    assert api.get("/news").json["subject"] == "1"
    api.authorization = ("Bearer", forge(exp=1_000_000_000))
    api.get("/news", status=401)
    api.get("/api/health", status=200)


def test_a_rule_for_the_outer_path_closes(
    mount: str, visit: Any, guard: Any, minter: TokenMinter
) -> None:
    """A rule written for the path outside of the mount still guards it."""
    api: JWTMiddleware = guard(rules=[Rule(f"{mount}/api/admin"), Rule("/elsewhere")])
    visit(api).get("/api/admin/x", status=401)
