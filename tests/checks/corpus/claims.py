"""The registered claims: absent, of every wrong type, nearly right, early, late; and each option of
a provider."""

import json
from collections.abc import Iterator
from typing import Any

from tests.kit.tokens import ABSENT, ISSUERS, NOW

from .case import Case, bad, good

_HS256 = ISSUERS["hs256"].provider.issuer
_IN_2030 = 1_893_456_000_000  # milliseconds; not of today, since it is part of a test's name
_BEYOND_CALENDARS = 253402300800  # the first second of the year 10000
_NO_NUMBERS = (
    *(
        None,
        True,
        False,
        "",
        "0",
        str(NOW + 3600),
        " 99999999999\n",
        "9_999_999_999",
        "1e10",
        "0x7fffffff",
    ),
    *(
        "\uff19" * 10,
        "\u0661" * 11,
        [],
        [NOW + 3600],
        {},
        {"$date": NOW + 3600},
        _BEYOND_CALENDARS,
        10**18,
        -(10**18),
    ),
    *(1e300, -1e300, 10**31),
)
_NO_TEXTS = (None, True, False, 0, 1, 1.5, [], ["user"], {}, {"id": "user"})
_UNPRINTABLE = (
    "",
    "a\r\nX-Admin: 1",
    "a\nb",
    "\0",
    "user\0",
    "a\tb",
    "\x1b[0m",
    "user\x7f",
    "a\x85b",
    "\x9f",
)

