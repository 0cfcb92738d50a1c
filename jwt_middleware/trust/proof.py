"""`DPoP`: checks that the sender of a request has the key of the token (RFC 9449).

A proof is a JWT in the header `DPoP`, made for one request: its method, its URL, its time and its
token, signed by the key that it carries. The token names the thumbprint of that key. A thief who
has the token, or a proof, has neither the key nor another request for which the proof would do.

| RFC 9449 section 4.3 | the check | the reason of a refusal |
|---|---|---|
| 1, 2 | one header, a strict compact JWS (`jws`) | `proof_malformed` |
| 3 to 5 | the claims are there, `typ` is `dpop+jwt`, `alg` is asymmetric | `proof_malformed` |
| 6 | the signature is that of `jwk` | `proof_signature` |
| 7 | `jwk` has no private member | `proof_malformed` |
| 8 | `htm` is the method of the request | `proof_method` |
| 9 | `htu` is its URL (`htu`) | `proof_url` |
| 10 | `nonce` is one of ours, if nonces are used (`nonces`) | `proof_nonce` |
| 11 | `iat` is at most `max_age` old | `proof_time` |
| 12 | `ath` is the hash of the token | `proof_token` |
| 12 | the token is bound to the key | `proof_key` |
| section 11.1 | the `jti` is new for this key | `proof_replayed` |

The cheap checks come before the signature, and the store comes last. So a stranger without a valid
token causes no write, and takes no room in the cache of keys.
"""

import math
import re
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from .._options import check_seconds, got, require
from ..errors import ConfigurationError, InvalidProof, NonceNeeded
from .htu import is_url_of, normal_base, overlap_of
from .keys import Key
from .nonces import Nonces, RecordedNonces, SharedNonces
from .proof_form import (
    PROOF_ALGORITHMS,
    ProofKey,
    claims_of,
    parts_of,
    proof_key,
    usual_claims,
)
from .replays import Counters, Replays

_AHEAD = 5
"""Seconds by which the clock of a client may be ahead."""

_MAX_CACHED = 1000  # keys
_MAX_CACHED_HEADER = 2048  # bytes, more than the header with an RSA key of 4096 bits takes
_match_plain_id = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
"""A `jti` that a store can have in a key as it is: a UUID, or base64url of random bytes."""
_LEAST_SECRET = 32  # bytes


class Proof:
    """A proof that was checked, except for whether it was used before.

    - `thumbprint`: that of its key (RFC 7638), for `cnf.jkt`.
    - `replay_key`: names the proof in the store of used proofs.
    - `nonce`: the nonce that was checked, or None.
    - `new_nonce`: once the proof is used, the nonce for the client's next one. None if that of this
      one will do.
    """

    # Not frozen: one is made for each request.
    __slots__ = ("new_nonce", "nonce", "replay_key", "thumbprint")

    def __init__(self, thumbprint: str, jti: str, nonce: str | None) -> None:
        self.thumbprint = thumbprint
        self.nonce = nonce
        self.new_nonce: str | None = None
        if _match_plain_id(jti):
            self.replay_key = f"dpop/{thumbprint}/{jti}"
        else:
            self.replay_key = f"dpop/{sha256((thumbprint + jti).encode()).hexdigest()}"


