"""Staying signed in and signing out: refresh, reuse, revocation and throttling, over HTTP."""

from collections.abc import Callable
from typing import Any

import pytest
from freezegun import freeze_time

from jwt_middleware import JWTMiddleware, RevocationList, StoreUnavailable
from jwt_middleware.login import LoginApp, Throttle, TokenMinter
from jwt_middleware.stores import MemoryStore, User

from .conftest import PASSWORD, Client


@pytest.fixture
def session_site(
    visit: Callable[[Any], Client],
    guard: Callable[..., JWTMiddleware],
    store: MemoryStore,
    minter: TokenMinter,
) -> Client:
    """The whole site, with revocations read at every request."""
    guarded = guard(revocations=RevocationList(store, max_staleness=0))
    return visit(LoginApp(store, minter).wrap(guarded, prefix="/auth"))


def refresh(site: Client, token: Any, status: int = 200) -> Any:
    """Ask for the next pair."""
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    answer = site.post_json("/auth/token", fields, status=status)
    site.secrets |= {answer.json["refresh_token"]} if status == 200 else set()
    return answer.json


def call(site: Client, token: str, status: int = 200) -> Any:
    """Call a protected path with an access token."""
    site.authorization = None
    return site.get("/api/me", headers={"Authorization": f"Bearer {token}"}, status=status).json


def test_a_refresh_gives_the_next_pair(session_site: Client) -> None:
    """The answer is that of a sign-in, with new tokens of the same session and user."""
    first = session_site.sign_in().json
    second = refresh(session_site, first["refresh_token"])
    assert second.keys() == first.keys()
    assert second["refresh_token"] != first["refresh_token"]
    before, after = call(session_site, first["token"]), call(session_site, second["token"])
    assert after["claims"]["sid"] == before["claims"]["sid"]
    assert after["claims"]["jti"] != before["claims"]["jti"]
    assert (after["subject"], after["scopes"]) == (before["subject"], ["admin"])


def test_a_refresh_as_a_form(session_site: Client) -> None:
    """RFC 6749 section 6 has it as a form."""
    token = session_site.sign_in().json["refresh_token"]
    answer = session_site.post(
        "/auth/token", {"grant_type": "refresh_token", "refresh_token": token}
    )
    assert answer.json["refresh_token"] != token


def test_a_refresh_reads_the_user_again(session_site: Client, store: MemoryStore) -> None:
    """Scopes that were changed in the meantime are those of the next token."""
    token = session_site.sign_in().json["refresh_token"]
    store.set_scopes("ada", ("read",))
    assert call(session_site, refresh(session_site, token)["token"])["scopes"] == ["read"]


def test_a_lost_answer_can_be_asked_for_again(session_site: Client) -> None:
    """The previous token gets the same successor within the grace after the rotation."""
    first = session_site.sign_in().json["refresh_token"]
    second = refresh(session_site, first)["refresh_token"]
    assert refresh(session_site, first)["refresh_token"] == second
    third = refresh(session_site, second)["refresh_token"]
    assert refresh(session_site, second)["refresh_token"] == third


def test_a_reused_token_ends_the_session(session_site: Client) -> None:
    """A token older than the previous one ends its session: refresh tokens and access tokens, at
    once."""
    first = session_site.sign_in().json["refresh_token"]
    token, pair = first, {}
    for _ in range(3):
        pair = refresh(session_site, token)
        token = pair["refresh_token"]
    assert refresh(session_site, first, status=400)["error"] == "invalid_grant"
    assert refresh(session_site, token, status=400)["error"] == "invalid_grant"
    assert call(session_site, pair["token"], status=401)["reason"] == "revoked"


@pytest.mark.parametrize("is_used", [False, True], ids=["successor unused", "successor used"])
def test_a_previous_token_after_the_grace_is_reuse(is_used: bool, session_site: Client) -> None:
    """Thirty seconds after a rotation the token before it is one that somebody else has."""
    with freeze_time() as clock:
        first = session_site.sign_in().json["refresh_token"]
        second = refresh(session_site, first)["refresh_token"]
        clock.tick(29.9)
        assert refresh(session_site, first)["refresh_token"] == second
        previous, current = first, second
        if is_used:
            previous, current = second, refresh(session_site, second)["refresh_token"]
            clock.tick(29.9)
        clock.tick(0.2)
        refresh(session_site, previous, status=400)
        refresh(session_site, current, status=400)


