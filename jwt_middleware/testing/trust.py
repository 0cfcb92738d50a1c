"""`trusting`: lets an app accept test tokens beside its own, for a while."""

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
from .lifetime import Lifetime
from .tokens import Tokens


@contextmanager
def trusting(app: Any) -> Iterator[Tokens]:
    """Let every `JWTMiddleware` in the app trust a new key until the end of the block, and yield
    the `Tokens` that it signs.

    `app` is the object that a server would load. The middlewares are found through their wrappers,
    and through the apps that they wrap. Each goes on verifying as before. Fixed keys and key
    folders stay valid, so that people can log in. Keys at a URL are left out, so the network is not
    used. Revocations in the app's log take effect at once. `revoked` tokens are revoked beside that
    log, only within the block. After it the `Tokens` and their clients raise `ConfigurationError`.
    Blocks may be nested, and end in any order. Without a middleware, this raises
    `ConfigurationError`.
    """
    middlewares = list(find_middlewares(app))
    require(
        middlewares,
        "app must contain a JWTMiddleware: wrap the app, and pass the object that a server loads, "
        "such as app for Flask",
    )
    layer = _Layer()
    providers = [
        provider for middleware in middlewares for provider in middleware.verifier.providers
    ]
    try:
        can_revoke = [_trust(middleware, layer) for middleware in middlewares]
        revoke = layer.revoke if any(can_revoke) else None
        yield Tokens(providers, layer.key, revoke, layer.lifetime)
    finally:
        layer.lifetime.end()
        for middleware in middlewares:
            _cease(middleware, layer)


class _Layer:
    """The additions of one use of `trusting`: a key, and the revoked tokens."""

    def __init__(self) -> None:
        self.key = Key.generate()
        self.revoked: list[Revocation] = []
        self.lifetime = Lifetime()

    def revoke(self, *, token_id: str, expires_at: float, issuer: str) -> None:
        self.revoked.append(token_entry(token_id, expires_at, issuer))


@dataclass(frozen=True, slots=True)
class _Trusting:
    """A middleware within `trusting`, with its own verifier and the layers beside it.

    Uses may end in any order. The fixture of a module may start to trust an app later than a test,
    and go on after the test has ended.
    """

    middleware: JWTMiddleware
    usual: Verifier
    layers: list[_Layer]

    def apply(self) -> None:
        """Verify with every layer, or as before if there are none."""
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
"""The entries by the id of their middleware, which lives as long as its entry."""


def _trust(middleware: JWTMiddleware, layer: _Layer) -> bool:
    """Let one middleware trust a layer. Return whether it checks revocations."""
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
    """A key source with one more key. A `KeySet` of all keys would not work, since it cannot mix
    the key with an app's secret."""

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
