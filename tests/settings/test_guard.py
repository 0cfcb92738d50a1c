"""Text options, from the environment and from ini files."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from webtest import TestApp

from jwt_middleware import ConfigurationError, Decision, Fetch, Key, RemoteKeySet
from jwt_middleware.login import KeyFolder
from jwt_middleware.settings import filter_app_factory, from_env
from jwt_middleware.settings.options import OPTIONS
from jwt_middleware.settings.reading import read_options
from jwt_middleware.stores import RedisLog, SQLStore
from jwt_middleware.testing import basic_headers
from jwt_middleware.trust.discovery import DiscoveredKeySet, TenantKeySets
from jwt_middleware.trust.key_folder import publish
from tests.kit import ROOT
from tests.kit.certificates import authority
from tests.kit.clock import AheadClock
from tests.kit.passwords import CHEAP
from tests.kit.tokens import RSA
from tests.settings.built import BASIC, SECRET, TERMS, app, by_filter, status, token

PRIVATE = Key.generate(id="private")


def test_four_options_guard_an_app(build: Callable[..., Any]) -> None:
    """Issuer, audience, secret and rules are enough: 401 without a token, 200 with one, other paths
    open."""
    guarded = build(**BASIC)
    assert [status(guarded, "/api"), status(guarded, "/api", token()), status(guarded, "/")] == [
        401,
        200,
        200,
    ]


RULES = """
    /api, /api/health public
    /news optional
    /docs scope=Docs:write scope=read
    /docs GET HEAD OPTIONS authenticated
"""


@pytest.mark.parametrize(
    ("path", "method", "scopes", "expected"),
    [
        ("/api", "GET", None, 401),
        ("/api/health", "GET", None, 200),
        ("/news", "GET", None, 200),
        ("/docs", "GET", None, 401),
        ("/docs", "GET", (), 200),
        ("/docs", "POST", ("read",), 403),
        ("/docs", "PUT", ("Docs:write",), 403),
        ("/docs", "POST", ("read", "Docs:write"), 200),
        ("/docs", "DELETE", (), 403),
        ("/docs", "PATCH", ("read",), 403),
        ("/docs", "PATCH", ("read", "Docs:write"), 200),
    ],
)
def test_rules(path: str, method: str, scopes: tuple[str, ...] | None, expected: int) -> None:
    """A rule is a prefix, then methods in capitals and requirements, all of which must hold."""
    guarded = by_filter(**BASIC | {"rules": RULES})
    assert (
        status(guarded, path, None if scopes is None else token(scopes=scopes), method) == expected
    )


def test_every_option(tmp_path: Path) -> None:
    """Each parameter of a provider and of the middleware that is text, a number or a list of names
    can be set."""
    (tmp_path / "secret").write_text(SECRET + "\n")
    options = {
        "audience": "example-api another",
        "secret_file": str(tmp_path / "secret"),
        "leeway": "0.5",
        "typ": "at+jwt",
        "max_lifetime": "3600",
        "subject_claim": "client_id",
        "remote_user_claim": "preferred_username",
        "scope_claims": "scp scope",
        "realm": "the app",
        "allowed_origins": "https://a.example https://b.example",
        "max_token_bytes": "4096",
        "cache_size": "0",
        "database_url": f"sqlite:///{tmp_path}/auth.db",
    }
    guarded = by_filter(issuer=BASIC["issuer"], rules="/", **options)
    (provider,) = guarded.verifier.providers
    assert (provider.audience, provider.leeway, provider.typ) == (
        ("example-api", "another"),
        0.5,
        "at+jwt",
    )
    assert provider.remote_user_claim == "preferred_username"
    assert (provider.max_lifetime, provider.subject_claim, provider.scope_claims) == (
        3600,
        "client_id",
        ("scp", "scope"),
    )
    answer = TestApp(guarded).get("/", headers={"Origin": "https://b.example"}, status=401)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="the app"'
    assert answer.headers["Access-Control-Allow-Origin"] == "https://b.example"
    assert status(guarded, "/", "x" * 4097) == 401
    assert status(guarded, "/", token(claims={"client_id": "ada"})) == 200


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, DiscoveredKeySet),
        ({"jwks_url": "https://login.example/jwks.json"}, RemoteKeySet),
        ({"key_folder": "keys"}, KeyFolder),
    ],
    ids=["none: the issuer is asked", "jwks_url", "key_folder"],
)
def test_where_keys_are(
    options: dict[str, str], kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are at a URL, in a folder, or where the issuer says."""
    monkeypatch.chdir(tmp_path)
    publish(Path("keys"), Key.generate())
    terms = {name: BASIC[name] for name in ("issuer", "audience", "rules")}
    (provider,) = by_filter(**terms, **options).verifier.providers
    assert type(provider.keys) is kind


