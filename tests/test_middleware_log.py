"""What the middleware writes into the log `jwt_middleware`: one line for each refusal."""

import json
import logging
from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule, public, scope
from tests.kit.tokens import issued

ISSUER, AUDIENCE, SECRET = (
    "https://login.example",
    "example-api",
    "a secret of the tests, long enough",
)
FIELDS = ("reason", "rule", "issuer", "kid", "method", "path")
WHO = ("subject", "audience", "address")


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that is always well."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def client() -> TestApp:
    """A client of the guarded app."""
    key = Key.from_secret(SECRET, id="2026")
    provider = Provider(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([key]))
    rules = [Rule("/api"), Rule("/api/admin", scope("admin")), Rule("/api/open", public)]
    return TestApp(JWTMiddleware(app, providers=[provider], rules=rules))


def token(*, kid: Any = "2026", **claims: Any) -> str:
    """A token that is good but for what is given."""
    return issued(SECRET, headers={"kid": kid}, **{"iss": ISSUER, "aud": AUDIENCE} | claims)


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
    "a key that the issuer does not have": (
        "/api",
        f"Bearer {token(kid='x' + chr(10) + 'refused')}",
        ("key", "/api", ISSUER, "x\\nrefused", "GET", "/api"),
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
    never the token. The line has the issuer or the `kid` where that is the fault."""
    caplog.set_level(logging.INFO, "jwt_middleware")
    client().get(path, headers={"Authorization": header} if header else {}, expect_errors=True)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("jwt_middleware", logging.INFO)
    assert tuple(getattr(record, name) for name in FIELDS) == expected
    why = {"issuer": ["issuer"], "key": ["kid"]}.get(expected[0], [])
    facts = [name for name in (*why, "subject", "audience", "address") if getattr(record, name)]
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


def forged(value: str) -> str:
    """A good token with another signature."""
    return value[:-4] + ("AAAA" if value[-4:] != "AAAA" else "BBBB")


LONG = "q." * 100
WHO_CASES: dict[str, tuple[str, str, tuple[str | None, str | None, str | None]]] = {
    "verified": ("/api/admin", token(), ("ada", AUDIENCE, "192.0.2.7")),
    "verified, of several audiences": (
        "/api/admin",
        token(aud=[AUDIENCE, "other"]),
        ("ada", f"{AUDIENCE}, other", "192.0.2.7"),
    ),
    "a hostile subject that is verified": (
        "/api/admin",
        token(sub="a\u2028b\\" + LONG),
        (("a\\u2028b\\\\" + LONG)[:80], AUDIENCE, "192.0.2.7"),
    ),
    "a long subject": ("/api/admin", token(sub=LONG), (LONG[:80], AUDIENCE, "192.0.2.7")),
    "a subject beyond ASCII": (
        "/api/admin",
        token(sub="é\\"),
        ("\\xe9\\\\", AUDIENCE, "192.0.2.7"),
    ),
    "expired": ("/api", token(exp=1), ("ada", AUDIENCE, "192.0.2.7")),
    "another audience": ("/api", token(aud="other"), ("ada", "other", "192.0.2.7")),
    "no audience": ("/api", token(aud=None), ("ada", None, "192.0.2.7")),
    "an audience that is no text": ("/api", token(aud={"a": 1}), ("ada", "{'a': 1}", "192.0.2.7")),
    "a hostile audience": (
        "/api",
        token(aud="x\nrefused GET /b" + LONG),
        ("ada", ("x\\nrefused GET /b" + LONG)[:80], "192.0.2.7"),
    ),
    "a list of hostile audiences": (
        "/api",
        token(aud=["\n" * 90] * 20),
        ("ada", ("\\n" * 90)[:80], "192.0.2.7"),
    ),
    "a subject that is no text": ("/api", token(sub=["x"]), ("['x']", AUDIENCE, "192.0.2.7")),
    "a signature that is not good": ("/api", forged(token()), (None, AUDIENCE, "192.0.2.7")),
    "another issuer": ("/api", token(iss="https://x.example"), (None, AUDIENCE, "192.0.2.7")),
    "no token": ("/api", "", (None, None, "192.0.2.7")),
}


@pytest.mark.parametrize(("path", "given", "expected"), WHO_CASES.values(), ids=WHO_CASES)
def test_who_was_refused(
    path: str,
    given: str,
    expected: tuple[str | None, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The line has the subject where the signature of the token is good, its audience, and the
    address: as fields, and quoted in the text; printable ASCII of bounded length."""
    caplog.set_level(logging.INFO, "jwt_middleware")
    client().get(
        path,
        headers={"Authorization": f"Bearer {given}"} if given else {},
        extra_environ={"REMOTE_ADDR": "192.0.2.7:5000"},
        expect_errors=True,
    )
    (record,) = caplog.records
    assert tuple(getattr(record, name) for name in WHO) == expected
    line = record.getMessage()
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 600
    for name in WHO:
        value = getattr(record, name)
        assert value is None or f" {name}={json.dumps(value)}" in line
    assert not given or given not in f"{line} {vars(record)}"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("", None),
        ("a\nb", None),
        ("unix:", None),
    ],
)
def test_the_address_is_one_or_none(
    address: str, shown: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """In the form of the audit log; what is not an address is left out."""
    caplog.set_level(logging.INFO, "jwt_middleware")
    client().get("/api", extra_environ={"REMOTE_ADDR": address}, expect_errors=True)
    assert getattr(caplog.records[0], "address", "") == shown


@pytest.mark.parametrize(
    ("path", "given", "subject"),
    [
        ("/api/admin", token(), "ada"),
        ("/api/admin", token(sub="é'"), "\\xe9'"),
        ("/api/admin", token(sub=LONG), LONG[:80]),
        ("/api/admin", "", None),
        ("/api", token(exp=1), None),
        ("/api", forged(token()), None),
    ],
    ids=["verified", "beyond ASCII", "long", "no token", "expired", "not good"],
)
def test_the_subject_is_in_the_environ_of_a_403(path: str, given: str, subject: str | None) -> None:
    """For access logs: printable ASCII, truncated; and only where the token is good. What stood
    there before is gone."""
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "HTTP_AUTHORIZATION": f"Bearer {given}",
        "jwt_middleware.subject": "mallory",
        "jwt_middleware.would_refuse": "expired",
        "REMOTE_USER": "mallory",
    }
    client().app(environ, lambda *arguments: None)
    assert environ.get("jwt_middleware.subject") == subject
    assert "REMOTE_USER" not in environ
    assert "jwt_middleware.would_refuse" not in environ
    assert "jwt_middleware.identity" not in environ


@pytest.mark.parametrize("path", ["/api", "/api/open"])
def test_no_subject_of_another_is_left_where_a_request_passes(path: str) -> None:
    """Under a rule the key is cleared first, as the others are."""
    seen: list[dict[str, Any]] = []

    def recorder(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ)
        return []

    guarded = client().app
    guarded.app = recorder
    stale = {"jwt_middleware.subject": "mallory", "jwt_middleware.would_refuse": "expired"}
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path}
    guarded(environ | stale | {"HTTP_AUTHORIZATION": f"Bearer {token()}"}, lambda *_: None)
    assert seen
    assert stale.keys().isdisjoint(seen[0])
