"""`jwt-middleware token`, as somebody runs it who has a token that is refused."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import pytest

from jwt_middleware import Key
from jwt_middleware.reasons import DESCRIPTIONS
from jwt_middleware.trust.keys import ALGORITHMS
from tests.kit.clock import Clock, stopped
from tests.kit.tokens import b64, compact, issued, sign_text

from .conftest import COMMAND, Command, on_a_terminal

SECRET = "a secret of at least sixty-four bytes, which HS512 asks of its keys"
NOON = 1_795_521_600
"""2026-11-24 12:00:00 UTC."""

APP = f"""
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from jwt_middleware import JWTMiddleware, RevocationList, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

store = MemoryStore()
minter = TokenMinter.from_secret({SECRET!r}, issuer="https://idp.example/", audience="api")
options = dict(providers=[minter.provider], revocations=RevocationList(store), max_token_bytes=1000)
guarded = JWTMiddleware(print, rules=[Rule("/")], **options)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
store.revoke(token_id="revoked", expires_at=2e9)
other = TokenMinter.from_secret("x" * 32, issuer="i", audience="a").provider
foreign = JWTMiddleware(print, rules=[Rule("/")], providers=[other])
both = DispatcherMiddleware(application, {{"/other": foreign}})
"""


@pytest.fixture
def clock() -> Iterator[Clock]:
    """`time.time`, standing still at noon."""
    with stopped("time", NOON) as clock:
        yield clock


def token(
    *, key: Any = SECRET, algorithm: str = "HS256", headers: Any = None, **claims: Any
) -> str:
    """A good token for an hour; claims given here replace its own, None removes one."""
    now = int(time.time())
    usual = {"iss": "https://idp.example/", "sub": "7", "aud": "api"}
    usual |= {"iat": now, "exp": now + 3600, "jti": "t"}
    headers = {"typ": "at+jwt"} | (headers or {})
    return issued(key, algorithm=algorithm, headers=headers, **usual | claims)


Inspect = Callable[..., Any]


@pytest.fixture
def inspect(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inspect:
    """Run `token inspect` with a token on stdin, in a folder with an app and a secret."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "some_app.py").write_text(APP)
    yield lambda given, *arguments: command("token", "inspect", *arguments, given=given)
    sys.modules.pop("some_app", None)


def test_what_is_shown(inspect: Inspect, clock: Clock) -> None:
    """Header and claims in the token's order, times in words too; without a key it is said that
    nothing is verified."""
    done = inspect(token(iat=NOON - 60, exp=NOON + 900, nbf=NOON - 7200))
    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == """\
header
  alg       "HS256"
  typ       "at+jwt"
claims
  iss       "https://idp.example/"
  sub       "7"
  aud       "api"
  iat       1795521540  2026-11-24 11:59:00 UTC, 60 seconds ago
  exp       1795522500  2026-11-24 12:15:00 UTC, in 15 minutes
  jti       "t"
  nbf       1795514400  2026-11-24 10:00:00 UTC, 2 hours ago
not verified: use --app or --key
"""
    )


SPANS = {
    -86_400 * 400: "expired 400 days ago",
    -3 * 3600 - 59: "expired 3 hours ago",
    -119: "expired 119 seconds ago",
    -120: "expired 2 minutes ago",
    -1: "expired 1 second ago",
    0: "expired 0 seconds ago",
    1: "in 1 second",
    7199: "in 119 minutes",
    86_400 * 2: "in 2 days",
}


@pytest.mark.parametrize(("left", "words"), SPANS.items(), ids=str)
def test_times_in_words(left: int, words: str, inspect: Inspect, clock: Clock) -> None:
    """In the greatest unit of which there are two."""
    assert f" UTC, {words}\n" in inspect(token(exp=NOON + left)).out


@pytest.mark.parametrize("exp", ["1795522500", True, None, [1], 10**31, -(10**30), 1e300, -1])
def test_what_is_no_time(exp: Any, inspect: Inspect) -> None:
    """A claim that is no time, or one beyond the calendar, is shown as it is; only -1 is a time
    that was."""
    done = inspect(compact({"alg": "none"}, {"exp": exp}, b""))
    assert done.code == 0
    assert f"  exp       {json.dumps(exp)}" in done.out
    assert ("UTC" in done.out) == (exp == -1)


