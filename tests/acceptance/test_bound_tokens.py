"""Tokens that are bound to a key (RFC 9449, RFC 8705): a thief of a token has nothing."""

import sys
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from jwt_middleware import (
    DPoP,
    Forbidden,
    JWTMiddleware,
    Rule,
    bearer,
    in_cookie,
    optional,
    scope,
    sender_constrained,
)
from jwt_middleware.stores import MemoryStore
from jwt_middleware.testing import DPoPKey
from tests.acceptance.conftest import echo
from tests.kit.clock import stopped
from tests.kit.proofs import Down
from tests.kit.tokens import b64

URL = "https://api.example"


@pytest.fixture
def key() -> DPoPKey:
    """The key of a client."""
    return DPoPKey()


@pytest.fixture
def dpop(store: MemoryStore) -> DPoP:
    """The check of proofs; the store is shared by all workers."""
    return DPoP(URL, replays=store)


@pytest.fixture
def url(mount: str) -> str:
    """Where clients find the app."""
    return URL + mount


@pytest.fixture
def api(visit: Any, guard: Any, dpop: DPoP) -> Any:
    """A client of the guarded app."""
    return visit(guard(dpop=dpop))


@pytest.fixture
def token(forge: Any, key: DPoPKey) -> str:
    """A token that is bound to the key; its issuer has more to say of it."""
    return str(forge(cnf={**key.confirmation, "kid": "x", "of tomorrow": 1}))


def challenges(answer: Any) -> tuple[str, str]:
    """Those for Bearer and for DPoP."""
    bearer_challenge, dpop_challenge = answer.headers.getall("WWW-Authenticate")
    return bearer_challenge, dpop_challenge


def test_a_view_sees_the_caller(api: Any, key: DPoPKey, token: str, url: str) -> None:
    """Each request with a proof of its own, the first and the next, whose verdict is cached."""
    for _ in range(2):
        headers = key.headers("GET", f"{url}/api/me", token)
        answer = api.get("/api/me?page=1", headers=headers)
        assert answer.json["subject"] == "1"
        assert answer.json["seen"]["AUTH_TYPE"] == "DPoP"
        assert answer.json["seen"]["REMOTE_USER"] == "1"


def test_a_proof_counts_once(api: Any, key: DPoPKey, token: str, url: str) -> None:
    """What was overheard on the way cannot be sent again."""
    headers = key.headers("GET", f"{url}/api/me", token)
    api.get("/api/me", headers=headers)
    answer = api.get("/api/me", headers=headers, status=401)
    assert answer.json["reason"] == "proof_replayed"
    assert answer.json["error"] == "invalid_dpop_proof"


def test_the_scheme_in_any_case(api: Any, key: DPoPKey, token: str, url: str) -> None:
    """Names of schemes have no case (RFC 9110 section 11.1)."""
    for scheme in ("dpop", "DPOP", "dPoP", "DPoP "):
        headers = key.headers("GET", f"{url}/api/me", token)
        api.get("/api/me", headers={**headers, "Authorization": f"{scheme} {token}"})


def test_a_thief_has_nothing(api: Any, key: DPoPKey, token: str, url: str) -> None:
    """Neither with the token, nor with a key of their own, nor with a proof for another request."""
    address, thief = f"{url}/api/me", DPoPKey()
    other = {**key.headers("GET", address, token), "Authorization": f"Bearer {token}"}
    tries: dict[str, dict[str, str]] = {
        "proof": {"Authorization": f"Bearer {token}"},
        "proof ": other,
        "proof  ": {"Authorization": f"DPoP {token}"},
        "proof_key": thief.headers("GET", address, token),
        "proof_method": key.headers("POST", address, token),
        "proof_url": key.headers("GET", f"{url}/api/other", token),
        "proof_url ": key.headers("GET", address.replace("api.example", "evil.example"), token),
        "proof_token": key.headers("GET", address, token + "x")
        | {"Authorization": f"DPoP {token}"},
        "proof_token ": key.headers("GET", address, token, ath=None),
        "proof_time": key.headers("GET", address, token, iat=int(time.time()) - 100),
        "proof_malformed": key.headers("GET", address, token, jti=None),
    }
    for reason, headers in tries.items():
        for _ in range(2):
            answer = api.get("/api/me", headers=headers, status=401)
            assert answer.json["reason"] == reason.strip()


