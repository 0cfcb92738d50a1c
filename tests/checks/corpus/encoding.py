"""The text of a token: base64url read laxly, and other serialisations of a JWS."""

import json
import string
from collections.abc import Iterator
from itertools import count

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.kit.tokens import HS256, ISSUERS, b64, json_bytes, sign, sign_text, signing_input

from .case import Case, bad, good, unfit

_PARTS = ("header", "payload", "signature")
_ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_HS256 = ISSUERS["hs256"]
_STRICT = "RFC 7515 section 2"


def cases() -> Iterator[Case]:
    """All cases of this module."""
    for make in (
        _padding,
        _foreign_characters,
        _other_alphabet,
        _unused_bits,
        _lengths,
        _part_counts,
        _serialisations,
    ):
        yield from make()


def _with_part(token: str, position: int, part: str) -> str:
    """The token with another text for one part, signed anew when that is not the signature."""
    parts = token.split(".")
    parts[position] = part
    return ".".join(parts) if position == 2 else sign_text(".".join(parts[:2]), HS256)


def _padding() -> Iterator[Case]:
    token = _HS256.token()
    for position, name in enumerate(_PARTS):
        part = token.split(".")[position]
        right = "=" * (-len(part) % 4)
        for padding in dict.fromkeys((right, "=", "==", "===", "====")):
            text = _with_part(token, position, part + padding)
            if padding and position == 2:  # a header may carry it: token68 ends with =
                yield bad(f"signature and {padding}", text, "malformed", _STRICT)
            elif padding:
                yield unfit(f"{name} and {padding}", text, "RFC 9110 section 11.2")
        yield unfit(
            f"{name} and %3D", _with_part(token, position, part + "%3D"), "RFC 9110 section 11.2"
        )


def _foreign_characters() -> Iterator[Case]:
    token = _HS256.token()
    for position, name in enumerate(_PARTS):
        part = token.split(".")[position]
        for character in "!*$,;:@\"'\\\n\r\t\0\x7f\xa0\xe9":
            text = _with_part(token, position, part[:8] + character + part[8:])
            yield unfit(f"{name} with {character!a}", text, "RFC 9110 section 11.2")
        for character in "~+/":  # token68, but no base64url
            text = _with_part(token, position, part[:8] + character * 4 + part[8:])
            yield bad(f"{name} with {character!a}", text, "malformed", _STRICT)


def _other_alphabet() -> Iterator[Case]:
    """Base64 in place of base64url, where the two differ."""
    header = _HS256.header(x="???>>>~~~")
    for attempt in count():
        token = sign(header, _HS256.claims(x="???>>>~~~???>>>", jti=str(attempt)), HS256)
        if all("-" in part and "_" in part for part in token.split(".")):
            break
    yield good("every part with - and _", token, _STRICT)
    for position, name in enumerate(_PARTS):
        part = token.split(".")[position]
        for characters in ("+_", "-/", "+/"):
            text = _with_part(token, position, part.translate(str.maketrans("-_", characters)))
            yield bad(f"{name} with {characters} for -_", text, "malformed", _STRICT)


def _unused_bits() -> Iterator[Case]:
    """The last character of a part carries bits that decoding drops: only zeros will do (RFC 4648
    section 3.5)."""
    source = "RFC 4648 section 3.5"
    for length in (1, 2):
        header = _stretched(json_bytes(_HS256.header()), length)
        payload = _stretched(json_bytes(_HS256.claims()), length)
        token = sign(header, payload, HS256)
        yield good(f"header and payload of 3n + {length} bytes", token, source)
        for position, name in ((0, "header"), (1, "payload")):
            part = token.split(".")[position]
            for bits in (1, 3) if length == 2 else (1, 15):
                text = _with_part(token, position, _with_bits(part, bits))
                yield bad(
                    f"{name} of 3n + {length} bytes, unused bits {bits}", text, "malformed", source
                )
    for name, unused in (("hs256", 3), ("hs512", 15), ("rs256", 15), ("es256", 15), ("eddsa", 15)):
        text, _, signature = ISSUERS[name].token().rpartition(".")
        for bits in (1, unused):
            token = f"{text}.{_with_bits(signature, bits)}"
            yield bad(f"{name} signature, unused bits {bits}", token, "malformed", source, name)