@pytest.mark.parametrize(
    "form", ["{}\n", "\n {} \r\n\n", "Bearer {}", "bearer   {}\n", " BEARER {}"]
)
def test_forms_of_a_token(form: str, inspect: Inspect) -> None:
    """As it is copied from a header or a file, with the scheme before it and whitespace around."""
    assert inspect(form.format(token()), "--key", "secret").code == 0


MALFORMED = {
    "two parts": "eyJhbGciOiJub25lIn0.e30",
    "five parts": "eyJhbGciOiJub25lIn0.e30.e30.e30.e30",
    "padding": "eyJhbGciOiJub25lIn0=.e30.",
    "two tokens": f"{token()} {token()}",
    "two lines": token()[:20] + "\n" + token()[20:],
    "claims that are a list": compact({"alg": "none"}, [], b""),
    "no JSON": compact(b"x", {}, b""),
    "bytes": b"\xff\xfe\x00\x1b[31m",
    "escapes": "\x1b[31m.\x1b]0;title\x07.\x9b",
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize(
    "options", [(), ("--key", "secret"), ("--app", "some_app")], ids=["nothing", "key", "app"]
)
@pytest.mark.parametrize("given", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_token(given: str | bytes, options: tuple[str, ...], inspect: Inspect) -> None:
    """It is one fixed line that echoes nothing, and it is not good."""
    done = inspect(given, *options)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Error: the input is not a well-formed JWT: ")
    assert done.err.count("\n") == 1
    assert done.err.strip().isprintable()


@pytest.mark.parametrize("given", ["", " \n", "Bearer ", "bearer"])
def test_no_token(given: str, inspect: Inspect) -> None:
    """Nothing on stdin is misuse."""
    done = inspect(given)
    assert (done.code, done.out) == (2, "")
    assert "there is no token on stdin" in done.err


def test_a_huge_token(inspect: Inspect) -> None:
    """What is larger than any token is not read to its end."""
    done = inspect("a" * 100_000)
    assert (done.code, done.out, done.err) == (
        1,
        "",
        "Error: the input is not a token: it is larger than 64 KiB\n",
    )


HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202e\u2028\0\x7f\x85"


def test_a_hostile_token(inspect: Inspect) -> None:
    """Names and values reach the terminal in printable ASCII, wherever in the token they stand."""
    claims = {
        HOSTILE: HOSTILE,
        "deep": [{HOSTILE: HOSTILE}],
        "iss": HOSTILE,
        "aud": [HOSTILE],
        "sub": HOSTILE,
    }
    for options in ((), ("--key", "secret"), ("--app", "some_app")):
        done = inspect(token(headers={HOSTILE: HOSTILE, "kid": HOSTILE}, **claims), *options)
        assert done.out.isascii()
        assert all(line.isprintable() for line in (done.out + done.err).split("\n"))


# ------------------------------------------------------------------------------------------- with a
# key

REFUSED: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=1),
    "not_yet_valid": lambda: token(nbf=4e9),
    "signature": lambda: token(key="x" * 64),
    "algorithm": lambda: token(algorithm="HS512"),
    "issuer": lambda: token(iss="https://idp.example"),
    "audience": lambda: token(aud=["another"]),
    "claims": lambda: token(sub=None),
}


@pytest.mark.parametrize("reason", REFUSED)
@pytest.mark.parametrize("by", ["key", "app"])
def test_a_refusal(reason: str, by: str, inspect: Inspect) -> None:
    """The verdict is the middleware's own: its reason, with the sentence that a client is told."""
    key = (
        "--key",
        "secret",
        "--issuer",
        "https://idp.example/",
        "--audience",
        "api",
        "--audience",
        "more",
    )
    done = inspect(REFUSED[reason](), *{"key": key, "app": ("--app", "some_app:application")}[by])
    assert done.code == 1
    assert done.out.splitlines()[-1] == f"refused ({reason}): {DESCRIPTIONS[reason]}"
    assert done.out.startswith("header\n")


