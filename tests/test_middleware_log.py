"""What the middleware writes into the log `jwt_middleware`: one line for each refusal."""

import json
import logging
import time
from typing import Any

import jwt
import pytest
from webtest import TestApp

from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule, public, scope

ISSUER, AUDIENCE, SECRET = (
    "https://login.example",
    "example-api",
    "a secret of the tests, long enough",
)
FIELDS = ("reason", "rule", "issuer", "kid", "method", "path")


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that is always well."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def client() -> TestApp:
    """A client of the guarded app."""
    provider = Provider(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([Key.from_secret(SECRET)]))
    rules = [Rule("/api"), Rule("/api/admin", scope("admin")), Rule("/api/open", public)]
    return TestApp(JWTMiddleware(app, providers=[provider], rules=rules))


def token(*, kid: Any = "2026", **claims: Any) -> str:
    """A token that is good but for what is given."""
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 3600}
    return jwt.encode(usual | claims, SECRET, "HS256", {"kid": kid})


CASES: dict[str, tuple[str, str | None, tuple[Any, ...]]] = {
    "no token": ("/api", None, ("missing", "/api", None, None, "GET", "/api")),
    "not one token": ("/api", "Bearer a b", ("malformed", "/api", None, None, "GET", "/api")),
    "expired": (
        "/api/x",
        f"Bearer {token(exp=1)}",
        ("expired", "/api", ISSUER, "2026", "GET", "/api/x"),
    ),
    "another issuer": (
        "/api",
        f"Bearer {token(iss='https://other.example')}",
        ("issuer", "/api", "https://other.example", "2026", "GET", "/api"),
    ),
    "scope": (
        "/api/admin",
        f"Bearer {token()}",
        ("scope", "/api/admin", ISSUER, "2026", "GET", "/api/admin"),
    ),
    "hostile names": (
        "/api",
        f"Bearer {token(iss='a' + chr(10) + 'b' + chr(27) + '[0m' + 'c' * 200, kid='é' * 200)}",
        ("issuer", "/api", ("a\\nb\\x1b[0m" + "c" * 200)[:80], ("\\xe9" * 200)[:80], "GET", "/api"),
    ),
    "an issuer that is no text": (
        "/api",
        "Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOjV9.AAAA",  # {"iss": 5}, kid "a"
        ("issuer", "/api", "5", "a", "GET", "/api"),
    ),
    "hostile path": (
        "/api/%0Aa%1B%FF" + "b" * 200,
        None,
        ("missing", "/api", None, None, "GET", ("/api/\\na\\x1b\\xff" + "b" * 200)[:80]),
    ),
}


@pytest.mark.parametrize(("path", "header", "expected"), CASES.values(), ids=CASES)
def test_one_line_for_a_refusal(
    path: str, header: str | None, expected: tuple[Any, ...], caplog: pytest.LogCaptureFixture
) -> None:
    """Its fields say why, by which rule, and what the token names; all on one line of ASCII, and
    never the token."""
    caplog.set_level(logging.INFO, "jwt_middleware")
    client().get(path, headers={"Authorization": header} if header else {}, expect_errors=True)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("jwt_middleware", logging.INFO)
    assert tuple(getattr(record, name) for name in FIELDS) == expected
    facts = [name for name in ("subject", "audience", "address") if getattr(record, name)]
    shown = "".join(f" {name}={json.dumps(getattr(record, name))}" for name in facts)
    assert record.getMessage() == f"refused GET {expected[5]}: {expected[0]}{shown}"
    assert record.getMessage().isascii()
    assert record.getMessage().isprintable()
    assert (
        header is None
        or header.rpartition(" ")[2] not in f"{record.getMessage()} {vars(record)}".split()
    )


def test_who_may_pass_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A request that goes on to the app leaves no line here."""
    caplog.set_level(logging.DEBUG, "jwt_middleware")
    site = client()
    site.get("/api/open")
    site.get("/other")
    site.get("/api", headers={"Authorization": f"Bearer {token()}"})
    assert caplog.records == []


def test_nothing_is_read_for_a_log_that_nobody_keeps(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below INFO a refusal costs no second look at the token."""
    caplog.set_level(logging.WARNING, "jwt_middleware")
    monkeypatch.setattr(
        "jwt_middleware.trust.jws.parse", lambda *_: pytest.fail("it was asked for")
    )
    client().get("/api", status=401)


def test_the_owners_record_factory(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record factory that sets a field of the same name is no reason for a 500."""
    plain = logging.getLogRecordFactory()

    def factory(*args: Any, **options: Any) -> logging.LogRecord:
        record = plain(*args, **options)
        record.path = "the owner's"
        return record

    caplog.set_level(logging.INFO, "jwt_middleware")
    monkeypatch.setattr(logging, "_logRecordFactory", factory)
    client().get("/api", status=401)
    assert [getattr(record, "path", None) for record in caplog.records] == ["/api"]
