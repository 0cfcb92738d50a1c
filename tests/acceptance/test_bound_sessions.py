"""A client that sends a proof gets tokens and a session that only its key can use (RFC 9449 section
5)."""

import base64
import json
import time
from typing import Any

import pytest

from jwt_middleware import DPoP, RevocationList, bearer, in_cookie
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore
from jwt_middleware.testing import DPoPKey
from tests.acceptance.conftest import PASSWORD
from tests.kit.clock import stopped
from tests.kit.passwords import CHEAP
from tests.kit.proofs import Down

URL = "https://api.example"
COOKIE, SESSION = "__Host-jwt_refresh", "__Host-jwt_session"
BROWSER = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def dpop(store: MemoryStore) -> DPoP:
    """One check of proofs for the middleware and the login app."""
    return DPoP(URL, replays=store)


@pytest.fixture
def site(visit: Any, guard: Any, store: MemoryStore, minter: TokenMinter, dpop: DPoP) -> Any:
    """The whole, with proofs."""
    login = LoginApp(store, minter, throttle=None, dpop=dpop)
    guarded = guard(dpop=dpop, revocations=RevocationList(store, max_staleness=0))
    return visit(login.wrap(guarded, prefix="/auth"))


@pytest.fixture
def key() -> DPoPKey:
    """The key of the client."""
    return DPoPKey()


def claims_of(token: str) -> dict[str, Any]:
    """What an access token says."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def ask(
    site: Any, key: DPoPKey | None, fields: dict[str, Any], status: int = 200, **changes: Any
) -> Any:
    """`POST /auth/token`, with a proof of the key unless it is None."""
    url = f"{URL}{site.mount}/auth/token"
    headers = {} if key is None else {"DPoP": key.proof("POST", url, **changes)}
    if fields.get("cookie"):
        headers |= BROWSER
    return site.post_json("/auth/token", fields, headers=headers, status=status)


def log_in(site: Any, key: DPoPKey | None, **fields: Any) -> Any:
    """Log in as ada."""
    return ask(site, key, {"username": "ada", "password": PASSWORD, **fields})


def refresh(token: str) -> dict[str, str]:
    """The fields that continue a session."""
    return {"grant_type": "refresh_token", "refresh_token": token}


def get_me(site: Any, key: DPoPKey, token: str, status: int = 200) -> Any:
    """Ask the guarded app, with a proof."""
    headers = key.headers("GET", f"{URL}{site.mount}/api/me", token)
    return site.get("/api/me", headers=headers, status=status)


def test_the_whole_way(site: Any, key: DPoPKey) -> None:
    """Log in, ask, refresh, ask, log out: each with a proof of one key."""
    answer = log_in(site, key).json
    assert answer["token_type"] == "DPoP"
    assert claims_of(answer["access_token"])["cnf"] == {"jkt": key.thumbprint}
    assert get_me(site, key, answer["access_token"]).json["subject"] == "1"
    again = ask(site, key, refresh(answer["refresh_token"])).json
    assert again["token_type"] == "DPoP"
    assert claims_of(again["access_token"])["cnf"] == {"jkt": key.thumbprint}
    assert claims_of(again["access_token"])["sid"] == claims_of(answer["access_token"])["sid"]
    assert get_me(site, key, again["access_token"])
    site.post_json("/auth/revoke", {"token": again["refresh_token"]})
    assert get_me(site, key, again["access_token"], 401).json["reason"] == "revoked"
    ask(site, key, refresh(again["refresh_token"]), 400)


def test_without_a_proof_all_is_as_ever(site: Any) -> None:
    """A client that does not know DPoP gets a bearer token."""
    answer = log_in(site, None).json
    assert answer["token_type"] == "Bearer"
    assert "cnf" not in claims_of(answer["access_token"])
    assert ask(site, None, refresh(answer["refresh_token"])).json["token_type"] == "Bearer"


def test_a_stolen_refresh_token(site: Any, key: DPoPKey) -> None:
    """Is worth nothing without the key, and its owner goes on."""
    token = log_in(site, key).json["refresh_token"]
    for thief, code in ((None, "invalid_dpop_proof"), (DPoPKey(), "invalid_grant")):
        for _ in range(2):
            assert ask(site, thief, refresh(token), 400).json["error"] == code
    assert ask(site, key, refresh(token))


def test_a_session_from_before_stays_unbound(site: Any, key: DPoPKey) -> None:
    """A proof binds the access tokens of a session from before. The session itself is bound by the
    next login, so that a thief of its refresh token is still found by reuse."""
    old = log_in(site, None).json
    new = ask(site, key, refresh(old["refresh_token"])).json
    assert claims_of(new["access_token"])["cnf"] == {"jkt": key.thumbprint}
    assert get_me(site, key, new["access_token"])
    site.get("/api/me", headers={"Authorization": f"Bearer {new['access_token']}"}, status=401)
    assert ask(site, None, refresh(new["refresh_token"])).json["token_type"] == "Bearer"


def test_a_thief_with_a_key_of_their_own_is_found(
    site: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A thief refreshes a stolen token with a proof, and the owner goes on later: the session ends
    and the log says `reuse`, as without a proof."""
    stolen = log_in(site, None).json["refresh_token"]
    thief = DPoPKey()
    first = ask(site, thief, refresh(stolen)).json["refresh_token"]
    second = ask(site, thief, refresh(first)).json["refresh_token"]
    ask(site, None, refresh(stolen), 400)
    assert "reuse" in caplog.text
    ask(site, thief, refresh(second), 400)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "another method": ({"htm": "GET"}, "proof_method"),
    "another url": ({"htu": f"{URL}/token"}, "proof_url"),
    "too old": ({"iat": int(time.time()) - 3600}, "proof_time"),
    "no jti": ({"jti": None}, "proof_malformed"),
}