def test_a_public_key_and_no_audience() -> None:
    """A key may be a PEM, and an audience may be none."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = PRIVATE.verifying_key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()
    terms = {name: BASIC[name] for name in ("issuer", "rules")}
    assert (
        status(by_filter(**terms, audience="example-api", public_key=pem), "/api", token(PRIVATE))
        == 200
    )
    assert (
        by_filter(**terms, audience="none", public_key=pem).verifier.providers[0].audience is None
    )


def test_revocations_are_read_from_the_database(tmp_path: Path, ahead: AheadClock) -> None:
    """What the login app has revoked is refused."""
    url = f"sqlite:///{tmp_path}/auth.db"
    store, bearer = SQLStore(url), token(session="a session")
    store.ping()
    guarded = by_filter(**BASIC, database_url=url)
    assert status(guarded, "/api", bearer) == 200
    claims = jwt.decode(bearer, options={"verify_signature": False})
    store.revoke(token_id=claims["jti"], expires_at=claims["exp"], issuer=claims["iss"])
    ahead.move(1.1)
    assert status(guarded, "/api", bearer) == 401


def test_the_keys_of_the_log_have_a_prefix(build: Callable[..., Any], redis_url: str) -> None:
    """An app reads the log under its own prefix, and not that of another app."""
    bearer = token()
    claims = jwt.decode(bearer, options={"verify_signature": False})
    ended = {"token_id": claims["jti"], "expires_at": claims["exp"], "issuer": claims["iss"]}
    for prefix, expected in (("another:", 200), ("shop:", 401)):
        RedisLog(redis_url, prefix=prefix).revoke(**ended)
        guarded = build(**BASIC, log_url=redis_url, log_prefix="shop:")
        assert status(guarded, "/api", bearer) == expected


def test_personal_tokens_of_the_database_are_accepted(tmp_path: Path, ahead: AheadClock) -> None:
    """Beside JWTs, with the issuer that the option names, as a bearer token and as a password,
    until they are taken back."""
    store = SQLStore(f"sqlite:///{tmp_path}/auth.db", password_method=CHEAP)
    store.add_user("ada", "analytical engine")
    personal = store.add_token("ada", name="ci", scopes=(), expires_at=time.time() + 60)
    options = {**BASIC, "database_url": f"sqlite:///{tmp_path}/auth.db"}
    options["credentials"] = "bearer basic_password"
    assert status(by_filter(**options), "/api", personal) == 401
    tokens_issuer = "https://login.example/tokens"
    guarded = by_filter(**options, tokens_issuer=tokens_issuer)
    assert guarded.verify(personal).issuer == tokens_issuer
    client = TestApp(guarded)
    assert status(guarded, "/api", token()) == status(guarded, "/api", personal) == 200
    client.get("/api", headers=basic_headers(personal), status=200)
    store.remove_token(personal[9:21])
    ahead.move(1.1)
    client.get("/api", headers=basic_headers(personal), status=401)
    store.close()


WRONG = {
    "tokens without a database": (
        {"tokens_issuer": "https://login.example/tokens"},
        "tokens_issuer",
        "must be set together with",
    ),
    "a prefix of no log": ({"log_prefix": "shop:"}, "log_prefix", "must only be set if"),
    "a prefix with braces": (
        {"log_url": "redis://localhost", "log_prefix": "{shop}"},
        "log_prefix",
        "must be 1 to 200 characters without blanks",
    ),
    "unknown": ({"rulez": "/api"}, "rulez", "is not an option"),
    "twice": ({"secret_file": "x"}, "secret", "must not both be set"),
    "two keys": ({"jwks_url": "https://a.example/"}, "jwks_url", "only one of"),
    "no number": ({"leeway": "five"}, "leeway", "a number of seconds"),
    "short secret": ({"secret": "hush"}, "secret", "at least 32 bytes"),
    "bad PEM": ({"public_key": "hush hush"}, "public_key", "PEM"),
    "bad rule": ({"rules": "api"}, "rules", "leading slash"),
    "unknown requirement": ({"rules": "/api admin"}, "rules", "/api/health public"),
    "mixed case": ({"rules": "/api Public"}, "rules", "/api/health public"),
    "no scope": ({"rules": "/api scope="}, "rules", "scope"),
    "empty rules": ({"rules": ""}, "rules", "must not be empty"),
    "a requirement as a method": (
        {"rules": "/, /api AUTHENTICATED"},
        "rules",
        "in '/api AUTHENTICATED': methods must be registered",
    ),
    "a misspelled method": (
        {"rules": "/api GETT scope=a"},
        "rules",
        "in '/api GETT scope=a': methods must be registered",
    ),
    "a method in small letters": ({"rules": "/api get"}, "rules", "got 'get'"),
    "public with a scope": ({"rules": "/x\n/api public scope=a"}, "rules", "in '/api public"),
    "a pattern": (
        {"rules": "/users/<id>"},
        "rules",
        "in '/users/<id>': prefix must not contain a pattern",
    ),
    "a time to fetch nothing": ({"timeout": "3"}, "timeout", "must only be set if the keys are"),
    "hosts to fetch nothing from": ({"allow_http": "a"}, "allow_http", "if the keys are fetched"),
    "metadata of a secret": ({"metadata_url": "https://a/"}, "metadata_url", "only be set if"),
    "no time": ({"timeout": "soon"}, "timeout", "a number of seconds"),
    "an algorithm that needs a longer secret": (
        {"algorithm": "HS512"},
        "algorithm",
        "does not suit the key",
    ),
    "no authority": ({"ca_file": "/nowhere"}, "ca_file", "the path of CA certificates in PEM"),
    "a host with a port": ({"allow_http": "keycloak:80"}, "allow_http", "without scheme, port"),
}


@pytest.mark.parametrize(("options", "name", "form"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_named(
    options: dict[str, str], name: str, form: str, build: Callable[..., Any]
) -> None:
    """`ConfigurationError` names the option or variable as it was written, says what it takes, and
    tells no secret."""
    with pytest.raises(ConfigurationError) as caught:
        build(**BASIC | options)
    told = str(caught.value)
    assert name.lower() in told.lower()
    assert form in told
    assert "hush" not in told


NO_PARAMETER = {
    "a file": ({"ca_file": "/nowhere"}, "the path of CA certificates in PEM, got '/nowhere': File"),
    "hosts": (
        {"allow_http": "keycloak:80"},
        "without scheme, port and wildcard, such as keycloak, got 'keycloak:80'",
    ),
    "a folder": (
        {"key_folder": "/nowhere"},
        "`jwt-middleware keys`: it must be a folder with an active key, got '/nowhere': File",
    ),
    "a key": ({"public_key": "hush"}, "a public key as PEM: it must be that of a public key, "),
    "a private key": (
        {"private_key": "hush"},
        "a private key as PEM: it must be that of a public key, ",
    ),
}


@pytest.mark.parametrize(("options", "end"), NO_PARAMETER.values(), ids=NO_PARAMETER)
@pytest.mark.parametrize("provider", ["", "staff_"], ids=["one provider", "several providers"])
def test_a_message_repeats_no_parameter(options: dict[str, str], end: str, provider: str) -> None:
    """The message has the name of the option once, as it was written, and what it got. The name of
    the parameter of a constructor is not in it, nor is its rule where the option's is the same."""
    ((name, text),) = options.items()
    full = name if name == "private_key" else f"{provider}{name}"
    texts = {full: text} | ({"providers": "staff"} if full != name else {})
    with pytest.raises(ConfigurationError) as caught:
        read_options(texts, ["providers", *OPTIONS], name_of=lambda option: f"JWT_{option.upper()}")
    told = str(caught.value)
    assert told.startswith(f"JWT_{full.upper()} must be ")
    assert end in told
    assert f"{name} must" not in told
    assert told.count(" must be the path") + told.count(" must be names") <= 1
    assert "hush" not in told


