"""The reasons of refusals: one word each, which is logged, counted and sent, and its sentence."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "DESCRIPTIONS",
]

_DESCRIPTIONS = {
    "missing": "This resource needs an access token.",
    "malformed": "The Authorization header must hold exactly one well-formed bearer token.",
    "unread_scheme": "The Authorization header has a scheme that is not accepted here.",
    "header_malformed": "The header must hold exactly one well-formed access token.",
    "cookie_malformed": "There must be exactly one cookie, with a well-formed access token.",
    "basic_malformed": "The password of the Basic credentials must be a well-formed access token.",
    "too_large": "The access token is too large.",
    "path_too_long": "The path is too long or has too many readings.",
    "header_too_long": "A header that names a path prefix or a method is too long.",
    "algorithm": "The access token is signed with an algorithm that its key does not have.",
    "key": "No key of the issuer has the id that the access token names.",
    "signature": "The signature of the access token does not verify.",
    "type": "The token is not an access token.",
    "claims": "A claim of the access token is missing or has the wrong form.",
    "milliseconds": "A date of the access token is in milliseconds and must be in seconds.",
    "proof": "The access token is bound to a key, and the request has no proof of that key.",
    "unbound": "The access token must be bound to a key, and it is not.",
    "proof_malformed": "The DPoP header must hold exactly one well-formed proof.",
    "proof_signature": "The signature of the DPoP proof does not verify.",
    "proof_method": "The DPoP proof is meant for another method.",
    "proof_url": "The DPoP proof is meant for another URL.",
    "proof_time": "The DPoP proof is too old or from the future.",
    "proof_token": "The DPoP proof is meant for another access token.",
    "proof_key": "The access token is bound to another key than that of the DPoP proof.",
    "proof_replayed": "The DPoP proof has been used before.",
    "proof_nonce": "The DPoP proof must have the nonce of the server.",
    "issuer": "The issuer of the access token is not accepted here.",
    "audience": "The access token is meant for another audience.",
    "expired": "The access token has expired.",
    "not_yet_valid": "The access token is not valid yet.",
    "inactive": "The issuer says that the access token is not active.",
    "revoked": "The access token has been revoked.",
    "scope": "The access token lacks a scope that this resource needs.",
    "claim_missing": "The access token lacks a claim that this resource needs.",
    "login_too_old": "This resource needs a more recent login.",
    "login_too_weak": "This resource needs a stronger login.",
    "forbidden": "The caller may not do this.",
    "cross_site": "A request with a cookie or a password must come from a page of this site.",
    "origin": "Requests from this origin are not allowed here.",
    "requirement_failed": "The server cannot decide at the moment whether the caller may do this.",
    "keys_unavailable": "The keys of the issuer cannot be loaded at the moment.",
    "revocations_unavailable": "The list of revoked tokens cannot be read at the moment.",
    "tenants_unavailable": "The issuers that are accepted cannot be read at the moment.",
    "tokens_unavailable": "The access token cannot be looked up at the moment.",
    "replays_unavailable": "The DPoP proofs that were used cannot be read at the moment.",
}
DESCRIPTIONS: Mapping[str, str] = MappingProxyType(_DESCRIPTIONS)
"""The closed set of reasons, each with its description. RFC 6750 section 3 allows printable ASCII
without quotes."""
