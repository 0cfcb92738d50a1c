"""Microseconds that a guard adds to a request: ours and the peers side by side, in one process.

    pip install -e '.[bench]' && python -m tests.checks.benchmarks compare [ROUNDS]

Each round times every contestant in turn; the medians of the rounds are shown, and ratios, which
travel between machines as absolute times do not. Where `wrk` is installed, requests per second
through gunicorn follow.
"""

import functools
import gc
import itertools
import random
import statistics
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jwt
import oxyjwt
from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.jose import jwt as authlib_jwt
from authlib.oauth2.rfc6750 import BearerTokenValidator
from flask import Flask
from flask_jwt_extended import JWTManager, jwt_required
from prometheus_client import CollectorRegistry
from werkzeug.test import create_environ

from jwt_middleware import (
    DPoP,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    RevocationList,
    Rule,
    basic_password,
    bearer,
    in_cookie,
)
from jwt_middleware.events import Observer
from jwt_middleware.metrics import PrometheusMetrics
from jwt_middleware.policy.rules import RuleTable
from jwt_middleware.stores import MemoryStore, OpaqueTokens
from jwt_middleware.testing import cheap_passwords
from jwt_middleware.trust.revocation import Revocation, RevocationPage, revocation_key
from tests.checks.benchmarks import throughput
from tests.kit.checking import followed, tell
from tests.kit.proofs import URL, Prover
from tests.kit.tokens import issued

ISSUER, AUDIENCE, SECRET = "https://example.com", "example-api", "s" * 32
KEYS = {
    "HS256": Key.from_secret(SECRET),
    **{name: Key.generate(name) for name in ("RS256", "ES256", "EdDSA")},
}
OPTIONS: Any = {"require": ["exp", "sub"]}
FRESH = 200  # tokens in turn, more than are kept, so that each is a first-seen one

Contestant = Callable[[], object]


def token(algorithm: str = "HS256", **claims: Any) -> str:
    usual = {"iss": ISSUER, "aud": AUDIENCE, "scope": "read write", "exp": int(time.time()) + 9_000}
    usual |= {"jti": "3c2f1f7a9b0e4d5f8a6b7c", "sid": "b3f0c1d2e4a5968778695a"}
    return issued(KEYS[algorithm], headers={"typ": "at+jwt"}, **usual | claims)


class Log:
    """A log of `count` live revocations."""

    def __init__(self, count: int = 0) -> None:
        self._count = count

    def read_revocations(self, cursor: object) -> RevocationPage:
        numbers = range(self._count if cursor is None else 0)
        entries = (
            Revocation(revocation_key("jti", ISSUER, f"{i:022d}"), time.time() + 9_000)
            for i in numbers
        )
        return RevocationPage(1, entries)


