"""Passwords, tokens and secrets stay out of the log, of reprs and of errors."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client

from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

from .conftest import PASSWORD, SECRET, everything_logged


def test_a_day_in_the_log(site: Any, forge: Any, store: MemoryStore) -> None:
    """Good and bad requests of every kind; that nothing secret was logged is looked at when the
    test ends."""
    site.sign_in()
    site.get("/api", status=200)
    for token in (
        forge(exp=1),
        forge(key="x" * 32),
        forge(aud="x"),
        forge()[:-2],
        f"{forge()}.{forge()}",
    ):
        site.get("/api", headers={"Authorization": f"Bearer {token}"}, status=401)
    for authorization in (
        forge(),
        f"Bearer {forge()} x",
        f"Bearer {forge()}, Bearer {forge()}",
        f"Basic {forge()}",
    ):
        site.get("/api", headers={"Authorization": authorization}, expect_errors=True)
    store.disable_user("ada")
    for name in ("ada", "nobody"):
        site.post_json("/auth/token", {"username": name, "password": PASSWORD}, status=401)
    site.post("/auth/token", f'{{"username": "ada", "password": "{PASSWORD}"', expect_errors=True)
    site.post(
        "/auth/token",
        {"username": "ada", "password": PASSWORD, "Password": PASSWORD * 3000},
        status=413,
    )


@pytest.mark.parametrize("kind", ["password", "token", "refresh_token"])
@pytest.mark.parametrize("leak", ["message", "argument", "extra", "error", "cause"])
def test_what_the_search_finds(
    leak: str,
    kind: str,
    store: MemoryStore,
    minter: TokenMinter,
    log_watch: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The searches that tests end with find a secret wherever a record can hold one; the level
    matters to none."""
    answer = Client(LoginApp(store, minter)).post(
        "/token", json={"username": "ada", "password": PASSWORD}
    )
    secret = {"password": PASSWORD, **answer.json}[kind]
    cause = RuntimeError("a")
    cause.__cause__ = ValueError(secret)
    log = logging.getLogger("jwt_middleware.login")
    leaks: dict[str, Callable[[], object]] = {
        "message": lambda: log.debug(f"a {secret}"),
        "argument": lambda: log.debug("a %s", {"b": secret}),
        "extra": lambda: log.debug("a", extra={"b": secret}),
        "error": lambda: log.debug("a", exc_info=ValueError(secret)),
        "cause": lambda: log.debug("a", exc_info=cause),
    }
    assert log_watch.take_leaks() == []
    leaks[leak]()
    assert len(log_watch.take_leaks()) == 1
    assert secret in everything_logged(caplog)


@pytest.mark.usefixtures("unrecorded")
def test_what_is_not_recorded_is_watched(log_watch: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A secret is found where pytest keeps no records, too."""
    logging.getLogger("jwt_middleware").info("a %s", PASSWORD)
    logging.getLogger("jwt_middleware.login").info("a %s", PASSWORD)
    assert len(log_watch.take_leaks()) == 2
    assert caplog.records == []


def test_reprs(store: MemoryStore, minter: TokenMinter) -> None:
    """What a debugger, a traceback or an assertion prints of our objects tells no secret."""
    private = Key.generate()
    objects = [
        minter,
        minter.provider,
        Key.from_secret(SECRET),
        private,
        KeySet([Key.from_secret(SECRET)]),
        Provider(issuer="i", audience="a", keys=KeySet([Key.from_secret(SECRET)])),
        LoginApp(store, minter),
        JWTMiddleware(print, providers=[minter.provider], rules=[Rule("/")]),
        store,
        store.users(),
        store.authenticate("ada", PASSWORD),
    ]
    printed = repr(objects) + str(objects)
    scalar = private.signing_key.private_numbers().private_value  # type: ignore[union-attr]
    for secret in (SECRET, PASSWORD, "scrypt:", str(scalar), f"{scalar:x}"):
        assert secret not in printed


@pytest.mark.parametrize(
    "build",
    [
        lambda: Key.from_secret(SECRET[:20]),
        lambda: Key.from_secret(SECRET, algorithm="HS512"),
        lambda: Key.from_pem(SECRET),
        lambda: Key.from_jwk({"kty": "oct", "k": SECRET, "alg": "RS256"}),
        lambda: TokenMinter.from_secret(SECRET, issuer="i", audience="a", fallbacks=SECRET),
        lambda: TokenMinter.from_secret(SECRET[:20], issuer="i", audience="a"),
        lambda: TokenMinter.from_secret(SECRET, issuer="", audience="a"),
        lambda: TokenMinter(SECRET, issuer="i", audience="a"),  # type: ignore[arg-type]
        lambda: KeySet.from_jwks(SECRET),
        lambda: KeySet(SECRET),  # type: ignore[arg-type]
        lambda: MemoryStore().add_user("ada", f"{SECRET}\0"),
    ],
)
def test_errors(build: Callable[[], object]) -> None:
    """An error about a secret does not quote it, nor does what caused it."""
    # the words are the point, and they are searched
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        build()
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET[:20] not in repr(error) + str(error)
        error = error.__cause__
