"""`/tokens` of the login app: from signing in to a token in a view, and taken back; and everybody
who may not."""

import time
from base64 import b64encode
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from jwt_middleware import JWTMiddleware, RevocationList, Rule, basic_password, bearer, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, OpaqueTokens, SQLStore, UnknownUser, User
from tests.kit.clock import AheadClock
from tests.kit.passwords import CHEAP
from tests.kit.sqlite import copy_tables

from .conftest import ISSUER, PASSWORD, Client

ACCESS, REFRESH = "__Host-jwt", "__Host-jwt_refresh"
PERSON = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
OWN = {"Origin": "https://app.example"}
FOREIGN = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
NEW = {"name": "ci", "days": 30, "scopes": ["admin"]}
RULES = [Rule("/api"), Rule("/api/admin", scope("admin"))]


def with_users(store: Any) -> Any:
    """The store, with ada, who has two scopes, and bob, who has none."""
    store.add_user("ada", PASSWORD, scopes=("admin", "read"))
    store.add_user("bob", PASSWORD)
    return store


@pytest.fixture(scope="session")
def users_file(sqlite_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with these users, of which each test has a copy."""
    file = tmp_path_factory.mktemp("users") / "auth.db"
    url = copy_tables(sqlite_tables, file)
    with_users(SQLStore(url, password_method=CHEAP)).close()
    return file


@pytest.fixture
def tokens_store(mount: str, users_file: Path, tmp_path: Path) -> Any:
    """A store with ada and bob: in memory at the root, an SQLite file below a mount. That stores do
    the same is for the suite of the stores to prove."""
    if not mount:
        return with_users(MemoryStore(password_method=CHEAP))
    return SQLStore(copy_tables(users_file, tmp_path / "auth.db"), password_method=CHEAP)


@pytest.fixture
def make_site(
    visit: Callable[[Any], Client], guard: Callable[..., JWTMiddleware], minter: TokenMinter
) -> Callable[..., Client]:
    """Makes the whole site over a store, as a browser reaches it by https."""

    def make_site(store: Any, **options: Any) -> Client:
        guarded = guard(
            providers=[minter.provider, OpaqueTokens(store, issuer=ISSUER)],
            credentials=(bearer, basic_password),
            rules=RULES,
            revocations=RevocationList(store, max_staleness=0.5),
        )
        login = LoginApp(store, minter, throttle=None, **{"access_cookie": ACCESS} | options)
        client = visit(login.wrap(guarded, prefix="/auth"))
        client.cookiejar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        client.extra_environ.update({"wsgi.url_scheme": "https", "HTTP_HOST": "app.example"})
        return client

    return make_site


@pytest.fixture
def site(make_site: Callable[..., Client], tokens_store: Any) -> Client:
    """The whole site over that store."""
    return make_site(tokens_store)


def cookies(site: Client, *names: str, username: str = "ada") -> dict[str, str]:
    """The header with these cookies of a user who has just signed in."""
    fields = {"username": username, "password": PASSWORD}
    answer = site.post("/auth/login", fields, headers=PERSON | OWN, status=303)
    lines = {line.partition("=")[0]: line for line in answer.headers.getall("Set-Cookie")}
    of_tokens = (lines[name].partition(";")[0] for name in (ACCESS, REFRESH) if name in lines)
    site.secrets |= {pair.partition("=")[2] for pair in of_tokens}
    return {"Cookie": "; ".join(lines[name].partition(";")[0] for name in names)}


def header(site: Client, username: str = "ada") -> dict[str, str]:
    """The header with the access token of a user who has just signed in."""
    fields = {"username": username, "password": PASSWORD}
    token = site.post_json("/auth/token", fields).json["token"]
    return {"Authorization": f"Bearer {token}"}


def make(site: Client, headers: dict[str, str], **fields: Any) -> Any:
    """Make a token as a script does."""
    answer = site.post_json("/auth/tokens", NEW | fields, headers=headers, status=200)
    site.secrets |= {answer.json["token"], answer.json["token"][21:64]}
    return answer.json


def basic(token: str) -> dict[str, str]:
    """The header of a client that only knows names and passwords."""
    return {"Authorization": f"Basic {b64encode(f'x:{token}'.encode()).decode()}"}


def test_a_person_makes_a_token_and_takes_it_back(site: Client, ahead: AheadClock) -> None:
    """From the form of `/login` to a view, through both places; refused within a second."""
    who = PERSON | cookies(site, ACCESS, REFRESH)
    page = site.get("/auth/tokens", headers=who)
    assert page.content_type == "text/html"
    form = page.forms["make"]
    assert (form.method, form.action) == ("post", "tokens")
    form["name"], form["days"] = "laptop", "7"
    form.fields["scopes"][0].checked = True
    answer = site.post("/auth/tokens", form.submit_fields(), headers=who | OWN, status=200)
    token = answer.html.find(id="token").text
    site.secrets |= {token, token[21:64]}
    assert answer.headers["Cache-Control"] == "no-store"
    assert token not in site.get("/auth/tokens", headers=who)
    for sent in (basic(token), {"Authorization": f"Bearer {token}"}):
        assert site.get("/api/admin", headers=sent).json["scopes"] == ["admin"]
    fields = answer.forms[0].submit_fields()
    taken = site.post("/auth/tokens", fields, headers=who | OWN, status=303)
    assert taken.headers["Location"] == "tokens"  # relative to this page
    ahead.move(1.1)
    for sent in (basic(token), {"Authorization": f"Bearer {token}"}):
        assert site.get("/api/admin", headers=sent, status=401).json["reason"] == "revoked"
    assert "laptop" not in site.get("/auth/tokens", headers=who)


def test_a_script_makes_a_token_and_takes_it_back(site: Client, ahead: AheadClock) -> None:
    """The same in JSON, by an access token in the header."""
    who, now = header(site), time.time()
    made = make(site, who)
    assert (made["name"], made["scopes"]) == ("ci", ["admin"])
    assert made["expires_at"] == pytest.approx(now + 30 * 86_400, abs=60)
    answer = site.get("/auth/tokens", headers=who)
    assert (answer.json.keys(), answer.json["scopes"]) == ({"tokens", "scopes"}, ["admin", "read"])
    (listed,) = answer.json["tokens"]
    assert listed.pop("created_at") == pytest.approx(now, abs=60)
    assert {"token": made["token"], **listed} == made
    assert made["token"] not in answer
    assert site.get("/api/admin", headers=basic(made["token"])).json["subject"] == "1"
    gone = site.post_json("/auth/tokens", {"remove": made["id"]}, headers=who)
    assert gone.json == {}
    ahead.move(1.1)
    site.get("/api/admin", headers=basic(made["token"]), status=401)
    assert site.get("/auth/tokens", headers=who).json["tokens"] == []


SIGNED_IN: dict[str, Callable[[Client], dict[str, str]]] = {
    "the access cookie": lambda site: cookies(site, ACCESS) | OWN,
    "the refresh cookie": lambda site: cookies(site, REFRESH) | OWN,
    "both": lambda site: cookies(site, ACCESS, REFRESH) | OWN,
    "a dead access cookie and a good refresh cookie": lambda site: (
        {"Cookie": f"{ACCESS}=x.y.z; " + cookies(site, REFRESH)["Cookie"]} | OWN
    ),
    "the header": header,
    "the header, from a program that sends cookies too": lambda site: (
        header(site) | cookies(site, ACCESS)
    ),
}


@pytest.mark.parametrize("sign_in", SIGNED_IN.values(), ids=SIGNED_IN)
def test_who_is_signed_in(site: Client, sign_in: Any) -> None:
    """Each of them reads, makes and takes back."""
    who = sign_in(site)
    made = make(site, who)
    assert [token["id"] for token in site.get("/auth/tokens", headers=who).json["tokens"]] == [
        made["id"]
    ]
    site.post_json("/auth/tokens", {"remove": made["id"]}, headers=who, status=200)


def test_the_page_does_not_use_up_the_session(site: Client) -> None:
    """The refresh cookie is good again and again, and still renews."""
    who = PERSON | cookies(site, REFRESH)
    for _ in range(3):
        assert "Set-Cookie" not in site.get("/auth/tokens", headers=who, status=200).headers
    assert (
        site.get("/auth/login?next=/x", headers=who, status=303).headers["Location"].endswith("/x")
    )


def nobody(site: Client, store: Any) -> dict[str, dict[str, str]]:
    """Headers that sign nobody in."""
    minter = TokenMinter.from_secret(
        "another secret, which is long enough", issuer=ISSUER, audience="x"
    )
    own = header(site)
    return {
        "nothing": {},
        "a personal token": {"Authorization": f"Bearer {make(site, own)['token']}"},
        "a personal token as a password": basic(make(site, own)["token"]),
        "a forged token": {"Authorization": f"Bearer {minter.mint('1', session='login.x')}"},
        "a refresh token as a bearer token": {
            "Authorization": "Bearer " + cookies(site, REFRESH)["Cookie"].partition("=")[2]
        },
        "a large token": {"Authorization": f"Bearer {'x' * 9000}"},
        "a forged cookie": {"Cookie": f"{ACCESS}=a.b.c; {REFRESH}={'A' * 64}"} | OWN,
        "a bad header beside good cookies": {"Authorization": "Bearer a.b.c"}
        | cookies(site, ACCESS, REFRESH)
        | OWN,
    }


@pytest.mark.parametrize(
    "kind",
    [
        "nothing",
        "a personal token",
        "a personal token as a password",
        "a forged token",
        "a refresh token as a bearer token",
        "a large token",
        "a forged cookie",
        "a bad header beside good cookies",
    ],
)
def test_who_is_not_signed_in(site: Client, tokens_store: Any, kind: str) -> None:
    """401 for a script, and nothing is made, listed or taken back."""
    sent = nobody(site, tokens_store)[kind]
    before = tokens_store.tokens("ada")
    calls = [
        site.get("/auth/tokens", headers=sent, status=401),
        site.post_json("/auth/tokens", NEW, headers=sent, status=401),
        *(
            site.post_json("/auth/tokens", {"remove": token.id}, headers=sent, status=401)
            for token in before
        ),
    ]
    for answer in calls:
        assert answer.json["msg"] == "Sign in first."
        assert answer.headers["Cache-Control"] == "no-store"
    assert tokens_store.tokens("ada") == before


def test_a_token_minted_by_hand(site: Client, minter: TokenMinter) -> None:
    """It has no session, whatever its `sid`, so it makes no token that would outlive it."""
    for session in (None, "mine", "login.mine"):
        sent = {"Authorization": f"Bearer {minter.mint('1', session=session, scopes=['admin'])}"}
        site.get("/auth/tokens", headers=sent, status=401)


ENDS: dict[str, Callable[[Any], None]] = {
    "sessions ended": lambda store: store.end_sessions("1"),
    "user disabled": lambda store: store.disable_user("ada"),
    "user removed": lambda store: store.remove_user("ada"),
    "another password": lambda store: store.set_password("ada", "looking-glass"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_session_that_has_ended(site: Client, tokens_store: Any, end: Any) -> None:
    """At once it makes no token, by header or cookie."""
    each = [header(site), cookies(site, ACCESS) | OWN, cookies(site, REFRESH) | OWN]
    end(tokens_store)
    for sent in each:
        site.post_json("/auth/tokens", NEW, headers=sent, status=401)
    if "ada" in [user.username for user in tokens_store.users()]:
        assert tokens_store.tokens("ada") == []


def test_a_cut_off(site: Client, tokens_store: Any) -> None:
    """A token of before is refused; the session goes on, so its cookie is good."""
    by_header, by_cookie = header(site), cookies(site, ACCESS, REFRESH) | OWN
    tokens_store.revoke_subject(ISSUER, "1")
    site.post_json("/auth/tokens", NEW, headers=by_header, status=401)
    make(site, by_cookie)


def test_a_person_who_is_not_signed_in(site: Client) -> None:
    """303 to the sign-in page and, once signed in, back."""
    form = {"name": "ci", "days": "7"}
    for answer in (
        site.get("/auth/tokens", headers=PERSON, status=303),
        site.post("/auth/tokens", form, headers=PERSON | OWN, status=303),
    ):
        location = urlsplit(answer.headers["Location"])
        assert location.path == "login"  # relative to this page
        (following,) = parse_qs(location.query)["next"]
        assert following == f"{site.mount}/auth/tokens"
    page = site.get(f"/auth/login?{location.query}", headers=PERSON)
    assert page.forms[0]["next"].value == following


ELSEWHERE: dict[str, dict[str, str]] = {
    "another site": FOREIGN,
    "a sibling host": {"Origin": "https://x.app.example", "Sec-Fetch-Site": "same-site"},
    "a page without an origin": {"Origin": "null"},
    "another scheme": {"Origin": "http://app.example"},
    "only the site": {"Sec-Fetch-Site": "cross-site"},
    "neither header": {},
}


@pytest.mark.parametrize("sent", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("name", [ACCESS, REFRESH])
def test_a_cookie_needs_a_page_of_this_site(
    site: Client, tokens_store: Any, sent: dict[str, str], name: str
) -> None:
    """403 for form and JSON, for making and taking back, to scripts and people."""
    token = make(site, header(site))["id"]
    who = cookies(site, name) | sent
    for fields in (NEW, {"remove": token}):
        site.post_json("/auth/tokens", fields, headers=who, status=403)
        site.post("/auth/tokens", {**fields, "scopes": "admin"}, headers=who, status=403)
        as_person = {name: value for name, value in PERSON.items() if "Site" not in name} | who
        page = site.post("/auth/tokens", fields, headers=as_person, status=403)
        assert "came from another website" in page
        assert "opened with https://" in page
    assert [each.id for each in tokens_store.tokens("ada")] == [token]


def test_tokens_of_others(site: Client, tokens_store: Any) -> None:
    """They are not listed, and taking one back is answered as an unknown id is."""
    token = make(site, header(site))["id"]
    bob = header(site, "bob")
    assert site.get("/auth/tokens", headers=bob).json == {"tokens": [], "scopes": []}
    answers = [
        site.post_json("/auth/tokens", {"remove": id_}, headers=bob, status=404)
        for id_ in (token, "x" * 12, token.swapcase())
    ]
    assert len({answer.body for answer in answers}) == 1
    assert [each.id for each in tokens_store.tokens("ada")] == [token]


BAD: dict[str, tuple[dict[str, Any], int]] = {
    "a foreign scope": ({"scopes": ["root"]}, 400),
    "one's own and a foreign scope": ({"scopes": ["admin", "root"]}, 400),
    "a scope as a string": ({"scopes": "admin"}, 400),
    "two scopes in one": ({"scopes": ["admin read"]}, 400),
    "a scope in another case": ({"scopes": ["Admin"]}, 400),
    "scopes as a dict": ({"scopes": {"admin": True}}, 400),
    "a scope as a list": ({"scopes": [["admin"]]}, 400),
    "scopes that are null": ({"scopes": None}, 400),
    "no days": ({"days": None}, 400),
    "zero days": ({"days": 0}, 400),
    "negative days": ({"days": -1}, 400),
    "more than a year": ({"days": 366}, 400),
    "very many days": ({"days": 10**30}, 400),
    "half a day": ({"days": 0.5}, 400),
    "days as a boolean": ({"days": True}, 400),
    "days as words": ({"days": "many"}, 400),
    "days in other digits": ({"days": "\u0663\u0660"}, 400),
    "days as a list": ({"days": [30]}, 400),
    "an empty name": ({"name": ""}, 400),
    "a blank name": ({"name": "  "}, 400),
    "a long name": ({"name": "x" * 256}, 400),
    "a control character": ({"name": "a\nb"}, 400),
    "a NUL": ({"name": "a\0b"}, 400),
    "half a character": ({"name": "a\ud800b"}, 400),
    "a number for a name": ({"name": 5}, 400),
    "making and taking back": ({"remove": "x" * 12}, 400),
}


@pytest.mark.parametrize(("fields", "status"), BAD.values(), ids=BAD)
def test_bad_fields(site: Client, tokens_store: Any, fields: dict[str, Any], status: int) -> None:
    """They are refused with a fixed sentence, and nothing is stored."""
    answer = site.post_json("/auth/tokens", NEW | fields, headers=header(site), status=status)
    assert answer.json["error"] == "invalid_request"
    assert "root" not in answer
    assert tokens_store.tokens("ada") == []


@pytest.mark.parametrize("remove", [5, None, [], "", "\0", True], ids=repr)
def test_a_bad_id(site: Client, remove: object) -> None:
    """400, never a token made instead."""
    site.post_json("/auth/tokens", {"remove": remove}, headers=header(site), status=400)


FORMS = {
    "no scope": ("name=a&days=7", []),
    "one": ("name=a&days=7&scopes=read", ["read"]),
    "two": ("name=a&days=7&scopes=read&scopes=admin", ["read", "admin"]),
    "two in one field": ("name=a&days=7&scopes=read+admin", ["read", "admin"]),
    "one twice": ("name=a&days=7&scopes=read&scopes=read", ["read"]),
    "an empty one": ("name=a&days=7&scopes=", []),
}


@pytest.mark.parametrize(("body", "scopes"), FORMS.values(), ids=FORMS)
def test_scopes_of_a_form(site: Client, body: str, scopes: list[str]) -> None:
    """Each checkbox is a field of the same name."""
    answer = site.post("/auth/tokens", body, headers=header(site), status=200)
    site.secrets |= {answer.json["token"]}
    assert answer.json["scopes"] == scopes


@pytest.mark.parametrize(
    "body", ["name=a&name=b&days=7", "days=7&days=7&name=a", "remove=a&remove=b"]
)
def test_a_field_twice(site: Client, body: str) -> None:
    """Only scopes may occur twice."""
    assert "twice" in site.post("/auth/tokens", body, headers=header(site), status=400)


def test_a_user_with_many_scopes(site: Client, tokens_store: Any) -> None:
    """All their boxes can be ticked."""
    scopes = [f"s{number}" for number in range(200)]
    tokens_store.set_scopes("ada", scopes)
    body = "&".join(["name=a", "days=7", *(f"scopes={name}" for name in scopes)])
    answer = site.post("/auth/tokens", body, headers=header(site), status=200)
    site.secrets |= {answer.json["token"]}
    assert answer.json["scopes"] == scopes


def test_scopes_that_were_lost(site: Client, tokens_store: Any) -> None:
    """The user's scopes of now count, not those of the access token."""
    who = header(site)
    tokens_store.set_scopes("ada", ["read"])
    assert site.get("/auth/tokens", headers=who).json["scopes"] == ["read"]
    site.post_json("/auth/tokens", NEW, headers=who, status=400)


def test_the_limit(site: Client, tokens_store: Any) -> None:
    """The hundredth is made, the next is 409 until one is taken back, and the page says so."""
    who = header(site)
    for number in range(99):
        tokens_store.add_token("ada", name=f"n{number}", scopes=[], expires_at=4e9)
    token = make(site, who)["id"]
    answer = site.post_json("/auth/tokens", NEW, headers=who, status=409)
    assert answer.json["msg"] == "You cannot have more than 100 tokens."
    page = site.get("/auth/tokens", headers=PERSON | cookies(site, ACCESS))
    assert "make" not in page.forms
    assert "more than 100 tokens" in page
    site.post_json("/auth/tokens", {"remove": token}, headers=who, status=200)
    make(site, who)


def test_markup_in_the_users_own_data(site: Client, tokens_store: Any) -> None:
    """Names and scopes are text on the page, whatever they hold."""
    markup, grant = "'\"><img src=x onerror=alert(1)>$name&amp;", "'><img/src=x>$name&amp;"
    tokens_store.set_scopes("ada", [grant])
    tokens_store.add_token("ada", name=markup, scopes=[grant], expires_at=4e9)
    page = site.get("/auth/tokens", headers=PERSON | cookies(site, ACCESS))
    assert page.html.find("img") is None
    assert page.html.find("td").text == markup
    assert page.html.find("input", {"type": "checkbox"})["value"] == grant
    assert page.html.find("button", {"class": "remove"})["aria-label"] == f"Take back {markup}"


def test_the_headers_of_the_page(site: Client) -> None:
    """No script, no frame, no copy, in the reader's language."""
    who = PERSON | cookies(site, ACCESS) | {"Accept-Language": "es"}
    answer = site.get("/auth/tokens", headers=who)
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "script-src" not in policy
    assert policy["style-src"] == policy["form-action"] == "'self'"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Language"] == "es"
    assert {"Accept", "Authorization", "Cookie"} <= set(answer.headers["Vary"].split(", "))
    assert "Tus tokens" in answer
    assert site.get("/auth/tokens.css", status=200).content_type == "text/css"


def test_the_signed_in_panel_has_a_link(site: Client) -> None:
    """The sign-in page leads there."""
    page = site.get("/auth/login", headers=PERSON | cookies(site, ACCESS, REFRESH))
    link = page.html.find("section").find("a")
    assert link["href"] == "tokens"
    assert "hidden" not in link.parent.attrs


FAULTS = ["find_session_by_sid", "is_revoked", "get", "tokens", "add_token", "remove_token"]


@pytest.mark.parametrize("method", FAULTS)
def test_a_store_that_is_down(
    site: Client, tokens_store: Any, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """503 in JSON and on the page, with `Retry-After`, and nothing half-written."""
    from jwt_middleware import StoreUnavailable

    by_header, by_cookie = header(site), PERSON | OWN | cookies(site, ACCESS)
    token = make(site, by_header)["id"]

    def down(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("down")

    monkeypatch.setattr(tokens_store, method, down)
    fields = {"remove": token} if method == "remove_token" else NEW
    answer = site.post_json("/auth/tokens", fields, headers=by_header, status=503)
    page = site.post("/auth/tokens", fields, headers=by_cookie, status=503)
    assert "does not work at the moment" in page
    for each in (answer, page):
        assert int(each.headers["Retry-After"]) > 0
        assert each.headers["Cache-Control"] == "no-store"
    monkeypatch.undo()
    assert [each.id for each in tokens_store.tokens("ada")] == [token]


def test_a_made_token_is_always_shown(
    site: Client, tokens_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read once it is stored: a store that dies then would lose it."""
    from jwt_middleware import StoreUnavailable

    who, add_token = PERSON | OWN | cookies(site, ACCESS), tokens_store.add_token

    def add_and_die(*args: Any, **options: Any) -> Any:
        token = add_token(*args, **options)

        def down(*_: Any) -> None:
            raise StoreUnavailable("down")

        for name in ("get", "tokens", "ping"):
            monkeypatch.setattr(tokens_store, name, down)
        return token

    monkeypatch.setattr(tokens_store, "add_token", add_and_die)
    page = site.post("/auth/tokens", "name=a&days=7", headers=who, status=200)
    token = page.html.find(id="token").text
    site.secrets |= {token, token[21:64]}


class OwnUsers:
    """A user table without personal tokens."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def authenticate(self, username: str, password: str) -> User | None:
        """Ask the store."""
        return self.store.authenticate(username, password)

    def get(self, user_id: str) -> User | None:
        """Ask the store."""
        return self.store.get(user_id)


class OwnUsersWithTokens(OwnUsers):
    """A user table with personal tokens, of which one user knows nothing."""

    def tokens(self, username: str) -> list[Any]:
        """There is nobody of that name."""
        raise UnknownUser("nobody")

    def add_token(self, username: str, **_: Any) -> str:
        """Nor here."""
        raise UnknownUser("nobody")

    def remove_token(self, id: str) -> None:
        """Nor here."""


def test_an_own_user_table(
    make_site: Callable[..., Client], tokens_store: Any, minter: TokenMinter
) -> None:
    """Without the methods the path is not there, even if the store has them: a name in it may be
    another person's."""
    own = OwnUsers(tokens_store)
    site = make_site(tokens_store, users=own)
    for path in ("/auth/tokens", "/auth/tokens.css"):
        # The login app lets it through, as any path that is not its own.
        assert site.get(path, headers=header(site)).json["seen"]["PATH_INFO"] == path
    alone = LoginApp(tokens_store, minter, users=own)
    assert not {"/tokens", "/tokens.css"} & set(alone.paths)
    assert {"/tokens", "/tokens.css"} <= set(LoginApp(tokens_store, minter).paths)
    page = site.get("/auth/login", headers=PERSON | cookies(site, ACCESS, REFRESH))
    assert "hidden" in page.html.find("section").find("a").parent.attrs


def test_a_user_without_an_entry(make_site: Callable[..., Client], tokens_store: Any) -> None:
    """401 without a redirect: the sign-in page would lead back, and the browser would loop."""
    site = make_site(tokens_store, users=OwnUsersWithTokens(tokens_store))
    site.get("/auth/tokens", headers=header(site), status=401)
    who = PERSON | OWN | cookies(site, ACCESS, REFRESH)
    assert "sign in again" in site.get("/auth/tokens", headers=who, status=401)
    site.post_json("/auth/tokens", NEW, headers=header(site), status=401)


def test_without_an_access_cookie(make_site: Callable[..., Client], tokens_store: Any) -> None:
    """The refresh cookie of a front end is enough."""
    site = make_site(tokens_store, access_cookie=None)
    fields = {"username": "ada", "password": PASSWORD, "cookie": True}
    answer = site.post_json("/auth/token", fields, headers=OWN)
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    page = site.get("/auth/tokens", headers=PERSON | {"Cookie": cookie}, status=200)
    assert "make" in page.forms


def test_two_cookies_of_one_name(site: Client) -> None:
    """400: one of them may be planted."""
    who = {"Cookie": f"{REFRESH}=a; {REFRESH}=b"} | OWN
    site.get("/auth/tokens", headers=who, status=400)
    site.get("/auth/tokens", headers=PERSON | who, status=400)


def test_the_events(site: Client, caplog: pytest.LogCaptureFixture) -> None:
    """The audit log has who made and took back which token, and not the token."""
    who = header(site)
    made = make(site, who)
    site.post_json("/auth/tokens", {"remove": made["id"]}, headers=who)
    events = [
        (record.event, record.username, record.token_id)
        for record in caplog.records
        if getattr(record, "event", "").startswith("token_")
    ]
    assert events == [
        ("token_added", "ada", made["id"]),
        ("token_removed", "ada", made["id"]),
    ]
