"""The `Authorization` header around the token (RFC 6750 section 2.1, RFC 9110 section 11.4)."""

from collections.abc import Iterator

from tests.kit.tokens import HS256, ISSUERS, sign

from .case import Case, carried

_SCHEME = "RFC 9110 section 11.4"
_SYNTAX = "RFC 6750 section 2.1"
_TWICE = "RFC 6750 section 3.1"
_LIMIT = 8192  # bytes of a token that the middleware takes, unless told otherwise


def cases() -> Iterator[Case]:
    """All cases of this module."""
    token = ISSUERS["hs256"].token()
    for scheme in ("Bearer", "bearer", "BEARER", "bEaReR"):
        yield carried(f"{scheme} TOKEN", f"{scheme} {token}", 200, None, _SCHEME)
    for spaces in (2, 3, 100):
        yield carried(f"{spaces} spaces", f"Bearer{' ' * spaces}{token}", 200, None, _SCHEME)
    for name, value in {
        "no header": None,
        "empty": "",
        "a space": " ",
        "the token alone": token,
        "a space before": f" Bearer {token}",
        "another scheme first": f"Basic dTpw, Bearer {token}",
        "a comma before": f", Bearer {token}",
        **{
            f"scheme {scheme}": f"{scheme} {token}"
            for scheme in (
                "Basic",
                "Digest",
                "DPoP",
                "JWT",
                "Token",
                "Bear",
                "Bearerx",
                "Bearer1",
                "Bearer-x",
            )
        },
        "scheme with a letter that looks like B": f"\N{CYRILLIC CAPITAL LETTER VE}earer {token}",
    }.items():
        reason = "unread_scheme" if value and value.strip() else "missing"
        yield carried(name, value, 401, reason, "RFC 6750 section 3")
    for name, rest in _unfit(token).items():
        yield carried(name, f"Bearer{rest}", 400, "malformed", _SYNTAX)
    yield from _sizes()


def _unfit(token: str) -> dict[str, str]:
    """What follows the scheme and is not exactly one token."""
    header, payload, signature = token.split(".")
    return {
        **{
            f"Bearer and {rest!a}": rest
            for rest in ("", " ", "   ", "\t", " =", " ===", " \t", "\n", ",", " ,", " \0")
        },
        **{
            f"Bearer{between!a}TOKEN": between + token
            for between in (
                "\t",
                " \t",
                "\t ",
                "\xa0",
                " \xa0",
                "\x0b",
                "\n",
                "\r\n ",
                ":",
                ": ",
                ",",
                "=",
                "\0",
                "/",
            )
        },
        **{
            f"TOKEN{after!a}": f" {token}{after}"
            for after in (
                *(" ", "  ", "\t", "\n", "\r\n", "\xa0", ",", ";"),
                *'\0"\x7f\u200b\ufeff\ud800',
            )
        },
        "two tokens": f" {token} {token}",
        "two tokens and a comma": f" {token},{token}",
        "two headers joined by gunicorn": f" {token},Bearer {token}",
        "two headers joined by waitress": f" {token}, Bearer {token}",
        "a second scheme": f" {token}, Basic dTpw",
        "scheme twice": f" Bearer {token}",
        "a parameter": f' token="{token}"',
        "a parameter after it": f" {token} realm=x",
        "quotes": f' "{token}"',
        "angle brackets": f" <{token}>",
        "a folded line": f" {header}.\r\n {payload}.{signature}",
        "a header injected": f" {token}\r\nX-Admin: 1",
        "a space inside": f" {header}. {payload}.{signature}",
        "an equals sign inside": f" {header}.{payload}=.{signature}",
        "full-width letters": " \uff45\uff59\uff4a",
        "bytes of UTF-8": f" {token}".replace("e", "\xc3\xa9", 1),
        "a lone surrogate": " \ud800.x.y",
        "a lone surrogate in the token": f" {header}\udc80.{payload}.{signature}",
        "bytes beyond Latin-1": f" {token}\U0001f600",
    }


def _sizes() -> Iterator[Case]:
    known = ISSUERS["hs256"]
    size = len(sign(known.header(), known.claims(x=""), HS256))
    longest = next(
        token
        for length in range((_LIMIT - size) * 3 // 4 + 4, 0, -1)
        if len(token := sign(known.header(), known.claims(x="a" * length), HS256)) <= _LIMIT
    )
    yield carried(f"a token of {len(longest)} bytes", f"Bearer {longest}", 200, None, _SYNTAX)
    yield carried(
        "8192 bytes that are no token", f"Bearer {'a' * _LIMIT}", 401, "malformed", _SYNTAX
    )
    for name, token in {
        "8193 bytes": "a" * (_LIMIT + 1),
        "1 MB": "a" * 1_000_000,
        "1 MB of dots": "." * 1_000_000,
        "1 MB of commas": "," * 1_000_000,
        "1 MB of equals signs": "=" * 1_000_000,
        "a good token that is too long": sign(known.header(), known.claims(x="a" * 8192), HS256),
    }.items():
        yield carried(name, f"Bearer {token}", 401, "too_large", "RFC 6750 section 3.1")
    yield carried(
        "1 MB of spaces, then a token",
        f"Bearer {' ' * 1_000_000}{known.token()}",
        200,
        None,
        _SCHEME,
    )
    yield carried("1 MB of spaces", f"Bearer {' ' * 1_000_000}", 400, "malformed", _SYNTAX)
    yield carried("1 MB of another scheme", f"{'B' * 1_000_000} x", 401, "unread_scheme", _SCHEME)
