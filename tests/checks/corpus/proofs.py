"""DPoP proofs, each with the verdict that RFC 9449 asks for."""

import json
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from jwt_middleware import DPoP, JWTMiddleware, Key, KeySet, Provider, Rule
from jwt_middleware.stores import MemoryStore
from tests.kit.proofs import URL, Prover, ath
from tests.kit.tokens import (
    ABSENT,
    NOW,
    b64,
    compact,
    issued,
    json_bytes,
    sign,
    sign_text,
    signing_input,
)

from .verifiers import application

ISSUER, AUDIENCE = "https://bound.example", "api"
_KEY = Key.generate()
PROVER, OTHER = Prover(), Prover()
PROVERS = {
    "ES256": PROVER,
    **{name: Prover(Key.generate(name)) for name in ("ES384", "ES512", "EdDSA", "RS256", "PS256")},
}
_SECTION_4_2, _SECTION_4_3 = "RFC 9449 section 4.2", "RFC 9449 section 4.3"


def token_of(prover: Prover, **claims: Any) -> str:
    """A token that is bound to a key."""
    usual: dict[str, Any] = {"cnf": {"jkt": prover.thumbprint}, "iss": ISSUER, "aud": AUDIENCE}
    return issued(_KEY, **usual | claims)


TOKENS = {name: token_of(prover) for name, prover in PROVERS.items()}
TOKEN = TOKENS["ES256"]


class ProofCase(NamedTuple):
    """A request with the header `DPoP` (None: no such header), and the reason why it is refused, or
    None if it passes. `first` is sent before it."""

    name: str
    proof: str | None
    reason: str | None
    source: str
    method: str = "GET"
    path: str = "/api/me"
    token: str = TOKEN
    first: str | None = None

    @property
    def environ(self) -> dict[str, Any]:
        """The request."""
        made: dict[str, Any] = {"REQUEST_METHOD": self.method, "PATH_INFO": self.path}
        made |= {"HTTP_AUTHORIZATION": f"DPoP {self.token}", "wsgi.url_scheme": "http"}
        return made if self.proof is None else {**made, "HTTP_DPOP": self.proof}


def guard(replays: Any = None) -> JWTMiddleware:
    """A middleware that has seen no proof."""
    provider = Provider(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([_KEY]))
    dpop = DPoP(URL, replays=replays or MemoryStore())
    return JWTMiddleware(application, providers=[provider], rules=[Rule("/")], dpop=dpop)


def verdict(case: ProofCase) -> str | None:
    """The reason of the refusal, or None, as a request gets it."""
    middleware = guard()
    if case.first:
        assert answer(middleware, case._replace(proof=case.first)) is None, case.name
    return answer(middleware, case)


class ForgetfulCounters:
    """Counters to which every proof is new."""

    def increment(self, key: str, seconds: int, amount: int = 1) -> int:
        """Always the first."""
        return 1

    def count(self, key: str) -> tuple[int, float]:
        """Nothing is known."""
        return 0, 0.0


def warm_guard() -> JWTMiddleware:
    """A middleware that has the header of every good case in its cache, and forgets the proofs."""
    middleware = guard(ForgetfulCounters())
    for case in proof_cases():
        for proof in (case.proof if case.reason is None else None, case.first):
            if proof is not None:
                assert answer(middleware, case._replace(proof=proof)) is None, case.name
    return middleware


def answer(middleware: JWTMiddleware, case: ProofCase) -> str | None:
    """The reason for which a middleware refuses the request, or None."""
    statuses: list[str] = []
    environ = case.environ
    list(middleware(environ, lambda status, *_: statuses.append(status)))
    reason: str | None = environ.get("jwt_middleware.reason")
    status = statuses[-1][:3]
    assert status == ("401" if reason else "200"), (case.name, status)
    return reason


@cache  # not at every import: keys and signatures of all kinds take a second
def proof_cases() -> tuple[ProofCase, ...]:
    """All cases of this module."""
    groups = (
        *(_good, _types, _algorithms, _keys, _private_keys, _forms, _signatures, _methods, _urls),
        *(_times, _hashes, _ids, _replays, _other_keys, _headers, _other_claims),
    )
    return tuple(case for make in groups for case in make())


