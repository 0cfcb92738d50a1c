"""A token becomes a verified caller. Knows no request: nothing here takes an environ."""

from .._packages import require_package

require_package("jwt", "api_jws", lack="jwt_middleware needs PyJWT", install="PyJWT[crypto]")
