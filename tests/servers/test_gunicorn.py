"""The whole under a real gunicorn: several workers, preloaded or not, each engine, and bodies from
a real socket."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jwt_middleware.testing import DPoPKey
from tests.kit import answers
from tests.kit.answers import Answer, call
from tests.kit.serving import gunicorn
from tests.kit.tokens import issued
from tests.kit.waiting import PATIENCE

pytestmark = pytest.mark.needs_servers

SECRET = "the secret of the served app, long enough"
PASSWORD = "correct horse battery staple"
FORM = "application/x-www-form-urlencoded"
_APP = f"""
import json, os
from contextlib import suppress

from jwt_middleware import ConfigurationError, Identity, JWTMiddleware, RevocationList, Rule
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import SQLStore

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([Identity.from_environ(environ).subject, os.getpid()]).encode()]

store = SQLStore(os.environ["DATABASE"], password_method="scrypt:1024:1:1")
for name in ("ada", "bob", "eve", "joe"):
    with suppress(ConfigurationError):  # another worker was faster
        store.add_user(name, name + {PASSWORD!r})
minter = TokenMinter.from_secret({SECRET!r}, issuer="https://example.com", audience="example-api")
guarded = JWTMiddleware(
    app, providers=[minter.provider], rules=[Rule("/api")], revocations=RevocationList(store)
)
application = LoginApp(store, minter).wrap(guarded, prefix="/auth")
"""
GEVENT = ("-k", "gevent", "--graceful-timeout", "1")
WORKERS = {"sync": ("-k", "sync"), "gthread": ("-k", "gthread", "--threads", "4")}


def sign_in(address: str, name: str = "ada") -> Answer:
    """Sign in with the right password."""
    return answers.sign_in(address, name, name + PASSWORD)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that is still empty."""
    return (
        str(request.getfixturevalue("postgresql_url"))
        if request.param == "postgresql"
        else f"sqlite:///{tmp_path}/db"
    )


@pytest.mark.parametrize(
    "preload", [(), ("--preload",)], ids=["each worker by itself", "preloaded"]
)
@pytest.mark.parametrize("worker", WORKERS.values(), ids=WORKERS)
def test_the_whole_way(
    worker: tuple[str, ...], preload: tuple[str, ...], database: str, tmp_path: Path
) -> None:
    """401, a token, 200, a wrong password, an expired token; and two workers that serve four people
    at once."""
    (tmp_path / "served.py").write_text(_APP)
    options = (*worker, *preload, "--workers", "2")
    with gunicorn("served", *options, cwd=tmp_path, env={"DATABASE": database}) as address:
        status, headers, body = call(address + "/api")
        assert (status, headers["www-authenticate"], body["reason"]) == (
            401,
            'Bearer realm="api"',
            "missing",
        )
        status, headers, body = sign_in(address)
        assert (status, headers["cache-control"], body["token_type"]) == (200, "no-store", "Bearer")
        assert call(address + "/api", token=body["token"])[2][0] == str(body["user_id"])
        status, _, body = answers.sign_in(address, "ada", "wrong")
        assert (status, body["msg"]) == (401, "Bad username or password")
        status, headers, body = call(address + "/api", token=expired_token())
        assert (status, body["reason"]) == (401, "expired")
        assert 'error="invalid_token"' in headers["www-authenticate"]
        assert_each_is_themself(address)


def expired_token() -> str:
    """A token as the app mints them, of an hour ago."""
    then = int(time.time()) - 3600
    claims = {"iss": "https://example.com", "aud": "example-api", "sub": "1"}
    return issued(SECRET, headers={"typ": "at+jwt"}, iat=then, exp=then + 900, **claims)


def assert_each_is_themself(address: str) -> None:
    """Workers that shared a connection of their parent's would read one another's rows."""
    names = ["ada", "bob", "eve", "joe"]
    ids = {name: sign_in(address, name)[2]["user_id"] for name in names}
    assert len(set(ids.values())) == 4
    with ThreadPoolExecutor(4) as threads:
        signed_in = list(threads.map(lambda name: (name, sign_in(address, name)), names * 4))
        assert {name: body["user_id"] for name, (_, _, body) in signed_in} == ids
        assert Counter(status for _, (status, _, _) in signed_in) == {200: 16}
        tokens = [(str(ids[name]), body["token"]) for name, (_, _, body) in signed_in]
        called = list(
            threads.map(
                lambda token: (token[0], *call(address + "/api", token=token[1])[2]), tokens
            )
        )
    assert all(expected == subject for expected, subject, _ in called)


