"""Prints how this package and PyJWT's `jwt.decode` fare on the corpus: which cases they take or
refuse unlike it, of tokens and of JWKs."""

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable

import jwt

from tests.kit.checking import followed, parser, sum_up, tell
from tests.kit.clock import stopped
from tests.kit.tokens import NOW

from . import CASES, KEY_CASES, LOGOUT_CASES
from .case import Case
from .key_forms import KeyCase, checked_once, is_usable, pyjwt_takes
from .proofs import proof_cases
from .proofs import verdict as proof_verdict
from .receivers import came_of, wanted_of
from .verifiers import decide, pyjwt_accepts

# Claims of other specifications than RFC 7519: no business of PyJWT's.
_BEYOND_PYJWT = ("OpenID Connect", "RFC 8693", "RFC 7800", "RFC 8417", "RFC 8725 section 3.11")


def main() -> int:
    """Count the right verdicts of both, and the wrong ones by what the corpus rests them on."""
    parser("corpus", __doc__).parse_args()
    warnings.simplefilter("ignore")
    asked = [case for case in CASES if _pyjwt_can_tell(case)]
    pyjwt = f"PyJWT {jwt.__version__}"
    wrong = _tell("jwt_middleware", map(_ours, followed("token cases", CASES)))
    _tell(pyjwt, map(_theirs, followed("token cases, PyJWT", asked)))
    with checked_once():
        keys = followed("key cases", KEY_CASES)
        wrong += _tell("jwt_middleware, JWKs", (_of_key(case, is_usable) for case in keys))
        keys = followed("key cases, PyJWT", KEY_CASES)
        _tell(f"{pyjwt}, JWKs", (_of_key(case, pyjwt_takes) for case in keys))
    with stopped("time", NOW):
        proofs = followed("proof cases", proof_cases())
        unlike = [case.source for case in proofs if proof_verdict(case) != case.reason]
        logouts = followed("logout tokens", LOGOUT_CASES)
        apart = [case.source for case in logouts if came_of(case) != wanted_of(case)]
    of_proofs = f"jwt_middleware: {len(proof_cases())} DPoP proofs, {len(unlike)} wrong"
    of_logouts = f"jwt_middleware: {len(LOGOUT_CASES)} logout tokens, {len(apart)} wrong"
    tell(" ".join([of_proofs, *unlike]))
    tell(" ".join([of_logouts, *apart]))
    wrong += len(unlike) + len(apart)
    counts = f"{len(CASES)} tokens, {len(KEY_CASES)} keys, {len(proof_cases())} proofs"
    counts += f" and {len(LOGOUT_CASES)} logout tokens"
    sum_up(f"{counts}, {wrong} wrong verdicts of ours")
    return wrong


def _pyjwt_can_tell(case: Case) -> bool:
    """There is a token, and what decides is a setting that PyJWT has too."""
    if case.token is None or case.issuer is None or case.source.startswith(_BEYOND_PYJWT):
        return False
    provider = case.issuer.provider
    has_options = provider.typ or provider.max_lifetime or provider.subject_claim != "sub"
    return not has_options and provider.keys.find("a") == provider.keys.find("z")


def _ours(case: Case) -> str:
    identity, refusal = decide(case)
    right = refusal == ((case.status, case.reason) if case.reason else None) and (
        identity is None
    ) == bool(refusal)
    return "right" if right else f"wrong: {case.source}"


def _theirs(case: Case) -> str:
    try:
        accepts = pyjwt_accepts(case)
    except Exception as error:  # what `except jwt.PyJWTError` lets through
        return f"raises {type(error).__name__}: {case.source}"
    if accepts == (case.status == 200):
        return "right"
    return f"{'accepts' if accepts else 'refuses'}, unlike {case.source}"


def _of_key(case: KeyCase, takes: Callable[[KeyCase], bool]) -> str:
    if takes(case) == case.is_good:
        return "right"
    return f"{'refuses' if case.is_good else 'takes'}, unlike {case.source}"


def _tell(name: str, said: Iterable[str]) -> int:
    """Print the verdicts of one verifier, and return how many are wrong."""
    verdicts = Counter(said)
    wrong = verdicts.total() - verdicts["right"]
    tell(f"{name}: {verdicts.total()} cases, {wrong} wrong")
    for verdict, count in verdicts.most_common():
        tell(f"{count:6} {verdict}")
    return wrong


if __name__ == "__main__":
    sys.exit(bool(main()))
