"""A token becomes a verified caller. Knows no request: nothing here takes an environ.

Tests of modules without one of their name: `claims` in test_verifier and the corpus, `encoding` in
test_jws, `jwk` and `key_material` in test_keys, test_key_sets and the corpus, `fetch` in
test_remote_keys.
"""

from .._packages import require_package

require_package("jwt", "api_jws", lack="jwt_middleware needs PyJWT", install="PyJWT[crypto]")
