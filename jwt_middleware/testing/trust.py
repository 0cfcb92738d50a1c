"""`trusting`: an app accepts test tokens beside its own, for a while."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
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
    while only. Uses may be nested, and end in any order. Without a middleware:
    `ConfigurationError`.
    """
    middlewares = list(find_middlewares(app))
    require(
        middlewares,
        "no JWTMiddleware was found: pass the app as a server loads it, such as app for Flask",
    )
    layer = _Layer()
    providers = [
        provider for middleware in middlewares for provider in middleware.verifier.providers
    ]
    try:
        can_revoke = [_trust(middleware, layer) for middleware in middlewares]
        revoke = layer.revoke if any(can_revoke) else None
        yield Tokens(providers, layer.key, revoke)
    finally:
        for middleware in middlewares:
            _cease(middleware, layer)


class _Layer:
    """What one use of `trusting` adds to its middlewares: a key, and the tokens it revoked."""

    def __init__(self) -> None:
        self.key = Key.generate()
        self.revoked: list[Revocation] = []

    def revoke(self, *, token_id: str, expires_at: float, issuer: str) -> None:
        self.revoked.append(token_entry(token_id, expires_at, issuer))


@dataclass(frozen=True, slots=True)
class _Trusting:
    """A middleware that trusts for a while, with its own verifier and the layers beside it.

    Uses may end in any order: a module's fixture may come to trust an app after a test has, and
    goes on when the test is over.
    """

    middleware: JWTMiddleware
    usual: Verifier
    layers: list[_Layer]

    def apply(self) -> None:
        """Verify with every layer, or as ever when there is none."""
        if not self.layers:
            self.middleware.replace_verifier(self.usual)
            return
        revocations = self.usual.revocations
        if isinstance(revocations, RevocationList):
            log = _Log(revocations.log, [layer.revoked for layer in self.layers])
            revocations = RevocationList(log, max_staleness=0, max_outage=revocations.max_outage)
        providers: Iterable[Provider] = self.usual.providers
        for layer in self.layers:
            providers = [_with_key(provider, layer.key) for provider in providers]
        trusted: list[Any] = [*providers, *self.usual.lookups]
        self.middleware.replace_verifier(Verifier(trusted, revocations=revocations))


_lock = threading.Lock()
_now_trusting: dict[int, _Trusting] = {}
"""By the id of the middleware, which lives as long as its entry."""


def _trust(middleware: JWTMiddleware, layer: _Layer) -> bool:
    """Let one middleware trust a layer; return whether it knows of revocations."""
    with _lock:
        trusting_now = _now_trusting.setdefault(
            id(middleware), _Trusting(middleware, middleware.verifier, [])
        )
        trusting_now.layers.append(layer)
        trusting_now.apply()
    return isinstance(trusting_now.usual.revocations, RevocationList)


def _cease(middleware: JWTMiddleware, layer: _Layer) -> None:
    with _lock:
        trusting_now = _now_trusting.get(id(middleware))
        if trusting_now is None or layer not in trusting_now.layers:
            return
        trusting_now.layers.remove(layer)
        trusting_now.apply()
        if not trusting_now.layers:
            del _now_trusting[id(middleware)]


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

    def __init__(self, log: RevocationLog, added: Sequence[Sequence[Revocation]]) -> None:
        self._log = log
        self._added = added

    def read_revocations(self, cursor: object | None) -> RevocationPage:
        page = self._log.read_revocations(cursor)
        return replace(page, entries=[*page.entries, *chain(*self._added)])
