"""From a sign-in to a protected path: what of a user reaches the token, and how a key is changed
without a logout."""

import time
from typing import Any

import pytest

from jwt_middleware import Key
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, User

from .conftest import AUDIENCE, ISSUER, PASSWORD, SECRET

NEW = "the secret that comes after the first"
RESERVED = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "scope"]


class OneUser:
    """A user table whose one user has any password."""

    def __init__(self, user: User) -> None:
        self.user = user

    def authenticate(self, username: str, password: str) -> User:
        """Return the user."""
        return self.user

    def get(self, user_id: str) -> User:
        """Return the user."""
        return self.user


def test_the_whole_way(site: Any) -> None:
    """401 without a token, a token for name and password, 200 with it, and who is calling."""
    site.get("/api/me", status=401)
    user_id = site.sign_in().json["user_id"]
    answer = site.get("/api/me", status=200)
    assert answer.json["subject"] == str(user_id)
    site.authorization = None
    site.get("/api/me", status=401)


def test_claims_of_a_token(site: Any) -> None:
    """The registered claims (RFC 9068 section 2.2), the user's scopes and the user's claims."""
    before = int(time.time())
    site.sign_in()
    claims = site.get("/api").json["claims"]
    registered = {"iss", "sub", "aud", "iat", "exp", "jti", "sid", "scope", "auth_time"}
    assert claims.keys() == registered | {"preferred_username", "department"}
    assert claims["preferred_username"] == "ada"
    assert (claims["iss"], claims["sub"], claims["aud"]) == (ISSUER, "1", AUDIENCE)
    assert before <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] == 900
    assert (claims["scope"], claims["department"]) == ("admin", "engines")


def test_every_sign_in_is_another(site: Any) -> None:
    """Two sign-ins share neither the token's id nor the session's."""
    claims = [site.sign_in() and site.get("/api").json["claims"] for _ in range(2)]
    assert claims[0]["jti"] != claims[1]["jti"]
    assert claims[0]["sid"] != claims[1]["sid"]


def test_scopes_are_read_again(site: Any, store: MemoryStore) -> None:
    """A change of scopes is in the next token."""
    store.set_scopes("ada", ["read", "write"])
    site.sign_in()
    assert site.get("/api").json["scopes"] == ["read", "write"]


@pytest.mark.parametrize(
    "user_id", [1, 2**63, "1", "auth0|5f7c", "Zoë", "5c8e0d4e-7c1a-4c53-9d3e-2f5d3f1c6a10"]
)
def test_the_id_of_a_user(
    user_id: int | str, visit: Any, guard: Any, store: MemoryStore, minter: Any
) -> None:
    """`user_id` is the id as the table has it, number or text; the subject is its text."""
    users = OneUser(User(user_id, "ada"))
    site = visit(LoginApp(store, minter, users=users).wrap(guard(), prefix="/auth"))
    answer = site.sign_in()
    assert (type(answer.json["user_id"]), answer.json["user_id"]) == (type(user_id), user_id)
    assert site.get("/api").json["subject"] == str(user_id)


UNFIT = {
    **{f"claim {name}": User(1, "ada", claims={name: "a hidden value"}) for name in RESERVED},
    "claim scp, which would grant scopes": User(1, "ada", claims={"scp": ["a hidden value"]}),
    "a claim that is no JSON": User(1, "ada", claims={"x": b"a hidden value"}),
    "a claim that is NaN": User(1, "ada", claims={"a hidden value": float("nan")}),
    "a claim with a lone surrogate": User(1, "ada", claims={"x": "a hidden value \ud800"}),
    "a claim with a very long number": User(1, "ada", claims={"a hidden value": 10**40}),
    "claims that are no mapping": User(1, "ada", claims=["a hidden value"]),  # type: ignore[arg-type]
    "claims that are a text": User(1, "ada", claims="a hidden value"),  # type: ignore[arg-type]
    "scopes that are a text": User(1, "ada", scopes="a hidden value"),  # type: ignore[arg-type]
    "no scopes": User(1, "ada", scopes=None, claims={"a hidden value": 1}),  # type: ignore[arg-type]
    "a scope that is two": User(1, "ada", scopes=("a hidden value",)),
    "a scope that is empty": User(1, "ada", scopes=("",)),
    "a scope that is a number": User(1, "ada", scopes=(1,)),  # type: ignore[arg-type]
    "no id": User(None, "ada"),  # type: ignore[arg-type]
    "an empty id": User("", "ada"),
    "an id that is a boolean": User(True, "ada"),
    "an id that is no JSON": User(b"a hidden value", "ada"),  # type: ignore[arg-type]
    "an id with a line end": User("a hidden value\n", "ada"),
    "an id with a lone surrogate": User("a hidden value \ud800", "ada"),
}


