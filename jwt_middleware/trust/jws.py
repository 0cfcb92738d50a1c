"""Reads a compact JWS (RFC 7515) strictly; a `Key` checks its signature.

A token has one meaning or is refused:

- three parts of strict base64url (see `encoding`), so that no other string carries the same
  signature;
- a header that is a JSON object, read as strictly;
- `alg` names the one algorithm of the key (RFC 8725 section 3.1), and `kid` is only looked up in a
  dictionary;
- `crit`, `b64` (RFC 7797 section 7) and `zip` are refused; `jwk`, `jku`, `x5u` and `x5c` are never
  read (RFC 8725 section 3.10).
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Any

from ..errors import InvalidToken
from ..issuer_template import serves
from . import encoding
from .keys import Key, KeySource

_REFUSED_PARAMETERS = {"crit", "b64", "zip"}


class Jws:
    """A well-formed compact JWS whose signature has not been checked yet."""

    # Not frozen: one is made for each first-seen token. Written out, since a dataclass takes a
    # third of a millisecond of every import.
    __slots__ = ("header", "header_json", "payload", "signature", "signing_input")

    def __init__(
        self,
        header: Mapping[str, Any],
        header_json: bytes,
        payload: bytes,
        signing_input: bytes,
        signature: bytes,
    ) -> None:
        self.header = header
        self.header_json = header_json
        self.payload = payload
        self.signing_input = signing_input
        self.signature = signature

    def check_signature(self, keys: KeySource, issuer: str | None = None) -> None:
        """Raise `InvalidToken` unless a key of the source made the signature. Keys that are
        published for another issuer do not count.

        The reason is `key`, `algorithm` or `signature`. Keys that cannot be reached raise
        `Unavailable`.
        """
        candidates = keys.find(self.header.get("kid"))
        reason = "key"
        for key in candidates:
            if key.issuer is not None and issuer is not None and not serves(key.issuer, issuer):
                continue
            if self.header["alg"] in key.algorithms:
                if key.verify(self.signing_input, self.signature):
                    return
                reason = "signature"
            elif reason == "key":
                reason = "algorithm"
        # The issuer may have changed a key under its id. `recheck` of a source that fetches its
        # keys decides whether that is worth a fetch, and does not wait for it.
        recheck = getattr(keys, "recheck", None) if candidates else None
        if recheck is not None:
            recheck()
        raise InvalidToken(reason)


def verify(token: str, key_set: KeySource) -> tuple[dict[str, Any], bytes]:
    """Return the header and the payload of a compact JWS that a key of the set signed (RFC 7515
    section 5.2).

    The payload may be any bytes. Raise `InvalidToken` with the reason `malformed`, `key`,
    `algorithm` or `signature`.
    """
    jws = parse(token)
    jws.check_signature(key_set)
    return deepcopy(dict(jws.header)), jws.payload  # the header is cached for the next token


def sign(header: Mapping[str, Any], payload: bytes, key: Key) -> str:
    """Return the compact JWS of a payload (RFC 7515 section 5.1). The key gives `alg` and `kid`.

    Raise `ConfigurationError` for a public key.
    """
    named = {"kid": key.id} if key.id else {}
    header_json = json.dumps({"alg": key.algorithm, **header, **named}, separators=(",", ":"))
    signing_input = b".".join(map(encoding.encode_base64url, (header_json.encode(), payload)))
    signature = encoding.encode_base64url(key.sign(signing_input))
    return b".".join((signing_input, signature)).decode()


def parse(token: str) -> Jws:
    """Parse a compact JWS without checking its signature (RFC 7515 section 7.1).

    Raise `InvalidToken` with the reason `malformed`.
    """
    try:
        signing_input, _, signature = token.encode("ascii").rpartition(b".")
        header, payload = signing_input.split(b".")
        read_header, header_json = _header(header)
        return Jws(
            read_header,
            header_json,
            encoding.decode_base64url(payload),
            signing_input,
            encoding.decode_base64url(signature),
        )
    except ValueError:
        raise InvalidToken("malformed") from None


def parse_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object of a payload, read strictly.

    Raise `InvalidToken` with the reason `malformed`.
    """
    try:
        return encoding.parse_object(text)
    except ValueError:
        raise InvalidToken("malformed") from None


def read_header(segment: bytes) -> tuple[Mapping[str, Any], bytes]:
    """Return the header of a JWS and its JSON text. Raise `ValueError` if it is refused."""
    header_json = encoding.decode_base64url(segment)
    header = encoding.parse_object(header_json)
    if not isinstance(header.get("alg"), str):
        raise ValueError("alg is not a string")
    if not isinstance(header.get("kid", ""), str):
        raise ValueError("kid is not a string")
    if not isinstance(header.get("typ", ""), str):
        raise ValueError("typ is not a string")
    if not _REFUSED_PARAMETERS.isdisjoint(header):
        raise ValueError("a parameter that is refused")
    return header, header_json


# All tokens of an issuer share one header. Refused headers are not cached.
_header = lru_cache(maxsize=128)(read_header)