@dataclass(frozen=True, slots=True, init=False, repr=False, eq=False)
class DPoP:
    """Checks the DPoP proofs of requests: `JWTMiddleware(dpop=...)` and `LoginApp(dpop=...)`.

    - `url`: the URL at which clients reach the root of this server, such as `https://api.example`.
      `htu` is compared with it and the path. It comes from here and never from `Host`, which any
      client can choose.
    - `replays`: a store whose counters all workers share. Each proof counts once.
    - `max_age`: seconds for which a proof is good.
    - `nonces`: whether proofs must contain a nonce of ours. Give a secret of at least 32 bytes
      instead of True if the nonces should not be recorded in the store.

    One object may serve a middleware and a login app. An invalid option raises
    `ConfigurationError`.
    """

    url: str
    max_age: float
    _base: str
    _remembered_for: int
    _replays: Replays
    _nonces: Nonces | None
    _keys: "OrderedDict[bytes, tuple[ProofKey, Key]]" = field(repr=False)

    def __init__(
        self,
        url: str,
        *,
        replays: Counters,
        max_age: float = 60,
        nonces: bool | str | bytes = False,
    ) -> None:
        base = normal_base(url) if isinstance(url, str) else None
        if base is None:
            raise ConfigurationError(
                "url of DPoP must be the http or https URL of the server's root, without user "
                f"info, query and fragment, got {got(url)}; DPoP('https://api.example', ...)"
            )
        is_store = all(callable(getattr(replays, name, None)) for name in ("increment", "count"))
        require(
            is_store and not isinstance(replays, type),
            "replays must be a store with counters, such as SQLStore(...) or RedisLog(...), "
            f"got an object of {type(replays).__name__}",
        )
        check_seconds("max_age", max_age, above=0)
        counters = Replays(replays)
        object.__setattr__(self, "url", url)
        object.__setattr__(self, "max_age", max_age)
        object.__setattr__(self, "_base", base)
        # Longer than the proof is good, since the clocks of the workers differ.
        object.__setattr__(self, "_remembered_for", math.ceil(2 * max_age) + _AHEAD)
        object.__setattr__(self, "_replays", counters)
        object.__setattr__(self, "_nonces", _nonces_of(nonces, counters))
        object.__setattr__(self, "_keys", OrderedDict())

    @property
    def uses_nonces(self) -> bool:
        """Whether proofs must contain a nonce of ours."""
        return self._nonces is not None

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The names of the accepted algorithms, for `algs` in a challenge."""
        return PROOF_ALGORITHMS

    def check(
        self,
        text: str | None,
        *,
        method: str,
        path: str,
        mount: str = "",
        token_hash: str | None = None,
        thumbprint: str | None = None,
    ) -> Proof:
        """Return the checked proof. It is not used up by this: call `use` or `peek`.

        - `text`: the header `DPoP`, or None.
        - `method` and `path`: those of the request. The path is decoded and in PEP 3333's form.
        - `mount`: the part of the path that is the mount point. The `url` may have it already.
        - `token_hash`: that of the access token of the request (`proof_form.hash_of`). None at a
          token endpoint.
        - `thumbprint`: that of the key which the token is bound to. None accepts any key.

        Raise `InvalidProof` with the reason, and `NonceNeeded` for a proof without our nonce.
        """
        header, payload, signing_input, signature = parts_of(text)
        cached = self._keys.get(header)
        found = proof_key(header) if cached is None else cached[0]
        if thumbprint is not None and found.thumbprint != thumbprint:
            raise InvalidProof("proof_key")
        claims = usual_claims(payload) or claims_of(payload)
        if claims["htm"] != method:
            raise InvalidProof("proof_method")
        below = path[overlap_of(self._base, mount) :] if mount else path
        if not is_url_of(claims["htu"], self._base, below):
            raise InvalidProof("proof_url")
        if token_hash is not None and claims.get("ath") != token_hash:
            raise InvalidProof("proof_token")
        now = time.time()
        if not now - self.max_age <= claims["iat"] <= now + _AHEAD:
            raise InvalidProof("proof_time")
        if "exp" in claims or "nbf" in claims:
            _check_dates(claims, now)
        key = found.build() if cached is None else cached[1]
        if not key.verify(signing_input, signature):
            raise InvalidProof("proof_signature")
        nonces = self._nonces
        nonce = None if nonces is None else _checked_nonce(nonces, claims.get("nonce"))
        if cached is None:
            self._cache(header, found, key)
        return Proof(found.thumbprint, claims["jti"], nonce)

    def use(self, proof: Proof) -> None:
        """Use the proof up. Raise `InvalidProof("proof_replayed")` if it was used before, and
        `Unavailable` if the store does not answer."""
        if not self._replays.record(proof.replay_key, self._remembered_for):
            raise InvalidProof("proof_replayed")
        if proof.nonce is not None and self._nonces is not None:
            proof.new_nonce = self._nonces.successor(proof.nonce)

    def peek(self, proof: Proof) -> None:
        """Raise what `use` would raise, and do not use the proof up."""
        if self._replays.has(proof.replay_key):
            raise InvalidProof("proof_replayed")

    def _cache(self, header: bytes, found: ProofKey, key: Key) -> None:
        """Cache a key whose proof was good, and drop the oldest if the cache is full."""
        if len(header) > _MAX_CACHED_HEADER:
            return
        self._keys[header] = found, key
        if len(self._keys) > _MAX_CACHED:
            try:
                self._keys.popitem(last=False)
            except KeyError:  # another thread emptied the cache
                return

    def __repr__(self) -> str:
        return f"<DPoP of {self.url!r}>"


def _check_dates(claims: dict[str, Any], now: float) -> None:
    """Check the dates that RFC 9449 does not use, but which any JWT means (RFC 7519 sections 4.1.4,
    4.1.5)."""
    is_over = now >= claims.get("exp", math.inf) + _AHEAD
    if is_over or now < claims.get("nbf", 0) - _AHEAD:
        raise InvalidProof("proof_time")


def _checked_nonce(nonces: Nonces, nonce: object) -> str:
    """Return the nonce. Raise `NonceNeeded` unless it is one of ours."""
    if not isinstance(nonce, str) or not nonces.accepts(nonce):
        raise NonceNeeded(nonces.current())
    return nonce


def _nonces_of(nonces: object, counters: Replays) -> Nonces | None:
    if isinstance(nonces, bool):
        return RecordedNonces(counters) if nonces else None
    form = f"nonces must be True, False or a secret of at least {_LEAST_SECRET} bytes"
    if not isinstance(nonces, (str, bytes)):
        raise ConfigurationError(f"{form}, got an object of {type(nonces).__name__}")
    try:
        secret = nonces.encode() if isinstance(nonces, str) else nonces
    except UnicodeEncodeError:
        raise ConfigurationError(form) from None
    require(len(secret) >= _LEAST_SECRET, f"{form}, got {len(secret)}")
    return SharedNonces(secret)
