"""What real servers make of a hostile request does not get round a rule either."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from importlib.util import find_spec

import pytest

from tests.kit.answers import Answer, exchange
from tests.kit.pages import README
from tests.kit.parts import skip
from tests.kit.serving import free_port
from tests.kit.serving import nginx as run_nginx
from tests.kit.waiting import wait_for

from .apps import APPS, MISSING
from .guards import MINTER
from .servers import SERVERS, Server, served, targets
from .spellings import LOOK_ALIKES, SPELLINGS

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_frameworks]

_MODULES = {"uwsgi": "pyuwsgi", "wsgiref": "wsgiref"}
_KEEPS_LAST_HEADER = "cheroot"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Every server that is installed."""
    names = [name for name in SERVERS if find_spec(_MODULES.get(name, name.split(",")[0]))]
    folder = tmp_path_factory.mktemp("server")
    with ExitStack() as stack:
        yield {name: stack.enter_context(served(name, folder)) for name in names}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, servers: dict[str, Server]) -> Server:
    """Each server in turn."""
    if request.param not in servers:
        skip(f"{request.param} is not installed")
    return servers[request.param]


def call(
    server: Server,
    *lines: bytes,
    target: bytes = b"/api/secret",
    method: bytes = b"GET",
    body: bytes = b"",
) -> Answer:
    """Send a request to the small app that tells who is calling."""
    return exchange(server.port, target, *lines, method=method, body=body)


def bearer(token: str) -> bytes:
    return f"Authorization: Bearer {token}".encode()


