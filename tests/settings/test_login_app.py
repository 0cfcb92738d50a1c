"""The login app as text describes it, from an ini file and from the environment."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from jwt_middleware import ConfigurationError, Key
from jwt_middleware.login import LoginApp
from jwt_middleware.login.paste import app_factory, filter_app_factory
from jwt_middleware.settings import from_env, login_from_env
from jwt_middleware.stores import RedisLog, SQLStore
from jwt_middleware.trust.key_folder import publish
from tests.kit.clock import AheadClock
from tests.kit.passwords import CHEAP
from tests.settings.built import BASIC, SECRET, app

pytestmark = pytest.mark.usefixtures("cheap_hashes")

Build = Callable[..., LoginApp]
ADA = {"username": "ada", "password": "analytical engine"}
TERMS = {name: BASIC[name] for name in ("issuer", "audience", "secret")}


@pytest.fixture(params=["ini", "environment"])
def build(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, by_environment: Any, url: str
) -> Build:
    """Builds a login app over a database with a user, in each of the two ways."""

    def build(**options: str) -> LoginApp:
        options = {"database_url": url, **options}
        if request.param == "ini":
            return app_factory({}, **options)
        for option, text in options.items():
            monkeypatch.setenv(f"JWT_MIDDLEWARE_{option.upper()}", text)
        return login_from_env()

    return build


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a database with a user."""
    url = f"sqlite:///{tmp_path}/auth.db"
    store = SQLStore(url, password_method=CHEAP)
    store.add_user("ada", ADA["password"])
    store.close()
    return url


def test_every_option(build: Build, tmp_path: Path) -> None:
    """Title, template, origins, cookie, and the times of tokens and sessions reach the app."""
    (tmp_path / "page.html").write_text("<p>$title of ours</p>")
    options = {
        "title": "Engines",
        "template": str(tmp_path / "page.html"),
        "allowed_origins": "https://front.example",
        "access_cookie": "__Host-jwt",
        "lifetime": "60",
        "reuse_grace": "0",
        "idle_timeout": "600",
        "session_lifetime": "3600",
    }
    site = TestApp(build(**TERMS, **options))
    assert site.get("/login").text == "<p>Engines of ours</p>"
    origin = {"Origin": "https://front.example"}
    answer = site.post_json("/token", ADA, headers=origin)
    assert answer.json["expires_in"] == 60
    assert answer.headers["Access-Control-Allow-Origin"] == "https://front.example"
    first = answer.json["refresh_token"]
    renewal = {"grant_type": "refresh_token", "refresh_token": first}
    site.post_json("/token", renewal)
    site.post_json("/token", renewal, status=400)  # without a grace
    https = {"wsgi.url_scheme": "https", "HTTP_HOST": "app.example"}
    own = {"Sec-Fetch-Site": "same-origin"}
    cookies = site.post("/login", ADA, headers=own, extra_environ=https, status=303)
    lines = cookies.headers.getall("Set-Cookie")
    assert any(line.startswith("__Host-jwt=") for line in lines)
    assert any("Max-Age=600" in line for line in lines)


def test_a_session_ends(build: Build) -> None:
    """The times of sessions are those of the text."""
    site = TestApp(build(**TERMS, idle_timeout="0.5", session_lifetime="0.5"))
    renewal = {"grant_type": "refresh_token"}
    renewal["refresh_token"] = site.post_json("/token", ADA).json["refresh_token"]
    time.sleep(1.1)
    site.post_json("/token", renewal, status=400)


def attempts(url: str, count: int, **options: str) -> list[int]:
    """What wrong passwords in a row are answered."""
    site = TestApp(app_factory({}, **TERMS, database_url=url, **options))
    wrong, where = {**ADA, "password": "wrong"}, {"REMOTE_ADDR": "192.0.2.1"}
    answers = [
        site.post_json("/token", wrong, extra_environ=where, expect_errors=True)
        for _ in range(count)
    ]
    return [answer.status_int for answer in answers]


@pytest.mark.parametrize("limit", ["per_name_and_address", "per_name", "per_address"])
def test_limits(limit: str, url: str) -> None:
    """Each limit of the throttle is an option."""
    assert attempts(url, 3, **{limit: "1/hour"}) == [401, 429, 429]


def test_no_limits(url: str) -> None:
    """`none` turns the usual limits off, for a gateway in front that limits."""
    assert attempts(url, 6) == [401] * 5 + [429]
    assert attempts(url, 2, throttle="none") == [401] * 2