def test_what_was_not_asked(inspect: Inspect) -> None:
    """Where issuer and audience are not given the token's own will do, and the verdict says so."""
    good = token(aud=["api", "b"])
    last = [
        inspect(good, "--key", "secret", *options).out.splitlines()[-1]
        for options in ((), ("--issuer", "https://idp.example/"), ("--audience", "b"))
    ]
    assert last == [
        "good (not checked: issuer, audience, revocation)",
        "good (not checked: audience, revocation)",
        "good (not checked: issuer, revocation)",
    ]


@pytest.mark.parametrize(
    "claims", [{"iss": None}, {"iss": ["a"]}, {"iss": []}, {"iss": ""}, {"iss": "a\nb"}], ids=str
)
def test_a_token_without_an_issuer(claims: Any, inspect: Inspect) -> None:
    """What can be no issuer is refused, not taken as it is."""
    payload = {"sub": "7", "exp": 4_000_000_000, "iss": "i"} | claims
    kept = {name: value for name, value in payload.items() if value is not None}
    done = inspect(jwt.PyJWS().encode(json.dumps(kept).encode(), SECRET), "--key", "secret")
    assert (done.code, "refused (issuer)" in done.out) == (1, True)


@pytest.mark.parametrize("aud", [None, [], [1], 1, "", "a\nb", {}], ids=str)
def test_a_token_without_an_audience(aud: Any, inspect: Inspect) -> None:
    """A token without an audience is good where none is asked for; with one that can be none it is
    refused."""
    payload = {"sub": "7", "exp": 4_000_000_000, "iss": "i"} | ({} if aud is None else {"aud": aud})
    done = inspect(jwt.PyJWS().encode(json.dumps(payload).encode(), SECRET), "--key", "secret")
    assert (done.code, "refused (audience)" in done.out) == (
        (0, False) if aud is None else (1, True)
    )


@cache
def key_for(algorithm: str) -> Key:
    """A key of this algorithm with an id."""
    return Key.generate(algorithm, id="1")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("form", ["PEM", "JWK", "JWKS"])
def test_forms_of_a_key(algorithm: str, form: str, inspect: Inspect, tmp_path: Path) -> None:
    """A key file may be a PEM, a JWK, a JWKS or a secret, of every algorithm."""
    key = key_for(algorithm)
    options = ["--algorithm", algorithm] if form == "PEM" else []
    if algorithm.startswith("HS"):
        jwk = {"kty": "oct", "alg": algorithm, "kid": "1", "k": b64(key.signing_key)}  # type: ignore[arg-type]
        content = key.signing_key
    else:
        jwk, content = key.to_jwk(), key.to_pem()
    texts = {
        "PEM": content,
        "JWK": json.dumps(jwk).encode(),
        "JWKS": json.dumps({"keys": [jwk]}).encode(),
    }
    (tmp_path / "key").write_bytes(texts[form])  # type: ignore[arg-type]
    _, claims, _ = token().split(".")
    header = b64(json.dumps({"alg": algorithm, "typ": "at+jwt", "kid": "1"}).encode())
    signed = sign_text(f"{header}.{claims}", key)
    done = inspect(
        signed,
        "--key",
        "key",
        *options,
    )
    assert done.out.splitlines()[-1].startswith("good")


@pytest.mark.parametrize(
    "secret",
    [b"{" + b"\x80" * 31, b" \r\n{" + b"\xff" * 28, b"\x80" * 31 + b"\n", b"\x80" * 30 + b"\r\n"],
    ids=["brace", "space-and-brace", "line-feed", "line-break"],
)
def test_a_secret_of_random_bytes(secret: bytes, inspect: Inspect, tmp_path: Path) -> None:
    """Random bytes are a secret, even if they start like JSON or end like a line."""
    (tmp_path / "key").write_bytes(secret)
    _, claims, _ = token().split(".")
    header = b64(json.dumps({"alg": "HS256", "typ": "at+jwt"}).encode())
    done = inspect(sign_text(f"{header}.{claims}", Key.from_secret(secret)), "--key", "key")
    assert done.out.splitlines()[-1].startswith("good")