@pytest.mark.parametrize("worker", [*WORKERS.values(), GEVENT], ids=[*WORKERS, "gevent"])
def test_a_sign_out_counts_everywhere(
    worker: tuple[str, ...], database: str, tmp_path: Path
) -> None:
    """Preloaded workers of each kind refuse the token of an ended session within two seconds, and
    go on answering."""
    (tmp_path / "served.py").write_text(_APP)
    options = ("--workers", "2", "--preload", *worker)
    with gunicorn(
        "served:application", *options, cwd=tmp_path, env={"DATABASE": database}
    ) as address:
        gone, stays = sign_in(address)[2], sign_in(address)[2]
        assert {call(address + "/api", token=tokens["token"])[0] for tokens in (gone, stays)} == {
            200
        }
        assert call(f"{address}/auth/revoke", {"token": gone["refresh_token"]})[0] == 200
        time.sleep(2)
        assert {call(address + "/api", token=gone["token"])[0] for _ in range(8)} == {401}
        assert {call(address + "/api", token=stays["token"])[0] for _ in range(8)} == {200}


@pytest.fixture(scope="module", params=WORKERS.values(), ids=WORKERS)
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Where the app is served, by two workers on SQLite."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "served.py").write_text(_APP)
    env = {"DATABASE": f"sqlite:///{folder}/auth.db"}
    with gunicorn("served", *request.param, "--workers", "2", cwd=folder, env=env) as address:
        yield address


def talk(address: str, *parts: bytes, close: bool = False) -> bytes:
    """Send parts as they are; return all that comes back, or nothing of it when `close` ends the
    connection first."""
    host, _, port = urlsplit(address).netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        with suppress(
            ConnectionError
        ):  # the server has read enough: what it has answered can still be read
            for part in parts:
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
        return b"" if close else b"".join(iter(lambda: connection.recv(65536), b""))


def head(path: str, *headers: str) -> bytes:
    """The head of a POST."""
    return "\r\n".join(
        (f"POST {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", "")
    ).encode()