def test_an_unbound_token_stays_a_bearer_token(
    api: Any, forge: Any, key: DPoPKey, url: str
) -> None:
    """Beside bound ones it passes with Bearer as ever, and never with DPoP, cached or not."""
    token = forge()
    for _ in range(2):
        answer = api.get("/api/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.json["seen"]["AUTH_TYPE"] == "Bearer"
        headers = key.headers("GET", f"{url}/api/me", token)
        answer = api.get("/api/me", headers=headers, status=401)
        assert (answer.json["reason"], answer.json["error"]) == ("unbound", "invalid_token")


CONFIRMATIONS: dict[str, Any] = {
    "another member": {"kid": "x"},
    "a key": {"jwk": {"kty": "oct", "k": "AA"}},
    "nothing": {},
    "null": {"jkt": None},
    "a number": {"jkt": 7},
    "an empty text": {"jkt": ""},
    "a list": [{"jkt": "x"}],
    "a text": "jkt",
    "a certificate": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"},
}


@pytest.mark.parametrize("confirmation", CONFIRMATIONS.values(), ids=CONFIRMATIONS)
def test_a_binding_that_is_not_known_here(
    confirmation: Any, api: Any, forge: Any, key: DPoPKey, url: str
) -> None:
    """The token is refused with either scheme: nobody can show that it is theirs."""
    token = forge(cnf=confirmation)
    api.get("/api/me", headers={"Authorization": f"Bearer {token}"}, status=401)
    api.get("/api/me", headers=key.headers("GET", f"{url}/api/me", token), status=401)


def test_two_proofs_are_none(api: Any, key: DPoPKey, token: str, url: str) -> None:
    """A server joins two headers with a comma."""
    one, two = (key.headers("GET", f"{url}/api/me", token) for _ in range(2))
    for joined in (f"{one['DPoP']},{two['DPoP']}", f"{one['DPoP']}, ", "", "x", "," * 9000):
        answer = api.get("/api/me", headers={**one, "DPoP": joined}, status=401)
        assert answer.json["reason"] == "proof_malformed"


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("DPoP", 400), ("DPoP ", 400), ("DPoP\tx", 400), ("DPoP a b", 400), ("DPoPish x", 401)],
    ids=["no token", "a blank", "a tab", "two tokens", "another scheme"],
)
def test_a_malformed_header(authorization: str, status: int, api: Any) -> None:
    """As with Bearer: 400 for anything but one token."""
    assert api.get("/api/me", headers={"Authorization": authorization}, status=status)


def test_the_host_is_never_asked(api: Any, key: DPoPKey, token: str, url: str, mount: str) -> None:
    """A proof for another host is not good here, whatever `Host` says."""
    headers = key.headers("GET", f"https://evil.example{mount}/api/me", token)
    forwarded = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    assert api.get("/api/me", headers=headers | forwarded, status=401).json["reason"] == "proof_url"
    headers = key.headers("GET", f"{url}/api/me", token)
    assert api.get("/api/me", headers=headers | forwarded)


def test_the_url_may_name_the_mount(
    visit: Any, guard: Any, store: Any, key: DPoPKey, token: str, url: str, mount: str
) -> None:
    """An owner thinks of the app's own root as its base, and so the mount point is not added again:
    each request has one URL."""
    api = visit(guard(dpop=DPoP(f"{url}/", replays=store)))
    assert api.get("/api/me", headers=key.headers("GET", f"{url}/api/me", token))
    for other in (f"{url}/x/api/me", f"{url}/sub/api/me", f"{URL}/x{mount}/api/me"):
        answer = api.get("/api/me", headers=key.headers("GET", other, token), status=401)
        assert answer.json["reason"] == "proof_url"


PREFIXES: dict[str, tuple[str, str]] = {
    "none": ("", "/inner"),
    "that of the proxy": ("/outer", "/outer/inner"),
    "all": ("/outer/inner", "/outer/inner"),
    "one that the server does not see": ("/hidden", "/hidden/outer/inner"),
}


@pytest.mark.parametrize(("base", "root"), PREFIXES.values(), ids=PREFIXES)
def test_a_proxy_that_adds_a_part_of_the_mount(
    base: str, root: str, guard: Any, store: Any, key: DPoPKey, token: str
) -> None:
    """Whichever part of the mount point `url` has, the app has one URL, and the whole mount point
    is never in it twice."""
    script_name = "/inner" if base == "" else "/outer/inner"
    middleware: JWTMiddleware = guard(dpop=DPoP(URL + base, replays=store))
    roots = {"", base, root, base + script_name, root + script_name, script_name}
    for tried in roots:
        headers = key.headers("GET", f"{URL}{tried}/api/me", token)
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": script_name,
            "PATH_INFO": "/api/me",
            "HTTP_AUTHORIZATION": headers["Authorization"],
            "HTTP_DPOP": headers["DPoP"],
        }
        assert (middleware.decide(environ).answer is None) == (tried == root), tried


