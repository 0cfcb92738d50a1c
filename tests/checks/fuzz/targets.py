"""What a fuzzer calls: each target takes any bytes and raises when a law is broken.

No exception escapes the middleware, no status other than 200, 400 and 401 is answered, what goes
out is printable ASCII and well-formed, and whoever is let through would be by PyJWT too.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from typing import Any

from tests.checks.corpus import CASES, LOGOUT_CASES, logouts
from tests.checks.corpus.receivers import RecordingLog, receive
from tests.checks.corpus.verifiers import environ, guard, issuer_of, pyjwt_claims
from tests.kit.tokens import ISSUERS, Issuer, compact, json_bytes, sign

from . import environs, proofs

_SIGNERS = [
    ISSUERS[name]
    for name in ("hs256", "eddsa", "kids", "typed", "no-aud", "several", "brief", "uid")
]
_STATUSES = {"200": None, "400": "invalid_request", "401": "invalid_token"}


def header(data: bytes) -> None:
    """The bytes are the value of `Authorization`, as a server hands it on (PEP 3333: Latin-1)."""
    answer(data.decode("latin-1"))


def token(data: bytes) -> None:
    """The first byte says how the rest becomes a token: as its text, or as parts under a right
    signature."""
    way, number = divmod(data[0] if data else 0, len(_SIGNERS))
    text = _WAYS[way % len(_WAYS)](_SIGNERS[number], data[1:])
    if answer(f"Bearer {text}") == "200":
        text = text.lstrip(" ")
        named = issuer_of(json.loads(_payload(text))["iss"])
        assert named is not None
        pyjwt_claims(text, named)


def logout(data: bytes) -> None:
    """The bytes are a logout token, its claims, more members of them, or its header: whatever is
    accepted has the event and names a session or a subject."""
    head = {"alg": logouts.ISSUER.key.algorithm, "typ": "logout+jwt"}
    way, rest = (data[0] if data else 0) % 4, data[1:]
    if way == 0:
        text = rest.decode("latin-1")
    elif way == 1:
        text = sign(head, rest, logouts.ISSUER.key)
    elif way == 2:
        members = json_bytes(logouts.claims())[:-1] + b"," + rest + b"}"
        text = sign(head, members, logouts.ISSUER.key)
    else:
        text = sign(rest, json_bytes(logouts.claims()), logouts.ISSUER.key)
    log = RecordingLog()
    status, reason = receive(log, text)
    assert (status, reason is None) in ((200, True), (400, False)), status
    assert (log.session_id or log.subject) if status == 200 else not (log.session_id or log.subject)
    if status == 200:
        claims = json.loads(_payload(text))
        assert isinstance(claims["events"][logouts.EVENT], dict)
        assert "nonce" not in claims


TARGETS: dict[str, Callable[[bytes], None]] = {
    "header": header,
    "token": token,
    "environ": environs.environ,
    "logout": logout,
    "proof": proofs.proof,
}


def seeds(name: str) -> Iterator[bytes]:
    """Inputs to start from: the corpus, and good tokens in each way of making one."""
    if name == "environ":
        yield from environs.seeds()
        return
    if name == "logout":
        for found in LOGOUT_CASES:
            yield b"\0" + found.token.encode("utf-8", "replace")
        good = json_bytes(logouts.claims())
        head = json_bytes({"alg": logouts.ISSUER.key.algorithm, "typ": "logout+jwt"})
        yield from (b"\1" + good, b'\2"x":1', b"\3" + head)
        return
    if name == "proof":
        yield from proofs.seeds()
        return
    for case in CASES:
        text = (case.authorization or "").encode("latin-1", "replace")
        if len(text) < 3000:
            yield text if name == "header" else b"\0" + text.removeprefix(b"Bearer ")
    if name == "token":
        for number, issuer in enumerate(_SIGNERS):
            head, claims = json_bytes(issuer.header()), json_bytes(issuer.claims())
            for way, rest in enumerate(
                (issuer.token().encode(), head + b"\n" + claims, claims, head, b'"x":1')
            ):
                yield bytes([way * len(_SIGNERS) + number]) + rest


def answer(authorization: str) -> str:
    """Send one request with this header and return the status; whatever is wrong with the answer
    raises."""
    sent: list[Any] = []
    body = b"".join(
        _GUARD(environ(authorization), lambda status, headers, *_: sent.extend((status, headers)))
    )
    status, headers = sent[0][:3], dict(sent[1])
    assert status in _STATUSES, status
    if status != "200":
        problem, challenge = json.loads(body), headers["WWW-Authenticate"]
        assert problem["error"] in (None, _STATUSES[status])
        assert challenge.isascii()
        assert challenge.isprintable()
    return status


def _as_text(issuer: Issuer, data: bytes) -> str:
    return data.decode("latin-1")


def _as_parts(issuer: Issuer, data: bytes) -> str:
    head, _, claims = data.partition(b"\n")
    return sign(head, claims, issuer.key)


def _as_claims(issuer: Issuer, data: bytes) -> str:
    return sign(issuer.header(), data, issuer.key)


def _as_header(issuer: Issuer, data: bytes) -> str:
    return sign(data, issuer.claims(), issuer.key)


def _as_members(issuer: Issuer, data: bytes) -> str:
    """The bytes go into both objects, before the last brace."""
    head, claims = (
        json_bytes(part)[:-1] + b"," + data + b"}" for part in (issuer.header(), issuer.claims())
    )
    return sign(head, claims, issuer.key)


def _as_signature(issuer: Issuer, data: bytes) -> str:
    return compact(issuer.header(), issuer.claims(), data)


def _payload(text: str) -> bytes:
    part = text.split(".")[1]
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


_WAYS = (_as_text, _as_parts, _as_claims, _as_header, _as_members, _as_signature)
_GUARD = guard(cache_size=100)