WRONG_URLS = {
    "http": ({"jwks_url": "http://idp.example/"}, "jwks_url", "https"),
    "another http host": (
        {"jwks_url": "http://idp.example/", "allow_http": "keycloak"},
        "jwks_url",
        "allow_http",
    ),
    "an issuer by http": ({"issuer": "http://idp.example/"}, "issuer", "allow_http"),
    "metadata by http": ({"metadata_url": "http://idp.example/"}, "metadata_url", "allow_http"),
    "metadata beside keys": (
        {"metadata_url": "https://a.example/", "jwks_url": "https://b.example/"},
        "metadata_url",
        "must only be set if the keys are discovered",
    ),
}


@pytest.mark.parametrize(("options", "name", "form"), WRONG_URLS.values(), ids=WRONG_URLS)
def test_a_wrong_url_is_named(
    options: dict[str, str], name: str, form: str, build: Callable[..., Any]
) -> None:
    """What may not be fetched is named as it was written."""
    terms = {name: BASIC[name] for name in ("issuer", "audience", "rules")}
    with pytest.raises(ConfigurationError) as caught:
        build(**terms | options)
    assert name.lower() in str(caught.value).lower()
    assert form in str(caught.value).lower()


def test_how_documents_are_fetched(build: Callable[..., Any], tmp_path: Path) -> None:
    """Each option of `Fetch` but the headers, and where the metadata is, can be said in text; a
    file of authorities is an option itself and not a file with an option."""
    authorities, _ = authority(tmp_path)
    terms = {name: BASIC[name] for name in ("issuer", "audience", "rules")}
    how: Any = {"timeout": "2.5", "ca_file": str(authorities), "allow_http": "keycloak idp"}
    wanted = Fetch(timeout=2.5, ca_file=authorities, allow_http=("keycloak", "idp"))
    (by_url,) = build(**terms, **how, jwks_url="http://keycloak/certs").verifier.providers
    assert by_url.keys.fetch_options == wanted