def _proof(prover: Prover, **changes: Any) -> str:
    return prover.proof(**{"iat": NOW, **changes})


def _of(**changes: Any) -> str:
    return _proof(PROVER, token=TOKEN, **changes)


def _good() -> Iterator[ProofCase]:
    for name, prover in PROVERS.items():
        token = TOKENS[name]
        yield ProofCase(f"{name}", _proof(prover, token=token), None, _SECTION_4_2, token=token)
    ed25519 = Prover(Key.generate("Ed25519"))
    token = token_of(ed25519)
    yield ProofCase("Ed25519", _proof(ed25519, token=token), None, "RFC 9864", token=token)
    rsa = PROVERS["RS256"]
    same = Prover(Key("RS512", None, rsa.key.signing_key, rsa.key.verifying_key))
    token = TOKENS["RS256"]
    yield ProofCase("RS512", _proof(same, token=token), None, _SECTION_4_2, token=token)
    token = token_of(PROVER, cnf={"jkt": PROVER.thumbprint, "kid": "x", "x5t#S256": "AA"})
    text = _proof(PROVER, token=token)
    yield ProofCase("other members of cnf", text, None, "RFC 7800 section 3.1", token=token)
    for method in ("POST", "DELETE", "PROPFIND", "HEAD", "X-OWN"):
        yield ProofCase(f"method {method}", _of(htm=method), None, _SECTION_4_3, method=method)


def _types() -> Iterator[ProofCase]:
    for typ in (
        *(ABSENT, "", "JWT", "jwt", "at+jwt", "dpop", "dpop+jws", "DPOP+JWT", "dpop+JWT"),
        *("application/dpop+jwt", " dpop+jwt", "dpop+jwt ", "dpop jwt", "dpop+jwt\0", "dpop_jwt"),
        *(None, 7, True, ["dpop+jwt"], {}),
    ):
        text = _of(header={"typ": typ})
        yield ProofCase(f"typ {typ!a}", text, "proof_malformed", f"{_SECTION_4_3}, check 4")


def _algorithms() -> Iterator[ProofCase]:
    for alg in (
        *(ABSENT, "none", "None", "", "HS256", "HS384", "HS512", "ES256K", "es256", "RSA1_5"),
        *("dir", "ES256 ", None, 7, ["ES256"], {}),
    ):
        text = _of(header={"alg": alg})
        yield ProofCase(f"alg {alg!a}", text, "proof_malformed", f"{_SECTION_4_3}, check 5")
    for alg in ("ES384", "ES512", "RS256", "PS256", "EdDSA", "Ed25519"):
        text = _of(header={"alg": alg})
        yield ProofCase(f"alg {alg} of another key", text, "proof_malformed", _SECTION_4_3)
    secret = Key.from_secret(PROVER.thumbprint)
    text = sign(PROVER.header(alg="HS256"), PROVER.claims(token=TOKEN, iat=NOW), secret)
    yield ProofCase("its thumbprint as a secret", text, "proof_malformed", "RFC 8725 section 2.1")
    unsigned = compact(PROVER.header(alg="none"), PROVER.claims(token=TOKEN, iat=NOW), b"")
    yield ProofCase("unsigned", unsigned, "proof_malformed", "RFC 8725 section 2.1")