def test_the_challenges(api: Any, key: DPoPKey, token: str, url: str) -> None:
    """Both schemes are offered; the error stands beside the scheme that was used (RFC 9449 section
    7.1)."""
    for headers, at in (({}, None), ({"Authorization": "Bearer x.y.z"}, 0)):
        answer = api.get("/api/me", headers=headers, status=401)
        found = challenges(answer)
        assert found[0].startswith('Bearer realm="api"')
        assert found[1].startswith('DPoP realm="api"')
        assert ' algs="ES256 ' in found[1]
        assert ["error=" in text for text in found] == [at == 0, at == 1]
    for headers in (key.headers("PUT", url, token), {"Authorization": "DPoP x.y.z"}):
        bearer_challenge, dpop_challenge = challenges(
            api.get("/api/me", headers=headers, status=401)
        )
        assert bearer_challenge == 'Bearer realm="api"'
        assert "error=" in dpop_challenge
        assert "HS256" not in dpop_challenge
    assert "DPoP" in answer.headers["Vary"]


def test_without_dpop_nothing_changes(
    visit: Any, guard: Any, key: DPoPKey, token: str, url: str
) -> None:
    """A bound token is refused, and the scheme is not accepted."""
    api = visit(guard())
    answer = api.get("/api/me", headers=key.headers("GET", f"{url}/api/me", token), status=401)
    assert answer.json["reason"] == "unread_scheme"
    assert answer.headers.getall("WWW-Authenticate") == ['Bearer realm="api"']
    answer = api.get("/api/me", headers={"Authorization": f"Bearer {token}"}, status=401)
    assert answer.json["reason"] == "proof"


@pytest.mark.parametrize("nonces", [True, "a secret of all workers, and a long one"])
def test_a_nonce_is_asked_for(
    nonces: Any, visit: Any, guard: Any, store: Any, key: DPoPKey, token: str, url: str
) -> None:
    """401 `use_dpop_nonce` with one that another worker accepts."""
    one, other = (
        visit(
            guard(
                dpop=DPoP(URL, replays=store, nonces=nonces), allowed_origins=["https://x.example"]
            )
        )
        for _ in range(2)
    )
    headers = key.headers("GET", f"{url}/api/me", token) | {"Origin": "https://x.example"}
    answer = one.get("/api/me", headers=headers, status=401)
    assert (answer.json["error"], answer.json["reason"]) == ("use_dpop_nonce", "proof_nonce")
    assert 'error="use_dpop_nonce"' in challenges(answer)[1]
    assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"]
    nonce = answer.headers["DPoP-Nonce"]
    headers = key.headers("GET", f"{url}/api/me", token, nonce=nonce)
    assert other.get("/api/me", headers=headers)


START = 1_700_000_100.0  # the start of a window of nonces


@pytest.mark.parametrize("nonces", [True, "a secret of all workers, and a long one"])
@pytest.mark.parametrize("observers", [(), (lambda decision, environ: None,)], ids=["", "observed"])
def test_a_new_nonce_comes_in_time(
    nonces: Any,
    observers: Any,
    visit: Any,
    guard: Any,
    store: Any,
    key: DPoPKey,
    forge: Any,
    url: str,
) -> None:
    """A good answer, and a refusal by a rule, carry the next nonce once that of the proof is about
    to end (RFC 9449 section 8.2), so that no client is turned away when it does."""
    with stopped("time", START) as clock:
        token = str(forge(cnf=key.confirmation, exp=START + 3600))
        dpop = DPoP(URL, replays=store, nonces=nonces)
        rules = [Rule("/api"), Rule("/api/admin", scope("nobody"))]
        options = {"rules": rules, "observers": observers}
        api = visit(guard(dpop=dpop, allowed_origins=["https://x.example"], **options))

        def call(nonce: str | None, path: str = "/api/me", status: int = 200) -> Any:
            headers = key.headers("GET", url + path, token, nonce=nonce)
            origin = {"Origin": "https://x.example"}
            return api.get(path, headers={**headers, **origin}, status=status)

        first = call(None, status=401).headers["DPoP-Nonce"]
        assert "DPoP-Nonce" not in call(first).headers
        assert "jwt_middleware.nonce" not in call(first).json["seen"]
        clock.now += 300
        for path, status in (("/api/me", 200), ("/api/admin", 403)):
            answer = call(first, path, status)
            (second,) = answer.headers.getall("DPoP-Nonce")
            assert second != first
            assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"]
        assert "DPoP-Nonce" not in call(second).headers
        clock.now += 300
        assert call(first, status=401).json["error"] == "use_dpop_nonce"
        assert call(second).headers["DPoP-Nonce"] not in (first, second)


