"""Header parameters: `kid`, keys and links that a token brings along, `crit`, `b64`, `zip`,
`typ`."""

import json
import zlib
from collections.abc import Iterator
from typing import Any

from tests.kit.tokens import ABSENT, HS256, ISSUERS, b64, json_bytes, key_of, nameless, sign

from .case import Case, bad, good

_NO_TEXTS = (None, True, False, 0, 1, 1.5, [], ["a"], {}, {"kid": "a"})
_HOSTILE_IDS = (
    *(
        "z",
        "A",
        "",
        "a ",
        " a",
        "a\0",
        "a\n",
        "ab",
        "\N{CYRILLIC SMALL LETTER A}",
        "../../../dev/null",
        "/dev/null",
    ),
    *(
        "' OR '1'='1",
        "a' UNION SELECT 'key",
        "|cat /etc/passwd",
        "$(id)",
        "http://127.0.0.1/key",
        "file:///etc/passwd",
    ),
    *("%61", "a\\u0000", "__class__", "{0}", "a" * 5000, "\U0001f511"),
)


def cases() -> Iterator[Case]:
    """All cases of this module."""
    for make in (_key_ids, _embedded, _critical, _unencoded, _compressed, _types):
        yield from make()


def _key_ids() -> Iterator[Case]:
    source = "RFC 7515 section 4.1.4"
    kids = ISSUERS["kids"]
    a, b, c = kids.provider.keys.keys
    for key in (a, b, c):
        token = sign({"alg": key.algorithm, "kid": key.id}, kids.claims(), key)
        yield good(f"kid {key.id} of its key", token, source, "kids")
        yield good(
            f"no kid, signed by {key.id}",
            sign({"alg": key.algorithm}, kids.claims(), key),
            source,
            "kids",
        )
    yield bad("kid of another key", kids.token({"kid": "b"}), "signature", source, "kids")
    yield bad(
        "kid of a key of another algorithm", kids.token({"kid": "c"}), "algorithm", source, "kids"
    )
    for kid in _HOSTILE_IDS:
        yield bad(f"kid {kid[:24]!a} of no key", kids.token({"kid": kid}), "key", source, "kids")
        yield good(
            f"kid {kid[:24]!a} for a key without one", ISSUERS["hs256"].token({"kid": kid}), source
        )
    for kid in _NO_TEXTS:
        for name in ("kids", "hs256"):
            yield bad(
                f"kid {json.dumps(kid)} to {name}",
                ISSUERS[name].token({"kid": kid}),
                "malformed",
                source,
                name,
            )


def _embedded() -> Iterator[Case]:
    """A stranger signs and brings the key; and a good token whose links nobody follows (RFC 8725
    section 3.10)."""
    source = "RFC 8725 section 3.10"
    for name in ("rs256", "es256", "eddsa"):
        known = ISSUERS[name]
        stranger = nameless(known.key.algorithm)
        for parameter, value in _brought(stranger.to_jwk()).items():
            token = sign(known.header(**{parameter: value}), known.claims(), stranger)
            yield bad(f"{name}: a stranger's {parameter}", token, "signature", source, name)
            yield good(
                f"{name}: {parameter} is not read", known.token({parameter: value}), source, name
            )
    secret = nameless("HS256")
    jwk = {"kty": "oct", "k": b64(secret.verifying_key), "alg": "HS256"}
    known = ISSUERS["rs256"]
    token = sign(known.header(alg="HS256", jwk=jwk), known.claims(), secret)
    yield bad("a secret brought along", token, "algorithm", source, "rs256")
    token = sign(ISSUERS["hs256"].header(jwk=jwk), ISSUERS["hs256"].claims(), secret)
    yield bad("a secret brought along to a secret", token, "signature", source)
    for parameter in ("jwk", "jku", "x5u", "x5c", "x5t"):
        for value in (5, None, [{}]):
            token = ISSUERS["hs256"].token({parameter: value})
            yield good(f"{parameter} {json.dumps(value)} is not read", token, source)


def _brought(jwk: dict[str, Any]) -> dict[str, Any]:
    return {
        "jwk": jwk,
        "jku": "http://127.0.0.1:1/jwks.json",
        "x5u": "file:///etc/passwd",
        "x5c": ["MIIB"],
        "x5t": "AAAA",
        "x5t#S256": "AAAA",
    }


def _critical() -> Iterator[Case]:
    for crit in (
        *(
            [],
            ["exp"],
            ["b64"],
            ["http://x/"],
            ["alg"],
            ["x\r\nSet-Cookie: a=b"],
            ['x", error="none'],
            ["\u20ac"],
        ),
        *([5], [[]], ["exp", "exp"], "exp", "", None, True, 0, 5, {}, {"exp": 1}),
    ):
        token = ISSUERS["hs256"].token({"crit": crit, "exp": 1})
        yield bad(f"crit {json.dumps(crit)}", token, "malformed", "RFC 7515 section 4.1.11")


def _unencoded() -> Iterator[Case]:
    known = ISSUERS["hs256"]
    for value in (False, True, None, 0, "false", []):
        for crit in (["b64"], ABSENT):
            token = known.token({"b64": value, "crit": crit})
            with_crit = "without crit" if crit is ABSENT else "with crit"
            yield bad(
                f"b64 {json.dumps(value)} {with_crit}", token, "malformed", "RFC 7797 section 7"
            )


def _compressed() -> Iterator[Case]:
    known = ISSUERS["hs256"]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = packer.compress(json_bytes(known.claims())) + packer.flush()
    bomb = zlib.compress(bytes(4_000_000), 9)
    for name, value, payload in (
        *(
            ("DEF", "DEF", deflated),
            ("DEF over plain claims", "DEF", known.claims()),
            ("bomb", "DEF", bomb),
        ),
        *(
            ("GZIP", "GZIP", deflated),
            ("empty", "", known.claims()),
            ("null", None, known.claims()),
        ),
    ):
        token = sign(known.header(zip=value), payload, HS256)
        yield bad(f"zip {name}", token, "malformed", "RFC 7516 section 4.1.3")
    yield bad(
        "deflated claims without zip",
        sign(known.header(), deflated, HS256),
        "malformed",
        "RFC 7519 section 7.2",
    )


def _types() -> Iterator[Case]:
    source = "RFC 7515 section 4.1.9"
    for typ in ("at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "Application/AT+JWT"):
        yield good(f"typ {typ}", ISSUERS["typed"].token({"typ": typ}), source, "typed")
    for typ in (
        *(
            ABSENT,
            "",
            "JWT",
            "jwt",
            "at",
            "at+jwt ",
            " at+jwt",
            "at+jwt;v=1",
            "dpop+jwt",
            "logout+jwt",
            "id+jwt",
        ),
        *(
            "application/",
            "application/application/at+jwt",
            "text/at+jwt",
            "at+jwt\0",
            "\N{KELVIN SIGN}",
        ),
    ):
        shown = "absent" if typ is ABSENT else repr(typ)
        yield bad(
            f"typ {shown} for at+jwt", ISSUERS["typed"].token({"typ": typ}), "type", source, "typed"
        )
    for typ in (None, True, 1, [], ["at+jwt"], {}):
        for name in ("typed", "hs256"):
            token = ISSUERS[name].token({"typ": typ})
            yield bad(f"typ {json.dumps(typ)} to {name}", token, "malformed", source, name)
    token = sign(
        ISSUERS["typed"].header(typ="JWT"),
        ISSUERS["typed"].claims(),
        key_of("HS256", nameless("HS256")),
    )
    yield bad(
        "a stranger's token of another type", token, "signature", "RFC 7515 section 5.2", "typed"
    )