@pytest.mark.parametrize(
    ("options", "signer"),
    [
        ({"secret": SECRET * 2}, Key.from_secret(SECRET * 2, algorithm="HS512")),
        ({"public_key": RSA.to_pem().decode()}, Key.from_pem(RSA.to_pem(), algorithm="RS512")),
    ],
    ids=["secret", "public key"],
)
def test_the_algorithm_of_a_key(
    options: dict[str, str], signer: Key, build: Callable[..., Any]
) -> None:
    """A secret and a public key have the algorithm that the option names, and no other."""
    terms = {name: BASIC[name] for name in ("issuer", "audience", "rules")} | options
    assert status(build(**terms, algorithm=signer.algorithm), "/api", token(signer)) == 200
    with pytest.raises(ConfigurationError, match=r"(?i)algorithm does not suit the key"):
        build(**terms, algorithm="ES256")


def test_the_keys_of_a_folder_name_their_algorithm(
    build: Callable[..., Any], tmp_path: Path
) -> None:
    """`algorithm` beside a folder would have no effect."""
    publish(tmp_path / "keys", Key.generate())
    terms = {name: BASIC[name] for name in ("issuer", "audience", "rules")}
    with pytest.raises(ConfigurationError, match=r"(?i)algorithm must only be set if the keys do"):
        build(**terms, key_folder=str(tmp_path / "keys"), algorithm="ES256")


def test_tokens_of_odd_issuers(build: Callable[..., Any]) -> None:
    """No issuer, several subject claims, and numbers and nulls in claims can be said in text."""
    terms = {name: BASIC[name] for name in ("audience", "secret", "rules")}
    odd = {"subject_claim": "sub client_id", "numeric_subject": "true", "allow_null": "true"}
    (provider,) = build(**terms, **odd, issuer="none").verifier.providers
    assert (provider.issuer, provider.subject_claim) == (None, ("sub", "client_id"))
    assert (provider.numeric_subject, provider.allow_null) == (True, True)


def test_tenants_in_text(build: Callable[..., Any]) -> None:
    """An issuer with braces has its tenants beside it, and their keys are discovered apart."""
    terms = {name: BASIC[name] for name in ("audience", "rules")}
    issuer = "https://sso.example/realms/{realm}"
    (provider,) = build(**terms, issuer=issuer, tenants="one two").verifier.providers
    assert (provider.tenants, type(provider.keys)) == (frozenset(["one", "two"]), TenantKeySets)


def test_where_metadata_is(build: Callable[..., Any]) -> None:
    """`metadata_url` and `allow_http` reach the keys that are discovered."""
    terms = {name: BASIC[name] for name in ("audience", "rules")}
    url = "http://keycloak/realms/shop/.well-known/openid-configuration"
    built = build(**terms, issuer="http://shop", metadata_url=url, allow_http="keycloak")
    assert type(built.verifier.providers[0].keys) is DiscoveredKeySet