def test_a_decision_makes_no_nonce(guard: Any, key: DPoPKey, forge: Any) -> None:
    """`decide` writes nothing, though the next nonce is due."""
    written: list[str] = []

    class Store(MemoryStore):
        def increment(self, key: str, seconds: int, amount: int = 1) -> int:
            written.append(key)
            return super().increment(key, seconds, amount)

    dpop = DPoP(URL, replays=Store(), nonces=True)
    middleware: JWTMiddleware = guard(dpop=dpop)
    with stopped("time", START) as clock:
        token = str(forge(cnf=key.confirmation, exp=START + 3600))
        environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/me"}

        def decided(nonce: str | None) -> Any:
            headers = key.headers("GET", f"{URL}/api/me", token, nonce=nonce)
            environ["HTTP_AUTHORIZATION"] = headers["Authorization"]
            return middleware.decide({**environ, "HTTP_DPOP": headers["DPoP"]}).answer

        nonce = decided(None).nonce
        written.clear()
        clock.now += 300
        assert decided(nonce) is None
        assert written == []


def test_one_middleware_within_another_gives_one_nonce(
    visit: Any, guard: Any, store: Any, key: DPoPKey, forge: Any, url: str
) -> None:
    """Also where both take the proof, and never in place of the nonce that the app has from a
    server behind it."""
    with stopped("time", START) as clock:
        token = str(forge(cnf=key.confirmation, exp=START + 3600))
        dpop = DPoP(URL, replays=store, nonces="a secret of all workers, and a long one")

        def proxy(environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [("dpop-nonce", "theirs")])
            return [b""]

        nested, behind = visit(guard(guard(dpop=dpop), dpop=dpop)), visit(guard(proxy, dpop=dpop))
        headers = key.headers("GET", f"{url}/api/me", token)
        nonce = nested.get("/api/me", headers=headers, status=401).headers["DPoP-Nonce"]
        clock.now += 300
        for api, is_theirs in ((nested, False), (behind, True)):
            headers = key.headers("GET", f"{url}/api/me", token, nonce=nonce)
            (given,) = api.get("/api/me", headers=headers).headers.getall("DPoP-Nonce")
            assert (given == "theirs") == is_theirs


def test_an_app_that_starts_its_answer_again(
    visit: Any, guard: Any, store: Any, key: DPoPKey, forge: Any, url: str
) -> None:
    """An error page carries the nonce too (PEP 3333, `exc_info`)."""
    with stopped("time", START) as clock:
        token = str(forge(cnf=key.confirmation, exp=START + 3600))

        def app(environ: Any, start_response: Any) -> Any:
            start_response("200 OK", [("Content-Type", "text/plain")])
            try:
                raise ValueError("half way")
            except ValueError:
                start_response("404 Not Found", [("Content-Type", "text/html")], sys.exc_info())
            return [b""]

        api = visit(guard(app, dpop=DPoP(URL, replays=store, nonces=True)))
        headers = key.headers("GET", f"{url}/api/me", token)
        nonce = api.get("/api/me", headers=headers, status=401).headers["DPoP-Nonce"]
        clock.now += 300
        headers = key.headers("GET", f"{url}/api/me", token, nonce=nonce)
        assert api.get("/api/me", headers=headers, status=404).headers["DPoP-Nonce"] != nonce


def test_without_nonces_no_answer_has_one(
    api: Any, key: DPoPKey, token: str, forge: Any, url: str
) -> None:
    """Neither for a proof with a nonce of another server, nor for a plain token."""
    headers = key.headers("GET", f"{url}/api/me", token, nonce="theirs")
    assert "DPoP-Nonce" not in api.get("/api/me", headers=headers).headers
    plain = {"Authorization": f"Bearer {forge()}"}
    assert "DPoP-Nonce" not in api.get("/api/me", headers=plain).headers


