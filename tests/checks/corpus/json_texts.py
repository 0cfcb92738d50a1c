"""The JSON of header and claims: encodings, duplicates, numbers, depth, and texts that are no
JSON."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.kit.tokens import HS256, ISSUERS, json_bytes, sign

from .case import Case, bad, good

_UTF8 = "RFC 8259 section 8.1"
_GRAMMAR = "RFC 8259 section 2"
_DEPTH_LEFT = 31  # of the 32 allowed, inside the object itself


def _member(value: bytes | str) -> Callable[[bytes], bytes]:
    """The object with one more member `"x"` of this value, given as JSON text."""
    raw = value.encode() if isinstance(value, str) else value
    return lambda text: text[:-1] + b',"x":' + raw + b"}"


def _nested(opening: str, closing: str, levels: int) -> Callable[[bytes], bytes]:
    return _member(opening * levels + closing * levels)


_GOOD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "spaces and newlines": (
        lambda text: b" \r\n\t" + text.replace(b",", b" ,\n ") + b" \n",
        _GRAMMAR,
    ),
    "escaped names": (lambda text: text.replace(b'{"', b'{"\\u0078":1,"', 1), "RFC 8259 section 7"),
    "an escaped slash": (_member(r'"\/"'), "RFC 8259 section 7"),
    "text beyond ASCII": (_member('"caf\u00e9 \u4e2d \U0001f600"'), _UTF8),
    "a pair of surrogates escaped": (_member(r'"\ud83d\ude00"'), "RFC 8259 section 7"),
    "an escaped NUL": (_member(r'"\u0000"'), "RFC 8259 section 7"),
    "an empty name": (lambda text: text[:-1] + b',"":0}', _GRAMMAR),
    "lists 32 deep": (_nested("[", "]", _DEPTH_LEFT), "RFC 8259 section 9"),
    "objects 32 deep": (_nested('{"a":[', "]}", _DEPTH_LEFT // 2), "RFC 8259 section 9"),
    "many lists side by side": (_member(f"[{','.join(['[]'] * 100)}]"), "RFC 8259 section 9"),
    "a number of 32 characters": (_member("1" * 32), "RFC 8259 section 9"),
    "a number with an exponent": (_member("-1.5E+3"), "RFC 8259 section 6"),
    "the greatest double": (_member("1.7976931348623157e308"), "RFC 8259 section 6"),
}

_BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "UTF-8 with BOM": (lambda text: b"\xef\xbb\xbf" + text, _UTF8),
    **{
        f"{encoding} {'with' if mark else 'without'} BOM": (
            lambda text, encoding=encoding, mark=mark: (mark + text.decode()).encode(encoding),
            _UTF8,
        )
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
        for mark in ("", "\ufeff")
    },
    **{
        f"{name} in a text": (_member(b'"' + raw + b'"'), _UTF8)
        for name, raw in {
            "Latin-1": b"\xe9",
            "FF": b"\xff",
            "FE FF": b"\xfe\xff",
            "a lone continuation": b"\x80",
            "an overlong NUL": b"\xc0\x80",
            "an overlong slash": b"\xe0\x80\xaf",
            "a surrogate as bytes": b"\xed\xa0\x80",
            "a pair of surrogates as bytes": b"\xed\xa0\xbd\xed\xb8\x80",
            "a cut sequence": b"\xe2\x82",
            "a character beyond U+10FFFF": b"\xf4\x90\x80\x80",
        }.items()
    },
    "a name twice, same value": (lambda text: text[:-1] + b',"x":1,"x":1}', "RFC 7515 section 4"),
    "a name twice, other value": (lambda text: text[:-1] + b',"x":1,"x":2}', "RFC 7515 section 4"),
    "a name twice, once escaped": (
        lambda text: text[:-1] + b',"x":1,"\\u0078":1}',
        "RFC 7515 section 4",
    ),
    "a first name twice": (lambda text: text[:-1] + b"," + text[1:], "RFC 7515 section 4"),
    "a name twice inside": (_member('{"a":1,"a":2}'), "RFC 7515 section 4"),
    "a name twice inside a list": (_member('[{"a":{"b":1,"b":1}}]'), "RFC 7515 section 4"),
    "the empty name twice": (_member('{"":1,"":2}'), "RFC 7515 section 4"),
    **{
        f"the literal {literal}": (_member(literal), "RFC 8259 section 6")
        for literal in ("NaN", "Infinity", "-Infinity", "[NaN]", "nan", "1e400", "-1e400", "1E999")
    },
    "33 digits": (_member("1" * 33), "RFC 8259 section 9"),
    "5000 digits": (_member("9" * 5000), "RFC 8259 section 9"),
    "33 digits below zero": (_member("-" + "1" * 32), "RFC 8259 section 9"),
    "a fraction of 33 characters": (_member("0." + "1" * 31), "RFC 8259 section 9"),
    "an exponent of 33 characters": (_member("1e" + "0" * 31), "RFC 8259 section 9"),
    "lists 33 deep": (_nested("[", "]", _DEPTH_LEFT + 1), "RFC 8259 section 9"),
    "objects 33 deep": (_nested('{"a":[', "]}", (_DEPTH_LEFT + 1) // 2), "RFC 8259 section 9"),
    "lists 900 deep": (_nested("[", "]", 900), "RFC 8259 section 9"),
    "objects 400 deep": (_nested('{"a":', "1}"[1:], 400), "RFC 8259 section 9"),
    "2000 lists never closed": (_member("[" * 2000), _GRAMMAR),
    **{
        f"the value {value!a}": (_member(value), _GRAMMAR)
        for value in (
            *(
                "",
                "1,",
                "'a'",
                "0x10",
                "010",
                "-01",
                "+1",
                ".5",
                "1.",
                "1e",
                "1.e5",
                "-",
                "--1",
                "1_0",
                "1 2",
            ),
            *(
                "True",
                "None",
                "undefined",
                "a",
                "\u0661",
                "\uff11",
                "[1,]",
                "[,1]",
                '{"a":1,}',
                "{a:1}",
                '{"a"}',
            ),
            *(
                '{"a":}',
                '"a',
                '"\\x41"',
                '"\\u12"',
                '"\\u12G4"',
                '"\\',
                '"\n"',
                '"\t"',
                '"\0"',
                "/**/1",
                "1//",
            ),
            *('"\\ud800"', '"\\udc00"', '"\\ude00\\ud83d"', '["\\ud800"]', '{"\\ud800":1}'),
        )
    },
    **{
        f"{name} around": (lambda text, before=before, after=after: before + text + after, _GRAMMAR)
        for name, before, after in (
            *(
                ("a list", b"[", b"]"),
                ("quotes", b'"', b'"'),
                ("another object", b"{}", b""),
                ("text", b"", b"x"),
            ),
            *(("NUL", b"\0", b""), ("NUL at the end", b"", b"\0"), ("vertical tab", b"\x0b", b"")),
            *(
                ("a comma", b"", b","),
                ("a no-break space", b"\xc2\xa0", b""),
                ("a closing brace", b"", b"}"),
                ("a comment", b"/**/", b""),
            ),
        )
    },
    **{
        f"only {whole!a}": (lambda text, whole=whole: whole, "RFC 7519 section 7.2")
        for whole in (
            b"",
            b" ",
            b"[]",
            b'["alg"]',
            b'"text"',
            b"1",
            b"1.5",
            b"true",
            b"null",
            b"{",
            b"}",
            b"{'a':1}",
        )
    },
    "an unclosed object": (lambda text: text[:-1], _GRAMMAR),
}


def cases() -> Iterator[Case]:
    """All cases of this module: each text once as the header, once as the claims, under a right
    signature."""
    known = ISSUERS["hs256"]
    header, claims = json_bytes(known.header()), json_bytes(known.claims())
    for name, (spell, source) in _GOOD.items():
        yield good(f"header: {name}", sign(spell(header), claims, HS256), source)
        yield good(f"claims: {name}", sign(header, spell(claims), HS256), source)
    for name, (spell, source) in _BAD.items():
        yield bad(f"header: {name}", sign(spell(header), claims, HS256), "malformed", source)
        yield bad(f"claims: {name}", sign(header, spell(claims), HS256), "malformed", source)
    yield from _repeated()


def _repeated() -> Iterator[Case]:
    """The members that decide, twice: what one reader takes another does not see."""
    known = ISSUERS["hs256"]
    for first, then in (("none", "HS256"), ("HS256", "none")):
        header: Any = f'{{"alg":"{first}","alg":"{then}"}}'.encode()
        token = sign(header, known.claims(), HS256)
        yield bad(f"alg {first}, then {then}", token, "malformed", "RFC 7515 section 4")
    claims = json_bytes(known.claims())
    for name, value in (
        ("sub", '"admin"'),
        ("iss", '"https://evil.example"'),
        ("exp", "0"),
        ("aud", '"other"'),
    ):
        before, after = (
            f'{{"{name}":{value},'.encode() + claims[1:],
            claims[:-1] + f',"{name}":{value}}}'.encode(),
        )
        for place, text in (("before", before), ("after", after)):
            token = sign(known.header(), text, HS256)
            yield bad(f"{name} twice, {value} {place}", token, "malformed", "RFC 7519 section 4")
