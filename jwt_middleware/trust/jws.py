"""Strict compact JWS (RFC 7515): text to header and payload, the signature checked by a `Key`.

One text has one meaning or is refused:

- three parts of base64url without padding, without foreign characters and without set bits that
  would be dropped (RFC 7515 section 2, RFC 4648 section 3.5), so no other text carries the same
  signature;
- a header that is UTF-8 JSON, an object without a duplicate member (section 4), without NaN or
  Infinity, nested at most 32 deep, with numbers of at most 32 characters;
- `alg` equal to the one algorithm of the key (RFC 8725 section 3.1), `kid` only looked up in a
  dictionary;
- `crit`, `b64` (RFC 7797 section 7) and `zip` refused; `jwk`, `jku`, `x5u`, `x5c` never read (RFC
  8725 section 3.10).
"""

import json
import math
from binascii import a2b_base64
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Any, NamedTuple

from ..errors import InvalidToken
from .keys import KeySource

_MAX_DEPTH = 32
_MAX_NUMBER_CHARACTERS = 32

# The alphabet of base64url as that of base64; what only base64 has becomes foreign.
_TO_BASE64 = bytes.maketrans(b"-_+/=", b"+/***")
# By length modulo 4: the padding, and the last characters whose dropped bits are zero.
_PADDING = (b"", b"", b"==", b"=")
_LAST = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")


class Jws(NamedTuple):
    """A well-formed compact JWS whose signature nobody has checked yet."""

    header: Mapping[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes

    def check_signature(self, keys: KeySource) -> None:
        """Return if a key of the set made the signature, else raise `InvalidToken`: `key`,
        `algorithm`, `signature`."""
        candidates = keys.find(self.header.get("kid"))
        reason = "algorithm" if candidates else "key"
        for key in candidates:
            if key.algorithm == self.header["alg"]:
                if key.verify(self.signing_input, self.signature):
                    return
                reason = "signature"
        raise InvalidToken(reason)


def verify(token: str, key_set: KeySource) -> tuple[dict[str, Any], bytes]:
    """Return the header and the payload of a compact JWS that a key of the set signed (RFC 7515
    section 5.2).

    The payload may be any bytes. `InvalidToken` with the reason `malformed`, `key`, `algorithm` or
    `signature`.
    """
    jws = parse(token)
    jws.check_signature(key_set)
    return deepcopy(dict(jws.header)), jws.payload  # the header is kept for the next token


def parse(token: str) -> Jws:
    """Take a compact JWS apart without checking its signature (RFC 7515 section 7.1).
    `InvalidToken("malformed")`."""
    try:
        signing_input, _, signature = token.encode("ascii").rpartition(b".")
        header, payload = signing_input.translate(_TO_BASE64).split(b".")
    except ValueError:
        raise InvalidToken("malformed") from None
    signature = _decode(signature.translate(_TO_BASE64))
    return tuple.__new__(
        Jws, (_header(header), _decode(payload), signing_input, signature)
    )  # in half the time


def parse_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object that these bytes are, read strictly as said above.
    `InvalidToken("malformed")`."""
    value: dict[str, Any]
    try:
        document = text.decode().strip(" \t\r\n")
        value, end = _decoder.raw_decode(document)
    except (ValueError, RecursionError):
        raise InvalidToken("malformed") from None
    is_object = end == len(document) and type(value) is dict
    is_nested = document.rfind("{") > 0 or "[" in document
    is_escaped = "\\" in document  # only an escape can spell a lone surrogate in UTF-8
    if (
        not is_object
        or (is_nested and _is_too_deep(value))
        or (is_escaped and _has_lone_surrogate(value))
    ):
        raise InvalidToken("malformed")
    return value


def _decode(segment: bytes) -> bytes:
    remainder = len(segment) % 4
    if remainder and segment[-1:] not in _LAST[remainder]:
        raise InvalidToken("malformed")
    try:
        return a2b_base64(segment + _PADDING[remainder], strict_mode=True)
    except ValueError:
        raise InvalidToken("malformed") from None


@lru_cache(maxsize=128)  # one issuer's headers are all alike; a refused one is not kept
def _header(segment: bytes) -> Mapping[str, Any]:
    header = parse_object(_decode(segment))
    texts = (header.get("alg"), header.get("kid", ""), header.get("typ", ""))
    if not all(isinstance(text, str) for text in texts) or header.keys() & {"crit", "b64", "zip"}:
        raise InvalidToken("malformed")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER_CHARACTERS:
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    if len(text) > _MAX_NUMBER_CHARACTERS or not math.isfinite(
        number := float(text)
    ):  # NaN and Infinity come here too
        raise ValueError
    return number


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_number, parse_constant=_number
)


def _is_too_deep(value: Any) -> bool:
    level, depth = [value], 0
    while level and depth <= _MAX_DEPTH:
        depth += 1
        inside = [
            child for item in level for child in (item.values() if isinstance(item, dict) else item)
        ]
        level = [child for child in inside if isinstance(child, (dict, list))]
    return depth > _MAX_DEPTH


def _has_lone_surrogate(value: Any) -> bool:
    try:
        return not json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
