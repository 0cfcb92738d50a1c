"""What the pages of issuers say in Python, variables say too: the same tokens of each stand-in have
the same outcomes."""

import os
from typing import Any

import pytest
import yaml
from flask import Flask

from jwt_middleware.settings import from_env
from tests.acceptance.conftest import Client
from tests.kit.cases import case
from tests.kit.pages import DOCS, blocks

from .conftest import Network
from .stand_ins import STAND_INS
from .test_recipes import Visit, outcome, whoami

ENTRA = {"audience": "6e74172b-be56-4843-9ff4-e66a39bb12e3"}
TENANT = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
SUPABASE = {
    "issuer": "https://abcdefghijklmnopqrst.supabase.co/auth/v1",
    "audience": "authenticated",
    "rules": (
        "/api claim=is_anonymous=false, /api/staff claim=app_metadata.role=staff claim=aal=aal2"
    ),
}
SECRET = "for this page only: 32 characters"


def text_of(page: str) -> dict[str, str]:
    """The options in the YAML of a page."""
    (block,) = blocks(DOCS / f"issuers/{page}.md", "yaml")
    variables = yaml.safe_load(block)
    return {name.removeprefix("JWT_MIDDLEWARE_").lower(): variables[name] for name in variables}


TEXTS: dict[tuple[str, str], dict[str, str]] = {
    ("auth0", "app"): {
        "issuer": "https://example.eu.auth0.com/",
        "audience": "https://api.example.com",
        "rules": (
            '/api, /api/orders scope=read:orders, /api/admin claim=permissions="delete:orders"'
        ),
    },
    ("cloudflare-access", "app"): {
        "issuer": "https://example.cloudflareaccess.com",
        "audience": "32eafc7626e974616deaf0dc",
        "jwks_url": "https://example.cloudflareaccess.com/cdn-cgi/access/certs",
        "subject_claim": "common_name sub",
        "remote_user_claim": "email",
        "credentials": "in_header=Cf-Access-Jwt-Assertion",
        "rules": "/ claim=type=app",
    },
    ("cognito", "app"): {
        "issuer": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example",
        "audience": "none",
        "rules": (
            "/api claim=client_id=57cbishk4j24pabc1234567890, "
            "/api/admin claim=client_id=57cbishk4j24pabc1234567890 claim=cognito:groups=admin"
        ),
    },
    ("devise-jwt", "app"): {
        "issuer": "none",
        "audience": "none",
        "secret": SECRET,
        "allow_null": "true",
        "scope_claims": "",
        "rules": "/api claim=scp=user, /api/admin claim=scp=admin",
    },
    ("entra", "app"): {
        **ENTRA,
        "issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
        "rules": (
            "/api scope=access_as_user, /api/jobs claim=roles=Jobs.Run "
            "claim=azp=0f5b6a3e-7c1d-4a55-9d4e-1b2c3d4e5f60"
        ),
    },
    ("entra", "customers_app"): {
        **ENTRA,
        "issuer": "https://login.microsoftonline.com/{tid}/v2.0",
        "tenants": f"{TENANT} 72f988bf-86f1-41af-91ab-2d7cd011db47",
        "rules": "/api scope=access_as_user",
    },
    ("entra", "version_1_app"): {
        "issuer": f"https://sts.windows.net/{TENANT}/",
        "audience": "api://example",
        "metadata_url": (
            f"https://login.microsoftonline.com/{TENANT}/.well-known/openid-configuration"
        ),
        "rules": "/api scope=access_as_user",
    },
    ("firebase", "app"): {
        "issuer": "https://securetoken.google.com/example-project",
        "audience": "example-project",
        "rules": (
            "/api, /api/orders claim=email_verified=true any_of("
            "claim=firebase.sign_in_provider=password, claim=firebase.sign_in_provider=google.com)"
        ),
    },
    ("google-iap", "app"): {
        "issuer": "https://cloud.google.com/iap",
        "audience": "/projects/123456789/global/backendServices/987654321",
        "jwks_url": "https://www.gstatic.com/iap/verify/public_key-jwk",
        "leeway": "30",
        "max_lifetime": "660",
        "remote_user_claim": "email",
        "credentials": "in_header=X-Goog-IAP-JWT-Assertion",
        "rules": "/, /healthz public",
    },
    ("keycloak", "app"): text_of("keycloak"),
    ("kubernetes", "app"): {
        "issuer": "https://kubernetes.default.svc.cluster.local",
        "audience": "example-api",
        "jwks_url": "https://kubernetes.default.svc/openid/v1/jwks",
        "ca_file": "{mount}/ca.crt",
        "bearer_token_file": "{mount}/token",
        "rules": (
            '/api claim="kubernetes.io".namespace=shop, '
            "/api/reports claim=sub=system:serviceaccount:shop:reporter"
        ),
    },
    ("okta", "app"): {
        "issuer": "https://example.okta.com/oauth2/default",
        "audience": "api://default",
        "subject_claim": "uid cid",
        "remote_user_claim": "sub",
        "rules": "/api, /api/orders scope=orders:read, /api/staff claim=groups=staff",
    },
    ("simplejwt", "app"): {
        "issuer": "none",
        "audience": "none",
        "secret": SECRET,
        "subject_claim": "user_id",
        "numeric_subject": "true",
        "rules": "/api claim=token_type=access",
    },
    ("supabase", "app"): {
        **SUPABASE,
        "jwks_url": "https://abcdefghijklmnopqrst.supabase.co/auth/v1/.well-known/jwks.json",
    },
    ("supabase", "legacy_app"): {**SUPABASE, "secret": SECRET},
}
NEEDS_PYTHON = {"clerk": "a requirement of its own: a token of a session that is not pending"}


def guarded(options: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """An app with the page's view, guarded by variables alone."""
    for name in [name for name in os.environ if name.startswith("JWT_MIDDLEWARE_")]:
        monkeypatch.delenv(name)
    for name, text in options.items():
        mount = os.environ.get("SERVICE_ACCOUNT", "")
        text = text.replace("{mount}", mount)
        monkeypatch.setenv(f"JWT_MIDDLEWARE_{name.upper()}", text)
    app = Flask("app")
    app.add_url_rule("/<path:rest>", "whoami", whoami, methods=["GET", "POST"])
    app.wsgi_app = from_env(app.wsgi_app)  # type: ignore[method-assign]
    return app


@pytest.mark.parametrize("page", [page for page in STAND_INS if page not in NEEDS_PYTHON])
def test_the_tokens_of_an_issuer(
    page: str, network: Network, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every token of the table has the outcome that it has under the page's Python."""
    cases = STAND_INS[page](network)
    clients: dict[str, Client] = {}
    for name, found in cases.items():
        if found.app not in clients:
            clients[found.app] = visit(guarded(TEXTS[page, found.app], monkeypatch))
        with case(page, name):
            assert outcome(clients[found.app], page, found) == found.expected


def test_every_issuer_is_here() -> None:
    """A new page of an issuer is said in text too, or its reason is named."""
    assert {page for page, _ in TEXTS} | set(NEEDS_PYTHON) == set(STAND_INS)
