"""A fuzz target for DPoP proofs: any bytes as the header, or as a part under a right signature."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jwt

from tests.checks.corpus.proofs import PROVER, TOKEN, ProofCase, guard, proof_cases
from tests.kit.proofs import URL, ath
from tests.kit.tokens import json_bytes, sign

_GUARD = guard()
_SAME_URL = re.compile(r"(?i:https://api\.example)(?::(?:443)?)?[^?#]*(?:[?#].*)?")


def proof(data: bytes) -> None:
    """The first byte says how the rest becomes a proof. Whoever is let through has signed the
    method, the URL and the token of this request."""
    text = _WAYS[(data[0] if data else 0) % len(_WAYS)](data[1:])
    if answer(text) == "200":
        header = jwt.get_unverified_header(text)
        claims = jwt.decode(
            text,
            PROVER.key.verifying_key,
            algorithms=["ES256"],
            options={
                "verify_aud": False,
                "verify_iat": False,
                "verify_sub": False,
                "verify_iss": False,
                "verify_exp": False,
                "verify_nbf": False,
            },
        )
        assert header["typ"] == "dpop+jwt"
        assert "d" not in header["jwk"]
        assert (claims["htm"], claims["ath"]) == ("GET", ath(TOKEN))
        assert _SAME_URL.fullmatch(claims["htu"])


def answer(text: str) -> str:
    """Send one request with this header and return the status."""
    sent: list[Any] = []
    environ = ProofCase("", text, None, "").environ
    body = b"".join(_GUARD(environ, lambda status, headers, *_: sent.extend((status, headers))))
    status, headers = sent[0][:3], sent[1]
    assert status in ("200", "401"), status
    if status == "401":
        assert json.loads(body)["error"] == "invalid_dpop_proof"
        challenges = [value for name, value in headers if name == "WWW-Authenticate"]
        assert [text.partition(" ")[0] for text in challenges] == ["Bearer", "DPoP"]
        assert all(text.isascii() and text.isprintable() for text in challenges)
    return status


def seeds() -> Iterator[bytes]:
    """The corpus, and good proofs in each way of making one."""
    for case in proof_cases():
        text = (case.proof or "").encode("latin-1", "replace")
        if len(text) < 3000 and case.token == TOKEN:
            yield b"\0" + text
    head, claims = json_bytes(PROVER.header()), json_bytes(_claims())
    for way, rest in enumerate((b"", head + b"\n" + claims, claims, head, b'"x":1')):
        if way:
            yield bytes([way]) + rest


def _claims() -> dict[str, Any]:
    claims: dict[str, Any] = PROVER.claims(token=TOKEN, htu=f"{URL}/api/me")
    return claims


def _as_parts(data: bytes) -> str:
    head, _, claims = data.partition(b"\n")
    return sign(head, claims, PROVER.key)


def _as_members(data: bytes) -> str:
    head, claims = (
        json_bytes(part)[:-1] + b"," + data + b"}" for part in (PROVER.header(), _claims())
    )
    return sign(head, claims, PROVER.key)


_WAYS: tuple[Callable[[bytes], str], ...] = (
    lambda data: data.decode("latin-1"),
    _as_parts,
    lambda data: sign(PROVER.header(), data, PROVER.key),
    lambda data: sign(data, _claims(), PROVER.key),
    _as_members,
)