def _keys() -> Iterator[ProofCase]:
    good = PROVER.jwk
    for name, jwk in {
        "no key": ABSENT,
        "null": None,
        "an empty object": {},
        "a list": [good],
        "a text": "jwk",
        "a JWKS": {"keys": [good]},
        "no kty": {name: good[name] for name in ("crv", "x", "y")},
        "another kty": {**good, "kty": "RSA"},
        "kty in small letters": {**good, "kty": "ec"},
        "an unknown kty": {**good, "kty": "AKP"},
        "no crv": {name: good[name] for name in ("kty", "x", "y")},
        "another crv": {**good, "crv": "P-384"},
        "an unknown crv": {**good, "crv": "secp256k1"},
        "no y": {name: good[name] for name in ("kty", "crv", "x")},
        "x as a number": {**good, "x": 7},
        "x with padding": {**good, "x": good["x"] + "="},
        "x that is too short": {**good, "x": good["x"][:-4]},
        "x with a foreign character": {**good, "x": "+" + good["x"][1:]},
        "x and y exchanged": {**good, "x": good["y"], "y": good["x"]},
        "use for encryption": {**good, "use": "enc"},
        "key_ops without verify": {**good, "key_ops": ["encrypt"]},
        "alg of another key": {**good, "alg": "ES384"},
        "alg as a number": {**good, "alg": 7},
        "an empty kid": {**good, "kid": ""},
    }.items():
        reason = "proof_key" if name == "x and y exchanged" else "proof_malformed"
        yield ProofCase(f"jwk: {name}", _of(header={"jwk": jwk}), reason, "RFC 7517 section 4")
    for name, jwk in {
        "alg": {**good, "alg": "ES256"},
        "use": {**good, "use": "sig"},
        "key_ops": {**good, "key_ops": ["verify"], "ext": True},
        "kid": {**good, "kid": "mine"},
        "more": {**good, "of tomorrow": [1]},
    }.items():
        yield ProofCase(f"jwk with {name}", _of(header={"jwk": jwk}), None, "RFC 7517 section 4")
    for name, header in {"kid": {"kid": "x"}, "more": {"of tomorrow": 1}}.items():
        yield ProofCase(f"header with {name}", _of(header=header), None, "RFC 7515 section 4")
    for name in ("jku", "x5u", "x5c"):
        text = _of(header={"jwk": ABSENT, name: "https://evil.example/"})
        yield ProofCase(f"{name} for jwk", text, "proof_malformed", _SECTION_4_2)
    for name, alg, jwk in (
        (
            "of small order",
            "EdDSA",
            {"kty": "OKP", "crv": "Ed25519", "x": b64(bytes([1, *31 * [0]]))},
        ),
        ("off the curve", "ES256", {**good, "x": good["y"], "y": good["x"]}),
        ("of 1024 bits", "RS256", {"kty": "RSA", "e": "AQAB", "n": b64(b"\xff" * 128)}),
        ("with the exponent 1", "RS256", {**PROVERS["RS256"].jwk, "e": "AQ"}),
    ):
        canonical = json.dumps(jwk, separators=(",", ":"), sort_keys=True).encode()
        token = token_of(PROVER, cnf={"jkt": b64(sha256(canonical).digest())})
        claims = PROVER.claims(token=token, iat=NOW)
        text = compact(PROVER.header(alg=alg, jwk=jwk), claims, bytes(64))
        yield ProofCase(
            f"a key {name}", text, "proof_malformed", "RFC 8725 section 3.4", token=token
        )


def _private_keys() -> Iterator[ProofCase]:
    source = f"{_SECTION_4_3}, check 7"
    for name, prover in PROVERS.items():
        jwk = {**prover.private_jwk, "kty": prover.jwk["kty"]}
        jwk.pop("key_ops", None)
        text = _proof(prover, token=TOKENS[name], header={"jwk": jwk})
        yield ProofCase(f"private {name}", text, "proof_malformed", source, token=TOKENS[name])
    for member in ("d", "p", "q", "dp", "dq", "qi", "oth", "k"):
        for value in ("AA", None, [], 7):
            text = _of(header={"jwk": {**PROVER.jwk, member: value}})
            yield ProofCase(f"jwk with {member} {value!r}", text, "proof_malformed", source)
    secret = {"kty": "oct", "k": b64(bytes(32))}
    yield ProofCase("a secret", _of(header={"jwk": secret}), "proof_malformed", source)


