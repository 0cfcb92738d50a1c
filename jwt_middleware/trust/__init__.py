"""Turns a token into a verified caller. Does not know requests: nothing here takes an environ.

Some modules are tested in files of another name: `claims` in test_verifier and the corpus,
`encoding` and `key_source` in test_jws, `jwk` and `key_material` in test_keys, test_key_sets and
the corpus, `http_answer`, `key_document`, `key_snapshot` and `urls` in test_remote_keys and
test_fetch, `key_turn` and `key_modes` in tests/login, `minted_claims` in
tests/stores/test_conformance.py, and `proxy` in test_fetch.
"""

from .._packages import require_package

require_package("jwt", "api_jws", lack="jwt_middleware needs PyJWT", install="PyJWT[crypto]")
