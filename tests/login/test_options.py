"""Every constructor of the login app raises `ConfigurationError` alone, whatever it is given."""

import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jwt_middleware import ConfigurationError, Key
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.login.sessions import Sessions
from jwt_middleware.stores import MemoryStore, User
from tests.kit.parts import examples

SECRET = "a secret of at least thirty-two bytes"
MINTER = TokenMinter.from_secret(SECRET, issuer="i", audience="a")
STORE = MemoryStore()

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**60)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.complex_numbers()
    | st.text()
    | st.text(string.ascii_letters + "/:.$*[]\0\n\ud800", max_size=20)
    | st.binary()
    | st.sampled_from([object(), print, MemoryStore, STORE, MINTER, Key, TokenMinter, User(1, "a")])
)
values = scalars | st.lists(scalars, max_size=3) | st.lists(scalars, max_size=3).map(tuple)
values |= st.dictionaries(st.text(), scalars, max_size=2) | st.frozensets(st.text(), max_size=2)

LOGIN_APP: dict[str, Any] = {
    "users": None,
    "throttle": None,
    "allowed_origins": (),
    "reuse_grace": 30,
    "idle_timeout": 60,
    "session_lifetime": 60,
    "title": None,
    "template": None,
}
TOKEN_MINTER: dict[str, Any] = {
    "issuer": "https://i.example",
    "audience": "a",
    "lifetime": 900,
    "fallbacks": (),
}
BUILDERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "LoginApp": (lambda **options: LoginApp(STORE, MINTER, **options), LOGIN_APP),
    "LoginApp, its arguments": (LoginApp, {"store": STORE, "minter": MINTER}),
    "LoginApp.wrap": (LoginApp(STORE, MINTER).wrap, {"app": print, "prefix": "/auth"}),
    "TokenMinter": (
        lambda **options: TokenMinter(Key.from_secret(SECRET), **options),
        TOKEN_MINTER,
    ),
    "TokenMinter, its key": (TokenMinter, {"key": None, "issuer": "i", "audience": "a"}),
    "TokenMinter.from_secret": (TokenMinter.from_secret, {"secret": SECRET, **TOKEN_MINTER}),
}
OPTIONS = [(name, option) for name, (_, options) in BUILDERS.items() for option in options]


@pytest.mark.parametrize(("name", "option"), OPTIONS, ids=["-".join(pair) for pair in OPTIONS])
@given(value=values)
@example(value=float("nan"))
@example(value=float("inf"))
@example(value=True)
@example(value=10**400)
@example(value="\ud800")
@settings(deadline=None, max_examples=examples(60))
def test_any_value_is_taken_or_a_configuration_error(name: str, option: str, value: Any) -> None:
    """No TypeError, ValueError, AttributeError or OverflowError comes out, and no message shows
    what may be a secret."""
    build, usual = BUILDERS[name]
    message = ""
    try:
        build(**{**usual, option: value})
    except ConfigurationError as error:
        message = str(error)
    if option in ("secret", "fallbacks", "key") and isinstance(value, str) and len(value) > 9:
        assert value not in message


WRONG = {
    "a class as store": (lambda: LoginApp(MemoryStore, MINTER), "^store must be "),  # type: ignore[arg-type]
    "a class as users": (lambda: LoginApp(STORE, MINTER, users=MemoryStore), "^users must "),  # type: ignore[arg-type]
    "a grace in words": (lambda: LoginApp(STORE, MINTER, reuse_grace="10"), "^reuse_grace must "),  # type: ignore[arg-type]
    "a yes as idle time": (
        lambda: LoginApp(STORE, MINTER, idle_timeout=True),
        "^idle_timeout must ",
    ),
    "an endless session": (
        lambda: LoginApp(STORE, MINTER, session_lifetime=float("inf")),
        "^session_lifetime must .*, got inf$",
    ),
    "more idle than alive": (
        lambda: LoginApp(STORE, MINTER, idle_timeout=61, session_lifetime=60),
        r"^idle_timeout must be at most session_lifetime \(60\), got 61$",
    ),
    "a title of half a character": (
        lambda: LoginApp(STORE, MINTER, title="\ud800"),
        "^title must ",
    ),
    "an empty title": (lambda: LoginApp(STORE, MINTER, title=""), "^title must "),
    "a template that is not there": (
        lambda: LoginApp(STORE, MINTER, template="/nowhere/login.html"),
        "^template must ",
    ),
    "a lifetime in words": (
        lambda: TokenMinter.from_secret(SECRET, issuer="i", audience="a", lifetime="900"),  # type: ignore[arg-type]
        "^lifetime must .*, got ",
    ),
    "a lifetime in parts": (
        lambda: TokenMinter.from_secret(SECRET, issuer="i", audience="a", lifetime=1.5),  # type: ignore[arg-type]
        r"^lifetime must .*, got 1\.5$",
    ),
    "an endless lifetime": (
        lambda: TokenMinter.from_secret(SECRET, issuer="i", audience="a", lifetime=10**30),
        "^lifetime must ",
    ),
    "a minter without an issuer": (
        lambda: TokenMinter.from_secret(SECRET, issuer=None, audience="a"),  # type: ignore[arg-type]
        "^issuer must ",
    ),
    "one fallback": (
        lambda: TokenMinter.from_secret(SECRET, issuer="i", audience="a", fallbacks=SECRET),
        "^fallbacks must ",
    ),
}


@pytest.mark.parametrize(("build", "words"), WRONG.values(), ids=WRONG)
def test_the_message_names_the_option(build: Callable[[], object], words: str) -> None:
    """`<option> must be <rule>, got <value>`."""
    with pytest.raises(ConfigurationError, match=words):
        build()


def test_sessions_take_seconds() -> None:
    """Whole or in parts."""
    for seconds in (1, 0.5, 10**9):
        options: dict[str, Any] = {"idle_timeout": seconds, "session_lifetime": seconds}
        Sessions(STORE, reuse_grace=0, issuer="i", **options)
