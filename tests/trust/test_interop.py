"""Tokens and key sets of other libraries and of identity providers are accepted here, and ours
there."""

import json
import time
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jwt
import pytest
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt

from jwt_middleware import (
    Identity,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    Requirement,
    Rule,
    claim,
    scope,
)
from jwt_middleware.login import TokenMinter
from tests.kit.tokens import issued

with warnings.catch_warnings():
    import authlib.deprecate  # noqa: F401 (it asks for its warnings to be shown)

    warnings.simplefilter("ignore")  # it sends its users to joserfc; many are still there
    from authlib import jose as authlib_jose

# joserfc has learnt RFC 9864, which calls EdDSA by the name of the curve; tokens keep coming under
# the old name.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

ISSUER, AUDIENCE = "https://idp.example/", "api"
KINDS = {
    "RS256": ("RSA", 2048),
    "PS384": ("RSA", 2048),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "HS256": ("oct", 256),
}
Signed = tuple[str, str]
"""A JWKS document and a token that one of its keys has signed."""


def claims(**more: Any) -> dict[str, Any]:
    """The claims of a good token."""
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "ada",
        "iat": now,
        "exp": now + 60,
        "scope": "read write",
    } | more


def whole_key(algorithm: str, generate: Callable[[], Any]) -> Any:
    """Authlib, and joserfc up to 1.6, leave out leading zeros of a coordinate, which RFC 7518
    section 6.2.1.2 wants: generate until a key has none."""
    whole = {"ES256": 43, "ES384": 64, "ES512": 88}.get(algorithm)
    while True:
        key = generate()
        jwk = key.as_dict()
        if not whole or {len(jwk["x"]), len(jwk["y"])} == {whole}:
            return key


class Joserfc:
    """joserfc."""

    @staticmethod
    def sign(algorithm: str) -> Signed:
        names = {"kid": "theirs", "alg": algorithm, "use": "sig"}
        key = whole_key(algorithm, lambda: joserfc_jwk.generate_key(*KINDS[algorithm], names))
        header = {"alg": algorithm, "kid": "theirs"}
        document = joserfc_jwk.KeySet([key]).as_dict(private=algorithm == "HS256")
        return json.dumps(document), joserfc_jwt.encode(
            header, claims(), key, algorithms=[algorithm]
        )

    @staticmethod
    def read(jwks: dict[str, Any], token: str, algorithm: str) -> dict[str, Any]:
        return joserfc_jwt.decode(
            token, joserfc_jwk.KeySet.import_key_set(jwks), algorithms=[algorithm]
        ).claims

    @staticmethod
    def thumbprint(jwk: dict[str, Any]) -> str:
        return joserfc_jwk.import_key(jwk).thumbprint()


class Authlib:
    """Authlib."""

    @staticmethod
    def sign(algorithm: str) -> Signed:
        def generate() -> Any:
            return authlib_jose.JsonWebKey.generate_key(
                *KINDS[algorithm], {"kid": "theirs"}, is_private=True
            )

        key = whole_key(algorithm, generate)
        jwk = key.as_dict(
            is_private=algorithm == "HS256", alg=algorithm, use="sig"
        )  # it drops an `alg` given above
        token = authlib_jose.JsonWebToken([algorithm]).encode(
            {"alg": algorithm, "kid": "theirs"}, claims(), key
        )
        return json.dumps({"keys": [jwk]}), token.decode()

    @staticmethod
    def read(jwks: dict[str, Any], token: str, algorithm: str) -> dict[str, Any]:
        keys = authlib_jose.JsonWebKey.import_key_set(jwks)
        return dict(authlib_jose.JsonWebToken([algorithm]).decode(token, keys))

    @staticmethod
    def thumbprint(jwk: dict[str, Any]) -> str:
        return authlib_jose.JsonWebKey.import_key(jwk).thumbprint()


class Jwcrypto:
    """jwcrypto."""

    @staticmethod
    def sign(algorithm: str) -> Signed:
        kind, size = KINDS[algorithm]
        shape = {"crv": size} if isinstance(size, str) else {"size": size}
        key = jwcrypto_jwk.JWK.generate(kty=kind, kid="theirs", alg=algorithm, use="sig", **shape)
        keys = jwcrypto_jwk.JWKSet()
        keys.add(key)
        token = jwcrypto_jwt.JWT(header={"alg": algorithm, "kid": "theirs"}, claims=claims())
        token.make_signed_token(key)
        return keys.export(private_keys=algorithm == "HS256"), token.serialize()

    @staticmethod
    def read(jwks: dict[str, Any], token: str, algorithm: str) -> dict[str, Any]:
        keys = jwcrypto_jwk.JWKSet.from_json(json.dumps(jwks))
        return json.loads(jwcrypto_jwt.JWT(jwt=token, key=keys, algs=[algorithm]).claims)

    @staticmethod
    def thumbprint(jwk: dict[str, Any]) -> str:
        return jwcrypto_jwk.JWK(**jwk).thumbprint()