@pytest.mark.parametrize("user", UNFIT.values(), ids=UNFIT)
def test_what_cannot_stand_in_a_token(
    user: User, visit: Any, store: MemoryStore, minter: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """503 at the sign-in, not 401 at each path after it; the log says what is wrong, without the
    values."""
    login = visit(LoginApp(store, minter, users=OneUser(user)))
    answer = login.post_json("/token", {"username": "ada", "password": PASSWORD}, status=503)
    assert int(answer.headers["Retry-After"]) > 0
    lines = [record for record in caplog.records if record.name == "jwt_middleware.login"]
    # The first of these tests also finds the one line that says that a user has no version.
    (level,) = [
        record.levelname
        for record in lines
        if "cannot mint a token for a user" in record.getMessage()
    ]
    assert level == "WARNING"
    assert "hidden" not in "".join(record.getMessage() for record in lines) + answer.text


def test_claims_nested_too_deep(visit: Any, store: MemoryStore, minter: Any) -> None:
    """Neither a little nor by thousands: a token that nobody could read is not handed out."""
    for depth in (40, 5_000):
        claims: dict[str, Any] = {}
        for _ in range(depth):
            claims = {"x": claims}
        login = visit(LoginApp(store, minter, users=OneUser(User(1, "ada", claims=claims))))
        login.post_json("/token", {"username": "ada", "password": PASSWORD}, status=503)


def minter_of(secret: str, *fallbacks: str) -> TokenMinter:
    """A minter of the site with another secret."""
    return TokenMinter.from_secret(secret, issuer=ISSUER, audience=AUDIENCE, fallbacks=fallbacks)


@pytest.mark.parametrize(
    ("minter", "status"),
    [(minter_of(NEW, SECRET), 200), (minter_of(NEW), 401), (minter_of(NEW, "x" * 32), 401)],
    ids=["with a fallback", "without", "with another fallback"],
)
def test_a_secret_is_changed(
    minter: TokenMinter, status: int, visit: Any, guard: Any, forge: Any
) -> None:
    """A token that the earlier secret signed stays good while that secret is a fallback, and no
    longer."""
    api = visit(guard(providers=[minter.provider]))
    api.authorization = ("Bearer", forge())
    api.get("/api", status=status)


def test_new_tokens_are_signed_with_the_new_secret(
    visit: Any, guard: Any, store: MemoryStore
) -> None:
    """So that the earlier one can go once its last token has expired."""
    login_app = LoginApp(store, minter_of(NEW, SECRET))
    site = visit(login_app.wrap(guard(providers=[minter_of(NEW).provider]), prefix="/auth"))
    site.sign_in()
    site.get("/api", status=200)


def test_a_private_key_is_changed(visit: Any, guard: Any) -> None:
    """Private keys change in the same way; a fallback only verifies."""
    old, new = Key.generate(), Key.generate("EdDSA")
    before = TokenMinter(old, issuer=ISSUER, audience=AUDIENCE)
    after = TokenMinter(new, issuer=ISSUER, audience=AUDIENCE, fallbacks=[old])
    api = visit(guard(providers=[after.provider]))
    for minter in (before, after):
        api.authorization = ("Bearer", minter.mint("ada"))
        api.get("/api", status=200)


def test_tokens_for_another_use_are_refused(visit: Any, guard: Any, forge: Any) -> None:
    """`minter.provider` pins the type at+jwt, so an ID token of the same issuer opens nothing (RFC
    8725 3.11)."""
    api = visit(guard())
    for typ, status in (("at+jwt", 200), ("application/at+jwt", 200), ("JWT", 401), ("", 401)):
        api.authorization = ("Bearer", forge(headers={"typ": typ}))
        api.get("/api", status=status)


def test_several_audiences(visit: Any, guard: Any, store: MemoryStore) -> None:
    """A minter for several services names them all, and each of them accepts its tokens."""
    minter = TokenMinter.from_secret(SECRET, issuer=ISSUER, audience=["api", "shop"])
    site = visit(LoginApp(store, minter).wrap(guard(providers=[minter.provider]), prefix="/auth"))
    site.sign_in()
    assert site.get("/api").json["claims"]["aud"] == ["api", "shop"]
