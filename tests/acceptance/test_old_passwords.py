"""People of another program log in with the passwords that they have."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from click.testing import CliRunner
from django.contrib.auth.hashers import PBKDF2PasswordHasher, ScryptPasswordHasher

from jwt_middleware import JWTMiddleware
from jwt_middleware.cli.root import root
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import HashedUser, MemoryStore, SQLStore
from tests.kit.passwords import CHEAP

from .conftest import PASSWORD, Client

pytestmark = pytest.mark.needs_frameworks  # Django makes two of the hashes


def old_hashes() -> dict[str, str]:
    """What other programs stored of the password of every user here."""
    from argon2 import PasswordHasher

    return {
        "bcrypt": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode(),
        "argon2": PasswordHasher(1, 64, 1).hash(PASSWORD),
        "django": PBKDF2PasswordHasher().encode(PASSWORD, "zuckersalz", 1000),
        "django scrypt": ScryptPasswordHasher().encode(PASSWORD, "zuckersalz", n=1024),
    }


def test_imported_users_log_in(
    visit: Callable[[Any], Client],
    guard: Callable[..., JWTMiddleware],
    login_app: LoginApp,
    store: MemoryStore,
) -> None:
    """They get tokens with their scopes, once and again; a wrong password is 401 in the usual
    words."""
    store.import_users(HashedUser(name, made, ["admin"]) for name, made in old_hashes().items())
    site = visit(login_app.wrap(guard(), prefix="/auth"))
    for name in old_hashes():
        for _ in range(2):
            site.sign_in(name)
            assert site.get("/api/admin", status=200).json["scopes"] == ["admin"]
        fields = {"username": name, "password": "wrong"}
        answer = site.post_json("/auth/token", fields, status=401)
        assert answer.json["msg"] == "Bad username or password"


@pytest.mark.parametrize("name", old_hashes())
def test_a_file_of_the_operator(
    name: str,
    visit: Callable[[Any], Client],
    guard: Callable[..., JWTMiddleware],
    minter: TokenMinter,
    tmp_path: Path,
) -> None:
    """`users import` makes users who log in under a running app."""
    url = f"sqlite:///{tmp_path}/auth.db"
    with closing(SQLStore(url, password_method=CHEAP)) as store:
        site = visit(LoginApp(store, minter).wrap(guard(), prefix="/auth"))
        site.get("/auth/health", status=200)
        arguments = ["users", "import", "-", "--database", url]
        line = f'{name},"{old_hashes()[name]}",read\n'
        assert CliRunner().invoke(root, arguments, input=line).exit_code == 0
        site.sign_in(name)
        assert site.get("/api/me", status=200).json["scopes"] == ["read"]


def test_a_hash_that_is_not_known(
    visit: Callable[[Any], Client], minter: TokenMinter, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a usual 401 for the client, and one line for the operator that names the form."""

    class Users(MemoryStore):
        def authenticate(self, username: str, password: str) -> Any:
            from jwt_middleware.stores import check_password

            return check_password("$6$salt$" + "x" * 86, password, unknown=CHEAP) or None

    site = visit(LoginApp(MemoryStore(), minter, users=Users(password_method=CHEAP)))
    fields = {"username": "ada", "password": PASSWORD}
    site.post_json("/token", fields, status=401)
    assert "unknown here: SHA-512 crypt" in caplog.text