def _forms() -> Iterator[ProofCase]:
    good, claims = _of(), json_bytes(PROVER.claims(token=TOKEN, iat=NOW))
    for name, text in {
        "nothing": "",
        "a word": "x",
        "one part": good.split(".")[0],
        "two parts": good.rpartition(".")[0],
        "four parts": good + ".x",
        "a dot after": good + ".",
        "a blank before": " " + good,
        "a blank after": good + " ",
        "padding": good + "=",
        "a foreign character": good[:-1] + "+",
        "a letter beyond ASCII": good + "\xe9",
        "a header that is no JSON": sign(b"{", PROVER.claims(token=TOKEN, iat=NOW), PROVER.key),
        "a header that is a list": sign([], PROVER.claims(token=TOKEN, iat=NOW), PROVER.key),
        "claims that are no JSON": sign(PROVER.header(), b"{", PROVER.key),
        "claims that are a list": sign(PROVER.header(), [], PROVER.key),
        "a claim twice": sign(PROVER.header(), claims[:-1] + b',"htm":"GET"}', PROVER.key),
        "NaN": sign(PROVER.header(), claims[:-1] + b',"x":NaN}', PROVER.key),
        "deep": sign(
            PROVER.header(), claims[:-1] + b',"x":' + b"[" * 99 + b"]" * 99 + b"}", PROVER.key
        ),
        "crit": _of(header={"crit": ["x"], "x": 1}),
        "b64": _of(header={"b64": False}),
        "zip": _of(header={"zip": "DEF"}),
        "JSON serialization": '{"payload":"","signatures":[]}',
        "huge": _of(x="x" * 9000),
        "huge and malformed": "." * 100_000,
        "huge and one word": "a" * 100_000,
    }.items():
        yield ProofCase(name, text, "proof_malformed", "RFC 7515 section 7.1")
    yield ProofCase("no header", None, "proof", f"{_SECTION_4_3}, check 1")
    yield ProofCase("large", _of(x="x" * 3000), None, "RFC 7515 section 7.1")


def _signatures() -> Iterator[ProofCase]:
    source = f"{_SECTION_4_3}, check 6"
    text = signing_input(PROVER.header(), PROVER.claims(token=TOKEN, iat=NOW)).decode()
    for name, signed in {
        "another key's": sign_text(text, OTHER.key),
        "empty": f"{text}.",
        "zeros": f"{text}.{b64(bytes(64))}",
        "short": f"{text}.{b64(bytes(63))}",
        "of another proof": f"{text}.{_of().rpartition('.')[2]}",
    }.items():
        yield ProofCase(f"signature: {name}", signed, "proof_signature", source)


def _methods() -> Iterator[ProofCase]:
    source = f"{_SECTION_4_3}, check 8"
    for htm in ("POST", "get", "Get", "", " GET", "GET ", "GET,POST", "*"):
        yield ProofCase(f"htm {htm!r}", _of(htm=htm), "proof_method", source)
    for htm in (ABSENT, None, 7, ["GET"], {}):
        yield ProofCase(f"htm {htm!r}", _of(htm=htm), "proof_malformed", source)
    yield ProofCase("GET for HEAD", _of(), "proof_method", source, method="HEAD")


def _urls() -> Iterator[ProofCase]:
    from tests.trust.test_htu import BASE, OTHER, SAME

    assert BASE == URL
    source = f"{_SECTION_4_3}, check 9"
    for kind, forms, reason in (("same", SAME, None), ("another", OTHER, "proof_url")):
        for name, (htu, path) in forms.items():
            text = _of(htu=htu)
            yield ProofCase(f"{kind} htu: {name}", text, reason, source, path=path)
    for htu in (ABSENT, None, 7, ["https://api.example/api/me"], {}):
        yield ProofCase(f"htu {htu!r}", _of(htu=htu), "proof_malformed", source)


def _times() -> Iterator[ProofCase]:
    source, now = f"{_SECTION_4_3}, check 11", NOW
    for age in (0, 1, 59, 60, -1, -5, 0.5):
        yield ProofCase(f"{age} s old", _of(iat=now - age), None, source)
    for age in (61, 300, 86_400, now, -6, -60, -86_400, -(10**12), 10**30, 61.5):
        yield ProofCase(f"{age} s old", _of(iat=now - age), "proof_time", source)
    yield ProofCase("milliseconds", _of(iat=now * 1000), "proof_time", source)
    for iat in (ABSENT, None, str(now), True, [now], {}):
        yield ProofCase(f"iat {type(iat).__name__}", _of(iat=iat), "proof_malformed", source)
    yield ProofCase("expired", _of(exp=now - 60), "proof_time", "RFC 7519 section 4.1.4")
    yield ProofCase("not valid yet", _of(nbf=now + 60), "proof_time", "RFC 7519 section 4.1.5")
    yield ProofCase("exp as a text", _of(exp="x"), "proof_malformed", "RFC 7519 section 4.1.4")


