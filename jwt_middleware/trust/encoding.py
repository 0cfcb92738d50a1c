"""Reads base64url and JSON strictly: a value has only one valid encoding.

Tokens and key documents are read only by these functions. They raise `ValueError`, whose message
never contains the input.

- base64url without padding, foreign characters or set bits that would be dropped (RFC 7515
  section 2, RFC 4648 section 3.5), so that no two strings stand for the same bytes;
- JSON that is UTF-8 and an object, without a duplicate member (RFC 7515 section 4), NaN, Infinity
  or a lone surrogate. It is nested at most 32 deep, with numbers of at most 32 characters.
"""

import json
import math
from base64 import urlsafe_b64encode
from binascii import a2b_base64
from collections.abc import Callable
from typing import Any

_MAX_DEPTH = 32
_MAX_NUMBER_CHARACTERS = 32

# Translates base64url to base64. Characters that only base64 has become foreign.
_TO_BASE64 = bytes.maketrans(b"-_+/=", b"+/***")
# By length modulo 4: the padding, and the last characters whose dropped bits are zero.
_PADDING = (b"", b"", b"==", b"=")
_LAST = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")


def decode_base64url(text: bytes) -> bytes:
    """Return the decoded bytes. Raise `ValueError` if the text is not strict base64url."""
    segment = text.translate(_TO_BASE64)
    remainder = len(segment) % 4
    # An integer, since a search for bytes first fails as a search for an integer, which costs more
    # than all else here.
    if remainder and segment[-1] not in _LAST[remainder]:
        raise ValueError("not base64url")
    return a2b_base64(segment + _PADDING[remainder], strict_mode=True)


def encode_base64url(raw: bytes) -> bytes:
    """Return the bytes as base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(raw).rstrip(b"=")


def parse_object(text: bytes) -> dict[str, Any]:
    """Return the decoded JSON object. Raise `ValueError` if the text is not strict JSON."""
    document = text.decode().strip(" \t\r\n")
    value = _parsed(document, _scan)
    # UTF-8 cannot contain a lone surrogate except as an escape.
    if "\\" in document and _has_lone_surrogate(value):
        raise ValueError("a lone surrogate")
    return value


def parse_document(text: bytes) -> dict[str, Any]:
    """Return the JSON object of a document of keys, or of an issuer's metadata.

    This is as strict as `parse_object`, except for numbers and lone surrogates. Keys do not use
    them, and the faults of one key must not affect the others.
    """
    return _parsed(text.decode().strip(" \t\r\n"), _scan_document)


def _parsed(document: str, scan: Callable[[str, int], tuple[Any, int]]) -> dict[str, Any]:
    value: dict[str, Any]
    try:
        value, end = scan(document, 0)
    except StopIteration:
        raise ValueError("not JSON") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    if end != len(document) or type(value) is not dict:
        raise ValueError("not one JSON object")
    is_nested = document.rfind("{") > 0 or "[" in document
    if is_nested and _is_too_deep(value):
        raise ValueError("nested too deep")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a duplicate member")
    return members


def _integer(text: str) -> int:
    if len(text) > _MAX_NUMBER_CHARACTERS:
        raise ValueError("a number too long")
    return int(text)


def _number(text: str) -> float:
    if len(text) > _MAX_NUMBER_CHARACTERS:
        raise ValueError("a number too long")
    number = float(text)
    if not math.isfinite(number):  # such as 1e999
        raise ValueError("a number that is not finite")
    return number


def _any_integer(text: str) -> float:
    # Python is slow to read a longer number, and refuses one of more than 4,300 digits.
    return int(text) if len(text) <= _MAX_NUMBER_CHARACTERS else math.inf


def _refuse(text: str) -> None:
    raise ValueError("a number that is not finite")  # NaN, Infinity


def _scanner(**options: Any) -> Callable[[str, int], tuple[Any, int]]:
    """Return the part of a decoder that raises `StopIteration` for what is not JSON.

    The call around it is a tenth of what a payload costs.
    """
    decoder: Any = json.JSONDecoder(object_pairs_hook=_unique, **options)
    scan: Callable[[str, int], tuple[Any, int]] = decoder.scan_once
    return scan


_scan = _scanner(parse_int=_integer, parse_float=_number, parse_constant=_refuse)
_scan_document = _scanner(parse_int=_any_integer, parse_float=float, parse_constant=_refuse)


def _is_too_deep(value: Any) -> bool:
    level, depth = [value], 0
    while level and depth <= _MAX_DEPTH:
        depth += 1
        level = [
            child
            for container in level
            for child in _children(container)
            if isinstance(child, (dict, list))
        ]
    return depth > _MAX_DEPTH


def _children(container: Any) -> Any:
    return container.values() if isinstance(container, dict) else container


def _has_lone_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