SERVICE_VARIABLES = {
    "the service's own": {
        "SERVICE_HOST": "10.96.0.7",
        "SERVICE_PORT": "8000",
        "SERVICE_PORT_HTTP": "8000",
        "SERVICE_PORT_HTTP_METRICS": "9000",
        "PORT": "tcp://10.96.0.7:8000",
        "PORT_8000_TCP": "tcp://10.96.0.7:8000",
        "PORT_8000_TCP_PROTO": "tcp",
        "PORT_8000_TCP_PORT": "8000",
        "PORT_8000_TCP_ADDR": "10.96.0.7",
        "PORT_53_UDP": "udp://10.96.0.7:53",
        "PORT_53_UDP_ADDR": "10.96.0.7",
    },
    "those of a service whose name starts alike": {
        "REDIS_SERVICE_HOST": "10.96.0.8",
        "REDIS_SERVICE_PORT": "6379",
        "REDIS_SERVICE_PORT_REDIS": "6379",
        "REDIS_PORT": "tcp://10.96.0.8:6379",
        "REDIS_PORT_6379_TCP_ADDR": "10.96.0.8",
    },
}


@pytest.mark.parametrize("variables", SERVICE_VARIABLES.values(), ids=SERVICE_VARIABLES)
def test_what_kubernetes_sets_for_a_service_is_ignored(
    variables: dict[str, str], by_environment: Callable[..., Any]
) -> None:
    """A service named `jwt-middleware` in the namespace stops no app."""
    by_environment(**BASIC, **variables)


@pytest.mark.parametrize(
    "name", ["HOST", "SERVICE", "SERVICE_HOSTS", "PORTS", "REPORT", "PORT_X_TCP", "RULES_SERVICE"]
)
def test_other_unknown_variables_are_errors(name: str, by_environment: Callable[..., Any]) -> None:
    """What Kubernetes does not set is a slip of the owner's."""
    with pytest.raises(ConfigurationError, match=f"JWT_MIDDLEWARE_{name}"):
        by_environment(**BASIC, **{name: "x"})


@pytest.mark.parametrize("name", ["issuer", "audience", "rules"])
def test_a_missing_option_is_named(name: str, by_environment: Callable[..., Any]) -> None:
    """Without one of the three that are needed the variable is named."""
    with pytest.raises(ConfigurationError, match=f"^JWT_MIDDLEWARE_{name.upper()} must be set to "):
        by_environment(**{other: text for other, text in BASIC.items() if other != name})


def test_a_file_that_is_not_there_is_named(by_environment: Callable[..., Any]) -> None:
    """A secret's file that cannot be read is told by the name of its variable."""
    terms = {name: BASIC[name] for name in ("issuer", "audience", "rules")}
    with pytest.raises(ConfigurationError, match=r"^JWT_MIDDLEWARE_SECRET_FILE must name a file "):
        by_environment(**terms, secret_file="/nowhere")


def test_no_extra_is_needed_for_what_is_not_asked_for() -> None:
    """An app that only verifies needs neither SQLAlchemy nor redis-py."""
    script = f"""
import sys
sys.modules |= dict.fromkeys(("sqlalchemy", "redis", "limits", "click"))
from jwt_middleware.settings import filter_app_factory, from_env
filter_app_factory(print, {{}}, **{BASIC!r})
"""
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_defaults_of_an_ini_file() -> None:
    """`[DEFAULT]` counts for each option that a section does not set; what is there for others does
    not disturb."""
    default = {
        "here": "/srv",
        "__file__": "/srv/app.ini",
        "debug": "true",
        "secret": "x" * 32,
        "title": "Engines",
    }
    terms = {name: BASIC[name] for name in ("issuer", "audience")}
    guarded = filter_app_factory(app, default | terms, secret=SECRET, rules="/api")
    assert status(guarded, "/api", token()) == 200


PLACES = {
    "one": ("bearer", "(bearer,)"),
    "all": (
        "bearer in_cookie=__Host-jwt in_header=X-Token basic_password",
        "(bearer, in_cookie('__Host-jwt'), in_header('X-Token'), basic_password)",
    ),
}


@pytest.mark.parametrize(("text", "shown"), PLACES.values(), ids=PLACES)
def test_the_places_of_a_token(text: str, shown: str, build: Callable[..., Any]) -> None:
    """They are named as in Python, in the order in which they are asked."""
    assert repr(tuple(build(**BASIC, credentials=text).places)) == shown