def _stretched(text: bytes, length: int) -> bytes:
    """The JSON text with spaces, to 3n + `length` bytes."""
    return text + b" " * ((length - len(text)) % 3)


def _with_bits(part: str, bits: int) -> str:
    return part[:-1] + _ALPHABET[_ALPHABET.index(part[-1]) + bits]


def _lengths() -> Iterator[Case]:
    token = _HS256.token()
    for position, name in enumerate(_PARTS):
        part = token.split(".")[position]
        impossible = part + "A" * ((1 - len(part)) % 4)
        text = _with_part(token, position, impossible)
        yield bad(f"{name} of 4n + 1 characters", text, "malformed", "RFC 4648 section 4")
        yield bad(
            f"{name} of one character",
            _with_part(token, position, "A"),
            "malformed",
            "RFC 4648 section 4",
        )


def _part_counts() -> Iterator[Case]:
    token = _HS256.token()
    header, payload, signature = token.split(".")
    for text in (
        *(
            header,
            payload,
            "x",
            "null",
            f"{header}.{payload}",
            f"{header}..",
            f"{header}.{payload}.",
        ),
        *(
            f".{payload}.{signature}",
            f"{header}..{signature}",
            f"..{signature}",
            ".",
            "..",
            "...",
            "....",
            "a.b.c",
        ),
        *(
            f".{token}",
            f"{token}.",
            f"{token}..",
            f"{token}.{signature}",
            f"{token}.{token}",
            f"{header}.{token}",
        ),
        *(
            f"{signature}.{payload}.{header}",
            f"{payload}.{header}.{signature}",
            "." * 8000,
            f"{token}{'.x' * 200}",
        ),
    ):
        reason = "signature" if text == f"{header}.{payload}." else "malformed"
        shown = text.replace(header, "H").replace(payload, "P").replace(signature, "S")
        yield bad(f"parts {shown[:24]}", text, reason, "RFC 7515 section 7.1")


def _serialisations() -> Iterator[Case]:
    header, claims = _HS256.header(), _HS256.claims()
    token = _HS256.token()
    parts = dict(zip(("protected", "payload", "signature"), token.split("."), strict=True))
    signatures = [{"protected": parts["protected"], "signature": parts["signature"]}]
    for name, document in {
        "flattened": parts,
        "general": {"payload": parts["payload"], "signatures": signatures},
        "flattened with an unprotected header": parts | {"header": {"alg": "none"}},
    }.items():
        text = json.dumps(document, separators=(",", ":"))
        yield unfit(f"JSON serialisation, {name}", text, "RFC 7515 section 7.2")
        yield bad(
            f"JSON serialisation, {name}, as base64url",
            b64(text.encode()),
            "malformed",
            "RFC 7515 section 7.2",
        )
    yield bad("token as base64url", b64(token.encode()), "malformed", "RFC 7515 section 7.1")
    yield unfit("token in quotes", f'"{token}"', "RFC 9110 section 11.2")
    nested = sign(header | {"cty": "JWT"}, token.encode(), HS256)
    yield bad("nested token", nested, "malformed", "RFC 7519 section 5.2")
    head, _, tail = signing_input(header, claims).decode().partition(".")
    detached = sign_text(f"{head}.{tail}", HS256).replace(f".{tail}.", "..")
    yield bad("detached payload", detached, "malformed", "RFC 7515 appendix F")
    yield bad("JWE", _encrypted(claims), "malformed", "RFC 8725 section 3.1")
    yield bad("JWE of a token", _encrypted(token), "malformed", "RFC 8725 section 3.1")
    text = sign(header | {"alg": "dir", "enc": "A256GCM"}, claims, HS256)
    yield bad("header of a JWE on a JWS", text, "algorithm", "RFC 7516 section 9")
    yield good("enc in the header of a JWS", _HS256.token({"enc": "A256GCM"}), "RFC 7515 section 4")


def _encrypted(content: object) -> str:
    """A JWE that the HS256 secret opens (RFC 7516 section 7.1, alg `dir`)."""
    head = b64(json_bytes({"alg": "dir", "enc": "A256GCM"}))
    nonce = bytes(12)
    sealed = AESGCM(HS256.verifying_key).encrypt(nonce, json_bytes(content), head.encode())
    return f"{head}..{b64(nonce)}.{b64(sealed[:-16])}.{b64(sealed[-16:])}"