@pytest.mark.parametrize("signer", ["secret", "private_key", "key_folder"])
def test_the_guard_beside_it_accepts_its_tokens(
    signer: str, tmp_path: Path, url: str, by_environment: Any, ahead: AheadClock
) -> None:
    """The same variables make both, whatever signs."""
    key = Key.generate(id="a")
    publish(tmp_path / "keys", key)
    texts = {
        "secret": SECRET,
        "private_key": key.to_pem().decode(),
        "key_folder": f"{tmp_path}/keys",
    }
    shared = {name: BASIC[name] for name in ("issuer", "audience", "rules")}
    guarded = by_environment(**shared, **{signer: texts[signer]}, database_url=url)
    site = TestApp(login_from_env().wrap(guarded, prefix="/auth"))
    site.get("/api", status=401)
    token = site.post_json("/auth/token", ADA).json["token"]
    site.authorization = ("Bearer", token)
    assert site.get("/api").text == "1"
    site.post_json("/auth/revoke", {"token": token})
    ahead.move(1.1)
    site.get("/api", status=401)
    assert from_env(app).verifier.providers[0].issuer == BASIC["issuer"]


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "two keys": ({"key_folder": "x"}, "key_folder must be a folder"),
    "no lifetime": ({"lifetime": "0"}, "lifetime must be a positive integer"),
    "half a second": ({"lifetime": "0.5"}, "lifetime must be an integer number of seconds, got"),
    "a title": ({"title": ""}, "title must be a string that is not empty"),
    "no template": ({"template": "/nowhere"}, "template"),
    "an origin": ({"allowed_origins": "front"}, "allowed_origins must"),
    "a cookie": ({"access_cookie": "a b"}, "access_cookie must"),
    "a time": ({"idle_timeout": "never"}, "idle_timeout must be a number of seconds, got 'never'"),
    "a limit": ({"per_name": "many"}, "per_name must be one limit such as"),
    "a throttle": ({"throttle": "5/minute"}, "limits have options of their own: per_name_and"),
    "a limit and none": ({"throttle": "none", "per_name": "5/day"}, "per_name must only be set if"),
    "no issuer": ({"issuer": "none"}, "issuer must be a string"),
    "a short secret": ({"secret": "hush"}, "secret must be an HMAC secret: "),
    "a database": ({"database_url": "hush"}, "database_url must be an SQLite, PostgreSQL"),
    "a log": ({"log_url": "hush"}, "log_url must be a Redis URL"),
    "a prefix of no log": ({"log_prefix": "shop:"}, "log_prefix must only be set if .*log_url is"),
    "a prefix": (
        {"log_url": "redis://localhost", "log_prefix": "a b"},
        "log_prefix must be 1 to 200 characters without blanks",
    ),
}


def test_the_keys_of_the_log_have_a_prefix(build: Build, redis_url: str) -> None:
    """A sign-out is logged under the prefix, where the app behind the login app reads it."""
    prefix = f"shop-{uuid.uuid4().hex}:"
    site = TestApp(build(**TERMS, log_url=redis_url, log_prefix=prefix))
    tokens = site.post_json("/token", ADA).json
    site.post_json("/revoke", {"token": tokens["refresh_token"]})
    assert len(list(RedisLog(redis_url, prefix=prefix).read_revocations(None).entries)) == 1


@pytest.mark.parametrize(("options", "expected"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_is_named(options: dict[str, str], expected: str, build: Build) -> None:
    """The message has the option as it was written, and no secret."""
    with pytest.raises(ConfigurationError, match=f"(?i){expected}") as caught:
        build(**{**TERMS, **options})
    assert "hush" not in str(caught.value)


def test_a_public_key_cannot_sign(build: Build) -> None:
    """What was given as a private key is named."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Key.generate().verifying_key
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    terms = {name: BASIC[name] for name in ("issuer", "audience")}
    with pytest.raises(
        ConfigurationError, match=r"(?i)private_key must be a secret or a private key"
    ):
        build(**terms, private_key=pem)


@pytest.mark.parametrize("missing", ["issuer", "audience", "database_url", "secret"])
def test_what_is_missing_is_named(
    missing: str, url: str, by_environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its variable."""
    for name, text in {**TERMS, "database_url": url}.items():
        if name != missing:
            monkeypatch.setenv(f"JWT_MIDDLEWARE_{name.upper()}", text)
    with pytest.raises(ConfigurationError, match=f"JWT_MIDDLEWARE_{missing.upper()}.* must be set"):
        login_from_env()


def test_an_option_of_the_guard_in_its_section_is_a_slip(url: str) -> None:
    """An ini file has a section for each, so the option of another is not known."""
    with pytest.raises(ConfigurationError, match=r"^public_key is not an option"):
        app_factory({}, **TERMS, database_url=url, public_key="hush")


def test_a_filter_needs_its_prefix(url: str) -> None:
    """An ini file without `prefix` says so; an empty one puts `/token` at the root."""
    options = {**TERMS, "database_url": url}
    with pytest.raises(ConfigurationError, match="prefix must be set to a path such as /auth"):
        filter_app_factory(app, {}, **options)
    site = TestApp(filter_app_factory(app, {}, prefix="", **options))
    site.post_json("/token", ADA)
