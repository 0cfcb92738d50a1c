"""REMOTE_USER as apps want it: the name of the person who logged in, and never a forged one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jwt_middleware import JWTMiddleware, Provider, Rule, issued_by
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore, User

from .conftest import Client


@pytest.fixture
def named(minter: TokenMinter) -> Provider:
    """The provider of the minter, with the name for REMOTE_USER."""
    return replace(minter.provider, remote_user_claim="preferred_username")


def test_the_name_of_who_logged_in_is_the_remote_user(
    visit: Callable[[Any], Client], guard: Any, login_app: LoginApp, named: Provider
) -> None:
    """Also after a refresh; the subject stays the id."""
    site = visit(login_app.wrap(guard(providers=[named]), prefix="/auth"))
    answer = site.sign_in().json
    for _ in range(2):
        body = site.get("/api").json
        assert (body["seen"]["REMOTE_USER"], body["subject"]) == ("ada", "1")
        assert body["claims"]["preferred_username"] == "ada"
        fields = {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"]}
        answer = site.post_json("/auth/token", fields).json
        site.authorization = ("Bearer", answer["token"])


def test_without_the_option_it_is_the_subject(site: Client) -> None:
    """As before."""
    site.sign_in()
    assert site.get("/api").json["seen"]["REMOTE_USER"] == "1"


NAMES: dict[str, tuple[Any, str | None]] = {
    "plain": ("ada", "ada"),
    "with a space": ("Ada Lovelace", "Ada Lovelace"),
    "not ASCII": ("zoë", "zoë".encode().decode("latin-1")),
    "beyond Latin-1": ("李四", "李四".encode().decode("latin-1")),
    "an address": ("ada@example.com", "ada@example.com"),
    "missing": (None, None),
    "empty": ("", None),
    "a space alone": (" ", None),
    "a space at the start": (" ada", None),
    "a space at the end": ("ada ", None),
    "a line break": ("ada\nroot", None),
    "NUL": ("ada\0", None),
    "a control character": ("ada\x7f", None),
    "written backwards": ("ada\u202e", None),
    "a no-break space": ("ada\u00a0", None),
    "a number": (5, None),
    "true": (True, None),
    "a list": (["ada"], None),
    "an object": ({"name": "ada"}, None),
}


@pytest.mark.parametrize(("name", "remote_user"), NAMES.values(), ids=NAMES)
def test_a_name_is_set_as_it_is_or_not_at_all(
    name: Any, remote_user: str | None, visit: Any, guard: Any, named: Provider, forge: Any
) -> None:
    """A claim that is missing or not a printable string sets none, and a forged one is removed;
    from the cache too. The request passes."""
    api = visit(guard(providers=[named]))
    headers = {"Authorization": f"Bearer {forge(preferred_username=name)}"}
    for _ in range(2):
        answer = api.get("/api", headers=headers, extra_environ={"REMOTE_USER": "root"})
        assert answer.json["seen"].get("REMOTE_USER") == remote_user
        assert answer.json["subject"] == "1"


def test_with_several_issuers_only_one_may_name_people(
    visit: Any, guard: Any, named: Provider, forge: Any
) -> None:
    """A rule must leave one issuer, since the names of two may be alike."""
    other = replace(named, issuer="https://other.example")
    rules = [Rule("/both"), Rule("/one", issued_by(named.issuer))]
    api = visit(guard(providers=[named, other], rules=rules))
    headers = {"Authorization": f"Bearer {forge(preferred_username='ada')}"}
    for path, expected in (("/both", None), ("/one", "ada")):
        assert api.get(path, headers=headers).json["seen"].get("REMOTE_USER") == expected


class Table:
    """An owner's table with one user."""

    def __init__(self, user: User) -> None:
        self.user = user

    def authenticate(self, username: str, password: str) -> User:
        return self.user

    def get(self, user_id: str) -> User:
        return self.user


OWN: dict[str, tuple[Any, dict[str, Any], str | None]] = {
    "a name": ("ada", {}, "ada"),
    "a claim of the owner's": ("ada", {"preferred_username": "lovelace"}, "lovelace"),
    "no name": (None, {}, None),
    "an empty name": ("", {}, None),
    "a number": (5, {}, None),
    "not printable": ("ada\n", {}, None),
    "half a character": ("\ud800", {}, None),
}


@pytest.mark.parametrize(("username", "claims", "name"), OWN.values(), ids=OWN)
def test_a_table_of_ones_own_may_have_any_names(
    username: Any,
    claims: dict[str, Any],
    name: str | None,
    visit: Any,
    minter: TokenMinter,
    named: Provider,
    guard: Any,
    store: MemoryStore,
) -> None:
    """People whose name cannot be shown log in all the same."""
    users = Table(User("7", username, claims=claims, version=1))
    login = LoginApp(store, minter, users=users, throttle=None)
    site = visit(login.wrap(guard(providers=[named]), prefix="/auth"))
    site.sign_in()
    body = site.get("/api").json
    assert (body["subject"], body["seen"].get("REMOTE_USER")) == ("7", name)
    assert body["claims"].get("preferred_username") == name


def test_the_test_kit_names_its_callers(jwt_client: Any, guard: Any, named: Provider) -> None:
    """`as_user("ada")` is ada in REMOTE_USER too."""
    middleware: JWTMiddleware = guard(providers=[named])
    seen = jwt_client(middleware).as_user("ada").get("/api").json["seen"]
    assert seen["REMOTE_USER"] == "ada"
