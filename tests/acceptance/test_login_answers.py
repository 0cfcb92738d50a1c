"""Every row of the login app's table of answers."""

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from jwt_middleware import Key, KeySet, Provider, StoreUnavailable
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore
from tests.kit.passwords import CHEAP, CHEAP_COST

from .conftest import AUDIENCE, FORM, ISSUER, JSON, PASSWORD

ADA = {"username": "ada", "password": PASSWORD}


@pytest.fixture
def login(visit: Any, login_app: LoginApp) -> Any:
    """A client of the login app, served alone."""
    return visit(login_app)


def assert_error(answer: Any, code: str = "invalid_request") -> None:
    """An error body says the same for people, for the tutorial's front end and for OAuth clients;
    it is never kept."""
    assert answer.content_type == "application/json"
    assert answer.json["error"] == code
    assert answer.json["msg"] == answer.json["error_description"]
    assert answer.json["msg"].isascii()
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("way", ["post_json", "post"], ids=["JSON", "form"])
def test_sign_in(way: str, login: Any) -> None:
    """Name and password, as JSON or as a form, are answered with a token and the user's id as the
    store has it."""
    answer = getattr(login, way)("/token", ADA, status=200)
    assert answer.json["user_id"] == 1
    assert answer.json["token"] == answer.json["access_token"]
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    assert (answer.content_type, answer.headers["Cache-Control"]) == (
        "application/json",
        "no-store",
    )


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", " application/json "]
)
def test_spellings_of_the_content_type(content_type: str, login: Any) -> None:
    """Media types are compared without case and parameters (RFC 9110 section 8.3.1)."""
    login.post("/token", json.dumps(ADA), {"Content-Type": content_type}, status=200)


def test_names_and_passwords_are_unicode(login: Any, store: MemoryStore) -> None:
    """Both ways of sending them carry any text."""
    store.add_user("Zoë 李", "pässwörd 🦊 & = + %41")
    for way in (login.post_json, login.post):
        way("/token", {"username": "Zoë 李", "password": "pässwörd 🦊 & = + %41"}, status=200)


@pytest.mark.parametrize("typed", ["ADA", " ada", "ada\u00a0", "\uff41da"], ids=ascii)
def test_a_name_as_people_type_it(login: Any, typed: str) -> None:
    """Case, blanks around and width make no difference."""
    answer = login.post_json("/token", {"username": typed, "password": PASSWORD}, status=200)
    assert answer.json["user_id"] == 1


def test_wrong_name_or_password(login: Any, store: MemoryStore) -> None:
    """The same bytes for a wrong password, an unknown name, a disabled user, and names that nobody
    can have."""
    store.add_user("bob", PASSWORD)
    store.disable_user("bob")
    names = ("ada", "nobody", "bob", "ADA", "ada ", "a\n", "x" * 300)
    passwords = dict.fromkeys(("ada", "ADA", "ada "), "wrong")
    answers = [
        login.post_json(
            "/token", {"username": name, "password": passwords.get(name, PASSWORD)}, status=401
        )
        for name in names
    ]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert len({tuple(answer.headerlist) for answer in answers}) == 1
    assert answers[0].json["msg"] == "Bad username or password"
    assert answers[0].headers["WWW-Authenticate"] == 'Bearer realm="login"'
    assert_error(answers[0], "invalid_grant")