def chunk(data: bytes) -> bytes:
    """One chunk (RFC 9112 section 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = "Transfer-Encoding: chunked"
GOOD = f"username=ada&password=ada{PASSWORD.replace(' ', '+')}".encode()


def form_head(*headers: str) -> bytes:
    """The head of a sign-in by form."""
    return head("/auth/token", f"Content-Type: {FORM}", *headers)


@pytest.mark.parametrize(
    "path", ["/auth/token", "/api", "/auth/health"], ids=["too large", "refused", "another method"]
)
@pytest.mark.parametrize("size", [100_000, 7_000_000], ids=["100 kB", "7 MB"])
def test_a_refusal_reaches_who_is_still_sending(path: str, size: int, address: str) -> None:
    """The client reads the answer and no reset: what it sends is read to the end, within a
    bound."""
    answer = talk(
        address, head(path, f"Content-Type: {FORM}", f"Content-Length: {size}"), b"x" * size
    )
    assert answer.startswith(b"HTTP/1.1 4")
    assert answer.endswith(b"}\n")


@pytest.mark.parametrize("framing", ["Content-Length: 20000000", CHUNKED])
@pytest.mark.parametrize(("path", "status"), [("/auth/token", 413), ("/api", 401)])
def test_20_megabytes(path: str, status: int, framing: str, address: str) -> None:
    """They are not read to the end; whoever looks for the answer finds it, and the worker goes
    on."""
    body = b"x" * 20_000_000
    parts = [chunk(body), b"0\r\n\r\n"] if framing == CHUNKED else [body]
    answer = talk(address, head(path, f"Content-Type: {FORM}", framing), *parts)
    assert answer.startswith(f"HTTP/1.1 {status}".encode())
    assert sign_in(address)[0] == 200


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_chunked_body(size: int, address: str) -> None:
    """It is put together again, however it was cut."""
    chunks = [chunk(GOOD[start : start + size]) for start in range(0, len(GOOD), size)]
    assert talk(address, form_head(CHUNKED), *chunks, b"0\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_a_chunked_body_that_is_too_large(address: str) -> None:
    """One byte over 64 KiB is 413, though what came before would do."""
    padding = b"&padding=".ljust(64 * 1024 + 1 - len(GOOD), b"x")
    answer = talk(address, form_head(CHUNKED), chunk(GOOD), chunk(padding), b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")


CUT_OFF: dict[str, Callable[[], tuple[bytes, ...]]] = {
    "less than announced": lambda: (form_head(f"Content-Length: {len(GOOD) + 1}"), GOOD),
    "nothing of it": lambda: (form_head("Content-Length: 100"),),
    "no last chunk": lambda: (form_head(CHUNKED), chunk(GOOD)),
    "half a chunk": lambda: (form_head(CHUNKED), chunk(GOOD)[:-10]),
    "no size of a chunk": lambda: (form_head(CHUNKED), b"zz\r\n", GOOD),
    "a negative size": lambda: (form_head(CHUNKED), b"-1\r\n", GOOD),
    "a length twice": lambda: (form_head("Content-Length: 5", "Content-Length: 50"), GOOD),
    "a length that is no number": lambda: (form_head("Content-Length: abc"), GOOD),
}


@pytest.mark.parametrize("parts", CUT_OFF.values(), ids=CUT_OFF)
@pytest.mark.parametrize("close", [False, True], ids=["waiting", "gone"])
def test_a_body_that_is_cut_off(
    parts: Callable[[], tuple[bytes, ...]], close: bool, address: str
) -> None:
    """400, from us or from gunicorn, whether the client waits or not: no 500, nobody signed in, no
    worker lost."""
    answer = talk(address, *parts(), close=close)
    assert answer.startswith(b"HTTP/1.1 400") is not close
    assert b"token" not in answer
    assert sign_in(address)[0] == 200


def test_two_authorization_headers(address: str) -> None:
    """gunicorn joins them with a comma, which no token has."""
    token = sign_in(address)[2]["token"]
    header = f"Authorization: Bearer {token}"
    assert talk(address, head("/api", header, "Content-Length: 0")).startswith(b"HTTP/1.1 200")
    assert talk(address, head("/api", header, header, "Content-Length: 0")).startswith(
        b"HTTP/1.1 400"
    )


@pytest.mark.parametrize(
    "header", ["SCRIPT_NAME: /api", "REMOTE_USER: 1", "X-Remote-User: 1", "X_Remote_User: 1"]
)
def test_headers_of_a_forger(header: str, address: str) -> None:
    """What a client says of the path or of itself opens nothing."""
    assert talk(address, head("/api/x", header, "Content-Length: 0")).startswith(b"HTTP/1.1 401")


_BOUND_APP = f"""
import json, os

from jwt_middleware import DPoP, Identity, JWTMiddleware, Key, KeySet, Provider, Rule
from jwt_middleware.stores import SQLStore

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps([Identity.from_environ(environ).subject, os.getpid()]).encode()]

provider = Provider(
    issuer="https://example.com",
    audience="example-api",
    keys=KeySet([Key.from_secret({SECRET!r})]),
)
dpop = DPoP("https://api.example", replays=SQLStore(os.environ["DATABASE"]))
application = JWTMiddleware(app, providers=[provider], rules=[Rule("/api")], dpop=dpop)
"""


def test_one_proof_is_accepted_by_one_of_four_workers(database: str, tmp_path: Path) -> None:
    """A proof that is sent many times at once to four workers passes once, and every worker takes
    proofs of its own."""
    (tmp_path / "served.py").write_text(_BOUND_APP)
    key = DPoPKey()
    token = issued(SECRET, iss="https://example.com", aud="example-api", cnf=key.confirmation)

    def ask(headers: dict[str, str]) -> Answer:
        return call(address + "/api", headers=headers)

    with (
        gunicorn("served", "--workers", "4", cwd=tmp_path, env={"DATABASE": database}) as address,
        ThreadPoolExecutor(16) as pool,
    ):
        url = "https://api.example/api"
        workers: set[int] = set()
        deadline = time.monotonic() + PATIENCE
        while len(workers) < 4 and time.monotonic() < deadline:
            fresh = [key.headers("GET", url, token) for _ in range(16)]
            answers_of_all = list(pool.map(ask, fresh))
            assert {answer.status for answer in answers_of_all} == {200}
            workers |= {answer.body[1] for answer in answers_of_all}
        assert len(workers) == 4
        for _ in range(5):
            same = key.headers("GET", url, token)
            statuses = Counter(answer.status for answer in pool.map(ask, [same] * 16))
            assert statuses == {200: 1, 401: 15}
