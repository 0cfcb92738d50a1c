"""`trusting`: an app accepts test tokens beside its own, for a while."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from .._options import require
from ..inspection import find_middlewares
from ..middleware import JWTMiddleware
from ..stores.revocations import token_entry
from ..trust.keys import Key, KeySet, KeySource
from ..trust.provider import Provider
from ..trust.remote_keys import RemoteKeySet
from ..trust.revocation import Revocation, RevocationList, RevocationLog, RevocationPage
from ..trust.verifier import Verifier
from .tokens import Tokens


@contextmanager
def trusting(app: Any) -> Iterator[Tokens]:
    """Let every `JWTMiddleware` in the app trust a new key until the end, and give the `Tokens`
    that it signs.

    `app` is what a server would load: the middlewares are found through whatever wraps them, and
    through what they wrap. Each goes on verifying as ever. Fixed keys and key folders stay good, so
    that people can sign in; keys at a URL are left out, so no network is touched. What is revoked
    in the app's log counts at once, and `revoked` tokens are revoked beside that log, for this
    while only. Uses may be nested. Without a middleware: `ConfigurationError`.
    """
    middlewares = list(find_middlewares(app))
    require(
        middlewares,
        "no JWTMiddleware was found: pass the app as a server loads it, such as app for Flask",
    )
    key = Key.generate()
    revoked: list[Revocation] = []

    def revoke(*, token_id: str, expires_at: float, issuer: str) -> None:
        revoked.append(token_entry(token_id, expires_at, issuer))

    providers = [
        provider for middleware in middlewares for provider in middleware.verifier.providers
    ]
    with ExitStack() as stack:
        can_revoke = [stack.enter_context(_trusting(found, key, revoked)) for found in middlewares]
        yield Tokens(providers, key, revoke if any(can_revoke) else None)


@contextmanager
def _trusting(middleware: JWTMiddleware, key: Key, revoked: Sequence[Revocation]) -> Iterator[bool]:
    """Let one middleware trust the key; yield whether it knows of revocations."""
    usual = middleware.verifier
    revocations = usual.revocations
    knows_revocations = isinstance(revocations, RevocationList)
    if isinstance(revocations, RevocationList):
        log = _Log(revocations.log, revoked)
        revocations = RevocationList(log, max_staleness=0, max_outage=revocations.max_outage)
    providers = [_with_key(provider, key) for provider in usual.providers]
    middleware.replace_verifier(Verifier(providers, revocations=revocations))
    try:
        yield knows_revocations
    finally:
        middleware.replace_verifier(usual)


def _with_key(provider: Provider, key: Key) -> Provider:
    is_remote = isinstance(provider.keys, RemoteKeySet)
    return replace(provider, keys=KeySet([key]) if is_remote else _KeyBeside(key, provider.keys))


class _KeyBeside:
    """A key source with one key more. Not a `KeySet` of all, which could not mix the key with an
    app's secret."""

    def __init__(self, key: Key, keys: KeySource) -> None:
        self._key = key
        self._keys = keys

    @property
    def generation(self) -> object:
        return self._keys.generation

    def find(self, kid: str | None) -> Sequence[Key]:
        return (self._key,) if kid == self._key.id else self._keys.find(kid)


class _Log:
    """A log of revocations with more entries after its own."""

    def __init__(self, log: RevocationLog, added: Sequence[Revocation]) -> None:
        self._log = log
        self._added = added

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        page = self._log.read_revocations(cursor)
        return replace(page, entries=[*page.entries, *self._added])