def _hashes() -> Iterator[ProofCase]:
    source, good = f"{_SECTION_4_3}, check 12", ath(TOKEN)
    for name, value in {
        "absent": ABSENT,
        "null": None,
        "empty": "",
        "of another token": ath(TOKEN + "x"),
        "with padding": good + "=",
        "in hex": "00" * 32,
        "of half a hash": good[:22],
        "in capitals": good.upper(),
        "a number": 7,
        "a list": [good],
        "the token": TOKEN,
    }.items():
        yield ProofCase(f"ath {name}", _of(ath=value), "proof_token", source)


def _ids() -> Iterator[ProofCase]:
    for jti in (ABSENT, None, "", 7, ["x"], {}, "x" * 257, "x" * 5000):
        yield ProofCase(
            f"jti {str(jti)[:9]!r} {len(str(jti))}", _of(jti=jti), "proof_malformed", _SECTION_4_2
        )
    for jti in ("x", " ", "é", "\0", "x" * 256, "0", "{}"):
        yield ProofCase(f"jti {jti[:9]!a} is good", _of(jti=jti), None, _SECTION_4_2)


def _replays() -> Iterator[ProofCase]:
    source = "RFC 9449 section 11.1"
    good = _of()
    yield ProofCase("the same proof", good, "proof_replayed", source, first=good)
    for name, changes in {
        "another time": {"iat": NOW - 1},
        "another claim": {"x": 1},
        "another header": {"header": {"kid": "x"}},
        "another form of the URL": {"htu": f"{URL}:443/api/me?x"},
    }.items():
        first, again = _of(jti="same"), _of(jti="same", **changes)
        yield ProofCase(f"the same jti, {name}", again, "proof_replayed", source, first=first)
    yield ProofCase("another jti", _of(), None, source, first=_of())
    yield ProofCase("a jti in capitals", _of(jti="A"), None, source, first=_of(jti="a"))


def _other_keys() -> Iterator[ProofCase]:
    source = f"{_SECTION_4_3}, check 12"
    yield ProofCase("another key", _proof(OTHER, token=TOKEN), "proof_key", source)
    for name, prover in PROVERS.items():
        if name != "ES256":
            yield ProofCase(
                f"another key, {name}", _proof(prover, token=TOKEN), "proof_key", source
            )
    for name, jkt in {
        "in capitals": PROVER.thumbprint.upper(),
        "with padding": PROVER.thumbprint + "=",
        "cut": PROVER.thumbprint[:-1],
        "another": OTHER.thumbprint,
    }.items():
        token = token_of(PROVER, cnf={"jkt": jkt})
        text = _proof(PROVER, token=token)
        yield ProofCase(f"jkt {name}", text, "proof_key", "RFC 9449 section 6.1", token=token)
    unbound = token_of(PROVER, cnf=None)
    text = _proof(PROVER, token=unbound)
    yield ProofCase("no cnf", text, "unbound", "RFC 9449 section 7.1", token=unbound)


def _headers() -> Iterator[ProofCase]:
    source = f"{_SECTION_4_3}, check 1"
    for name, joint in {
        "a comma": ",",
        "comma and blank": ", ",
        "a blank": " ",
        "a line": "\n",
    }.items():
        text = joint.join((_of(), _of()))
        yield ProofCase(f"two proofs, {name}", text, "proof_malformed", source)
    good = _of()
    yield ProofCase("one proof twice", f"{good},{good}", "proof_malformed", source)
    yield ProofCase("a proof and nothing", f"{good},", "proof_malformed", source)
    yield ProofCase("the token", TOKEN, "proof_malformed", source)
    yield ProofCase("a scheme before", f"DPoP {good}", "proof_malformed", source)
    yield ProofCase("in quotes", f'"{good}"', "proof_malformed", source)


def _other_claims() -> Iterator[ProofCase]:
    for claims in (
        {"nonce": "x"},
        {"nonce": 7},
        {"sub": "ada"},
        {"aud": "x"},
        {"iss": "x"},
        {"x": {}},
    ):
        yield ProofCase(f"with {claims!r}", _of(**claims), None, "RFC 7519 section 4.3")