def test_a_wrong_guess_costs_one_hash_whoever_it_names(
    login: Any, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Known, unknown and disabled user: one hash with the same parameters, so time tells nobody who
    exists."""
    store.add_user("bob", PASSWORD)
    store.disable_user("bob")
    hashed: list[tuple[int, int, int]] = []
    scrypt = hashlib.scrypt

    def counting(password: bytes, *, salt: bytes, n: int, r: int, p: int, maxmem: int) -> bytes:
        hashed.append((n, r, p))
        return scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=maxmem)

    monkeypatch.setattr("hashlib.scrypt", counting)
    for name in ("ada", "nobody", "bob", "a\n"):
        hashed.clear()
        login.post_json("/token", {"username": name, "password": "wrong"}, status=401)
        assert hashed == [CHEAP_COST], name


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ({}, "username"),
        ({"username": "ada"}, "password"),
        ({"password": PASSWORD}, "username"),
        ({"username": "", "password": PASSWORD}, "username"),
        ({"username": "ada", "password": ""}, "password"),
        ({"Username": "ada", "password": PASSWORD}, "username"),
    ],
    ids=["nothing", "no password", "no name", "empty name", "empty password", "another spelling"],
)
@pytest.mark.parametrize(
    ("write", "content_type"), [(json.dumps, JSON), (urlencode, FORM)], ids=["JSON", "form"]
)
def test_a_missing_field(
    write: Any, content_type: str, sent: dict[str, str], named: str, login: Any
) -> None:
    """400 that names the field."""
    answer = login.post("/token", write(sent), {"Content-Type": content_type}, status=400)
    assert named in answer.json["msg"]
    assert_error(answer)


def test_the_query_is_not_read(login: Any) -> None:
    """A password in an address would stand in logs: it does not count."""
    assert_error(login.post(f"/token?{urlencode(ADA)}", "x=y", status=400))


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data; boundary=x", "application/xml", "", "x"]
)
def test_another_content_type(content_type: str, login: Any) -> None:
    """415, and the text says what JSON needs."""
    answer = login.post("/token", '{"username": "ada"}', {"Content-Type": content_type}, status=415)
    assert "JSON needs Content-Type: application/json" in answer.json["msg"]
    assert_error(answer)


def test_json_sent_as_a_form(login: Any) -> None:
    """What `curl -d '{...}'` sends is 400, and the text says what JSON needs."""
    answer = login.post("/token", ' {"username": "ada"}', {"Content-Type": FORM}, status=400)
    assert "JSON needs Content-Type: application/json" in answer.json["msg"]
    assert_error(answer)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/token", "GET", "POST"),
        ("/token", "HEAD", "POST"),
        ("/token", "PUT", "POST"),
        ("/token", "OPTIONS", "POST"),
        ("/login", "PUT", "GET, HEAD, POST"),
        ("/logout", "GET", "POST"),
        ("/login.css", "DELETE", "GET, HEAD"),
        ("/health", "POST", "GET, HEAD"),
    ],
)
def test_another_method(path: str, method: str, allowed: str, login: Any) -> None:
    """405 that names the methods there are (RFC 9110 section 15.5.6)."""
    answer = login.request(path, method=method, status=405)
    assert answer.headers["Allow"] == allowed
    if method != "HEAD":
        assert_error(answer)


@pytest.mark.parametrize(
    "path", ["/", "", "/tokens/", "/token/", "/token/x", "/TOKEN", "/.well-known/jwks.json"]
)
def test_another_path(path: str, login: Any) -> None:
    """404 of the same form; a minter with a secret publishes no keys."""
    assert_error(login.get(path, status=404))


class Down:
    """A store that cannot answer, whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        return self._fail

    def _fail(self, *arguments: Any, **options: Any) -> None:
        raise StoreUnavailable("the database has gone")


def test_store_down(visit: Any, minter: TokenMinter) -> None:
    """503 with Retry-After, for a sign-in and for the health check."""
    login = visit(LoginApp(Down(), minter))
    for answer in (login.post_json("/token", ADA, status=503), login.get("/health", status=503)):
        assert int(answer.headers["Retry-After"]) > 0
        assert_error(answer, "temporarily_unavailable")
        assert "database" not in answer.text


def test_health(login: Any) -> None:
    """200 while the store answers, never from a cache."""
    answer = login.get("/health", status=200)
    assert (answer.json, answer.headers["Cache-Control"]) == ({"status": "ok"}, "no-store")
    assert login.head("/health", status=200).body == b""


def test_the_page(login: Any) -> None:
    """A form that signs in by itself, without a script, under a policy that lets nothing foreign
    in."""
    page = login.get("/login", status=200)
    assert page.content_type == "text/html"
    assert {"default-src 'none'", "frame-ancestors 'none'"} <= {
        part.strip() for part in page.headers["Content-Security-Policy"].split(";")
    }
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert login.head("/login", status=200).body == b""
    form = page.forms[0]
    assert form.method.upper() == "POST"
    form["username"], form["password"] = "ada", PASSWORD
    answer = login.post(f"/{form.action}", form.submit_fields(), status=303)
    assert "jwt_refresh" in answer.headers["Set-Cookie"]


def test_the_style(login: Any) -> None:
    """The page's style comes from beside it."""
    assert '<link rel="stylesheet" href="login.css">' in login.get("/login").text
    assert login.get("/login.css", status=200).content_type == "text/css"


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_published_keys(algorithm: str, visit: Any, guard: Any, store: MemoryStore) -> None:
    """A minter with a private key publishes the public ones, its earlier ones too, and with these
    one can verify."""
    old, new = Key.generate(algorithm), Key.generate(algorithm)
    minter = TokenMinter(new, issuer=ISSUER, audience=AUDIENCE, fallbacks=[old])
    login = visit(LoginApp(store, minter))
    answer = login.get("/.well-known/jwks.json", status=200)
    assert [jwk["kid"] for jwk in answer.json["keys"]] == [new.id, old.id]
    assert not {"d", "p", "q", "k", "dp", "dq", "qi"} & {
        member for jwk in answer.json["keys"] for member in jwk
    }
    assert answer.headers["Cache-Control"].startswith("public, max-age=")
    elsewhere = Provider(issuer=ISSUER, audience=AUDIENCE, keys=KeySet.from_jwks(answer.json))
    token = login.post_json("/token", ADA).json["token"]
    api = visit(guard(providers=[elsewhere]))
    api.get("/api", headers={"Authorization": f"Bearer {token}"}, status=200)


def test_users_live_in_the_store_unless_named(
    visit: Any, minter: TokenMinter, store: MemoryStore
) -> None:
    """With `users=` the store's own users do not sign in."""
    others = MemoryStore(password_method=CHEAP)
    others.add_user("grace", PASSWORD)
    login = visit(LoginApp(store, minter, users=others))
    login.post_json("/token", {"username": "grace", "password": PASSWORD}, status=200)
    login.post_json("/token", ADA, status=401)