@pytest.mark.parametrize(("changes", "reason"), BAD.values(), ids=BAD)
def test_a_bad_proof(changes: dict[str, Any], reason: str, site: Any, key: DPoPKey) -> None:
    """400 as RFC 9449 section 5 says, before the password is looked at; no session starts."""
    for password in (PASSWORD, "wrong"):
        fields = {"username": "ada", "password": password}
        answer = ask(site, key, fields, 400, **changes)
        assert (answer.json["error"], answer.json["reason"]) == ("invalid_dpop_proof", reason)
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_malformed_header(site: Any, key: DPoPKey) -> None:
    """A proof that is none is refused, and not taken for a client without one."""
    url = f"{URL}{site.mount}/auth/token"
    one, two = key.proof("POST", url), key.proof("POST", url)
    for proof in ("", "x", f"{one},{two}", "." * 9000):
        fields = {"username": "ada", "password": PASSWORD}
        answer = site.post_json("/auth/token", fields, headers={"DPoP": proof}, status=400)
        assert answer.json["error"] == "invalid_dpop_proof"


def test_a_proof_counts_once(site: Any, key: DPoPKey) -> None:
    """Also here; a wrong password does not use it up, so that a stranger causes no write."""
    url = f"{URL}{site.mount}/auth/token"
    headers = {"DPoP": key.proof("POST", url)}
    wrong = {"username": "ada", "password": "wrong"}
    right = {"username": "ada", "password": PASSWORD}
    for fields, status in ((wrong, 401), (wrong, 401), (right, 200), (right, 400)):
        answer = site.post_json("/auth/token", fields, headers=headers, status=status)
    assert answer.json["reason"] == "proof_replayed"


def test_a_nonce(visit: Any, store: MemoryStore, minter: TokenMinter, key: DPoPKey) -> None:
    """400 `use_dpop_nonce` with the nonce (RFC 9449 section 8)."""
    dpop = DPoP(URL, replays=store, nonces=True)
    site = visit(
        LoginApp(store, minter, throttle=None, dpop=dpop, allowed_origins=["https://x.example"])
    )
    fields = {"username": "ada", "password": PASSWORD}
    url = f"{URL}{site.mount}/token"
    headers = {"DPoP": key.proof("POST", url), "Origin": "https://x.example"}
    answer = site.post_json("/token", fields, headers=headers, status=400)
    assert answer.json["error"] == "use_dpop_nonce"
    assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"]
    proof = key.proof("POST", url, nonce=answer.headers["DPoP-Nonce"])
    assert site.post_json("/token", fields, headers={"DPoP": proof})