def test_a_preflight_allows_the_header(visit: Any, guard: Any, dpop: DPoP) -> None:
    """A script of an allowed origin may send it."""
    api = visit(guard(dpop=dpop, allowed_origins=["https://x.example"]))
    asked = {"Origin": "https://x.example", "Access-Control-Request-Method": "GET"}
    asked |= {"Access-Control-Request-Headers": "authorization,dpop"}
    answer = api.options("/api/me", headers=asked)
    assert "dpop" in answer.headers["Access-Control-Allow-Headers"]


def test_a_store_that_is_down(visit: Any, guard: Any, key: DPoPKey, token: str, url: str) -> None:
    """503 for a good proof; a bad one is refused without the store, and Bearer does without it."""
    api = visit(guard(dpop=DPoP(URL, replays=Down())))
    answer = api.get("/api/me", headers=key.headers("GET", f"{url}/api/me", token), status=503)
    assert answer.json["reason"] == "replays_unavailable"
    assert answer.headers["Retry-After"]
    assert "WWW-Authenticate" not in answer.headers
    assert api.get("/api/me", headers=key.headers("PUT", f"{url}/api/me", token), status=401)


def test_a_decision_uses_no_proof_up(guard: Any, dpop: DPoP, key: DPoPKey, token: str) -> None:
    """`decide` writes nothing, so the request still passes; afterwards it says what would come."""
    middleware: JWTMiddleware = guard(dpop=dpop)
    headers = key.headers("GET", f"{URL}/api/me", token)
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api/me",
        "HTTP_AUTHORIZATION": headers["Authorization"],
        "HTTP_DPOP": headers["DPoP"],
    }
    before = dict(environ)
    for _ in range(2):
        assert middleware.decide(environ).answer is None
    assert environ == before
    other: JWTMiddleware = guard(dpop=dpop)
    proof = dpop.check(headers["DPoP"], method="GET", path="/api/me")
    dpop.use(proof)
    refusal: Any = other.decide(environ).answer
    assert refusal.reason == "proof_replayed"


def test_one_middleware_within_another(
    visit: Any, guard: Any, dpop: DPoP, key: DPoPKey, token: str, url: str
) -> None:
    """A proof counts once for a request, not once for each middleware that it passes."""
    api = visit(guard(guard(dpop=dpop), dpop=dpop))
    headers = key.headers("GET", f"{url}/api/me", token)
    assert api.get("/api/me", headers=headers).json["subject"] == "1"
    assert api.get("/api/me", headers=headers, status=401)


ODD_ENVIRONS: dict[str, dict[str, Any]] = {
    "no path": {"PATH_INFO": None},
    "no path at all": {"PATH_INFO": ...},
    "no mount point": {"SCRIPT_NAME": None},
    "no mount point at all": {"SCRIPT_NAME": ...},
    "no query": {"QUERY_STRING": None},
    "no address": {"REMOTE_ADDR": None},
    "a key that is None": {"HTTP_X_SCRIPT_NAME": None, "PATH_INFO": None},
}