def bare(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


HOSTILE_PATHS = {
    "longest": "/%20" + "x" * 2044,
    "escapes": "/%25" * 512,
    "everything": "/%2541\xff\xe9 \\;x/../",
    "everything, dots": "/%2541\xff\xe9 \\;x/../" + "/../a" * 8,
    "Latin-1 and parameters": "/ \\;x\xff" + "a" * 2040,
    "parameters and dots": "/%2541 \\;" + ";a/..;/" * 290,
    "slashes": "/" * 2048,
    "dots": "/../a" * 409,
}
"""Odd paths within the bound, and what a client may send beside them."""

HOSTILE_HEADERS: dict[str, dict[str, str]] = {
    "alone": {},
    "with a root": {"HTTP_X_VHM_ROOT": "/x/.." + "/y" * 125},
    "with a prefix": {"HTTP_X_SCRIPT_NAME": "/./x/, /" + "%2f" * 80},
    "with all": {
        "SCRIPT_NAME": "/a" * 100,
        "HTTP_X_VHM_ROOT": "/ ;x/..",
        "HTTP_X_SCRIPT_NAME": "/x",
        "HTTP_X_FORWARDED_PREFIX": "/x/",
        "HTTP_X_INGRESS_PATH": "//" * 100,
    },
}


def hostile() -> dict[str, Contestant]:
    """What a stranger's request costs at worst: the guard alone decides it."""
    decide = guarded(rules=10).decide
    return {
        f"hostile: {path_name} {name}": functools.partial(
            decide, {"REQUEST_METHOD": "GET", "PATH_INFO": path, **headers}
        )
        for path_name, path in HOSTILE_PATHS.items()
        for name, headers in HOSTILE_HEADERS.items()
    }


def guarded(
    algorithm: str = "HS256",
    *,
    rules: int = 1,
    revocations: int = 0,
    cache_size: int = 10_000,
    observers: Sequence[Observer] = (),
    places: Sequence[Any] = (bearer,),
    lookups: Sequence[Any] = (),
    dpop: DPoP | None = None,
) -> Any:
    provider = Provider(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([KEYS[algorithm]]))
    all_rules = [Rule("/api"), *(Rule(f"/api/part{number}") for number in range(rules - 1))]
    log = RevocationList(Log(revocations))
    return JWTMiddleware(
        bare,
        providers=[provider, *lookups],
        credentials=places,
        rules=all_rules,
        revocations=log,
        cache_size=cache_size,
        observers=observers,
        dpop=dpop,
    )


def naive(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    claims = jwt.decode(
        environ["HTTP_AUTHORIZATION"][7:],
        SECRET,
        ["HS256"],
        OPTIONS,
        audience=AUDIENCE,
        issuer=ISSUER,
        leeway=5,
    )
    environ["claims"] = claims
    return bare(environ, start_response)


def flask_apps() -> dict[str, Any]:
    apps = {}
    for name in ("Flask bare", "Flask-JWT-Extended", "Authlib"):
        app = Flask(name)
        app.config |= {
            "JWT_SECRET_KEY": SECRET,
            "JWT_DECODE_AUDIENCE": AUDIENCE,
            "JWT_DECODE_ISSUER": ISSUER,
        }
        JWTManager(app)
        protector = ResourceProtector()
        protector.register_token_validator(AuthlibValidator())
        guard = {
            "Flask bare": lambda view: view,
            "Flask-JWT-Extended": jwt_required(),
            "Authlib": protector(),
        }[name]

        def hello(**_: Any) -> str:
            return "hello"

        app.add_url_rule("/api/users/me", "hello", guard(hello))
        apps[name] = app.wsgi_app
    return apps


class AuthlibToken(dict):  # type: ignore[type-arg]
    def is_expired(self) -> bool:
        return bool(self["exp"] < time.time())

    def is_revoked(self) -> bool:
        return False

    def get_scope(self) -> str:
        return str(self["scope"])


class AuthlibValidator(BearerTokenValidator):  # type: ignore[misc]
    def authenticate_token(self, token_string: str) -> AuthlibToken:
        claims = authlib_jwt.decode(token_string, SECRET)
        claims.validate()
        return AuthlibToken(claims)


def requests_to(app: Any, tokens: list[str], path: str = "/api/users/me") -> Contestant:
    template = create_environ(path, "http://localhost")
    environs = itertools.cycle(
        [{**template, "HTTP_AUTHORIZATION": f"Bearer {token}"} for token in tokens]
    )
    statuses: list[str] = []

    def start_response(status: str, headers: Any, *exc_info: Any) -> None:
        statuses[:] = [status]

    def request() -> object:
        return app(next(environs).copy(), start_response)

    request()
    assert statuses == ["200 OK"], statuses
    return request


def places() -> dict[str, Contestant]:
    """One token at each place, seen before, and a personal token. As from a server, each request
    has a string of its own; the name of the row is that of its place."""
    bearing = token()
    password = b64encode(f"ada:{bearing}".encode()).decode()
    own = {"HTTP_SEC_FETCH_SITE": "same-origin", "wsgi.url_scheme": "https"}
    store = MemoryStore()
    with cheap_passwords(store):
        store.add_user("ada", "a password of a benchmark")
    pat = store.add_token("ada", name="benchmark", scopes=(), expires_at=time.time() + 9_000)
    personal = OpaqueTokens(store, issuer=ISSUER)
    cookie, both = in_cookie("__Host-jwt"), (bearer, in_cookie("__Host-jwt"))
    header = f"theme=dark; session=0123456789abcdef; __Host-jwt={bearing}"
    rows: dict[str, tuple[Any, dict[str, str]]] = {
        "bare app, own strings": (bare, {"HTTP_AUTHORIZATION": f"Bearer {bearing}"}),
        "Bearer, seen before": (guarded(), {"HTTP_AUTHORIZATION": f"Bearer {bearing}"}),
        "cookie, seen before": (guarded(places=(cookie,)), {"HTTP_COOKIE": header, **own}),
        "cookie after bearer, seen before": (guarded(places=both), {"HTTP_COOKIE": header, **own}),
        "Basic, seen before": (
            guarded(places=(bearer, basic_password)),
            {"HTTP_AUTHORIZATION": f"Basic {password}"},
        ),
        "personal token, seen before": (
            guarded(lookups=[personal]),
            {"HTTP_AUTHORIZATION": f"Bearer {pat}"},
        ),
    }
    return {name: _fresh_strings(app, environ) for name, (app, environ) in rows.items()}


class Replays:
    """The counters of a store in memory, which forget: the benchmark sends a proof again."""

    def __init__(self) -> None:
        self._store = MemoryStore()

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Write as for a new proof."""
        self._store.increment(key, seconds, amount)
        return 1

    def count(self, key: str) -> tuple[int, float]:
        """Nothing is known."""
        return 0, 0.0


def bound() -> dict[str, Contestant]:
    """A bound token with a proof of a key that was seen before, what must be done for it at least,
    and a plain token where DPoP is set and where it is not."""
    replays, key = Replays(), Prover()
    bearing = token(cnf={"jkt": key.thumbprint})
    proofs = [key.proof("/api/users/me", bearing) for _ in range(FRESH)]
    app = guarded(dpop=DPoP(URL, replays=replays, max_age=9_000))
    template = create_environ("/api/users/me", "http://localhost")
    template["HTTP_AUTHORIZATION"] = f"DPoP {bearing}"
    environs = itertools.cycle([{**template, "HTTP_DPOP": proof} for proof in proofs])
    numbers = itertools.count()
    statuses: list[str] = []

    def request() -> object:
        return app(
            next(environs).copy(), lambda status, *_: statuses.__setitem__(slice(1), [status])
        )

    request()
    assert statuses == ["200 OK"], statuses
    return {
        "bare app, no token": requests_to(bare, [token()]),
        "DPoP, key seen before": request,
        "signature of a proof": _signature(key.key, proofs),
        "replay write": lambda: replays.increment(f"dpop/{next(numbers) % FRESH:064d}", 120),
        "Bearer, no DPoP": requests_to(guarded(), [token()]),
        "Bearer, DPoP is set": requests_to(app, [token()]),
    }


def _fresh_strings(app: Any, more: dict[str, str]) -> Contestant:
    template = create_environ("/api/users/me", "http://localhost") | more
    name = next(iter(more))
    head, tail = more[name][:9], more[name][9:]
    statuses: list[str] = []

    def start_response(status: str, headers: Any, *exc_info: Any) -> None:
        statuses[:] = [status]

    def request() -> object:
        environ = template.copy()
        environ[name] = head + tail
        return app(environ, start_response)

    request()
    assert statuses == ["200 OK"], statuses
    return request


def contestants() -> dict[str, Contestant]:
    repeated = [token()]
    found = {
        "bare app": requests_to(bare, repeated),
        "path without a rule": requests_to(guarded(), repeated, "/static/app.css"),
        "repeated token": requests_to(guarded(), repeated),
        "repeated, 10,000 rules": requests_to(guarded(rules=10_000), repeated),
        "repeated, 1,000,000 revocations": requests_to(guarded(revocations=1_000_000), repeated),
        "repeated token, an observer": requests_to(
            guarded(observers=[lambda decision, environ: None]), repeated
        ),
        "repeated token, metrics": requests_to(
            guarded(observers=[PrometheusMetrics(CollectorRegistry())]), repeated
        ),
        "naive PyJWT middleware": requests_to(naive, repeated),
    }
    for algorithm, key in KEYS.items():
        tokens = [token(algorithm, jti=f"{number:022d}") for number in range(FRESH)]
        found[f"first-seen {algorithm}"] = requests_to(
            guarded(algorithm, cache_size=FRESH // 2), tokens
        )
        found[f"jwt.decode {algorithm}"] = _decode(jwt.decode, tokens, algorithm)
        found[f"signature {algorithm}"] = _signature(key, tokens)
    for algorithm in ("HS256", "RS256"):
        found[f"oxyjwt.decode {algorithm}"] = _decode(oxyjwt.decode, [token(algorithm)], algorithm)
    for name, app in flask_apps().items():
        found[name] = requests_to(app, repeated)
    return found


def wildcards() -> dict[str, Contestant]:
    """New and repeated paths in tables with `*`, and one in a table that branches everywhere."""
    one = RuleTable([Rule("/orgs/*/admin")])
    many = RuleTable([Rule(f"/orgs/*/r{n}" if n % 2 else f"/p{n}/*/x") for n in range(10_000)])
    shapes = random.Random(1).sample(range(2**30), 1000)
    branching = RuleTable(
        [
            Rule("/" + "/".join("a" if shape >> level & 1 else "*" for level in range(30)))
            for shape in shapes
        ]
    )
    numbers = itertools.count()

    def ask(table: RuleTable, path: Callable[[], str]) -> Contestant:
        return lambda: table.match({"REQUEST_METHOD": "GET", "PATH_INFO": path()})

    return {
        "repeated path, 1 rule with *": ask(one, lambda: "/orgs/7/r77"),
        "repeated path, 10,000 rules with *": ask(many, lambda: "/orgs/7/r77"),
        "new path, 1 rule with *": ask(one, lambda: f"/orgs/{next(numbers)}/r77"),
        "new path, 10,000 rules with *": ask(many, lambda: f"/orgs/{next(numbers)}/r77"),
        "new path, 1,000 rules that branch": ask(
            branching, lambda: "/a" * 30 + f"/{next(numbers)}"
        ),
    }


def _decode(decode: Any, tokens: list[str], algorithm: str) -> Contestant:
    texts = itertools.cycle(tokens)
    key = KEYS[algorithm].verifying_key
    if decode is oxyjwt.decode and algorithm == "RS256":
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        key = (
            oxyjwt.DecodingKey.from_rsa_pem(pem)
            if hasattr(oxyjwt.DecodingKey, "from_rsa_pem")
            else pem.decode()
        )

    def run() -> object:
        return decode(
            next(texts), key, [algorithm], OPTIONS, audience=AUDIENCE, issuer=ISSUER, leeway=5
        )

    run()
    return run


def _signature(key: Key, tokens: list[str]) -> Contestant:
    parts = [text.rpartition(".") for text in tokens]
    pairs = itertools.cycle(
        [(message.encode(), jwt.utils.base64url_decode(raw)) for message, _, raw in parts]
    )
    return lambda: key.verify(*next(pairs))


def least(values: Sequence[float]) -> float:
    """The fastest round, which other processes disturbed least."""
    return min(values)


def measure(
    found: dict[str, Contestant],
    rounds: int,
    of: Callable[[Sequence[float]], float] = statistics.median,
) -> dict[str, float]:
    """The median, or another figure, over the rounds of the microseconds of one call."""
    times: dict[str, list[float]] = {name: [] for name in found}
    calls = {name: _calls(run) for name, run in found.items()}
    gc.collect()
    gc.freeze()  # a million revocations are not the request's garbage
    for _ in followed(f"rounds of {len(found)} contestants", range(rounds)):
        for name, run in found.items():
            started = time.perf_counter()
            for _ in range(calls[name]):
                run()
            times[name].append((time.perf_counter() - started) / calls[name] * 1e6)
    return {name: of(values) for name, values in times.items()}


def _calls(run: Contestant) -> int:
    started = time.perf_counter()
    for _ in range(20):
        run()
    return max(20, int(0.02 / ((time.perf_counter() - started) / 20)))


_WORST_MICROSECONDS = 1000
_METRICS_MICROSECONDS = 3


def main(rounds: int = 25) -> str:
    """Print what each costs, what that may cost, and the requests per second; return what is over
    its limit."""
    took = measure(contestants() | wildcards(), rounds)
    # These differ by less than a busy machine varies, so the fastest of many rounds counts.
    fastest = measure(places(), 2 * rounds, least)
    took |= fastest
    of_bound = measure(bound(), 2 * rounds, least)
    for name, microseconds in of_bound.items():
        tell(f"{name:42} {microseconds:9.2f}")
    worst = max(measure(hostile(), min(rounds, 5)).items(), key=lambda item: item[1])
    tell(f"{'microseconds, median of ' + str(rounds) + ' rounds':42} {'whole':>9} {'added':>9}")
    added = _added(took, fastest)
    for name, microseconds in took.items():
        tell(f"{name:42} {microseconds:9.2f} {f'{added[name]:9.2f}' if added[name] else ''}")
    metrics = took["repeated token, metrics"] - took["repeated token"]
    limits = [(*worst, _WORST_MICROSECONDS), ("added by metrics", metrics, _METRICS_MICROSECONDS)]
    for name, microseconds, limit in limits:
        over = "" if microseconds <= limit else "OVER"
        tell(f"{name:42} {microseconds:9.2f} of {limit} at most {over}")
    ratios = [*_ratios(took, added, fastest), *_bound_ratios(of_bound)]
    tell(f"\n{'ratio':58} {'here':>7} {'at most':>8}")
    for text, value, most in ratios:
        tell(f"{text:58} {value:7.3f} {most:8.3f} {'' if value <= most else 'OVER'}")
    over_limit = [text for text, value, most in (*limits, *ratios) if value > most]
    came = f"{len(over_limit)} of {len(limits) + len(ratios)} figures over their limits"
    return "; ".join([": ".join([came, *over_limit]), throughput.main()])


def _added(took: dict[str, float], fastest: dict[str, float]) -> dict[str, float]:
    """What each guard adds to the app behind it; 0 for what guards nothing."""
    base = {"Flask-JWT-Extended": "Flask bare", "Authlib": "Flask bare"}
    base |= dict.fromkeys(fastest, "bare app, own strings")
    alone = ("bare app", "Flask bare", "bare app, own strings")
    kinds = ("jwt.", "oxyjwt.", "signature", "repeated path", "new path")
    return {
        name: 0
        if name.startswith(kinds) or name in alone
        else microseconds - took[base.get(name, "bare app")]
        for name, microseconds in took.items()
    }


def _bound_ratios(took: dict[str, float]) -> Iterator[tuple[str, float, float]]:
    least_work = took["signature of a proof"] + took["replay write"]
    added = took["DPoP, key seen before"] - took["bare app, no token"]
    yield "added by DPoP / its signature and the replay write", added / least_work, 1.4
    ratio = took["Bearer, DPoP is set"] / took["Bearer, no DPoP"]
    yield "Bearer where DPoP is set / where it is not", ratio, 1.05


_OF_BEARER = {
    "cookie, seen before": 1.5,
    "cookie after bearer, seen before": 1.5,
    "Basic, seen before": 1.5,
    "personal token, seen before": 1.1,
}
"""Times what Bearer adds, at most. A cookie is found among others, and its page is checked."""


def _ratios(
    took: dict[str, float], added: dict[str, float], fastest: dict[str, float]
) -> Iterator[tuple[str, float, float]]:
    repeated = added["repeated token"]
    yield (
        "added by a repeated token / added by Flask-JWT-Extended",
        repeated / added["Flask-JWT-Extended"],
        1 / 60,
    )
    base = fastest["bare app, own strings"]
    of_bearer = fastest["Bearer, seen before"] - base
    for name, limit in _OF_BEARER.items():
        yield f"added by {name} / by Bearer", (fastest[name] - base) / of_bearer, limit
    yield (
        "added by a repeated token / oxyjwt.decode HS256",
        repeated / took["oxyjwt.decode HS256"],
        1,
    )
    for algorithm, limit in {"HS256": 0.45, "RS256": 0.6, "ES256": 0.9, "EdDSA": 0.9}.items():
        text = f"first-seen {algorithm} / jwt.decode {algorithm}"
        yield text, added[f"first-seen {algorithm}"] / took[f"jwt.decode {algorithm}"], limit
    yield "10,000 rules / 1 rule", added["repeated, 10,000 rules"] / repeated, 1.1
    for kind, limit in {"repeated": 1.1, "new": 3}.items():
        text = f"{kind} path, 10,000 rules with * / 1 rule"
        few = took[f"{kind} path, 1 rule with *"]
        yield text, took[f"{kind} path, 10,000 rules with *"] / few, limit
    yield (
        "new path, 1,000 rules that branch / a millisecond",
        took["new path, 1,000 rules that branch"] / 1000,
        1,
    )
    yield "1,000,000 revocations / none", added["repeated, 1,000,000 revocations"] / repeated, 1.1
