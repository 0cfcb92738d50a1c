"""What the README says of the core and of each extra, done with nothing but what they bring.

Run by a Python of an environment of its own, in an empty folder: `python flows.py EXTRA...`.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ISSUER = "https://login.example"
COMMAND = str(Path(sys.executable).with_name("jwt-middleware"))


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Tell who is calling."""
    from jwt_middleware import Identity

    caller = Identity.from_environ(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [caller.subject.encode() if caller else b"nobody"]


def status(application: Any, token: str = "", path: str = "/api") -> int:
    """Return the status of a GET with this token."""
    from werkzeug.test import Client

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Client(application).get(path, headers=headers).status_code


def command(*arguments: str, given: str = "", code: int = 0) -> str:
    """Run the command and return what it printed."""
    done = subprocess.run(
        [COMMAND, *arguments], input=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, (arguments, done)
    return done.stdout + done.stderr


def guard(*providers: Any, revocations: Any = None) -> Any:
    """Return the app, guarded."""
    from jwt_middleware import JWTMiddleware, Rule

    return JWTMiddleware(app, providers=providers, rules=[Rule("/api")], revocations=revocations)


def core() -> None:
    """Tokens of an identity provider are verified, with every algorithm."""
    import jwt

    from jwt_middleware import Key, KeySet, Provider, RemoteKeySet

    claims = {"iss": ISSUER, "aud": "api", "sub": "ada", "exp": time.time() + 60}
    from jwt_middleware.trust.keys import ALGORITHMS

    for algorithm in set(ALGORITHMS) & set(jwt.algorithms.get_default_algorithms()):
        key = Key.from_secret("s" * 64, algorithm=algorithm) if algorithm[:2] == "HS" else None
        secret: Any = "s" * 64
        if key is None:
            secret = _private_key(algorithm)
            key = Key.from_pem(_public_pem(secret), algorithm=algorithm)
        guarded = guard(Provider(issuer=ISSUER, audience="api", keys=KeySet([key])))
        good = jwt.encode(claims, secret, algorithm)
        assert status(guarded, good) == 200, algorithm
        assert status(guarded, good[:-8] + "AAAAAAA" + good[-1]) == 401, algorithm
        assert status(guarded) == 401
        assert status(guarded, path="/") == 200
    Provider(issuer=ISSUER, audience="api", keys=RemoteKeySet(f"{ISSUER}/jwks.json"))
    if not find_spec("click"):
        assert "pip install 'wsgi-jwt-middleware[" in command("users", "list", code=1)


def _private_key(algorithm: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    curves = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
    if algorithm in curves:
        return ec.generate_private_key(curves[algorithm]())
    if algorithm.startswith("Ed"):
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(65537, 2048)


def _public_pem(private: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def cli() -> None:
    """Keys are made, tokens looked into and answers explained; users say which extra they need."""
    secret = command("keys", "new").splitlines()[0]
    assert len(secret) >= 32
    command("keys", "new", "--algorithm", "ES256", "--out", "key.pem")
    command("keys", "new", "--algorithm", "ES256", "--folder", "keys")
    from jwt_middleware.trust.keys import Key

    Key.from_pem(Path("key.pem").read_bytes())
    import jwt

    claims = {"iss": ISSUER, "aud": "api", "sub": "ada", "exp": time.time() + 60}
    token = jwt.encode(claims, secret, "HS256")
    assert '"ada"' in command("token", "inspect", given=token)
    Path("secret").write_text(secret)
    wanted = ("--key", "secret", "--issuer", ISSUER, "--audience", "api")
    assert "good" in command("token", "inspect", *wanted, given=token)
    assert "refused" in command("token", "inspect", *wanted, given=token[:-9] + "A" * 9, code=1)
    _explain(secret, token)
    if not find_spec("sqlalchemy"):
        listed = command("users", "list", "--database", "auth.db", code=1)
        assert "pip install 'wsgi-jwt-middleware[login]'" in listed


def _explain(secret: str, token: str) -> None:
    Path("guarded_site.py").write_text(
        "from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "    return [b'ok']\n"
        f"keys = KeySet([Key.from_secret({secret!r})])\n"
        f"provider = Provider(issuer={ISSUER!r}, audience='api', keys=keys)\n"
        "application = JWTMiddleware(app, providers=[provider], rules=[Rule('/api')])\n"
        "from werkzeug.routing import Map, Rule as Path\n"
        "class Site:\n"
        "    url_map = None\n"
        "    def __init__(self):\n"
        "        paths = ('/api/<int:id>', '/')\n"
        "        self.url_map = Map([Path(path, endpoint=path) for path in paths])\n"
        "    def __call__(self, environ, start_response):\n"
        "        return app(environ, start_response)\n"
        "listed = JWTMiddleware(Site(), providers=[provider], rules=[Rule('/api')])\n"
    )
    asked = ("explain", "--app", "guarded_site", "GET", "/api")
    assert "missing" in command(*asked, code=1)
    assert "ada" in command(*asked, given=token)
    # No framework: there is no route to list, and the command says so.
    unlisted = command("routes", "--app", "guarded_site", code=2)
    assert "cannot be listed" in unlisted
    assert "Traceback" not in unlisted
    # werkzeug, which is always there, lists routes as Flask does.
    listed = ("routes", "--app", "guarded_site:listed")
    assert "/api/<int:id>" in command(*listed)
    assert "OPEN" in command(*listed, "--strict", code=1)
    assert [one["kind"] for one in json.loads(command(*listed, "--json"))["routes"]] == [
        "rule",
        "open",
    ]


def login() -> None:
    """The README's first example: users of the command sign in, call, refresh and sign out."""
    from jwt_middleware import RevocationList
    from jwt_middleware.login import LoginApp, TokenMinter
    from jwt_middleware.stores import SQLStore

    database = ("--database", "sqlite:///auth.db")
    more = ("--scope", "admin", *database, "--create", "--password-stdin")
    command("users", "add", "ada", *more, given="analytical engine\n")
    assert "ada" in command("users", "list", *database)
    store = SQLStore("sqlite:///auth.db")
    _sign_in_and_out(LoginApp, TokenMinter, RevocationList, store, database)
    command("users", "passwd", "ada", *database, "--password-stdin", given="another\n")
    command("users", "scopes", "ada", "read", *database)
    command("users", "disable", "ada", *database)
    command("users", "remove", "ada", *database)


def _sign_in_and_out(
    login_app: Any, token_minter: Any, revocation_list: Any, store: Any, database: Any = None
) -> None:
    from werkzeug.test import Client

    minter = token_minter.from_secret("s" * 32, issuer=ISSUER, audience="api")
    guarded = guard(minter.provider, revocations=revocation_list(store, max_staleness=0))
    client = Client(login_app(store, minter).wrap(guarded, prefix="/auth"))
    wrong = {"username": "ada", "password": "x"}
    assert client.post("/auth/token", json=wrong).status_code == 401
    right = {"username": "ada", "password": "analytical engine"}
    answer = client.post("/auth/token", json=right)
    assert answer.status_code == 200, answer.data
    again = {"grant_type": "refresh_token", "refresh_token": answer.json["refresh_token"]}
    answer = client.post("/auth/token", data=again)
    assert answer.status_code == 200, answer.data
    bearer = {"Authorization": f"Bearer {answer.json['token']}"}
    assert client.get("/api", headers=bearer).status_code == 200
    out = client.post("/auth/revoke", json={"token": answer.json["refresh_token"]})
    assert out.status_code == 200, out.data
    assert client.get("/api", headers=bearer).status_code == 401
    assert client.get("/auth/login").status_code == 200
    for _ in range(10):
        # Without an address only the far wider limit by name counts.
        peer = {"REMOTE_ADDR": "192.0.2.1"}
        answer = client.post("/auth/token", json=wrong, environ_base=peer)
    assert answer.status_code == 429
    if database:
        command("users", "logout", "ada", *database)


def postgres() -> None:
    """Revocations, and with `login` users, are in PostgreSQL."""
    from jwt_middleware import RevocationList
    from jwt_middleware.stores import SQLStore

    store = SQLStore(os.environ["POSTGRESQL_URL"])
    _revoke(store)
    if find_spec("limits"):
        from jwt_middleware.login import LoginApp, TokenMinter

        store.add_user("ada", "analytical engine")
        _sign_in_and_out(LoginApp, TokenMinter, RevocationList, store)


def mysql() -> None:
    """Revocations are in MariaDB."""
    from jwt_middleware.stores import SQLStore

    _revoke(SQLStore(os.environ["MYSQL_URL"]))


def redis() -> None:
    """Revocations are logged in Redis or Valkey; the command can be told of it."""
    from jwt_middleware.stores import RedisLog

    _revoke(RedisLog(os.environ["REDIS_URL"]))
    if find_spec("sqlalchemy"):
        log = ("--database", "logged.db", "--log", os.environ["REDIS_URL"])
        add = ("--database", "logged.db", "--create", "--password-stdin")
        command("users", "add", "bob", *add, given="wonderland\n")
        command("users", "disable", "bob", *log)


def _revoke(log: Any) -> None:
    import jwt

    from jwt_middleware import Key, KeySet, Provider, RevocationList

    keys = KeySet([Key.from_secret("s" * 32)])
    provider = Provider(issuer=ISSUER, audience="api", keys=keys)
    guarded = guard(provider, revocations=RevocationList(log, max_staleness=0))
    expires_at = time.time() + 60
    claims = {"iss": ISSUER, "aud": "api", "sub": "ada", "exp": expires_at, "jti": "1"}
    token = jwt.encode(claims, "s" * 32, "HS256")
    assert status(guarded, token) == 200
    log.revoke(token_id="1", expires_at=expires_at)
    assert status(guarded, token) == 401


def paste() -> None:
    """An ini file puts the middleware, and with `login` the login app, in front of an app."""
    from paste.deploy import loadapp

    Path("wrapped.py").write_text(
        "def factory(global_conf):\n"
        "    def app(environ, start_response):\n"
        "        start_response('200 OK', [('Content-Type', 'text/plain')])\n"
        "        return [b'ok']\n"
        "    return app\n"
    )
    sys.path.insert(0, os.getcwd())
    options = f"issuer = {ISSUER}\naudience = api\nsecret = {'s' * 32}\n"
    Path("paste.ini").write_text(
        f"[app:main]\npaste.app_factory = wrapped:factory\nfilter-with = guard\n"
        f"[filter:guard]\nuse = egg:wsgi-jwt-middleware\n{options}rules = /api\n"
        f"[app:login]\nuse = egg:wsgi-jwt-middleware#login\n{options}"
        f"database_url = sqlite:///paste.db\n"
    )
    guarded = loadapp("config:paste.ini", relative_to=os.getcwd())
    assert status(guarded) == 401
    assert status(guarded, path="/") == 200
    if find_spec("limits"):
        application = loadapp("config:paste.ini", name="login", relative_to=os.getcwd())
        assert status(application, path="/login") == 200


def metrics() -> None:
    """Decisions are counted by an observer, and a scrape shows them."""
    from prometheus_client import REGISTRY, generate_latest

    from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule
    from jwt_middleware.metrics import PrometheusMetrics

    keys = KeySet([Key.from_secret("s" * 32)])
    provider = Provider(issuer=ISSUER, audience="api", keys=keys)
    guarded = JWTMiddleware(
        app, providers=[provider], rules=[Rule("/api")], observers=[PrometheusMetrics()]
    )
    assert status(guarded) == 401
    shown = generate_latest(REGISTRY).decode()
    assert 'jwt_middleware_decisions_total{outcome="refused",reason="missing"' in shown


def testing() -> None:
    """The README's test passes, with the fixtures and the client of the kit."""
    Path("myapp.py").write_text(
        "from flows import app as inner, ISSUER\n"
        "from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule\n"
        "keys = KeySet([Key.from_secret('s' * 32)])\n"
        "provider = Provider(issuer=ISSUER, audience='api', keys=keys)\n"
        "app = JWTMiddleware(inner, providers=[provider], rules=[Rule('/api')])\n"
    )
    Path("test_myapp.py").write_text(
        "from myapp import app\n"
        "from jwt_middleware.testing import Client, assert_protected, trusting\n"
        "def test_me(jwt_client):\n"
        "    client = jwt_client(app)\n"
        "    client.as_user('ada', scopes=['read']).get('/api', status=200).mustcontain('ada')\n"
        "    client.get('/api', status=401)\n"
        "def test_all(jwt_headers, jwt_environ, jwt_tokens, jwt_key_server):\n"
        "    assert jwt_headers(app, 'ada') and jwt_environ('ada')\n"
        "    assert_protected(app, '/api')\n"
        "def test_unittest():\n"
        "    with trusting(app) as tokens:\n"
        "        Client(app, tokens).as_user('ada').get('/api', status=200)\n"
    )
    environ = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{os.getcwd()}"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-W",
            "error",
            "-p",
            "no:cacheprovider",
            "test_myapp.py",
        ],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def hashes() -> None:
    """Hashes of bcrypt, Argon2 and Django are verified."""
    from jwt_middleware.stores import HashedUser, MemoryStore, check_password

    made = {
        "bcrypt": "$2b$04$wIpn9bGqsEXkYFLM8TjUju0dmAmrxoeEm1R/ZxhWJ1aCcyTRLfsRe",
        "argon2": "$argon2id$v=19$m=64,t=2,p=1"
        "$Qyu/wtotBYMfs9Xhdl1nnQ$faxOaYmBFcrWf/s3Lk1mCiD4zH+wLyF5KaorLCH0CDk",
        "django": "pbkdf2_sha256$1000$zuckersalz$NXd833r4FflrbQVfD2OVJK7V2MB7fTMyKYa2ZrtkTAA=",
    }
    for stored in made.values():
        assert check_password(stored, "wonderland", unknown="bcrypt:4")
        assert not check_password(stored, "wrong", unknown="bcrypt:4")
    store = MemoryStore(password_method="scrypt:1024:8:1")
    assert store.import_users(HashedUser(name, stored) for name, stored in made.items()) == 3
    assert store.authenticate("argon2", "wonderland")


def demo() -> None:
    """`jwt-middleware demo` serves an app with its login, and signs its user in."""
    with Path("demo.log").open("w") as log:
        process = subprocess.Popen(
            [COMMAND, "demo", "--bind", "127.0.0.1:0"], stdout=log, stderr=log
        )
    try:
        printed = _printed(Path("demo.log"), process)
        words = printed.split()
        address = words[words.index("page") + 1].removesuffix("/auth/login")
        password = words[words.index("password") + 1]
        body = json.dumps({"username": "demo", "password": password}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{address}/auth/token", body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            token = json.load(answer)["token"]
        called = urllib.request.Request(
            f"{address}/api/me", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(called, timeout=30) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _printed(log: Path, process: "subprocess.Popen[bytes]") -> str:
    deadline = time.monotonic() + 60
    while "Ctrl-C" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return log.read_text()


FLOWS: dict[str, tuple[Callable[[], None], ...]] = {
    "": (core,),
    "cli": (core, cli),
    "login": (core, cli, login),
    "postgres": (core, postgres),
    "mysql": (core, mysql),
    "redis": (core, redis),
    "hashes": (core, hashes),
    "metrics": (core, metrics),
    "paste": (core, paste),
    "testing": (core, testing),
    "demo": (core, cli, login, demo),
}
"""The flows of each extra; "" is no extra."""


if __name__ == "__main__":
    for flow in dict.fromkeys(flow for extra in sys.argv[1:] or [""] for flow in FLOWS[extra]):
        flow()
        print(flow.__name__, "works")
