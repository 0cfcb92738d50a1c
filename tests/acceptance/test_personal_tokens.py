"""Personal access tokens from `add_token` to a view: beside JWTs, taken back, and guessed at."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware import JWTMiddleware, RevocationList, Rule, StoreUnavailable, issued_by, scope
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, OpaqueTokens

from .conftest import CHEAP, ISSUER, PASSWORD, Client

TOKENS = "https://login.example/tokens"
FAR = 4e9
RULES = [
    Rule("/api"),
    Rule("/api/admin", scope("admin")),
    Rule("/api/people", issued_by(ISSUER)),
    Rule("/api/machines", issued_by(TOKENS)),
]


@pytest.fixture
def machine_site(
    visit: Callable[[Any], Client],
    guard: Callable[..., JWTMiddleware],
    store: MemoryStore,
    minter: TokenMinter,
) -> Client:
    """The whole site, which accepts the tokens of the login app and of machines."""
    guarded = guard(
        providers=[minter.provider, OpaqueTokens(store, issuer=TOKENS)],
        rules=RULES,
        revocations=RevocationList(store, max_staleness=0),
    )
    return visit(LoginApp(store, minter).wrap(guarded, prefix="/auth"))


def add(site: Client, store: Any, username: str = "ada", **options: Any) -> str:
    """A new token, which must not be logged."""
    usual: dict[str, Any] = {"name": "ci", "scopes": ["admin"], "expires_at": FAR}
    token: str = store.add_token(username, **usual | options)
    site.secrets |= {token, token[21:64]}
    return token


def call(site: Client, token: str, path: str = "/api/me", status: int = 200) -> Any:
    """Call a path with a token."""
    return site.get(path, headers={"Authorization": f"Bearer {token}"}, status=status)


def test_a_token_reaches_a_view(machine_site: Client, store: MemoryStore) -> None:
    """The view sees the user and the token's scopes; REMOTE_USER is not set where another issuer
    could name another person."""
    token = add(machine_site, store)
    seen = call(machine_site, token).json
    assert (seen["subject"], seen["scopes"]) == ("1", ["admin"])
    assert seen["claims"].keys() == {"iss", "sub", "iat", "exp", "jti", "scope"} | {
        "preferred_username"
    }
    assert seen["claims"]["iss"] == TOKENS
    assert seen["seen"]["AUTH_TYPE"] == "Bearer"
    assert "REMOTE_USER" not in seen["seen"]
    assert call(machine_site, token, "/api/machines").json["seen"]["REMOTE_USER"] == "1"
    assert call(machine_site, token, "/api/people", 401).json["reason"] == "issuer"


def test_jwts_are_accepted_beside_them(machine_site: Client, store: MemoryStore) -> None:
    """A sign-in goes on as before, and both kinds name one user."""
    token = add(machine_site, store)
    machine_site.sign_in()
    assert machine_site.get("/api/me").json["subject"] == call(machine_site, token).json["subject"]
    machine_site.get("/api/people", status=200)
    machine_site.get("/api/machines", status=401)


def test_scopes_are_those_of_both(machine_site: Client, store: MemoryStore) -> None:
    """A token without a scope of its user is 403 there, and so is one whose user lost it."""
    assert call(machine_site, add(machine_site, store), "/api/admin").json["subject"] == "1"
    assert call(machine_site, add(machine_site, store, scopes=[]), "/api/admin", 403)
    store.set_scopes("ada", [])
    assert call(machine_site, add(machine_site, store), "/api/admin", 403)


def each(call: Callable[[str], None], store: MemoryStore) -> None:
    """Call it with the id of each token of ada."""
    for token in store.tokens("ada"):
        call(token.id)


ENDS = {
    "removed": lambda store: each(store.remove_token, store),
    "user disabled": lambda store: store.disable_user("ada"),
    "user removed": lambda store: store.remove_user("ada"),
    "revoked by id": lambda store: each(
        lambda token_id: store.revoke(token_id=token_id, expires_at=FAR), store
    ),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_token_that_was_taken_back(machine_site: Client, store: MemoryStore, end: Any) -> None:
    """It is 401 `revoked` at once, where it was used before and where not."""
    used, unused = add(machine_site, store), add(machine_site, store, name="unused")
    call(machine_site, used)
    end(store)
    for token in (used, unused):
        answer = call(machine_site, token, status=401)
        assert answer.json["reason"] == "revoked"
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_an_expired_token(machine_site: Client, store: MemoryStore) -> None:
    """It is 401 `expired`."""
    token = add(machine_site, store, expires_at=time.time() - 1)
    assert call(machine_site, token, status=401).json["reason"] == "expired"


def broken(token: str) -> dict[str, str]:
    """Texts like the token."""
    return {
        "another checksum": token[:-1] + ("0" if token[-1] != "0" else "1"),
        "cut short": token[:-10],
        "another secret": token[:30] + ("0" if token[30] != "0" else "1") + token[31:],
        "the prefix alone": "jwtm_pat_",
        "another case": token.swapcase(),
        "with a dot": f"{token}.x.y",
        "with a pad": f"{token}=",
    }


@pytest.mark.parametrize("name", broken("x" * 81))
def test_a_broken_token(machine_site: Client, store: MemoryStore, name: str) -> None:
    """It is 401 `invalid_token`, and nothing of it is echoed."""
    text = broken(add(machine_site, store))[name]
    answer = call(machine_site, text, status=401)
    assert answer.json["reason"] == "malformed"
    assert text not in answer.text + str(answer.headers)


def test_the_tokens_of_another_site(machine_site: Client, store: MemoryStore) -> None:
    """They have the right form, and are refused."""
    other = MemoryStore(password_method=CHEAP)
    other.add_user("ada", PASSWORD)
    token = add(machine_site, other)
    add(machine_site, store)
    assert call(machine_site, token, status=401).json["reason"] == "signature"


class Down(MemoryStore):
    """A store that can be down."""

    is_down = False

    def token_key(self) -> bytes | None:
        """The key, or nothing while it is down."""
        return super().token_key() if self._answers() else None

    def find_token(self, id: str) -> Any:
        """The token, or nothing while it is down."""
        return super().find_token(id) if self._answers() else None

    def _answers(self) -> bool:
        if self.is_down:
            raise StoreUnavailable("down")
        return True


def test_a_store_that_is_down(visit: Any, guard: Any) -> None:
    """503 with `Retry-After`, no challenge, for a token that must be looked up; one that was seen
    before goes on."""
    store = Down(password_method=CHEAP)
    store.add_user("ada", PASSWORD)
    site = visit(guard(providers=[OpaqueTokens(store, issuer=TOKENS)], rules=[Rule("/api")]))
    seen, unseen = add(site, store), add(site, store)
    call(site, seen)
    store.is_down = True
    answer = call(site, unseen, status=503)
    assert answer.json["reason"] == "tokens_unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert "WWW-Authenticate" not in answer.headers
    call(site, seen, status=200)


def test_one_issuer_for_people_and_machines(
    visit: Any, guard: Any, store: Any, minter: Any
) -> None:
    """Then REMOTE_USER is set for both, by the name that apps know."""
    tokens = OpaqueTokens(store, issuer=ISSUER, remote_user_claim="preferred_username")
    site = visit(
        guard(providers=[minter.provider, tokens], rules=[Rule("/api", issued_by(ISSUER))])
    )
    assert call(site, add(site, store)).json["seen"]["REMOTE_USER"] == "ada"
    assert call(site, minter.mint("1")).json["seen"]["REMOTE_USER"] == "1"


def test_a_scanner_finds_a_token(machine_site: Client, store: MemoryStore) -> None:
    """By the pattern that is documented."""
    token = add(machine_site, store)
    assert re.findall(r"jwtm_pat_[0-9A-Za-z]{72}", f"export TOKEN={token};") == [token]