# claim, reason, and the values that give it
_BAD: tuple[tuple[str, str, str, tuple[Any, ...]], ...] = (
    *(
        (name, "milliseconds", "RFC 7519 section 2", (_IN_2030, _IN_2030 + 0.5))
        for name in ("exp", "nbf", "iat")
    ),
    (
        *("iss", "issuer", "RFC 7519 section 4.1.1"),
        (
            *(
                ABSENT,
                None,
                True,
                0,
                1,
                1.5,
                "",
                [],
                [_HS256],
                {},
                {_HS256: 1},
                _HS256[:-1],
                _HS256 + "/",
            ),
            *(
                _HS256 + " ",
                _HS256.upper(),
                " " + _HS256,
                _HS256 + "\0",
                "https://evil.example",
                _HS256 + ".evil.example",
                "hs256",
            ),
        ),
    ),
    (
        *("aud", "audience", "RFC 7519 section 4.1.3"),
        (
            *(
                ABSENT,
                None,
                True,
                False,
                0,
                1,
                1.5,
                "",
                [],
                [""],
                [None],
                [1],
                ["api", 1],
                ["api", None],
                [["api"]],
            ),
            *(
                {},
                {"api": 1},
                "ap",
                "a",
                "pi",
                "apix",
                "API",
                "api ",
                " api",
                "api\n",
                "api,other",
                "api other",
            ),
            *("other", ["other"], ["ap", "i"], ["API"], [True]),
        ),
    ),
    ("exp", "claims", "RFC 7519 section 4.1.4", (ABSENT, *_NO_NUMBERS)),
    (
        "exp",
        "expired",
        "RFC 7519 section 4.1.4",
        (0, -1, 1.5, -1.5, NOW - 6, NOW - 3600, float(NOW - 60)),
    ),
    ("nbf", "claims", "RFC 7519 section 4.1.5", _NO_NUMBERS),
    (
        "nbf",
        "not_yet_valid",
        "RFC 7519 section 4.1.5",
        (NOW + 600, NOW + 600.5, _BEYOND_CALENDARS - 1),
    ),
    ("iat", "claims", "RFC 7519 section 4.1.6", _NO_NUMBERS),
    ("sub", "claims", "RFC 7519 section 4.1.2", (ABSENT, *_NO_TEXTS, *_UNPRINTABLE)),
    ("jti", "claims", "RFC 7519 section 4.1.7", _NO_TEXTS),
    ("sid", "claims", "OpenID Connect Front-Channel Logout 1.0 section 3", _NO_TEXTS),
    (
        "scope",
        "claims",
        "RFC 8693 section 4.2",
        (None, True, 0, 1, {}, {"read": True}, [1], ["read", 1], [["read"]]),
    ),
    (
        "scp",
        "claims",
        "RFC 8693 section 4.2",
        (None, True, 0, 1, {}, {"read": True}, [1], ["read", 1], [["read"]]),
    ),
)
_GOOD: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("aud", "RFC 7519 section 4.1.3", ("api", ["api"], ["other", "api"], ["api", "api"])),
    (
        "exp",
        "RFC 7519 section 4.1.4",
        (NOW + 3600.5, float(NOW + 3600), _BEYOND_CALENDARS - 1, 4e9),
    ),
    ("nbf", "RFC 7519 section 4.1.5", (ABSENT, 0, -1, 1.5, NOW - 60, NOW - 0.5)),
    ("iat", "RFC 7519 section 4.1.6", (ABSENT, 0, -1, 1.5, NOW + 86_400, _BEYOND_CALENDARS - 1)),
    (
        "sub",
        "RFC 7519 section 4.1.2",
        ("a b", "a:b", "caf\u00e9", "\u4e2d", "\U0001f600", "u" * 2000, "' OR 1=1"),
    ),
    ("jti", "RFC 7519 section 4.1.7", (ABSENT, "", "x", "a\nb", "j" * 2000)),
    ("sid", "OpenID Connect Front-Channel Logout 1.0 section 3", (ABSENT, "", "x")),
    (
        "scope",
        "RFC 8693 section 4.2",
        (ABSENT, "", " ", "read", "read write", [], ["read", "write"]),
    ),
    ("scp", "RFC 8693 section 4.2", (ABSENT, "", "read", ["read"])),
    ("act", "RFC 8693 section 4.1", (None, {"sub": "admin"}, [], 0)),
    ("EXP", "RFC 7519 section 4", (0, "x")),
    ("Sub", "RFC 7519 section 4", (None, "")),
)
# issuer, changed claims, reason or None
_OPTIONS: tuple[tuple[str, dict[str, Any], str | None], ...] = (
    ("no-aud", {}, None),
    *(
        ("no-aud", {"aud": value}, "audience")
        for value in (None, "", "api", [], ["api"], 0, False, {})
    ),
    ("several", {"aud": "one"}, None),
    ("several", {"aud": "two"}, None),
    ("several", {"aud": ["other", "two"]}, None),
    *(
        ("several", {"aud": value}, "audience")
        for value in ("three", "one two", "one,two", ["three"], "api", ABSENT)
    ),
    ("brief", {}, None),
    ("brief", {"iat": NOW - 100, "exp": NOW + 3500}, None),
    ("brief", {"iat": NOW + 5, "exp": NOW + 3605}, None),
    ("brief", {"iat": NOW + 60.5, "exp": NOW + 3605}, "not_yet_valid"),
    ("brief", {"iat": NOW + 100, "exp": NOW + 3700}, "not_yet_valid"),
    ("brief", {"iat": NOW + 315_360_000, "exp": NOW + 315_360_300}, "not_yet_valid"),
    ("brief", {"iat": NOW + 100, "exp": NOW + 3700, "nbf": NOW - 100}, "not_yet_valid"),
    ("brief", {"iat": NOW - 100, "exp": NOW + 3400, "nbf": NOW + 100}, "not_yet_valid"),
    ("brief", {"exp": NOW + 3601}, "claims"),
    ("brief", {"exp": NOW + 3600.5}, "claims"),
    ("brief", {"iat": ABSENT}, "claims"),
    ("brief", {"iat": 0}, "claims"),
    ("brief", {"iat": None}, "claims"),
    ("uid", {}, None),
    ("uid", {"sub": ABSENT}, None),
    ("uid", {"sub": ""}, None),
    ("uid", {"sub": None}, "claims"),
    ("uid", {"sub": 5}, "claims"),
    *(("uid", {"uid": value}, "claims") for value in (ABSENT, None, 5, "", ["user"], "a\nb")),
    ("lenient", {"exp": NOW - 100}, None),
    ("lenient", {"nbf": NOW + 200}, None),
    ("lenient", {"exp": NOW - 301}, "expired"),
    ("lenient", {"nbf": NOW + 900}, "not_yet_valid"),
    ("hs256", {"nbf": NOW + 900, "exp": NOW + 600}, "not_yet_valid"),
    ("hs256", {"nbf": NOW - 900, "exp": NOW - 600}, "expired"),
)


def cases() -> Iterator[Case]:
    """All cases of this module."""
    known = ISSUERS["hs256"]
    for claim, reason, source, values in _BAD:
        for value in values:
            yield bad(f"{claim} {_shown(value)}", known.token(**{claim: value}), reason, source)
    for claim, source, values in _GOOD:
        for value in values:
            yield good(f"{claim} {_shown(value)}", known.token(**{claim: value}), source)
    for name, claims, wanted in _OPTIONS:
        changes = " ".join(f"{claim} {_shown(value)}" for claim, value in claims.items())
        title = f"{name}: {changes or 'as it should be'}"
        token = ISSUERS[name].token(**claims)
        source = "RFC 7519 section 4.1"
        yield (
            bad(title, token, wanted, source, name) if wanted else good(title, token, source, name)
        )


def _shown(value: Any) -> str:
    if isinstance(value, (int, float)) and abs(value - NOW) < 10**6:
        return f"now{value - NOW:+}"
    return "absent" if value is ABSENT else json.dumps(value)[:40].replace(str(NOW + 3600), "later")
