"""The stand-ins: for each page of `docs/issuers` its issuer's key document, and its tokens with
what must come of them. The claims are those that the issuers document, with made-up values."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jwt_middleware import Key
from jwt_middleware.testing import KeyServer
from tests.kit.tokens import sign

from .conftest import Network

Sign = Callable[..., str]
Refused = tuple[int, str]


class Case(NamedTuple):
    """A token and what must come of it."""

    token: str
    expected: str | Refused
    """The subject of the caller, or the status and the reason of the refusal."""
    path: str = "/api/x"
    app: str = "app"
    """The name of the app in the page."""


Cases = dict[str, Case]

PLACES: dict[str, Callable[[str], dict[str, str]]] = {
    "google-iap": lambda token: {"X-Goog-IAP-JWT-Assertion": token},
    "cloudflare-access": lambda token: {"Cf-Access-Jwt-Assertion": token},
}
"""The headers of a request with a token, where it is not `Authorization`."""


def bearer(token: str) -> dict[str, str]:
    """The header of most issuers."""
    return {"Authorization": f"Bearer {token}"}


_SECRET = Key("HS512", None, b"s" * 64, b"s" * 64)
_SECRET_256 = Key.from_secret("for this page only: 32 characters")


def _times(lifetime: int = 3600) -> dict[str, int]:
    now = int(time.time())
    return {"iat": now - 5, "exp": now - 5 + lifetime}


def _minted(
    server: KeyServer | None,
    usual: Mapping[str, Any],
    header: Mapping[str, Any],
    lifetime: int = 3600,
    *,
    absent: object = None,
) -> Sign:
    """What signs the usual claims with changes, by the server's key or the shared secret. The value
    `absent` takes a claim out."""

    def mint(changes: Mapping[str, Any] = {}, more_header: Mapping[str, Any] = {}) -> str:
        claims = {**_times(lifetime), **usual, **changes}
        present = {name: value for name, value in claims.items() if value != absent}
        whole = {**header, **more_header}
        return sign(whole, present, _SECRET_256) if server is None else server.sign(present, whole)

    return mint


def keycloak(network: Network) -> Cases:
    """Its names differ inside and outside; the document has an encryption key too."""
    issuer = "http://localhost:8080/realms/example"
    certs = "http://keycloak:8080/realms/example/protocol/openid-connect/certs"
    server = network.http("keycloak", issuer=issuer, jwks_uri=certs, algorithm="RS256")
    encryption = server.jwks["keys"][1] | {"kid": "enc", "use": "enc", "alg": "RSA-OAEP"}
    document = {"keys": [encryption, *server.jwks["keys"]]}
    server.documents["/realms/example/protocol/openid-connect/certs"] = document
    usual = {
        "iss": issuer,
        "jti": "onrtac:8e6d2d3e-6a1f-4a57-a0b6-6f3c5b7f1f2e",
        "aud": ["example-api", "account"],
        "sub": "f1b0c3a2-3f1d-4f0a-9a51-7c9e3c1d2b4a",
        "typ": "Bearer",
        "azp": "spa",
        "sid": "3c3b2c1d-6a7e-4f2b-8b1a-0d9e8f7a6b5c",
        "acr": "1",
        "allowed-origins": ["http://localhost:3000"],
        "realm_access": {"roles": ["offline_access", "staff"]},
        "resource_access": {"example-api": {"roles": ["viewer"]}},
        "scope": "openid email profile",
        "email_verified": True,
        "preferred_username": "ada",
    }
    mint = _minted(server, usual, {"typ": "JWT"}, 300)
    ada = str(usual["sub"])
    refresh = {"typ": "Refresh", "aud": issuer, "iss": issuer, **_times(1800)}
    return {
        "access": Case(mint(), ada),
        "realm role": Case(mint(), ada, "/api/staff/x"),
        "client role": Case(mint(), (403, "claim_missing"), "/api/orders/x"),
        "aud of every client": Case(mint({"aud": "account"}), (401, "audience")),
        "name of the container": Case(
            mint({"iss": "http://keycloak:8080/realms/example"}), (401, "issuer")
        ),
        "ID token": Case(mint({"typ": "ID", "aud": "example-api"}), (401, "type")),
        "ID token of the client": Case(mint({"typ": "ID", "aud": "spa"}), (401, "type")),
        "refresh token": Case(
            sign({"alg": "HS512", "typ": "JWT", "kid": "hmac"}, usual | refresh, _SECRET),
            (401, "key"),
        ),
        "offline token with the realm's key": Case(mint({"typ": "Offline"}), (401, "type")),
        "logout token": Case(mint({"typ": "Logout"}, {"typ": "logout+jwt"}), (401, "type")),
        "without the scope basic": Case(mint({"sub": None}), (401, "claims")),
        "bound by DPoP": Case(mint({"typ": "DPoP", "cnf": {"jkt": "x"}}), (401, "proof")),
    }


TENANT, OTHER = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490", "72f988bf-86f1-41af-91ab-2d7cd011db47"
API = "6e74172b-be56-4843-9ff4-e66a39bb12e3"
MACHINE = "0f5b6a3e-7c1d-4a55-9d4e-1b2c3d4e5f60"


def entra(network: Network) -> Cases:
    """One host for all tenants; keys without `alg` that name their issuer, in version 2 alone."""
    v2 = f"https://login.microsoftonline.com/{TENANT}/v2.0"
    other_v2 = v2.replace(TENANT, OTHER)
    v1 = f"https://sts.windows.net/{TENANT}/"
    keys = f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"
    server = network.https(
        "login.microsoftonline.com",
        issuer=v2,
        jwks_uri=keys,
        algorithm="RS256",
        key_members={"alg": None, "issuer": v2, "x5t": "abc", "cloud_instance_name": "x"},
    )
    others = [key | {"issuer": other_v2} for key in server.jwks["keys"]]
    first = [{n: v for n, v in key.items() if n != "issuer"} for key in server.jwks["keys"]]
    # One document may have keys of other issuers, such as that of personal accounts.
    personal = Key.generate("RS256", id="personal")
    consumers = v2.replace(TENANT, "9188040d-6c67-4c5b-b112-36a304b66dad")
    of_others = personal.to_jwk() | {"issuer": consumers}
    server.documents |= {
        f"/{TENANT}/discovery/v2.0/keys": {"keys": [of_others, *server.jwks["keys"]]},
        f"/{OTHER}/v2.0/.well-known/openid-configuration": {
            "issuer": other_v2,
            "jwks_uri": keys.replace(TENANT, OTHER),
        },
        f"/{OTHER}/discovery/v2.0/keys": {"keys": others},
        f"/{TENANT}/.well-known/openid-configuration": {
            "issuer": v1,
            "jwks_uri": "https://login.microsoftonline.com/common/discovery/keys",
        },
        "/common/discovery/keys": {"keys": first},
    }
    usual = {
        "aud": API,
        "iss": v2,
        "nbf": int(time.time()) - 5,
        "aio": "AXQAi/8IAAAA",
        "azp": "11111111-2222-3333-4444-555555555555",
        "azpacr": "0",
        "name": "Ada",
        "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
        "preferred_username": "ada@example.com",
        "rh": "0.AXoA",
        "scp": "access_as_user Orders.Read",
        "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
        "tid": TENANT,
        "uti": "fqiBqXLPj0eQa82S-IYFAA",
        "ver": "2.0",
    }
    machine = {"scp": None, "azp": MACHINE, "azpacr": "1", "roles": ["Jobs.Run"], "name": None}
    id_token = {"scp": None, "azp": None, "nonce": "n", "roles": ["Jobs.Run"]}
    version_1 = {"iss": v1, "ver": "1.0", "aud": "api://example", "azp": None, "appid": "x"}
    mint = _minted(server, usual, {"typ": "JWT"}, 4500)
    ada = str(usual["sub"])
    many, one = "customers_app", "version_1_app"
    theirs = {"iss": other_v2, "tid": OTHER}
    stranger = {name: value.replace(OTHER, "a" * 36) for name, value in theirs.items()}
    graph = {"aud": "00000003-0000-0000-c000-000000000000"}
    return {
        "person": Case(mint(), ada),
        "machine": Case(mint(machine), ada, "/api/jobs/x"),
        "machine without scp": Case(mint(machine), (403, "scope")),
        "person with the role of a machine": Case(
            mint({"roles": ["Jobs.Run"]}), (403, "claim_missing"), "/api/jobs/x"
        ),
        "ID token of the API itself": Case(mint(id_token), (403, "scope")),
        "ID token of the API itself, for jobs": Case(
            mint(id_token), (403, "claim_missing"), "/api/jobs/x"
        ),
        "ID token of the front end": Case(
            mint(id_token | {"aud": "11111111-2222-3333-4444-555555555555"}), (401, "audience")
        ),
        "for Graph": Case(mint(graph, {"nonce": "x"}), (401, "audience")),
        "by a key of another issuer": Case(
            sign({"alg": "RS256", "kid": "personal"}, {**_times(), **usual}, personal),
            (401, "key"),
        ),
        "version 1": Case(mint(version_1), (401, "issuer")),
        "version 1, its app": Case(mint(version_1), ada, "/api/x", one),
        "version 2, the app of version 1": Case(mint(), (401, "issuer"), "/api/x", one),
        "another tenant": Case(mint(theirs), (401, "issuer")),
        "tenants, one": Case(mint(), ada, "/api/x", many),
        "tenants, another": Case(mint(theirs), ada, "/api/x", many),
        "tenants, a stranger": Case(mint(stranger), (401, "issuer"), "/api/x", many),
        "tenants, two names": Case(mint({"tid": OTHER}), (401, "issuer"), "/api/x", many),
        "tenants, common": Case(
            mint({"iss": v2.replace(TENANT, "common"), "tid": "common"}),
            (401, "issuer"),
            "/api/x",
            many,
        ),
    }


def auth0(network: Network) -> Cases:
    """The issuer has a slash at its end; the keys come with certificates."""
    issuer = "https://example.eu.auth0.com/"
    server = network.https(
        "example.eu.auth0.com",
        issuer=issuer,
        jwks_uri=f"{issuer}.well-known/jwks.json",
        algorithm="RS256",
        key_members={"use": "sig", "x5t": "abc", "x5c": ["MIIC"]},
    )
    usual = {
        "iss": issuer,
        "sub": "auth0|123456",
        "aud": ["https://api.example.com", f"{issuer}userinfo"],
        "azp": "K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja",
        "scope": "openid profile read:orders",
        "permissions": ["read:orders"],
    }
    rfc9068 = {"azp": None, "client_id": usual["azp"], "jti": "73WakrfVbNJBaAmhQtEeDv"}
    machine = {
        "sub": "awZfdIir8YFdGZWkvCejDoUb7SjTDicx@clients",
        "aud": "https://api.example.com",
        "gty": "client-credentials",
        "scope": "delete:orders",
        "permissions": ["delete:orders"],
    }
    mint = _minted(server, usual, {"typ": "JWT"}, 86400)
    ada = "auth0|123456"
    return {
        "access": Case(mint(), ada),
        "RFC 9068": Case(mint(rfc9068, {"typ": "at+jwt"}), ada),
        "scope": Case(mint(), ada, "/api/orders/1"),
        "permission": Case(mint(), (403, "claim_missing"), "/api/admin/x"),
        "scope is no permission": Case(
            mint({"scope": "delete:orders"}), (403, "claim_missing"), "/api/admin/x"
        ),
        "machine": Case(mint(machine), str(machine["sub"]), "/api/admin/x"),
        "ID token": Case(
            mint({"aud": usual["azp"], "nonce": "n", "scope": None}), (401, "audience")
        ),
        "no audience asked for": Case("eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn", (401, "malformed")),
        "without the slash": Case(mint({"iss": issuer[:-1]}), (401, "issuer")),
        "HS256": Case(
            sign({"alg": "HS256", "typ": "JWT"}, {**_times(), **usual}, _SECRET_256),
            (401, "algorithm"),
        ),
    }


def okta(network: Network) -> Cases:
    """A custom authorization server: no `typ`, `scp` is a list."""
    issuer = "https://example.okta.com/oauth2/default"
    server = network.issuer(issuer, f"{issuer}/v1/keys")
    usual = {
        "ver": 1,
        "jti": "AT.MNAoEQ_jbKqoinrQo1D0XKjMX28U5d7ZszBceot7-Ts",
        "iss": issuer,
        "aud": "api://default",
        "cid": "0oabucvyc38HLL1ef0h7",
        "uid": "00ub9oCIY9xxNX0Gx0h7",
        "scp": ["openid", "orders:read"],
        "auth_time": int(time.time()) - 60,
        "sub": "ada@example.com",
        "groups": ["Everyone"],
    }
    org = "https://example.okta.com"
    internal = {"typ": "application/okta-internal-at+jwt"}
    machine = {"uid": None, "sub": usual["cid"], "auth_time": None, "groups": None}
    id_token = {"aud": usual["cid"], "jti": "ID.x", "cid": None, "at_hash": "x", "nonce": "n"}
    mint = _minted(server, usual, {})
    ada = str(usual["uid"])
    return {
        "access": Case(mint(), ada),
        "scope": Case(mint(), ada, "/api/orders/1"),
        "group": Case(mint(), (403, "claim_missing"), "/api/staff/x"),
        "staff": Case(mint({"groups": ["Everyone", "staff"]}), ada, "/api/staff/x"),
        "machine": Case(mint(machine), str(usual["cid"])),
        "ID token": Case(mint(id_token), (401, "audience")),
        "org server": Case(mint({"iss": org, "aud": org}, internal), (401, "issuer")),
        "the type of the org server": Case(mint({}, internal), (401, "type")),
        "refresh token": Case("rT0_abcdefghijklmnopqrstuvwxyz-0123456789ABCD", (401, "malformed")),
    }


def cognito(network: Network) -> Cases:
    """Access tokens without `aud`, ID tokens of the same pool and key."""
    issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example"
    server = network.issuer(issuer, f"{issuer}/.well-known/jwks.json")
    client = "57cbishk4j24pabc1234567890"
    usual = {
        "sub": "c27a05a2-4ce1-4173-be51-9bbc3fe65a0a",
        "cognito:groups": ["reader"],
        "iss": issuer,
        "version": 2,
        "client_id": client,
        "origin_jti": "0c0b5b1e-0f0e-4a0e-9c0a-2b1d0e0f0a0b",
        "event_id": "ce82b157-abd7-11e8-a0b2-f197cbb44c95",
        "token_use": "access",
        "scope": "aws.cognito.signin.user.admin",
        "auth_time": int(time.time()) - 60,
        "jti": "d49208e7-e619-40c7-a0b4-bb3c9607effa",
        "username": "ada",
    }
    id_token = {
        "aud": client,
        "token_use": "id",
        "client_id": None,
        "scope": None,
        "cognito:username": "ada",
        "username": None,
    }
    machine = {"sub": client, "username": None, "cognito:groups": None, "scope": "orders/read"}
    mint = _minted(server, usual, {})
    ada = str(usual["sub"])
    return {
        "access": Case(mint(), ada),
        "group": Case(mint(), (403, "claim_missing"), "/api/admin/x"),
        "admin": Case(mint({"cognito:groups": ["admin"]}), ada, "/api/admin/x"),
        "machine": Case(mint(machine), client),
        "another app client": Case(mint({"client_id": "another"}), (403, "claim_missing")),
        "ID token": Case(mint(id_token), (401, "type")),
        "ID token without its kind": Case(mint(id_token | {"token_use": None}), (401, "audience")),
        "for a resource": Case(mint({"aud": "https://api.example.com"}), (401, "audience")),
        "refresh token": Case("eyJjdHkiOiJKV1QifQ.a2V5.aXY.Y2lwaGVy.dGFn", (401, "malformed")),
    }


def google_iap(network: Network) -> Cases:
    """The assertion of the proxy."""
    url = "https://www.gstatic.com/iap/verify/public_key-jwk"
    server = network.https("www.gstatic.com", jwks_uri=url, key_members={"use": "sig"})
    usual = {
        "iss": "https://cloud.google.com/iap",
        "aud": "/projects/123456789/global/backendServices/987654321",
        "azp": "/projects/123456789/global/backendServices/987654321",
        "sub": "accounts.google.com:112233445566778899000",
        "email": "ada@example.com",
        "hd": "example.com",
        "google": {"access_levels": ["accessPolicies/1/accessLevels/trusted"]},
    }
    mint = _minted(server, usual, {"typ": "JWT"}, 600)
    long_lived = _minted(server, usual, {"typ": "JWT"}, 3600)
    google = {"iss": "https://accounts.google.com", "aud": "x.apps.googleusercontent.com"}
    return {
        "assertion": Case(mint(), str(usual["sub"])),
        "another service": Case(mint({"aud": "/projects/1/apps/other"}), (401, "audience")),
        "Google ID token": Case(mint(google), (401, "issuer")),
        "too long": Case(long_lived(), (401, "claims")),
    }


def firebase(network: Network) -> Cases:
    """ID tokens are all there is; metadata and keys are at two hosts."""
    issuer = "https://securetoken.google.com/example-project"
    account = "securetoken@system.gserviceaccount.com"
    server = network.issuer(issuer, f"https://www.googleapis.com/service_accounts/v1/jwk/{account}")
    network.also("www.googleapis.com", server)
    usual = {
        "name": "Ada",
        "iss": issuer,
        "aud": "example-project",
        "auth_time": int(time.time()) - 60,
        "user_id": "VOjMcwbYu1Z9mEkAQqEyTvE5yXr1",
        "sub": "VOjMcwbYu1Z9mEkAQqEyTvE5yXr1",
        "email": "ada@example.com",
        "email_verified": True,
        "firebase": {
            "identities": {"email": ["ada@example.com"]},
            "sign_in_provider": "password",
        },
    }
    nobody = {
        "email": None,
        "email_verified": None,
        "provider_id": "anonymous",
        "firebase": {"identities": {}, "sign_in_provider": "anonymous"},
    }
    custom = {
        "iss": "robot@example-project.iam.gserviceaccount.com",
        "aud": "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1",
    }
    cookie = {"iss": "https://session.firebase.google.com/example-project"}
    mint = _minted(server, usual, {"typ": "JWT"})
    ada = str(usual["sub"])
    unsigned = mint({}, {"alg": "none", "kid": None}).rpartition(".")[0] + "."
    return {
        "ID token": Case(mint(), ada),
        "signed up": Case(mint(), ada, "/api/orders/1"),
        "anonymous": Case(mint(nobody), ada),
        "anonymous, orders": Case(mint(nobody), (403, "claim_missing"), "/api/orders/1"),
        "another project": Case(
            mint({"aud": "other", "iss": issuer.replace("example-project", "other")}),
            (401, "issuer"),
        ),
        "session cookie": Case(mint(cookie), (401, "issuer")),
        "custom token": Case(mint(custom), (401, "issuer")),
        "emulator": Case(unsigned, (401, "algorithm")),
        "refresh token": Case("AMf-vBx" + "a" * 100, (401, "malformed")),
    }


def supabase(network: Network) -> Cases:
    """Signing keys in one app, the legacy secret in the other."""
    issuer = "https://abcdefghijklmnopqrst.supabase.co/auth/v1"
    server = network.https(
        "abcdefghijklmnopqrst.supabase.co",
        issuer=issuer,
        jwks_uri=f"{issuer}/.well-known/jwks.json",
        key_members={"key_ops": ["verify"], "ext": True},
    )
    usual = {
        "iss": issuer,
        "sub": "123e4567-e89b-12d3-a456-426614174000",
        "aud": "authenticated",
        "email": "ada@example.com",
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"], "role": "staff"},
        "user_metadata": {"role": "staff"},
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{"method": "password", "timestamp": int(time.time())}],
        "session_id": "1e1b1c1d-1f1a-4b1c-8d1e-1f1a1b1c1d1e",
        "is_anonymous": False,
    }
    mint = _minted(server, usual, {"typ": "JWT"})
    ada, old = str(usual["sub"]), "legacy_app"
    legacy = _minted(None, usual, {"alg": "HS256", "typ": "JWT"})
    anon = {"iss": "supabase", "ref": "abc", "role": "anon", "sub": None, "aud": None}
    service = {"iss": "supabase", "ref": "abc", "role": "service_role", "sub": None, "aud": None}
    return {
        "access": Case(mint(), ada),
        "anonymous": Case(mint({"is_anonymous": True}), (403, "claim_missing")),
        "one factor": Case(mint(), (403, "claim_missing"), "/api/staff/x"),
        "two factors": Case(mint({"aal": "aal2"}), ada, "/api/staff/x"),
        "what the user wrote": Case(
            mint({"aal": "aal2", "app_metadata": {}}), (403, "claim_missing"), "/api/staff/x"
        ),
        "anon key": Case(legacy(anon), (401, "issuer")),
        "a token of the secret": Case(legacy({}, {"kid": "old"}), (401, "key")),
        "legacy": Case(legacy(), ada, "/api/x", old),
        "legacy with a kid": Case(legacy({}, {"kid": "old"}), ada, "/api/x", old),
        "legacy, anon key": Case(legacy(anon), (401, "issuer"), "/api/x", old),
        "legacy, service_role key": Case(legacy(service), (401, "issuer"), "/api/x", old),
        "legacy, a token of a signing key": Case(mint(), (401, "algorithm"), "/api/x", old),
        "publishable key": Case("sb_publishable_abcdefghijklmnop", (401, "malformed")),
        "refresh token": Case("v1.abcdefghijkl", (401, "malformed")),
    }


def clerk(network: Network) -> Cases:
    """Session tokens: no `aud`, the origin in `azp`."""
    issuer = "https://clerk.example.com"
    server = network.issuer(issuer, f"{issuer}/.well-known/jwks.json")
    usual = {
        "azp": "https://example.com",
        "fva": [7, -1],
        "iss": issuer,
        "jti": "5f1c2d3e4b5a69788796",
        "nbf": int(time.time()) - 10,
        "o": {"id": "org_123", "slg": "org-slug", "rol": "member", "per": "read"},
        "pla": "u:free,o:pro",
        "fea": "o:dashboard",
        "sid": "sess_123",
        "sts": "active",
        "sub": "user_123",
        "v": 2,
    }
    mint = _minted(server, usual, {"typ": "JWT", "cat": "cl_B7d4PD111AAA"}, 60)
    template = {"sid": None, "azp": "https://example.com", "sts": None}
    oauth = {"client_id": "x", "scope": "email", "azp": None, "sid": None}
    return {
        "session": Case(mint(), "user_123"),
        "after a minute": Case(
            mint({"iat": int(time.time()) - 120, "exp": int(time.time()) - 60}), (401, "expired")
        ),
        "version 1": Case(mint({"v": None, "sts": None, "o": None}), "user_123"),
        "member": Case(mint(), (403, "claim_missing"), "/api/admin/x"),
        "admin": Case(mint({"o": {"rol": "admin"}}), "user_123", "/api/admin/x"),
        "another origin": Case(mint({"azp": "https://evil.example.com"}), (403, "claim_missing")),
        "no origin": Case(mint({"azp": None}), (403, "claim_missing")),
        "pending session": Case(mint({"sts": "pending"}), (403, "forbidden")),
        "template": Case(mint(template), (403, "forbidden")),
        "template with an audience": Case(mint(template | {"aud": "hasura"}), (401, "audience")),
        "OAuth access token": Case(mint(oauth, {"typ": "at+jwt"}), (401, "type")),
        "ID token": Case(mint({"aud": "client", "nonce": "n", "sid": None}), (401, "audience")),
    }


def cloudflare_access(network: Network) -> Cases:
    """People and service tokens of one application; certificates beside the keys."""
    team = "https://example.cloudflareaccess.com"
    certs = "/cdn-cgi/access/certs"
    server = network.issuer(team, f"{team}{certs}")
    pem = {"kid": "x", "cert": "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n"}
    server.documents[certs] = server.jwks | {"public_cert": pem, "public_certs": [pem, pem]}
    usual = {
        "aud": ["32eafc7626e974616deaf0dc"],
        "email": "ada@example.com",
        "nbf": int(time.time()) - 10,
        "iss": team,
        "type": "app",
        "identity_nonce": "6ei69kawdKzMIAPF",
        "sub": "7335d417-61da-459d-899c-0a01c76a2f94",
        "country": "US",
    }
    service = {
        "email": None,
        "identity_nonce": None,
        "country": None,
        "nbf": None,
        "common_name": "e367826f93b8d71185e03fe518aff3b4.access",
        "sub": "",
    }
    mint = _minted(server, usual, {"typ": "JWT"})
    ada = str(usual["sub"])
    return {
        "person": Case(mint(), ada),
        "service token": Case(mint(service), str(service["common_name"])),
        "nobody": Case(mint(service | {"common_name": None}), (401, "claims")),
        "empty name": Case(mint(service | {"common_name": ""}), (401, "claims")),
        "another application": Case(mint({"aud": ["f" * 24]}), (401, "audience")),
        "global session": Case(mint({"type": "org", "aud": ["a" * 24]}), (401, "audience")),
        "global session, our tag": Case(mint({"type": "org"}), (403, "claim_missing")),
        "another team": Case(mint({"iss": "https://other.cloudflareaccess.com"}), (401, "issuer")),
    }


def kubernetes(network: Network) -> Cases:
    """Keys at the API server, with its certificate and the token of the pod."""
    mount = network.folder / "serviceaccount"
    mount.mkdir()
    (mount / "ca.crt").write_bytes(network.ca_file.read_bytes())
    (mount / "token").write_text("the-token-of-the-pod\n")
    network.monkeypatch.setenv("SERVICE_ACCOUNT", str(mount))
    network.monkeypatch.delenv("SSL_CERT_FILE")  # the cluster's authority is in the mount alone
    issuer = "https://kubernetes.default.svc.cluster.local"
    server = network.https(
        "kubernetes.default.svc",
        issuer=issuer,
        jwks_uri="https://kubernetes.default.svc/openid/v1/jwks",
        algorithm="RS256",
        key_members={"use": "sig"},
        authorization="Bearer the-token-of-the-pod",
    )
    usual = {
        "aud": ["example-api"],
        "iss": issuer,
        "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
        "kubernetes.io": {
            "namespace": "shop",
            "node": {"name": "my-node", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
            "pod": {"name": "my-pod", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
            "serviceaccount": {"name": "cart", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
        },
        "nbf": int(time.time()) - 10,
        "sub": "system:serviceaccount:shop:cart",
    }
    elsewhere = {"kubernetes.io": {"namespace": "other"}, "sub": "system:serviceaccount:other:cart"}
    reporter = {"sub": "system:serviceaccount:shop:reporter"}
    old = {"iss": "kubernetes/serviceaccount", "aud": None, "exp": None}
    mint = _minted(server, usual, {})
    return {
        "pod": Case(mint(), str(usual["sub"])),
        "another account": Case(mint(), (403, "claim_missing"), "/api/reports/x"),
        "account": Case(mint(reporter), reporter["sub"], "/api/reports/x"),
        "another namespace": Case(mint(elsewhere), (403, "claim_missing")),
        "the default token": Case(mint({"aud": [issuer]}), (401, "audience")),
        "a Secret of the old kind": Case(mint(old), (401, "issuer")),
    }


def simplejwt(network: Network) -> Cases:
    """Access and refresh tokens differ by one claim."""
    usual = {"token_type": "access", "jti": "a3f1b0c2d4e5f60718293a4b5c6d7e8f", "user_id": 7}
    mint = _minted(None, usual, {"alg": "HS256", "typ": "JWT"}, 300, absent="absent")
    sliding = {"token_type": "sliding", "refresh_exp": int(time.time()) + 86400}
    return {
        "access": Case(mint(), "7"),
        "access of newer versions": Case(mint({"user_id": "7"}), "7"),
        "refresh token": Case(mint({"token_type": "refresh"}), (401, "type")),
        "sliding token": Case(mint(sliding), (403, "claim_missing")),
        "kind by another name": Case(
            mint({"token_type": "absent", "kind": "refresh"}), (403, "claim_missing")
        ),
        "no user": Case(mint({"user_id": "absent"}), (401, "claims")),
        "a true user": Case(mint({"user_id": True}), (401, "claims")),
        "with an issuer": Case(mint({"iss": "https://django.example"}), (401, "issuer")),
        "with an audience": Case(mint({"aud": "example-api"}), (401, "audience")),
    }


def devise_jwt(network: Network) -> Cases:
    """`aud` is null, and `scp` names the Devise scope."""
    usual = {"sub": "1", "scp": "user", "aud": None, "jti": "2f1d6b3a-0d2f-4f1e-9b0a-1c2d3e4f5a6b"}
    mint = _minted(None, usual, {"alg": "HS256"}, absent="absent")
    return {
        "user": Case(mint(), "1"),
        "user at the admins": Case(mint(), (403, "claim_missing"), "/api/admin/x"),
        "admin": Case(mint({"scp": "admin"}), "1", "/api/admin/x"),
        "admin with the id of a user": Case(mint({"scp": "admin"}), (403, "claim_missing")),
        "without a scope": Case(mint({"scp": "absent"}), (403, "claim_missing")),
        "null scope": Case(mint({"scp": None}), (403, "claim_missing")),
        "with JWT_AUD": Case(mint({"aud": "phone"}), (401, "audience")),
        "with an issuer": Case(mint({"iss": "https://rails.example"}), (401, "issuer")),
        "a number": Case(mint({"sub": 1}), (401, "claims")),
    }


STAND_INS: dict[str, Callable[[Network], Cases]] = {
    "keycloak": keycloak,
    "entra": entra,
    "auth0": auth0,
    "okta": okta,
    "cognito": cognito,
    "google-iap": google_iap,
    "firebase": firebase,
    "supabase": supabase,
    "clerk": clerk,
    "cloudflare-access": cloudflare_access,
    "kubernetes": kubernetes,
    "simplejwt": simplejwt,
    "devise-jwt": devise_jwt,
}
"""By the page's name."""
