"""Kinds of token: an access token is let through, what was signed for another purpose is not (RFC
8725 sections 3.11 and 3.12)."""

from collections.abc import Iterator
from typing import Any

from tests.kit.tokens import ABSENT, ISSUERS, NOW

from .case import Case, bad, good

_ACCESS_TOKENS = (
    *(ABSENT, "JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "At+Jwt"),
    *("application/jwt", "application/JWT", "APPLICATION/at+jwt", "Application/At+Jwt"),
)
_OTHERS = (
    *("", " ", "JOSE", "JOSE+JSON", "JWS", "JWE", "JWT ", " JWT", "JWT\0", "JWT;v=1", "JWTs"),
    *("logout+jwt", "secevent+jwt", "dpop+jwt", "id+jwt", "id_token+jwt", "refresh+jwt", "rt+jwt"),
    *("token-introspection+jwt", "oauth-authz-req+jwt", "entity-statement+jwt", "kb+jwt"),
    *("dc+sd-jwt", "vc+jwt", "client-authentication+jwt", "statuslist+jwt", "wallet+jwt"),
    *("at", "+jwt", "at+jwt+jwt", "at-jwt", "at jwt", "at+jws", "xat+jwt"),
    *("application/", "application/application/jwt", "application/application/at+jwt"),
    *("text/jwt", "text/at+jwt", "/at+jwt", "at+jwt/", "application/logout+jwt"),
    *("application/text/at+jwt", "applicatio\N{LATIN SMALL LETTER N WITH TILDE}/at+jwt"),
    *("\N{FULLWIDTH LATIN CAPITAL LETTER J}WT", "at\N{PLUS SIGN}jw\N{CYRILLIC SMALL LETTER TE}"),
)
_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
_EVENTS: tuple[Any, ...] = (
    *({_LOGOUT: {}}, {"https://schemas.openid.net/secevent/risc/event-type/account-disabled": {}}),
    *({}, None, [], "", 0, False, True, [_LOGOUT], _LOGOUT),
)
_CONFIRMATIONS: tuple[Any, ...] = (
    *({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},),
    *({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"},),
    *({"jwk": {"kty": "oct", "k": "AA"}}, {"jwe": "x"}, {"kid": "a"}, {"jku": "https://x/"}),
    *({"of tomorrow": 1}, {}, None, [], "", "jkt", 0, False, True, [{"jkt": "x"}]),
)
# Claims that say something of a token, and do not make it another kind.
_HARMLESS: tuple[dict[str, Any], ...] = (
    *({"nonce": "n"}, {"at_hash": "h"}, {"auth_time": NOW}, {"azp": "spa"}, {"event": {}}),
    *({"client_id": "spa"}, {"token_use": "access"}, {"Events": {}}, {"CNF": {}}, {"htm": "GET"}),
)


def cases() -> Iterator[Case]:
    """All cases of this module."""
    for make in (_types, _types_of_others, _events, _bound, _harmless):
        yield from make()


def _types() -> Iterator[Case]:
    for typ in _ACCESS_TOKENS:
        title = f"typ {_shown(typ)} where none is asked for"
        yield good(title, ISSUERS["hs256"].token({"typ": typ}), "RFC 9068 section 4")


def _types_of_others() -> Iterator[Case]:
    for typ in _OTHERS:
        title = f"typ {_shown(typ)} where none is asked for"
        yield bad(title, ISSUERS["hs256"].token({"typ": typ}), "type", "RFC 8725 section 3.11")


def _events() -> Iterator[Case]:
    for name, typ in (("hs256", "JWT"), ("hs256", ABSENT), ("typed", "at+jwt")):
        for events in _EVENTS:
            token = ISSUERS[name].token({"typ": typ}, events=events)
            title = f"events {events!r} and typ {_shown(typ)} to {name}"
            yield bad(title, token, "type", "RFC 8417 section 2.2", name)
    token = ISSUERS["hs256"].token({"typ": "logout+jwt"}, events={_LOGOUT: {}}, sub=ABSENT, sid="s")
    yield bad("a logout token", token, "type", "OpenID Connect Back-Channel Logout 1.0 section 2.4")


def _bound() -> Iterator[Case]:
    for name in ("hs256", "typed"):
        for confirmation in _CONFIRMATIONS:
            token = ISSUERS[name].token(cnf=confirmation)
            title = f"cnf {confirmation!r} to {name} without a proof"
            yield bad(title, token, "proof", "RFC 7800 section 3", name)
    token = ISSUERS["hs256"].token(cnf={"jkt": "x"}, exp=NOW - 60)
    yield bad("a bound token that has expired", token, "proof", "RFC 7800 section 3")


def _harmless() -> Iterator[Case]:
    for claims in _HARMLESS:
        yield good(f"with {claims!r}", ISSUERS["hs256"].token(**claims), "RFC 7519 section 4.3")


def _shown(typ: Any) -> str:
    return "absent" if typ is ABSENT else repr(typ)
