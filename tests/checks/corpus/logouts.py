"""Logout tokens: what an identity provider really says ends a session, anything else ends none
(OpenID Connect Back-Channel Logout 1.0 sections 2.4 and 2.6)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.kit.tokens import ABSENT, ISSUERS, NOW, Issuer, compact, json_bytes, nameless, sign

EVENT = "http://schemas.openid.net/event/backchannel-logout"
ISSUER: Issuer = ISSUERS["hs256"]
LEEWAY = ISSUER.provider.leeway


class LogoutCase(NamedTuple):
    """A logout token, the reason for which it must be refused (None: it must be accepted), and
    where that stands. `sid` and `sub` are those that it must end."""

    name: str
    token: str
    reason: str | None
    source: str
    ends: tuple[str | None, str | None] | None = None


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good logout token, with changes."""
    audience = ISSUER.provider.audience
    good = {
        "iss": ISSUER.provider.issuer,
        "aud": audience,
        "iat": NOW,
        "exp": NOW + 120,
        "jti": "j",
        "sid": "s",
        "sub": "user",
        "events": {EVENT: {}},
    } | changes
    return {name: value for name, value in good.items() if value is not ABSENT}


def token(header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A logout token with a right signature."""
    named = {"typ": "logout+jwt", **(header or {})}
    shown = {name: value for name, value in named.items() if value is not ABSENT}
    return sign({"alg": ISSUER.key.algorithm, **shown}, claims(**changes), ISSUER.key)


def cases() -> Iterator[LogoutCase]:
    """All cases of this module."""
    for make in (_good, _types, _events, _names, _issuers, _dates, _forms):
        yield from make()


def _good() -> Iterator[LogoutCase]:
    source = "section 2.4"
    yield LogoutCase("sid and sub", token(), None, source, ("s", "user"))
    yield LogoutCase("sid alone", token(sub=ABSENT), None, source, ("s", None))
    yield LogoutCase("sub alone", token(sid=ABSENT), None, source, (None, "user"))
    for extra in ({"typ": "Logout"}, {"auth_time": NOW}, {"trace_id": "x"}, {"nbf": NOW}):
        yield LogoutCase(f"with {extra}", token(**extra), None, "section 2.6", ("s", "user"))
    for aud in (ISSUER.provider.audience, [ISSUER.provider.audience, "x"]):
        yield LogoutCase(f"aud {aud!r}", token(aud=aud), None, source, ("s", "user"))


def _types() -> Iterator[LogoutCase]:
    for typ in ("logout+jwt", "LOGOUT+JWT", "application/logout+jwt", "JWT", "jwt", ABSENT):
        made = token({"typ": typ})
        yield LogoutCase(f"header typ {typ!r}", made, None, "section 2.4", ("s", "user"))
    others = ("at+jwt", "id+jwt", "secevent+jwt", "dpop+jwt", "logout", "logout+jwt2", "", " ")
    for typ in (*others, "application/application/logout+jwt", "text/logout+jwt"):
        yield LogoutCase(f"header typ {typ!r}", token({"typ": typ}), "type", "RFC 8725 3.11")


def _events() -> Iterator[LogoutCase]:
    for events in ({EVENT: {}, "other": {}}, {EVENT: {"x": 1}}):
        made = token(events=events)
        yield LogoutCase(f"events {events!r}", made, None, "RFC 8417 2.2", ("s", "user"))
    wrong: tuple[Any, ...] = (
        *(ABSENT, None, {}, [], "", EVENT, [EVENT], True, 1, {"other": {}}),
        *({EVENT: None}, {EVENT: []}, {EVENT: ""}, {EVENT: True}, {EVENT: [{}]}, {EVENT: 0}),
        *({EVENT + "/": {}}, {EVENT.upper(): {}}, {EVENT.replace("http", "https"): {}}),
    )
    for events in wrong:
        yield LogoutCase(f"events {events!r}", token(events=events), "type", "section 2.4")
    for nonce in ("n", "", None, 0, False, [], {}):
        yield LogoutCase(f"nonce {nonce!r}", token(nonce=nonce), "type", "section 2.4")


def _names() -> Iterator[LogoutCase]:
    source = "section 2.6 step 5"
    yield LogoutCase("neither sid nor sub", token(sid=ABSENT, sub=ABSENT), "claims", source)
    for name in ("sid", "sub", "jti", "iat"):
        for value in ("\ud800", 10**300):
            shown = f"{name} {value!a:.20}..."
            yield LogoutCase(shown, token(**{name: value}), "malformed", "RFC 8259 section 8.2")
    yield LogoutCase("no jti", token(jti=ABSENT), "claims", "section 2.4")
    values: tuple[Any, ...] = (
        *(None, "", 0, 1, 1.5, True, False, [], ["s"], {}, {"s": 1}),
        *("a\0b", "a\nb", "\n", "\x7f", "x" * 256),
    )
    for name in ("sid", "sub", "jti"):
        for value in values:
            shown = f"{value!a:.20}"
            yield LogoutCase(f"{name} {shown}", token(**{name: value}), "claims", "section 2.4")
    for value in ("x" * 255, "\u2603", "a b", "'; DROP TABLE x; --", "auth0|1"):
        made = token(sid=value)
        yield LogoutCase(
            f"sid {value!a:.20} of {len(value)}", made, None, "section 2.4", (value, "user")
        )


def _issuers() -> Iterator[LogoutCase]:
    other: tuple[Any, ...] = (ABSENT, None, "", "https://x.example", 1, [], {}, True)
    for iss in (*other, f"{ISSUER.provider.issuer}/", [ISSUER.provider.issuer]):
        yield LogoutCase(f"iss {iss!r}", token(iss=iss), "issuer", "section 2.6 step 4")
    mine = ISSUER.provider.audience
    wrong: tuple[Any, ...] = (ABSENT, None, "", "x", 1, [], ["x"], {}, [mine, 1], [[mine]], True)
    for aud in (*wrong, {str(mine): 1}, f"{mine} "):
        yield LogoutCase(f"aud {aud!r}", token(aud=aud), "audience", "section 2.6 step 4")


def _dates() -> Iterator[LogoutCase]:
    source = "section 2.6 step 4"
    wrong: tuple[Any, ...] = (ABSENT, None, "", str(NOW), True, [], [NOW], {}, -1, 2**53, 2**60)
    for name in ("iat", "exp"):
        for value in wrong:
            shown = f"{value!r:.20}"
            yield LogoutCase(f"{name} {shown}", token(**{name: value}), "claims", source)
    yield LogoutCase("expired", token(exp=NOW - LEEWAY), "expired", source)
    yield LogoutCase("in milliseconds", token(iat=NOW * 1000), "not_yet_valid", source)
    old = token(iat=NOW - 301 - LEEWAY, exp=NOW + 900)
    yield LogoutCase("issued long ago", old, "expired", source)
    yield LogoutCase("issued in the future", token(iat=NOW + LEEWAY + 1), "not_yet_valid", source)
    for iat, exp in ((NOW - 299, NOW + 1), (NOW, NOW - LEEWAY + 1), (NOW + LEEWAY, NOW + 60)):
        made = token(iat=iat, exp=exp)
        name = f"iat {iat - NOW:+} and exp {exp - NOW:+}"
        yield LogoutCase(name, made, None, source, ("s", "user"))
    made = token(iat=NOW + 0.5)
    yield LogoutCase("a fraction", made, None, "RFC 7519 section 2", ("s", "user"))


def _forms() -> Iterator[LogoutCase]:
    good, head = token(), {"alg": ISSUER.key.algorithm, "typ": "logout+jwt"}
    parts = good.split(".")
    texts = {
        "two parts": ".".join(parts[:2]),
        "four parts": f"{good}.x",
        "a space before": f" {good}",
        "a line break after": f"{good}\n",
        "padding": f"{good}=",
        "no signature": f"{parts[0]}.{parts[1]}.",
        "text": "x",
        "an array of JSON": "[1]",
        "the JSON serialization": '{"payload":"e30","signatures":[]}',
    }
    for name, text in texts.items():
        reason = "signature" if name == "no signature" else "malformed"
        yield LogoutCase(name, text, reason, "RFC 7515 section 7.1")
    for alg in ("none", "None", "HS512", "RS256", "hs256"):
        made = sign({**head, "alg": alg}, claims(), ISSUER.key)
        yield LogoutCase(f"alg {alg}", made, "algorithm", "section 2.6 step 2")
    unsigned = compact({**head, "alg": "none"}, claims(), b"")
    yield LogoutCase("unsigned", unsigned, "algorithm", "section 2.6 step 2")
    made = sign(head, claims(), nameless("HS256"))
    yield LogoutCase("the key of another issuer", made, "signature", "section 2.6 step 3")
    for name in ("crit", "b64", "zip"):
        made = token({name: ["x"]})
        yield LogoutCase(f"header {name}", made, "malformed", "RFC 7515 section 4.1.11")
    twice = json_bytes(claims())[:-1] + b',"sid":"t"}'
    yield LogoutCase("a claim twice", sign(head, twice, ISSUER.key), "malformed", "RFC 8725 3.1")
    for payload in (b"[]", b"1", b'"x"', b"null", b"", b"{", b'{"iat":NaN}', b"\xff"):
        made = sign(head, payload, ISSUER.key)
        yield LogoutCase(f"claims {payload!r}", made, "malformed", "RFC 7519 section 7.2")
    access = ISSUER.token()
    yield LogoutCase("an access token", access, "type", "RFC 8725 section 3.12")
    identity = ISSUER.token(nonce="n", at_hash="h", sid="s")
    yield LogoutCase("an ID token", identity, "type", "section 4.1")