@cache
def token(size: int = 0) -> str:
    """A good token, padded to this many bytes."""
    minted = MINTER.mint("ada")
    for padding in range(max(0, (size - len(minted)) * 3 // 4 - 30), size):
        if len(minted) >= size:
            break
        minted = MINTER.mint("ada", claims={"padding": "x" * padding})
    return minted


# ---------------------------------------------------------------- request lines


def test_the_readme_tells_how_many_there_are() -> None:
    """Its numbers of apps, spellings, request targets and servers are those of the check."""
    counts = (len({*APPS, *MISSING}), len(SPELLINGS), len(targets(*SPELLINGS)), len(SERVERS))
    told = "{} small apps .*, {} spellings, .* {} request targets on {} servers".format(*counts)
    assert re.search(told, README.read_text())


def test_no_request_target_reaches_a_protected_handler(server: Server) -> None:
    """Spelled in any way that a request line can hold, a protected path needs a token in every
    framework."""
    leaks = {"none": 0, "text": 0}
    for target in targets(*SPELLINGS):
        answer = call(server, b"X-Try: 1", target=target)
        assert answer.status in {200, 400, 404}, target
        tried = json.loads(answer.headers.get("x-tried", "{}")).get("leaks", {})
        assert not [
            guard for guard, apps in tried.items() if apps and guard not in ("none", "text")
        ], target
        leaks = {guard: count + bool(tried.get(guard)) for guard, count in leaks.items()}
    assert leaks["none"] > leaks["text"] > 0


def test_no_public_target_is_blocked(server: Server) -> None:
    """A look-alike that the bare apps answer, the guarded ones answer too."""
    for target in targets(*LOOK_ALIKES):
        answer = call(server, b"X-Try: 1", target=target)
        if "x-tried" in answer.headers:
            answered = json.loads(answer.headers["x-tried"])["open"]
            assert answered["rule for /api"] == answered["none"], target


@pytest.mark.parametrize("method", [b"POST", b"post", b"pOsT", b"Post"])
def test_a_rule_for_post_holds_in_any_case(server: Server, method: bytes) -> None:
    """Some servers hand on a lower-case method, which Flask, Bottle and Django then raise to
    POST."""
    for target in (
        b"/api",
        b"/api/secret",
        b"//api/secret",
        b"/ap%ffi/secret",
        b"/x/%2e%2e/api/secret",
    ):
        answer = call(server, b"X-Try: 1", target=target, method=method)
        assert json.loads(answer.headers.get("x-tried", "{}")).get("posted", []) == []


FORGED = [
    b"SCRIPT_NAME: /api",
    b"SCRIPT-NAME: /api",
    b"X-Script-Name: /api",
    b"X-Forwarded-Prefix: /api",
    b"PATH_INFO: /x",
]
FORGED += [
    b"X-Vhm-Root: /api",
    b"X_Vhm_Root: /api",
    b"X-Vhm-Root: /x/../api",
    b"X-Original-Url: /api/secret",
]


@pytest.mark.parametrize("header", FORGED)
def test_no_header_moves_a_path_out_from_under_a_rule(server: Server, header: bytes) -> None:
    """gunicorn obeys SCRIPT_NAME from a local peer, Pyramid's traversal X-Vhm-Root: neither opens
    /api."""
    for target in (b"/api", b"/api/secret", b"//api/secret", b"/secret", b"/"):
        answer = call(server, b"X-Try: 1", header, target=target)
        assert (
            json.loads(answer.headers.get("x-tried", "{}"))
            .get("leaks", {})
            .get("rule for /api", [])
            == []
        )


# ---------------------------------------------------------------- headers


def test_a_good_token_passes_and_none_does_not(server: Server) -> None:
    """The plain case, which the others vary."""
    assert call(server).status == 401
    answer = call(server, bearer(token()))
    assert (answer.status, answer.body["subject"], answer.body["REMOTE_USER"]) == (
        200,
        "ada",
        "ada",
    )


@pytest.mark.parametrize(
    "values",
    [("good", "bad"), ("bad", "good"), ("good", "good")],
    ids=["good, bad", "bad, good", "good twice"],
)
def test_two_authorization_headers_are_refused(server: Server, values: tuple[str, str]) -> None:
    """Two tokens are one too many. A server that shows only the last header leaves only that one to
    judge."""
    lines = [bearer({"good": token(), "bad": "x.y.z"}[value]) for value in values]
    status = call(server, *lines).status
    if server.name == _KEEPS_LAST_HEADER:
        assert status == (200 if values[1] == "good" else 401)
    else:
        assert status == 400


FOLDED = {
    "two tokens, good first": b"Authorization: Bearer %s\r\n x.y.z",
    "two tokens, good last": b"Authorization: Bearer x.y.z\r\n %s",
    "in another header": b"X-Other: y\r\n Authorization: Bearer %s",
    "in another header, by a tab": b"X-Other: y\r\n\tAuthorization: Bearer %s",
    "with an underscore": b"Authorization_: Bearer %s",
    "by its name in the environ": b"HTTP_AUTHORIZATION: Bearer %s",
}


@pytest.mark.parametrize("line", FOLDED.values(), ids=FOLDED)
def test_a_folded_or_renamed_header_is_no_token(server: Server, line: bytes) -> None:
    """A line that is not exactly one Authorization header lets nobody in, and breaks nothing."""
    assert call(server, line % token().encode()).status in {400, 401}


FOLDED_ONCE = {
    "before the token": b"Authorization: Bearer\r\n %s",
    "before the scheme": b"Authorization:\r\n Bearer %s",
}


@pytest.mark.parametrize("line", FOLDED_ONCE.values(), ids=FOLDED_ONCE)
def test_one_folded_header_is_its_one_token_or_refused(server: Server, line: bytes) -> None:
    """Where a server unfolds the line (RFC 9112 section 5.2), it holds one token; nowhere does it
    fail."""
    answer = call(server, line % token().encode())
    assert answer.status in {400, 401} or answer.body["subject"] == "ada"


UNDERSCORED = [
    b"Remote_User: eve",
    b"REMOTE_USER: eve",
    b"Remote-User: eve",
    b"X_Remote_User: eve",
    b"Auth_Type: Bearer",
]
UNDERSCORED += [b"jwt_middleware.identity: eve", b"HTTP_REMOTE_USER: eve"]


def test_no_header_is_taken_for_an_identity(server: Server) -> None:
    """Underscores and names from the environ change neither who is calling nor that nobody is."""
    answer = call(server, *UNDERSCORED, target=b"/optional")
    if answer.status == 200:
        assert answer.body == {
            "REMOTE_USER": None,
            "AUTH_TYPE": None,
            "PATH_INFO": "/optional",
            "subject": None,
        }
    answer = call(server, *UNDERSCORED, bearer(token()))
    assert answer.status in {200, 400}
    if answer.status == 200:
        assert (answer.body["subject"], answer.body["REMOTE_USER"]) == ("ada", "ada")
    assert call(server, *UNDERSCORED).status in {400, 401}


def test_a_token_of_8_kb_passes_and_one_of_9_kb_does_not(server: Server) -> None:
    """Every server takes a token of 8,000 bytes; 9,000 are refused by the server (431) or here."""
    assert call(server, bearer(token(8000))).status == 200
    assert call(server, bearer(token(9000))).status in {401, 431}
    assert call(server, bearer(token())).status == 200


# ---------------------------------------------------------------- bodies

MIB = 1024 * 1024


# granian gives no way to end a read, so a body that the network does not hold is left unread: a
# client that drips could hold a thread otherwise.
_MAY_RESET = {"granian"}


@pytest.mark.parametrize("size", [1 * MIB, 5 * MIB])
def test_a_large_post_without_a_token_reads_its_refusal(server: Server, size: int) -> None:
    """A client that first sends all of its body gets the whole 401, and not a reset connection."""
    answer = exchange(server.port, b"/api/secret", method=b"POST", body=bytes(size))
    if answer.status in (0, 400) and server.name in _MAY_RESET:
        return
    assert (answer.status, answer.body["reason"]) == (401, "missing")


_NGINX_SERVER = """server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_request_buffering {buffering}; }}
}}"""


@pytest.fixture(scope="module")
def nginx(
    servers: dict[str, Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, str], int]]:
    """One nginx in front of every server: its ports, by server and by whether it buffers
    requests."""
    ports = {(name, buffering): free_port() for name in servers for buffering in ("on", "off")}
    blocks = [
        _NGINX_SERVER.format(port=port, upstream=servers[name].port, buffering=buffering)
        for (name, buffering), port in ports.items()
    ]
    limits = "access_log off; client_max_body_size 16m; proxy_http_version 1.1;"
    with run_nginx(tmp_path_factory.mktemp("nginx"), "\n".join((limits, *blocks))):
        yield ports


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_behind_nginx_a_large_post_reads_its_refusal(
    server: Server, nginx: dict[tuple[str, str], int], buffering: str
) -> None:
    """nginx hands the 401 on, and does not turn an early end of the connection into a 502.

    On granian nothing can end a read, so a body of more than 8 KiB is left unread (README).
    """
    port = nginx[server.name, buffering]
    wait_for(lambda: exchange(port, b"/").status == 200)
    for size in (1 * MIB, 5 * MIB):
        status = exchange(port, b"/api/secret", method=b"POST", body=bytes(size)).status
        # nginx too resets a client whose body it has not read when the server resets.
        assert status == 401 or (status in (0, 502) and server.name in _MAY_RESET)


# ---------------------------------------------------------------- all together


def test_signing_in_gives_a_token_that_opens_a_protected_path(server: Server) -> None:
    """The login app's token is accepted; a wrong password gets none."""
    json_type = b"Content-Type: application/json"
    wrong = json.dumps({"username": "ada", "password": "no"}).encode()
    right = json.dumps({"username": "ada", "password": "analytical engine"}).encode()
    assert call(server, json_type, target=b"/auth/token", method=b"POST", body=wrong).status == 401
    answer = call(server, json_type, target=b"/auth/token", method=b"POST", body=right)
    assert answer.status == 200
    caller = call(server, bearer(answer.body["token"]), target=b"/api/x")
    assert (caller.status, caller.body["subject"]) == (200, str(answer.body["user_id"]))