@pytest.mark.parametrize("as_cookie", [False, True], ids=["body", "cookie"])
@pytest.mark.parametrize("nonces", [True, "a secret of all workers, and a long one"])
def test_a_new_nonce_comes_in_time(
    nonces: Any,
    as_cookie: bool,
    visit: Any,
    store: MemoryStore,
    minter: TokenMinter,
    key: DPoPKey,
) -> None:
    """Tokens come with the next nonce once that of the proof is about to end (RFC 9449 section
    8.2)."""
    dpop = DPoP(URL, replays=store, nonces=nonces)
    site = visit(LoginApp(store, minter, throttle=None, dpop=dpop))
    url = f"{URL}{site.mount}/token"
    fields: dict[str, Any] = {"username": "ada", "password": PASSWORD}
    fields |= {"cookie": True} if as_cookie else {}
    with stopped("time", 1_700_000_100.0) as clock:

        def ask(nonce: str | None, status: int = 200) -> Any:
            headers = {"DPoP": key.proof("POST", url, nonce=nonce)}
            headers |= {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
            answer = site.post_json("/token", fields, headers=headers, status=status)
            site.secrets |= {answer.json.get("token", PASSWORD)}
            return answer

        first = ask(None, 400).headers["DPoP-Nonce"]
        assert "DPoP-Nonce" not in ask(first).headers
        clock.now += 300
        second = ask(first).headers["DPoP-Nonce"]
        assert second != first
        assert "DPoP-Nonce" not in ask(second).headers


def test_a_store_that_is_down(
    visit: Any, store: MemoryStore, minter: TokenMinter, key: DPoPKey
) -> None:
    """503 with a proof; without one the login does not need it."""
    dpop = DPoP(URL, replays=Down(password_method=CHEAP))
    site = visit(LoginApp(store, minter, throttle=None, dpop=dpop))
    fields = {"username": "ada", "password": PASSWORD}
    headers = {"DPoP": key.proof("POST", f"{URL}{site.mount}/token")}
    answer = site.post_json("/token", fields, headers=headers, status=503)
    assert answer.json["error"] == "temporarily_unavailable"
    assert answer.headers["Retry-After"]
    assert site.post_json("/token", fields)


def test_cookie_mode(site: Any, key: DPoPKey) -> None:
    """The refresh cookie of a bound session is worth nothing without the key; where another key is
    shown, it goes."""
    answer = log_in(site, key, cookie=True)
    assert answer.json["token_type"] == "DPoP"
    assert "refresh_token" not in answer.json
    stolen = site.cookies.get(COOKIE) or site.cookies["jwt_refresh"]
    fields = {"grant_type": "refresh_token", "cookie": True}
    assert ask(site, None, fields, 400).json["error"] == "invalid_dpop_proof"
    answer = ask(site, key, fields)
    assert answer.json["token_type"] == "DPoP"
    answer = ask(site, DPoPKey(), fields, 400)
    assert answer.json["error"] == "invalid_grant"
    assert any("Max-Age=0" in value for value in answer.headers.getall("Set-Cookie"))
    assert stolen


def test_a_bound_token_gets_no_cookie(
    visit: Any, guard: Any, store: MemoryStore, minter: TokenMinter, dpop: DPoP, key: DPoPKey
) -> None:
    """A browser proves no key with a cookie, so the access token stays in the script; the page of
    the login app does not renew such a session."""
    login = LoginApp(store, minter, throttle=None, dpop=dpop, access_cookie="__Host-jwt")
    places = (bearer, in_cookie("__Host-jwt"))
    guarded = guard(dpop=dpop, credentials=places, sign_in="/auth/login")
    site = visit(login.wrap(guarded, prefix="/auth"))
    log_in(site, None, cookie=True)
    assert site.get("/api/me", headers=BROWSER)
    log_in(site, key, cookie=True)
    site.get("/api/me", headers=BROWSER, status=401)
    page = site.get("/auth/login?next=/api/me", headers={**BROWSER, "Accept": "text/html"})
    assert page.status_code == 200
    fields = {"grant_type": "refresh_token", "cookie": True}
    assert ask(site, key, fields)


def test_a_stolen_cookie_makes_no_personal_token(site: Any, key: DPoPKey) -> None:
    """The page of personal tokens asks for more than the cookie of a bound session."""
    log_in(site, None, cookie=True)
    headers = {**BROWSER, "Accept": "application/json"}
    assert site.get("/auth/tokens", headers=headers)
    log_in(site, key, cookie=True)
    site.get("/auth/tokens", headers=headers, status=401)
    fields = {"name": "x", "days": 1}
    site.post_json("/auth/tokens", fields, headers=headers, status=401)


@pytest.mark.parametrize("how", ["body", "DPoP", "Bearer"])
def test_an_access_token_ends_its_session(how: str, site: Any, key: DPoPKey) -> None:
    """A token that somebody found can be made worthless by anybody who found it."""
    answer = log_in(site, key).json
    token = answer["access_token"]
    if how == "body":
        site.post_json("/auth/revoke", {"token": token})
    else:
        site.post("/auth/revoke", headers={"Authorization": f"{how} {token}"})
    assert get_me(site, key, token, 401).json["reason"] == "revoked"
    ask(site, key, refresh(answer["refresh_token"]), 400)


def test_tokens_minted_by_hand(
    visit: Any, guard: Any, minter: TokenMinter, dpop: DPoP, key: DPoPKey
) -> None:
    """An owner binds a token to a key that they know; a claim that binds to nothing is refused."""
    site = visit(guard(dpop=dpop))
    token = minter.mint("7", claims={"cnf": key.confirmation})
    assert get_me(site, key, token).json["subject"] == "7"
    for confirmation in ({}, "x", None, {"jkt": 7}, {"kid": "x"}):
        with pytest.raises(ValueError, match="cannot be used"):
            minter.mint("7", claims={"cnf": confirmation})


@pytest.mark.parametrize("dpop", [URL, True, DPoP, 7], ids=["a url", "True", "the class", "7"])
def test_a_bad_option(dpop: Any, store: MemoryStore, minter: TokenMinter) -> None:
    """It is told at once."""
    with pytest.raises(ValueError, match="dpop"):
        LoginApp(store, minter, dpop=dpop)
