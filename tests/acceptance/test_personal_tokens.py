"""Personal access tokens from `add_token` to a view: beside JWTs, taken back, and guessed at."""

import re
import shutil
import sqlite3
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import (
    JWTMiddleware,
    RevocationList,
    Rule,
    StoreUnavailable,
    basic_password,
    bearer,
    issued_by,
    scope,
)
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, OpaqueTokens, SQLStore
from tests.kit.clock import stopped
from tests.kit.passwords import CHEAP

from .conftest import ISSUER, PASSWORD, Client

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


LEAVES: dict[str, Callable[[MemoryStore], None]] = {
    "logged out everywhere": lambda store: store.end_sessions("1"),
    "another password": lambda store: store.set_password("ada", "looking-glass"),
    "cut off at the login app": lambda store: store.revoke_subject(ISSUER, "1"),
    "another user disabled": lambda store: store.disable_user("bob"),
}


@pytest.mark.parametrize("change", LEAVES.values(), ids=LEAVES)
def test_a_machine_goes_on(machine_site: Client, store: MemoryStore, change: Any) -> None:
    """What ends the sessions of its user leaves a personal token, cached or not."""
    store.add_user("bob", PASSWORD)
    used, unused = add(machine_site, store), add(machine_site, store)
    call(machine_site, used)
    change(store)
    call(machine_site, used)
    call(machine_site, unused)


def test_a_subject_of_the_tokens_is_cut_off(machine_site: Client, store: MemoryStore) -> None:
    """`revoke_subject` with their issuer ends those made before, in one second with one made
    after."""
    before = add(machine_site, store)
    call(machine_site, before)
    store.revoke_subject(TOKENS, "1")
    after = add(machine_site, store)
    assert call(machine_site, before, status=401).json["reason"] == "revoked"
    call(machine_site, after)


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


BASIC_NAMES = ["ada", "__token__", "", "somebody else", "\u00e4da"]


@pytest.mark.parametrize("name", BASIC_NAMES, ids=ascii)
def test_a_client_that_only_knows_basic(
    visit: Any, guard: Any, store: MemoryStore, minter: Any, name: str
) -> None:
    """pip, twine, git and DAV clients send the token as the password, beside any name."""
    tokens = OpaqueTokens(store, issuer=TOKENS)
    providers = [minter.provider, tokens]
    site = visit(guard(providers=providers, rules=RULES, credentials=(bearer, basic_password)))
    token = add(site, store)

    def call_basic(password: str, status: int) -> Any:
        encoded = b64encode(f"{name}:{password}".encode()).decode()
        site.secrets.add(encoded)
        headers = {"Authorization": f"Basic {encoded}"}
        return site.get("/api/me", headers=headers, status=status)

    for _ in range(2):
        seen = call_basic(token, 200).json
        assert (seen["subject"], seen["seen"]["AUTH_TYPE"]) == ("1", "Basic")
    store.remove_token(token[9:21])
    for wrong in (token[:-1], "wonderland", add(site, MemoryWithAda())):
        assert "Basic realm" in call_basic(wrong, 401).headers["WWW-Authenticate"]
    assert call(site, add(site, store)).json["subject"] == "1"


class MemoryWithAda(MemoryStore):
    """Another site's store."""

    def __init__(self) -> None:
        super().__init__(password_method=CHEAP)
        self.add_user("ada", PASSWORD)


@pytest.fixture
def file_site(visit: Any, guard: Any, tmp_path: Path) -> Iterator[tuple[Client, SQLStore, Path]]:
    """A site over an SQLite file, whose middleware asks the log at every request."""
    path = tmp_path / "auth.db"
    store = SQLStore(f"sqlite:///{path}", password_method=CHEAP)
    store.add_user("ada", PASSWORD, scopes=["admin"])
    revocations = RevocationList(store, max_staleness=0, max_outage=120)
    providers = [OpaqueTokens(store, issuer=TOKENS)]
    yield visit(guard(providers=providers, rules=RULES[:2], revocations=revocations)), store, path
    store.close()


def test_a_database_that_vanishes(
    file_site: tuple[Client, SQLStore, Path],
) -> None:
    """A good token that must be looked up is 503, never 401, while the file is gone; one that was
    seen before is good, and when the file is back so are all."""
    site, store, path = file_site
    seen, unseen = add(site, store), add(site, store)
    call(site, seen)
    for file in path.parent.glob("auth.db*"):
        shutil.move(file, str(file).replace("auth.db", "kept.db"))
    for _ in range(3):
        answer = call(site, unseen, status=503)
        assert answer.json["reason"] == "tokens_unavailable"
        assert int(answer.headers["Retry-After"]) > 0
        call(site, seen)
    for file in path.parent.glob("kept.db*"):
        shutil.move(file, str(file).replace("kept.db", "auth.db"))
    with ahead_of_monotonic(1.5):
        call(site, unseen)


@contextmanager
def ahead_of_monotonic(seconds: float) -> Iterator[None]:
    """The monotonic clock, further on: the pause after a failed read is over."""
    with stopped("monotonic", time.monotonic() + seconds):
        yield


def test_a_database_that_is_locked_costs_no_token(
    file_site: tuple[Client, SQLStore, Path],
) -> None:
    """While another process writes, tokens are read; none can be made or taken back: the store
    says so, and nothing is half-written."""
    site, store, path = file_site
    token, unseen = add(site, store), add(site, store)
    call(site, token)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        call(site, unseen)
        changes = (
            lambda: store.remove_token(token[9:21]),
            lambda: store.add_token("ada", name="x", scopes=(), expires_at=FAR),
            lambda: store.disable_user("ada"),
        )
        with ThreadPoolExecutor(len(changes)) as pool:  # at once, since each waits two seconds
            for change in [pool.submit(change) for change in changes]:
                with pytest.raises(StoreUnavailable):
                    change.result()
    call(site, token)
    assert len(store.tokens("ada")) == 2
    store.remove_token(token[9:21])
    assert call(site, token, status=401).json["reason"] == "revoked"


def test_a_scanner_finds_a_token(machine_site: Client, store: MemoryStore) -> None:
    """By the pattern that is documented."""
    token = add(machine_site, store)
    assert re.findall(r"jwtm_pat_[0-9A-Za-z]{72}", f"export TOKEN={token};") == [token]