def test_the_sign_in_page_and_strict_origins(build: Callable[..., Any]) -> None:
    """A navigation is sent to the page, and a foreign origin is refused."""
    site = TestApp(build(**BASIC, sign_in="/auth/login", strict_origins="true"))
    answer = site.get("/api", headers={"Sec-Fetch-Mode": "navigate"}, status=303)
    assert "/auth/login?next=" in answer.headers["Location"]
    foreign = {"Origin": "https://evil.example"}
    assert site.get("/api", headers=foreign, status=403).json["reason"] == "origin"
    lax = TestApp(build(**BASIC, strict_origins="false"))
    assert lax.get("/api", headers=foreign, status=401).json["reason"] == "missing"


def test_the_metadata_of_a_resource(build: Callable[..., Any]) -> None:
    """The URL of the resource is published, and a challenge leads to it."""
    site = TestApp(build(**BASIC, resource="https://api.example/mcp"))
    document = site.get("/.well-known/oauth-protected-resource/mcp").json
    assert document["resource"] == "https://api.example/mcp"
    challenge = site.get("/api", status=401).headers["WWW-Authenticate"]
    assert 'resource_metadata="https://api.example/.well-known/' in challenge


BAD_PLACES = {
    "a resource that is not a URL": ({"resource": "api"}, "resource must be the https URL"),
    "another word": ({"credentials": "cookie"}, "each word must be bearer, basic_password"),
    "a cookie without its name": ({"credentials": "in_cookie"}, "in_cookie=NAME"),
    "a cookie of no name": ({"credentials": "in_cookie="}, "the name of a cookie"),
    "a header that is not one": ({"credentials": "in_header=Cookie"}, "the name of a header"),
    "none": ({"credentials": ""}, "at least one place"),
    "one twice": ({"credentials": "bearer bearer"}, "each place once"),
    "a page elsewhere": ({"sign_in": "https://login.example"}, "sign_in must be the path"),
    "a word for true": ({"strict_origins": "yes"}, "true or false"),
}


@pytest.mark.parametrize(("options", "expected"), BAD_PLACES.values(), ids=BAD_PLACES)
def test_places_that_are_misspelled(
    options: dict[str, str], expected: str, build: Callable[..., Any]
) -> None:
    """The message says the right form."""
    with pytest.raises(ConfigurationError, match=f"(?i){expected}"):
        build(**BASIC, **options)


def test_functions_beside_the_variables(by_environment: Callable[..., Any]) -> None:
    """`from_env` takes what no text says: observers, such as metrics, and `on_refusal`."""
    by_environment(**BASIC)
    seen: list[Decision] = []
    guarded = from_env(
        app,
        observers=[lambda decision, environ: seen.append(decision)],
        on_refusal=lambda refusal, environ: app,
    )
    assert TestApp(guarded).get("/api", status=401).text == "nobody"
    assert status(guarded, "/api", token()) == 200
    assert [decision.answer is None for decision in seen] == [False, True]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"issuer": "http://keycloak:8080/x"}, "or on a host of <allow_http>)"),
        ({"jwks_url": "http://keycloak:8080/x"}, "or on a host of <allow_http>)"),
        ({"metadata_url": "http://keycloak:8080/x"}, "or on a host of <allow_http>)"),
        ({"resource": "x"}, "; <resource>=https://api.example/mcp"),
        ({"issuer": "https://i.example/{tid}"}, "such as <tenants>=shop"),
        ({"rules": "/api issued_by=https://x"}, "issued_by=https://x names no"),
        ({"dpop_url": "x_y='z'", "log_url": "redis://h"}, "got \"x_y='z'\"; https://api.example"),
        ({"log_url": "x://"}, ": redis://:password@host/0, rediss://..., "),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_message_speaks_the_language_of_its_reader(
    options: dict[str, str], said: str, by_environment: Callable[..., Any]
) -> None:
    """Who configures by text reads of options by their names there, and no Python. What the owner
    wrote is quoted as it was."""
    ways = ((by_filter, str), (by_environment, lambda name: f"JWT_MIDDLEWARE_{name.upper()}"))
    for build, written in ways:
        expected = re.sub(r"<(\w+)>", lambda found, name=written: name(found[1]), said)
        with pytest.raises(ConfigurationError, match=re.escape(expected)):
            build(**TERMS | options)