def test_a_stolen_token_over_a_weekend(
    session_site: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """A refresh token stolen on Friday, whose victim has refreshed once more and gone home: it
    gives no access token until Monday, and the log warns at its first use."""
    with freeze_time() as clock:
        stolen = session_site.sign_in().json["refresh_token"]
        theirs = refresh(session_site, stolen)
        for _ in range(4 * 60):
            clock.tick(900)
            refresh(session_site, stolen, status=400)
        refresh(session_site, theirs["refresh_token"], status=400)
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [vars(record)["event"] for record in warnings] == ["reuse"]


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(604_700, 200), (604_900, 400)],
    ids=["before a week", "after a week without a refresh"],
)
def test_an_idle_session_ends(seconds: int, status: int, session_site: Client) -> None:
    """A session lives for a week without a refresh."""
    with freeze_time() as clock:
        token = session_site.sign_in().json["refresh_token"]
        clock.tick(seconds)
        refresh(session_site, token, status=status)


def test_no_session_lives_for_ever(session_site: Client) -> None:
    """A month after the sign-in a session ends, however often it was refreshed."""
    with freeze_time() as clock:
        token = session_site.sign_in().json["refresh_token"]
        for _ in range(5):
            clock.tick(500_000)
            token = refresh(session_site, token)["refresh_token"]
        clock.tick(100_000)
        assert refresh(session_site, token, status=400)["error"] == "invalid_grant"


NO_TOKENS = {
    "empty": "",
    "a number": 5,
    "null": None,
    "a list": ["x"],
    "an object": {},
    "true": True,
}


@pytest.mark.parametrize("value", NO_TOKENS.values(), ids=NO_TOKENS)
def test_a_refresh_token_of_a_wrong_type(value: Any, session_site: Client) -> None:
    """What is no text is 400 `invalid_request`."""
    assert refresh(session_site, value, status=400)["error"] == "invalid_request"