@pytest.mark.parametrize("secret", [SECRET, f"{SECRET}\n"], ids=["without", "with"])
def test_a_secret_with_a_line_end(secret: str, inspect: Inspect, tmp_path: Path) -> None:
    """The end of the line in a file is part of the secret for some apps and not for others: both
    are tried."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    assert inspect(token(key=secret), "--key", "secret").code == 0


@pytest.mark.parametrize(
    "content",
    [
        "",
        "short",
        "-----BEGIN PUBLIC KEY-----\n",
        "{",
        "{}",
        '{"keys": []}',
        '{"keys": 1}',
        '{"a": "\\ud800"}',
        "{\xff",
    ],
)
def test_a_file_that_holds_no_key(content: str, inspect: Inspect, tmp_path: Path) -> None:
    """It is misuse, not a verdict."""
    (tmp_path / "key").write_bytes(content.encode("latin-1"))
    done = inspect(token(), "--key", "key")
    assert (done.code, done.out) == (2, "")
    assert "Error: Invalid value for --key: key contains no key" in done.err


# -------------------------------------------------------------------------------------------- with
# an app


def test_a_token_of_the_app(inspect: Inspect) -> None:
    """What the app lets through is good: the middleware is found within, and `application` need not
    be named."""
    for name in ("some_app", "some_app:application", "some_app:both.app"):
        done = inspect(token(), "--app", name)
        assert (done.code, done.out.splitlines()[-1]) == (0, "good")


def test_what_only_the_app_knows(inspect: Inspect) -> None:
    """Revocations, the type and the size of a token are looked at as the app looks at them."""
    refused = {
        "revoked": {"jti": "revoked"},
        "type": {"headers": {"typ": "JWT"}},
        "too_large": {"x": "x" * 1000},
    }
    for reason, options in refused.items():
        done = inspect(token(**options), "--app", "some_app")
        assert (done.code, done.out.splitlines()[-1]) == (
            1,
            f"refused ({reason}): {DESCRIPTIONS[reason]}",
        )


def test_an_app_with_two_middlewares(inspect: Inspect) -> None:
    """One that lets it through is enough; else each tells its reason."""
    assert inspect(token(), "--app", "some_app:both").code == 0
    done = inspect(token(exp=1), "--app", "some_app:both")
    assert [line.partition(":")[0] for line in done.out.splitlines()[-2:]] == [
        "refused (issuer)",
        "refused (expired)",
    ]


@pytest.mark.parametrize(
    "name", ["none", "some_app:none", "some_app:store", "some_app.x", ":x", "", "some app", "..x"]
)
def test_a_name_that_is_no_app(name: str, inspect: Inspect) -> None:
    """A module or attribute that is not there, or an app without a middleware, is misuse."""
    done = inspect(token(), "--app", name)
    assert (done.code, done.out) == (2, "")
    assert "Invalid value for '--app'" in done.err


@pytest.mark.parametrize(
    "options",
    [
        ("--app", "some_app", "--key", "secret"),
        ("--issuer", "i"),
        ("--audience", "a"),
        ("--algorithm", "HS256"),
    ],
    ids=lambda options: options[0],
)
def test_options_that_do_not_go_together(options: tuple[str, ...], inspect: Inspect) -> None:
    """An option that would be ignored is misuse."""
    assert inspect(token(), *options).code == 2


def test_the_token_is_no_argument(inspect: Inspect) -> None:
    """A token on the command line would stay in the history of the shell and in the list of
    processes."""
    done = inspect("", token())
    assert (done.code, done.out) == (2, "")


def test_a_real_process(tmp_path: Path) -> None:
    """The command runs outside of the tests as well, finds an app in its folder and asks no
    terminal."""
    (tmp_path / "some_app.py").write_text(APP)
    arguments = [*COMMAND, "token", "inspect", "--app", "some_app"]
    done = subprocess.run(arguments, input=token(), capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "good")


def test_a_terminal(tmp_path: Path) -> None:
    """On a terminal the token is asked for, and not shown again as it is pasted."""
    given = token()
    answers = [f"Bearer {given}\n"]
    code, shown = on_a_terminal(tmp_path, "token", "inspect", answers=answers, is_new=True)
    assert code == 0
    assert given not in shown
    assert '"https://idp.example/"' in shown