libraries = pytest.mark.parametrize(
    "library", [Joserfc, Authlib, Jwcrypto], ids=lambda library: library.__name__
)
algorithms = pytest.mark.parametrize("algorithm", KINDS)
our_key = cache(Key.generate)


def ask(provider: Provider, token: str, *requirements: Requirement) -> tuple[int, Identity | None]:
    """The status and the identity that a token gets under a rule with these requirements."""
    app = JWTMiddleware(
        lambda environ, start_response: [], providers=[provider], rules=[Rule("/", *requirements)]
    )
    environ = {"PATH_INFO": "/", "REQUEST_METHOD": "GET", "HTTP_AUTHORIZATION": f"Bearer {token}"}
    decision = app.decide(environ)
    return getattr(decision.answer, "status", 200), decision.identity


@libraries
@algorithms
def test_their_tokens_and_key_sets_are_accepted(library: Any, algorithm: str) -> None:
    """A document that another library wrote verifies a token that it signed, and not the next
    library's."""
    document, token = library.sign(algorithm)
    provider = Provider(issuer=ISSUER, audience=AUDIENCE, keys=KeySet.from_jwks(document))
    status, identity = ask(provider, token, scope("write"))
    assert (status, identity and identity.subject) == (200, "ada")
    assert ask(provider, library.sign(algorithm)[1])[0] == 401


@libraries
@algorithms
def test_our_tokens_and_key_sets_are_accepted(library: Any, algorithm: str) -> None:
    """A document of ours lets another library verify a token of our minter."""
    key = our_key(algorithm)
    minter = TokenMinter(key, issuer=ISSUER, audience=AUDIENCE)
    secret = jwt.utils.base64url_encode(key.verifying_key).decode() if algorithm == "HS256" else ""
    jwk = {"kty": "oct", "k": secret, "kid": key.id} if secret else key.to_jwk()
    read = library.read({"keys": [jwk]}, minter.mint("ada", scopes=("read",)), algorithm)
    assert (read["sub"], read["scope"], read["iss"]) == ("ada", "read", ISSUER)


@libraries
@pytest.mark.parametrize("algorithm", [name for name in KINDS if name != "HS256"])
def test_thumbprints_agree(library: Any, algorithm: str) -> None:
    """RFC 7638 makes everybody call a key the same."""
    key = our_key(algorithm)
    assert library.thumbprint(key.to_jwk()) == key.thumbprint() == key.id


# --- identity providers, as their documentation shows them, with keys of our own


class Shape(NamedTuple):
    """What an identity provider's access token and JWKS look like, and what it grants."""

    issuer: str
    audience: str | None
    claims: dict[str, Any]
    requirements: tuple[Requirement, ...]
    lacking: Requirement
    scopes: tuple[str, ...]
    header: dict[str, Any] = {"typ": "JWT"}  # noqa: RUF012
    scope_claims: tuple[str, ...] = ("scope", "scp")
    jwk: Callable[[dict[str, Any]], dict[str, Any]] = dict


def _as_entra(jwk: dict[str, Any]) -> dict[str, Any]:
    """Entra publishes certificates beside the key, and no `alg`."""
    return {name: value for name, value in jwk.items() if name != "alg"} | {
        "x5t": jwk["kid"],
        "x5c": ["MIIC..."],
    }


