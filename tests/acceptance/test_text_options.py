"""The same site said in variables, in an ini file and in Python: it answers alike, at the root and
mounted."""

import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paste.deploy import loadapp
from webtest import lint

from jwt_middleware import (
    ConfigurationError,
    JWTMiddleware,
    Key,
    KeySet,
    Provider,
    Rule,
    any_of,
    claim,
    issued_by,
    optional,
    public,
    scope,
)
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.settings import from_env, login_from_env
from jwt_middleware.stores import SQLStore
from tests.acceptance.conftest import AUDIENCE, ISSUER, PASSWORD, SECRET, Client, echo
from tests.kit.passwords import CHEAP

pytestmark = pytest.mark.usefixtures("cheap_hashes")

PARTNER, PARTNER_SECRET = (
    "https://partner.example/{tenant}",
    "the secret of the partner, long enough",
)
RULES = """
    /api
    /api/health public
    /news optional
    /docs scope=write
    /docs GET HEAD OPTIONS scope=read
    /staff claim=realm_access.roles=staff
    /level claim="https://app.example/level"=3
    /reports any_of(scope=reports scope=read, claim=role=auditor)
    /orgs/*/admin scope=admin
    /partner issued_by=https://partner.example/{tenant}
    /start exact public, /start
    /new report_only scope=new
"""
SAME_RULES = [
    Rule("/api"),
    Rule("/api/health", public),
    Rule("/news", optional),
    Rule("/docs", scope("write")),
    Rule("/docs", scope("read"), methods=("GET", "HEAD", "OPTIONS")),
    Rule("/staff", claim(("realm_access", "roles"), "staff")),
    Rule("/level", claim("https://app.example/level", 3)),
    Rule("/reports", any_of(scope("reports", "read"), claim("role", "auditor"))),
    Rule("/orgs/*/admin", scope("admin")),
    Rule("/partner", issued_by(PARTNER)),
    Rule("/start", public, exact=True),
    Rule("/start"),
    Rule("/new", scope("new"), report_only=True),
]
OPTIONS = {
    "providers": "own, partner",
    "own_issuer": ISSUER,
    "own_audience": AUDIENCE,
    "own_secret": SECRET,
    "partner_issuer": PARTNER,
    "partner_audience": "none",
    "partner_secret": PARTNER_SECRET,
    "partner_tenants": "shop bank",
    "partner_subject_claim": "user client_id",
    "partner_numeric_subject": "true",
    "partner_leeway": "0",
    "rules": RULES,
    "realm": "engines",
    "credentials": "bearer in_header=X-Token",
    "allowed_origins": "https://front.example",
}


def in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JWTMiddleware:
    """The site in code."""
    from jwt_middleware import bearer, in_header

    own = Provider(issuer=ISSUER, audience=AUDIENCE, keys=KeySet([Key.from_secret(SECRET)]))
    partner = Provider(
        issuer=PARTNER,
        audience=None,
        keys=KeySet([Key.from_secret(PARTNER_SECRET)]),
        tenants=("shop", "bank"),
        subject_claim=("user", "client_id"),
        numeric_subject=True,
        leeway=0,
    )
    return JWTMiddleware(
        lint.middleware(echo),
        providers=[own, partner],
        rules=SAME_RULES,
        realm="engines",
        credentials=(bearer, in_header("X-Token")),
        allowed_origins=("https://front.example",),
    )