CHANGES: dict[str, Callable[[str], str]] = {
    "cut": lambda token: token[:-1],
    "padded": lambda token: token + "=",
    "with a space": lambda token: token + " ",
    "another alphabet": lambda token: "+" + token[1:],
    "another secret": lambda token: token[:-4] + "AAAA",
    "another name": lambda token: "AAAA" + token[4:],
    "another script": lambda token: "é" + token[1:],
    "unknown": lambda token: "A" * 64,
    "long": lambda token: token * 500,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_refresh_token_that_is_none(change: Callable[[str], str], session_site: Client) -> None:
    """What is no refresh token of a living session is 400 `invalid_grant`, in the same words."""
    token = session_site.sign_in().json["refresh_token"]
    answer = refresh(session_site, change(token), status=400)
    assert (answer["error"], answer["msg"]) == (
        "invalid_grant",
        "The session has ended: log in again.",
    )


@pytest.mark.parametrize("grant_type", ["client_credentials", "", 5, None, ["refresh_token"]])
def test_an_unknown_grant_type(grant_type: Any, session_site: Client) -> None:
    """The grant types are `refresh_token` and `password`."""
    fields = {"grant_type": grant_type, "refresh_token": "x", "username": "ada", "password": "x"}
    answer = session_site.post_json("/auth/token", fields, status=400)
    assert answer.json["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("kind", ["json", "form"])
def test_the_grant_type_password(kind: str, session_site: Client) -> None:
    """Client libraries send it beside username and password: it is a login as without it."""
    fields = {"grant_type": "password", "username": "ada", "password": PASSWORD}
    post = session_site.post_json if kind == "json" else session_site.post
    call(session_site, post("/auth/token", fields).json["token"])
    answer = post("/auth/token", {**fields, "password": "wrong"}, status=401)
    assert answer.json["msg"] == "Bad username or password"
    answer = post("/auth/token", {"grant_type": "password", "refresh_token": "x"}, status=400)
    assert answer.json["error"] == "invalid_request"


def test_signing_out_ends_the_session(session_site: Client) -> None:
    """A refresh token taken back ends its session and all its access tokens, and no other
    session."""
    one, other = session_site.sign_in().json, session_site.sign_in().json
    assert session_site.post_json("/auth/revoke", {"token": one["refresh_token"]}).json == {
        "ended": "session"
    }
    call(session_site, one["token"], status=401)
    refresh(session_site, one["refresh_token"], status=400)
    call(session_site, other["token"])
    refresh(session_site, other["refresh_token"])


WAYS: dict[str, Callable[[Client, str], Any]] = {
    "JSON": lambda site, token: site.post_json("/auth/revoke", {"token": token}),
    "a form": lambda site, token: site.post("/auth/revoke", {"token": token}),
    "a header": lambda site, token: site.post("/auth/revoke", headers=bearer(token)),
    "a header and no body": lambda site, token: site.request(
        "/auth/revoke", method="POST", headers=bearer(token)
    ),
    "a header in lower case": lambda site, token: site.post(
        "/auth/revoke", headers={"Authorization": f"bearer {token}"}
    ),
    "a header and JSON": lambda site, token: site.post_json(
        "/auth/revoke", {"all": False}, headers=bearer(token)
    ),
    "a field before a header": lambda site, token: site.post_json(
        "/auth/revoke", {"token": token}, headers=bearer("x" * 64)
    ),
}


def bearer(token: str) -> dict[str, str]:
    """The header with a token."""
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("kind", ["token", "refresh_token"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_token_taken_back_ends_its_session(
    way: Callable[[Client, str], Any], kind: str, session_site: Client
) -> None:
    """A token of either kind, in the body or in the header, ends its session with all its tokens,
    and no other session."""
    first, other = session_site.sign_in().json, session_site.sign_in().json
    session_site.authorization = None
    pair = refresh(session_site, first["refresh_token"])
    assert way(session_site, pair[kind]).json == {"ended": "session"}
    for token in (first["token"], pair["token"]):
        assert call(session_site, token, status=401)["reason"] == "revoked"
    refresh(session_site, pair["refresh_token"], status=400)
    call(session_site, refresh(session_site, other["refresh_token"])["token"])


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer a,b", "Bearer é"])
def test_a_header_that_is_malformed(header: str, session_site: Client) -> None:
    """Not exactly one token is a 400 that quotes nothing."""
    answer = session_site.post(
        "/auth/revoke", headers={"Authorization": header.encode().decode("latin-1")}, status=400
    )
    assert answer.json["error"] == "invalid_request"


def test_no_token_at_all(session_site: Client) -> None:
    """Neither a field nor a header of ours is a 400."""
    for headers in ({}, {"Authorization": "Basic eDp5"}):
        session_site.post_json("/auth/revoke", {}, headers=headers, status=400)


@pytest.mark.parametrize("everywhere", [False, True], ids=["one", "all"])
def test_a_revoked_access_token_ends_nothing(
    everywhere: bool, session_site: Client, store: MemoryStore
) -> None:
    """Neither that of a session that has ended, nor one revoked by itself."""
    one, other = session_site.sign_in().json, session_site.sign_in().json
    session_site.post_json("/auth/revoke", {"token": one["token"]})
    claims = call(session_site, other["token"])["claims"]
    store.revoke(token_id=claims["jti"], expires_at=claims["exp"], issuer=claims["iss"])
    for token in (one["token"], other["token"]):
        session_site.post_json("/auth/revoke", {"token": token, "all": everywhere})
    call(session_site, refresh(session_site, other["refresh_token"])["token"])


@pytest.mark.parametrize("everywhere", [False, True], ids=["one", "all"])
def test_an_old_refresh_token_taken_back_ends_nothing(
    everywhere: bool, session_site: Client
) -> None:
    """Neither one that was used, nor another secret with the name of a session."""
    first = session_site.sign_in().json["refresh_token"]
    second = refresh(session_site, first)["refresh_token"]
    third = refresh(session_site, second)["refresh_token"]
    for token in (first, first[:-4] + "AAAA", third[:22] + "A" * 42):
        session_site.post_json("/auth/revoke", {"token": token, "all": everywhere})
    refresh(session_site, third)


def rows_of(store: MemoryStore) -> int:
    """How many entries the log has."""
    return len(list(store.read_revocations(None).entries))


@pytest.mark.parametrize("kind", ["token", "refresh_token", "minted"])
@pytest.mark.parametrize("everywhere", [False, True], ids=["one", "all"])
def test_one_token_writes_one_row(
    kind: str, everywhere: bool, session_site: Client, store: MemoryStore, minter: TokenMinter
) -> None:
    """Taken back a hundred times, a token of any kind leaves the log as after the first time: with
    one row, and one for the tokens minted by hand when all of the user are taken back."""
    pair = {**session_site.sign_in().json, "minted": minter.mint("2")}
    for _ in range(100):
        session_site.post_json("/auth/revoke", {"token": pair[kind], "all": everywhere})
    assert rows_of(store) == 1 + everywhere


def test_a_token_without_a_session_ends_itself(session_site: Client, minter: TokenMinter) -> None:
    """One that the owner minted is revoked alone; with `all` the user's sessions end too."""
    pair = session_site.sign_in().json
    alone, everywhere = minter.mint("1"), minter.mint("1")
    session_site.post_json("/auth/revoke", {"token": alone})
    call(session_site, alone, status=401)
    call(session_site, pair["token"])
    session_site.post_json("/auth/revoke", {"token": everywhere, "all": True})
    for token in (everywhere, pair["token"]):
        call(session_site, token, status=401)


@pytest.mark.parametrize("kind", ["token", "refresh_token"])
def test_signing_out_everywhere(kind: str, session_site: Client) -> None:
    """With `all` every session of the user ends, by a token of either kind."""
    one, other = session_site.sign_in().json, session_site.sign_in().json
    session_site.post_json("/auth/revoke", {"token": one[kind], "all": True})
    for pair in (one, other):
        call(session_site, pair["token"], status=401)
        refresh(session_site, pair["refresh_token"], status=400)


@pytest.mark.parametrize("token", ["x", "A" * 64, "eyJhbGciOiJub25lIn0.e30.", "é", "a.b.c"])
def test_taking_back_what_is_no_token(token: str, session_site: Client) -> None:
    """The answer is 200 all the same (RFC 7009 section 2.2), and nobody is signed out."""
    pair = session_site.sign_in().json
    assert session_site.post_json("/auth/revoke", {"token": token, "all": True}).json == {
        "ended": "nothing"
    }
    call(session_site, pair["token"])


def test_a_forged_access_token_signs_nobody_out(
    session_site: Client, forge: Callable[..., str]
) -> None:
    """`all` with a token that somebody else signed ends nothing."""
    pair = session_site.sign_in().json
    session_site.post_json("/auth/revoke", {"token": forge(key="x" * 32), "all": True})
    call(session_site, pair["token"])


ENDINGS: dict[str, Callable[[MemoryStore], None]] = {
    "another password": lambda store: store.set_password("ada", "another"),
    "disabled": lambda store: store.disable_user("ada"),
    "removed": lambda store: store.remove_user("ada"),
    "ended by hand": lambda store: store.end_sessions("1"),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_what_ends_all_sessions_of_a_user(
    end: Callable[[MemoryStore], None], session_site: Client, store: Any
) -> None:
    """A changed password, and a user that is disabled or gone, end refresh and access tokens."""
    pair = session_site.sign_in().json
    end(store)
    assert call(session_site, pair["token"], status=401)["reason"] == "revoked"
    refresh(session_site, pair["refresh_token"], status=400)


def test_a_sign_in_in_the_second_of_a_password_change_survives(
    session_site: Client, store: MemoryStore
) -> None:
    """Sessions that were there end; one that starts right after does not."""
    with freeze_time():
        old = session_site.sign_in().json
        store.set_password("ada", "another")
        session_site.secrets.add("another")
        new = session_site.sign_in(password="another").json
        call(session_site, old["token"], status=401)
        call(session_site, refresh(session_site, new["refresh_token"])["token"])


def test_too_many_failures(session_site: Client) -> None:
    """After five wrong passwords in a minute even the right one is 429, with the seconds left,
    until they are over."""
    credentials = {"username": "ada", "password": "wrong"}
    with freeze_time() as clock:
        for _ in range(5):
            session_site.post_json("/auth/token", credentials, status=401)
        answer = session_site.post_json(
            "/auth/token", {**credentials, "password": PASSWORD}, status=429
        )
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        clock.tick(int(answer.headers["Retry-After"]) + 1)
        session_site.sign_in()


def test_an_unknown_name_is_throttled_alike(session_site: Client) -> None:
    """That a name is throttled does not tell whether there is such a user."""
    statuses = [
        session_site.post_json(
            "/auth/token", {"username": "eve", "password": "x"}, expect_errors=True
        ).status_int
        for _ in range(6)
    ]
    assert statuses == [401] * 5 + [429]


def test_the_limits_are_the_owners(visit: Any, store: MemoryStore, minter: TokenMinter) -> None:
    """`Throttle` takes other limits."""
    client = visit(LoginApp(store, minter, throttle=Throttle(per_name_and_address="1/minute")))
    client.post_json("/token", {"username": "ada", "password": "x"}, status=401)
    client.post_json("/token", {"username": "ada", "password": "x"}, status=429)


class Directory:
    """An own user table in which everybody has the id 7 and the same password."""

    def authenticate(self, username: str, password: str) -> User | None:
        """Return the user with that name."""
        return User(7, username, version=1) if password == PASSWORD else None

    def get(self, user_id: str) -> User | None:
        """Return the user as it is now."""
        return User(7, "somebody", version=1)


@pytest.fixture
def staff_and_customers(
    visit: Callable[[Any], Client], guard: Callable[..., JWTMiddleware], store: MemoryStore
) -> tuple[Client, Client]:
    """Two login apps with issuers and user tables of their own, on one store, before one API."""
    minters = [
        TokenMinter.from_secret(name * 32, issuer=f"https://{name}.example", audience="api")
        for name in ("staff", "customers")
    ]
    providers = [minter.provider for minter in minters]
    guarded = guard(providers=providers, revocations=RevocationList(store, max_staleness=0))
    staff, customers = (
        visit(LoginApp(store, minter, users=Directory()).wrap(guarded, prefix="/auth"))
        for minter in minters
    )
    return staff, customers


@pytest.mark.parametrize("everywhere", [False, True], ids=["one", "all"])
def test_two_login_apps_on_one_store(
    everywhere: bool,
    staff_and_customers: tuple[Client, Client],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A customer's tokens get and end nothing at the staff's app, whose users have the same ids;
    the attempt is a warning, and the customer's session goes on."""
    staff, customers = staff_and_customers
    theirs, ours = customers.sign_in().json, staff.sign_in().json
    assert refresh(staff, theirs["refresh_token"], status=400)["error"] == "invalid_grant"
    for token in (theirs["refresh_token"], theirs["token"]):
        staff.post_json("/auth/revoke", {"token": token, "all": everywhere})
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [vars(record)["event"] for record in warnings] == ["foreign"] * 2
    staff.post_json("/auth/revoke", {"token": ours["refresh_token"], "all": everywhere})
    call(staff, ours["token"], status=401)
    call(customers, theirs["token"])
    call(customers, refresh(customers, theirs["refresh_token"])["token"])


def test_failures_count_at_one_login_app(staff_and_customers: tuple[Client, Client]) -> None:
    """Five wrong passwords at one app lock nobody out of the other, whose users have the same
    names."""
    staff, customers = staff_and_customers
    wrong = {"username": "ada", "password": "wrong"}
    statuses = [customers.post_json("/auth/token", wrong, expect_errors=True) for _ in range(6)]
    assert [answer.status_int for answer in statuses] == [401] * 5 + [429]
    staff.sign_in()


@pytest.mark.parametrize("table", ["the store's", "one object"])
@pytest.mark.parametrize("first", [0, 1], ids=["as built", "the other way round"])
def test_failures_count_for_the_user_table(
    table: str, first: int, visit: Any, store: MemoryStore
) -> None:
    """Two login apps with one user table do not give an attacker twice the guesses. A login at one
    does not lock out of the other, and the sessions stay apart."""
    users = Directory() if table == "one object" else None
    clients = [
        visit(
            LoginApp(
                store,
                TokenMinter.from_secret("s" * 32, issuer=f"https://{name}.example", audience="a"),
                users=users,
            )
        )
        for name in ("web", "mobile")
    ]
    one, other = clients[first], clients[1 - first]
    wrong = {"username": "ada", "password": "wrong"}
    for client in (one, other, one, other):
        client.post_json("/token", wrong, status=401)
    right = {"username": "ada", "password": PASSWORD}
    session = one.post_json("/token", right).json
    refused = {"grant_type": "refresh_token", "refresh_token": session["refresh_token"]}
    other.post_json("/token", refused, status=400)
    other.post_json("/token", wrong, status=401)
    for client in clients:
        client.post_json("/token", right, status=429)


def test_an_attempt_that_ended_in_503_is_given_back(
    visit: Any, store: MemoryStore, minter: TokenMinter
) -> None:
    """Our own failure tells nobody anything of the password: it does not count against the
    name."""

    class Overloaded(Directory):
        is_down = True

        def authenticate(self, username: str, password: str) -> User | None:
            if self.is_down:
                raise StoreUnavailable("too many hashes at once")
            return super().authenticate(username, password)

    users = Overloaded()
    client = visit(LoginApp(store, minter, users=users, throttle=Throttle()))
    fields = {"username": "ada", "password": PASSWORD}
    for _ in range(60):
        client.post_json("/token", fields, status=503)
    users.is_down = False
    for _ in range(4):
        client.post_json("/token", {**fields, "password": "wrong"}, status=401)
    client.post_json("/token", fields)