SHAPES = {
    "Auth0": Shape(
        issuer="https://example.eu.auth0.com/",
        audience="https://api.example.com",
        claims={
            "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
            "aud": ["https://api.example.com", "https://example.eu.auth0.com/userinfo"],
            "azp": "my_client_id",
            "scope": "openid profile email",
            "permissions": ["read:orders", "write:orders"],
            "gty": "password",
        },
        scope_claims=("scope", "permissions"),
        scopes=("openid", "profile", "email", "read:orders", "write:orders"),
        requirements=(scope("email"), scope("read:orders"), claim("permissions", "write:orders")),
        lacking=scope("delete:orders"),
    ),
    "Auth0, RFC 9068 profile": Shape(
        issuer="https://example.eu.auth0.com/",
        audience="https://api.example.com",
        claims={
            "sub": "client@clients",
            "aud": "https://api.example.com",
            "client_id": "client",
            "scope": "read:orders",
        },
        header={"typ": "at+jwt"},
        scopes=("read:orders",),
        requirements=(scope("read:orders"),),
        lacking=scope("write:orders"),
    ),
    "Entra v2.0": Shape(
        issuer="https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0",
        audience="00001111-aaaa-2222-bbbb-3333cccc4444",
        claims={
            "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
            "aud": "00001111-aaaa-2222-bbbb-3333cccc4444",
            "oid": "00000000-0000-0000-66f3-3332eca7ea81",
            "tid": "aaaabbbb-0000-cccc-1111-dddd2222eeee",
            "ver": "2.0",
            "azpacr": "0",
            "scp": "access_as_user Files.Read",
            "roles": ["Task.Read"],
        },
        scopes=("access_as_user", "Files.Read"),
        requirements=(scope("access_as_user"), claim("roles", "Task.Read")),
        lacking=claim("roles", "Task.Write"),
        jwk=_as_entra,
    ),
    "Keycloak": Shape(
        issuer="https://sso.example.com/realms/main",
        audience="orders",
        claims={
            "sub": "f:6b4b3a2e:ada",
            "aud": ["orders", "account"],
            "typ": "Bearer",
            "azp": "frontend",
            "sid": "9d5c8a0e-1f61-4e0a-9a53-1d7c6b1f0a11",
            "acr": "1",
            "allowed-origins": ["https://app.example.com"],
            "realm_access": {"roles": ["offline_access", "staff"]},
            "resource_access": {
                "orders": {"roles": ["manager"]},
                "account": {"roles": ["view-profile"]},
            },
            "scope": "email profile",
            "email_verified": True,
        },
        scopes=("email", "profile"),
        requirements=(
            claim(("realm_access", "roles"), "staff"),
            claim(("resource_access", "orders", "roles"), "manager"),
            claim("email_verified", True),
        ),
        lacking=claim(("realm_access", "roles"), "admin"),
    ),
    "Cognito": Shape(
        issuer="https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example",
        audience=None,
        claims={
            "sub": "aaaaaaaa-bbbb-cccc-dddd-example",
            "device_key": "aaaaaaaa-bbbb-cccc-dddd-example",
            "cognito:groups": ["admin"],
            "token_use": "access",
            "scope": "aws.cognito.signin.user.admin",
            "version": 2,
            "client_id": "57cbishk4j24pabc1234567890",
            "username": "ada@example.com",
        },
        header={},
        scopes=("aws.cognito.signin.user.admin",),
        requirements=(
            claim("token_use", "access"),
            claim("client_id", "57cbishk4j24pabc1234567890"),
            claim("cognito:groups", "admin"),
        ),
        lacking=claim("client_id", "another"),
    ),
    "Okta": Shape(
        issuer="https://example.okta.com/oauth2/default",
        audience="api://default",
        claims={
            "sub": "ada@example.com",
            "aud": "api://default",
            "ver": 1,
            "cid": "0oabucvyc38HLL1ef0h7",
            "uid": "00ub9oCIY9xxNX0Gx0h7",
            "scp": ["openid", "orders:read"],
            "auth_time": 1_700_000_000,
        },
        header={},
        scopes=("openid", "orders:read"),
        requirements=(scope("openid", "orders:read"), claim("cid", "0oabucvyc38HLL1ef0h7")),
        lacking=scope("orders:write"),
    ),
}
shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def provider_of(shape: Shape) -> Provider:
    """A provider with our key as the identity provider would publish it, beside one for
    encryption."""
    jwk = shape.jwk(our_key("RS256").to_jwk())
    keys = KeySet.from_jwks({"keys": [jwk, jwk | {"kid": "enc", "use": "enc", "alg": "RSA-OAEP"}]})
    return Provider(
        issuer=shape.issuer, audience=shape.audience, keys=keys, scope_claims=shape.scope_claims
    )


def sign(shape: Shape, **more: Any) -> str:
    """A token of this shape, signed by our key."""
    key, now = our_key("RS256"), int(time.time())
    claims = {"iss": shape.issuer, "sub": None, "nbf": now} | shape.claims | more
    return issued(key, headers={"typ": None} | shape.header, **claims)


@shapes
def test_tokens_of_identity_providers_are_accepted(shape: Shape) -> None:
    """With issuer and audience as documented, the token names its caller and grants what its claims
    say."""
    status, identity = ask(provider_of(shape), sign(shape), *shape.requirements)
    assert status == 200
    assert identity is not None
    assert (identity.subject, identity.scopes, identity.issuer) == (
        shape.claims["sub"],
        shape.scopes,
        shape.issuer,
    )
    assert shape.claims.items() <= identity.claims.items()


@shapes
def test_what_such_a_token_lacks_is_403(shape: Shape) -> None:
    """Nothing is granted that no claim says."""
    assert ask(provider_of(shape), sign(shape), shape.lacking)[0] == 403


@shapes
def test_another_audience_is_refused(shape: Shape) -> None:
    """A token for another API is refused, and with `audience=None` every one that names an API, as
    ID tokens do."""
    assert ask(provider_of(shape), sign(shape, aud="another"))[0] == 401
    assert ask(provider_of(shape), sign(shape, aud=["another"]))[0] == 401