def set_variables(monkeypatch: pytest.MonkeyPatch, options: dict[str, str]) -> None:
    """Set the variables of these options, and no others but Kubernetes'."""
    for name in [name for name in os.environ if name.startswith("JWT_MIDDLEWARE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("JWT_MIDDLEWARE_SERVICE_HOST", "10.96.0.7")
    monkeypatch.setenv("JWT_MIDDLEWARE_PORT_8000_TCP_ADDR", "10.96.0.7")
    for name, text in options.items():
        monkeypatch.setenv(f"JWT_MIDDLEWARE_{name.upper()}", text)


def in_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JWTMiddleware:
    """The site in the environment."""
    set_variables(monkeypatch, OPTIONS)
    return from_env(lint.middleware(echo))


def make_app(global_conf: object) -> Any:
    """The app of the ini file."""
    return lint.middleware(echo)


def section(title: str, options: dict[str, str]) -> str:
    """A section of an ini file."""
    lines = [f"{name} = {textwrap.indent(text, '    ').strip()}" for name, text in options.items()]
    return "\n".join([f"[{title}]", *lines, ""])


def loaded(tmp_path: Path, **sections: dict[str, str]) -> Any:
    """What PasteDeploy makes of an ini file with these filters in front of the app."""
    app = section("app:app", {"paste.app_factory": f"{__name__}:make_app"})
    pipeline = section("pipeline:main", {"pipeline": " ".join([*sections, "app"])})
    filters = [section(f"filter:{name}", options) for name, options in sections.items()]
    (tmp_path / "site.ini").write_text("\n".join([app, pipeline, *filters]))
    return loadapp(f"config:{tmp_path}/site.ini")


def in_ini(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The site in an ini file."""
    return loaded(tmp_path, guard={"use": "egg:wsgi-jwt-middleware", **OPTIONS})


@pytest.fixture(params=[in_variables, in_ini, in_python], ids=["variables", "ini", "python"])
def site(
    request: pytest.FixtureRequest,
    visit: Callable[[Any], Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Client:
    """A client of the site, said in each of the three ways."""
    return visit(request.param(tmp_path, monkeypatch))


CASES: list[tuple[str, str, dict[str, Any] | None, int]] = [
    ("GET", "/other", None, 200),
    ("GET", "/api", None, 401),
    ("GET", "/api", {}, 200),
    ("GET", "/api/health", None, 200),
    ("GET", "/news", None, 200),
    ("GET", "/docs", {"scope": "read"}, 200),
    ("PUT", "/docs", {"scope": "read"}, 403),
    ("PUT", "/docs", {"scope": "read write"}, 200),
    ("GET", "/staff", {"realm_access": {"roles": ["staff"]}}, 200),
    ("GET", "/staff", {"realm_access.roles": "staff"}, 403),
    ("GET", "/level", {"https://app.example/level": 3}, 200),
    ("GET", "/level", {"https://app.example/level": "3"}, 403),
    ("GET", "/reports", {"scope": "reports"}, 403),
    ("GET", "/reports", {"scope": "reports read"}, 200),
    ("GET", "/reports", {"role": ["auditor"]}, 200),
    ("GET", "/orgs/a/admin/x", {"scope": "user"}, 403),
    ("GET", "/orgs/a/b/admin", None, 200),
    ("GET", "/partner", {}, 401),
    ("GET", "/start", None, 200),
    ("GET", "/start/x", None, 401),
    ("GET", "/new", {}, 200),
]


def test_the_site_answers_alike(site: Client, forge: Callable[..., str]) -> None:
    """Every form of rule decides as its Python does."""
    for method, path, claims, status in CASES:
        headers = {} if claims is None else {"Authorization": f"Bearer {forge(**claims)}"}
        answer = site.request(path, method=method, headers=headers, expect_errors=True)
        assert answer.status_int == status, (method, path, claims)


def test_the_partner_alike(site: Client, forge: Callable[..., str]) -> None:
    """Its secret, its tenants, its subjects and its lack of an audience are those of its name."""
    for tenant, claims, status in [
        ("shop", {"user": 7}, 200),
        ("bank", {"client_id": "x"}, 200),
        ("other", {"user": 7}, 401),
        ("shop", {}, 401),
        ("shop", {"user": 7, "aud": AUDIENCE}, 401),
    ]:
        usual = {"iss": PARTNER.replace("{tenant}", tenant), "aud": None, "tenant": tenant}
        token = forge(key=PARTNER_SECRET, **{**usual, **claims})
        answer = site.get("/partner", headers={"X-Token": token}, expect_errors=True)
        assert answer.status_int == status, (tenant, claims)
        if status == 200:
            assert answer.json["subject"] == str(next(iter(claims.values())))


def test_the_options_of_the_middleware_alike(site: Client) -> None:
    """The realm and the origins are in the answer."""
    answer = site.get("/api", headers={"Origin": "https://front.example"}, status=401)
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="engines"')
    assert answer.headers["Access-Control-Allow-Origin"] == "https://front.example"


def login_options(tmp_path: Path) -> dict[str, str]:
    """A database with ada, and how she signs in."""
    url = f"sqlite:///{tmp_path}/auth.db"
    store = SQLStore(url, password_method=CHEAP)
    store.add_user("ada", PASSWORD, scopes=["admin"])
    store.close()
    return {"issuer": ISSUER, "audience": AUDIENCE, "secret": SECRET, "database_url": url}


@pytest.fixture(params=["variables", "ini", "python"])
def with_login(
    request: pytest.FixtureRequest,
    visit: Callable[[Any], Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Client:
    """A client of the app behind the login app, said in each of the three ways."""
    shared, rules = login_options(tmp_path), "/api, /api/admin scope=admin"
    if request.param == "ini":
        return visit(
            loaded(
                tmp_path,
                login={
                    "use": "egg:wsgi-jwt-middleware#login",
                    "prefix": "/auth",
                    "lifetime": "60",
                    **shared,
                },
                guard={"use": "egg:wsgi-jwt-middleware", "rules": rules, **shared},
            )
        )
    if request.param == "variables":
        set_variables(monkeypatch, {**shared, "rules": rules, "lifetime": "60"})
        guarded = from_env(lint.middleware(echo))
        return visit(login_from_env().wrap(guarded, prefix="/auth"))
    minter = TokenMinter.from_secret(SECRET, issuer=ISSUER, audience=AUDIENCE, lifetime=60)
    guarded = JWTMiddleware(
        lint.middleware(echo),
        providers=[minter.provider],
        rules=[Rule("/api"), Rule("/api/admin", scope("admin"))],
    )
    store = SQLStore(shared["database_url"])
    return visit(LoginApp(store, minter).wrap(guarded, prefix="/auth"))


def test_the_login_app_alike(with_login: Client) -> None:
    """Whoever signs in is let in."""
    with_login.get("/api", status=401)
    assert with_login.sign_in().json["expires_in"] == 60
    assert with_login.get("/api/admin").json["subject"] == "1"


def test_a_wrong_rule_of_an_ini_file_is_named(tmp_path: Path) -> None:
    """PasteDeploy hands on the message with the number of the rule."""
    options = {**OPTIONS, "rules": "\n/api\n/docs scope=a GET\n/staff claim=role:staff\n"}
    with pytest.raises(
        ConfigurationError, match=r"rules must be .*: rule 3, in '/staff claim=role:"
    ):
        loaded(tmp_path, guard={"use": "egg:wsgi-jwt-middleware", **options})