@pytest.mark.parametrize("changes", ODD_ENVIRONS.values(), ids=ODD_ENVIRONS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_environ_that_is_not_tidy(
    changes: dict[str, Any], depth: int, minter: Any, dpop: DPoP, key: DPoPKey, token: str
) -> None:
    """A server that leaves a variable out, or sends None, gets the same answer, however many
    middlewares look at the proof; and the proof counts once all the same."""

    def here(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"here"]

    app: Any = here
    for _ in range(depth):
        app = JWTMiddleware(app, providers=[minter.provider], rules=[Rule("/")], dpop=dpop)
    path = "/" if "PATH_INFO" in changes else "/api/me"
    headers = key.headers("GET", URL + path, token)
    environ: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SCRIPT_NAME": ""}
    environ |= {"HTTP_AUTHORIZATION": headers["Authorization"], "HTTP_DPOP": headers["DPoP"]}
    environ = {name: value for name, value in (environ | changes).items() if value is not ...}

    def answer() -> list[bytes]:
        return list(app(dict(environ), lambda *_: None))

    assert answer() == [b"here"]
    assert b"proof_replayed" in b"".join(answer())


def test_an_outer_middleware_vouches_for_nothing_else(
    visit: Any, guard: Any, dpop: DPoP, forge: Any, token: str, url: str
) -> None:
    """An inner middleware checks the proof for its own token and request again: an app between the
    two may ask for another path or method with the token of somebody else."""
    inner = guard(dpop=dpop)

    def batch(environ: Any, start_response: Any) -> Any:
        return inner({**environ, **environ["test.changes"]}, start_response)

    api = visit(guard(batch, dpop=dpop))
    stolen = {"HTTP_AUTHORIZATION": f"DPoP {token}"}
    thief = DPoPKey()
    for changes in ({"REQUEST_METHOD": "DELETE"}, {"PATH_INFO": "/api/admin"}, {}):
        mine = str(forge(cnf=thief.confirmation))
        headers = thief.headers("GET", f"{url}/api/me", mine)
        answer = api.get(
            "/api/me",
            headers=headers,
            extra_environ={"test.changes": {**stolen, **changes}},
            status=401,
        )
        assert answer.json["reason"] in ("proof_key", "proof_method", "proof_url", "proof_token")


def test_a_refusal_outside_does_not_count_inside(
    visit: Any, guard: Any, dpop: DPoP, key: DPoPKey, token: str, url: str
) -> None:
    """A proof that a report-only rule found bad is not taken for a good one further inside."""
    outer = guard(guard(dpop=dpop), dpop=dpop, rules=[Rule("/api", report_only=True)])
    api = visit(outer)
    headers = key.headers("PUT", f"{url}/api/me", token)
    assert api.get("/api/me", headers=headers, status=401).json["reason"] == "proof_method"


def test_sender_constrained(
    visit: Any, guard: Any, dpop: DPoP, forge: Any, key: DPoPKey, token: str, url: str
) -> None:
    """A path can ask for bound tokens alone."""
    rules = [Rule("/api", sender_constrained), Rule("/news", optional, sender_constrained)]
    api = visit(guard(dpop=dpop, rules=rules))
    for path in ("/api/me", "/news"):
        assert api.get(path, headers=key.headers("GET", url + path, token))
        answer = api.get(path, headers={"Authorization": f"Bearer {forge()}"}, status=401)
        assert answer.json["reason"] == "unbound"
    assert api.get("/news").json["subject"] is None
    assert repr(sender_constrained) == "sender_constrained"


def test_a_bound_token_in_a_cookie(visit: Any, guard: Any, dpop: DPoP, token: str) -> None:
    """A browser adds no proof, so it is refused there."""
    api = visit(guard(dpop=dpop, credentials=(bearer, in_cookie("__Host-jwt"))))
    answer = api.get("/api/me", headers={"Cookie": f"__Host-jwt={token}"}, status=401)
    assert answer.json["reason"] == "proof"


def test_outside_of_a_request(guard: Any, dpop: DPoP, token: str) -> None:
    """`verify` has no proof to check, so a bound token is refused, also once it is cached."""
    middleware: JWTMiddleware = guard(dpop=dpop)
    for _ in range(2):
        with pytest.raises(Exception, match="proof"):
            middleware.verify(token)


CERTIFICATE = b"\x30\x03\x02\x01\x07"  # any DER: TLS has checked what it says
PEM = f"-----BEGIN CERTIFICATE-----\n{'MAMCAQc='}\n-----END CERTIFICATE-----\n"


@pytest.fixture
def bound(forge: Any) -> str:
    """A token that is bound to the certificate (RFC 8705 section 3.1)."""
    return str(forge(cnf={"x5t#S256": b64(sha256(CERTIFICATE).digest())}))


@pytest.mark.parametrize("given", [CERTIFICATE, PEM, PEM.encode()], ids=["DER", "PEM", "PEM bytes"])
def test_a_certificate(given: Any, visit: Any, guard: Any, bound: str) -> None:
    """The token passes as Bearer with its certificate, the first time and the second."""
    api = visit(guard(certificate=lambda environ: given))
    for _ in range(2):
        answer = api.get("/api/me", headers={"Authorization": f"Bearer {bound}"})
        assert answer.json["seen"]["AUTH_TYPE"] == "Bearer"


@pytest.mark.parametrize(
    "given",
    [None, "", b"", "x", b"x", CERTIFICATE + b"\0", PEM.replace("MAMC", "MAMD"), 7, [CERTIFICATE]],
    ids=["none", "empty", "no bytes", "text", "bytes", "longer", "another", "a number", "a list"],
)
def test_without_its_certificate(given: Any, visit: Any, guard: Any, bound: str) -> None:
    """Without a certificate, or with another, it is worth nothing, also once it is cached."""
    held: list[Any] = [CERTIFICATE]
    api = visit(guard(certificate=lambda environ: held[-1]))
    for certificate, status in ((given, 401), (CERTIFICATE, 200), (given, 401)):
        held.append(certificate)
        answer = api.get("/api/me", headers={"Authorization": f"Bearer {bound}"}, status=status)
    assert answer.json["reason"] == "proof"


def test_a_certificate_is_no_proof_of_a_key(visit: Any, guard: Any, token: str, bound: str) -> None:
    """A token for a key needs a proof; one for a certificate does not come with DPoP."""
    api = visit(guard(certificate=lambda environ: CERTIFICATE))
    headers = {"Authorization": f"Bearer {token}"}
    assert api.get("/api/me", headers=headers, status=401).json["reason"] == "proof"
    assert api.get("/api/me", headers={"Authorization": f"DPoP {bound}"}, status=401)


def test_both_bindings(
    visit: Any, guard: Any, dpop: DPoP, forge: Any, key: DPoPKey, url: str
) -> None:
    """Where certificates are checked, a token that names both needs both."""
    held: list[Any] = [CERTIFICATE]
    api = visit(guard(dpop=dpop, certificate=lambda environ: held[-1]))
    thumbprint = b64(sha256(CERTIFICATE).digest())
    token = forge(cnf={**key.confirmation, "x5t#S256": thumbprint})
    assert api.get("/api/me", headers=key.headers("GET", f"{url}/api/me", token))
    assert api.get("/api/me", headers={"Authorization": f"Bearer {token}"}, status=401)
    held.append(None)
    headers = key.headers("GET", f"{url}/api/me", token)
    assert api.get("/api/me", headers=headers, status=401).json["reason"] == "proof"


def test_a_callable_that_fails(visit: Any, guard: Any, bound: str, forge: Any) -> None:
    """An owner's fault is 503, and only for tokens that need it."""

    def certificate(environ: Any) -> bytes:
        raise ValueError(environ["HTTP_AUTHORIZATION"])

    api = visit(guard(certificate=certificate))
    answer = api.get("/api/me", headers={"Authorization": f"Bearer {bound}"}, status=503)
    assert answer.json["reason"] == "requirement_failed"
    assert api.get("/api/me", headers={"Authorization": f"Bearer {forge()}"})


@pytest.mark.parametrize(
    "options",
    [
        *({"dpop": value} for value in (URL, True, DPoP, 7)),
        *({"certificate": value} for value in ("SSL_CLIENT_CERT", True, bytes, lambda: None)),
    ],
    ids=["a url", "True", "the class", "a number", "a name", "yes", "a class", "no argument"],
)
def test_a_bad_option(options: Any, guard: Callable[..., Any]) -> None:
    """It is told at once."""
    with pytest.raises(ValueError, match=next(iter(options))):
        guard(**options)


def test_a_requirement_is_asked_after_the_proof(
    visit: Any, guard: Any, dpop: DPoP, key: DPoPKey, token: str, url: str
) -> None:
    """A thief does not learn what the holder of the token may do."""
    asked: list[str] = []

    def nobody(identity: Any) -> None:
        asked.append(identity.subject)
        raise Forbidden

    api = visit(guard(echo, dpop=dpop, rules=[Rule("/api", nobody)]))
    assert api.get("/api/me", headers={"Authorization": f"DPoP {token}"}, status=401)
    assert asked == []
    assert api.get("/api/me", headers=key.headers("GET", f"{url}/api/me", token), status=403)
    assert asked == ["1"]


def test_the_metadata_of_a_resource(
    visit: Any, guard: Any, dpop: DPoP, key: DPoPKey, token: str, url: str
) -> None:
    """It names the algorithms of proofs (RFC 9728 section 2), and both challenges lead to it."""
    api = visit(guard(dpop=dpop, resource=f"{URL}/mcp"))
    document = api.get("/.well-known/oauth-protected-resource/mcp").json
    assert "ES256" in document["dpop_signing_alg_values_supported"]
    headers = key.headers("PUT", f"{url}/api/me", token)
    for answer in (api.get("/api/me", status=401), api.get("/api/me", headers=headers, status=401)):
        assert all('resource_metadata="' in text for text in challenges(answer))
