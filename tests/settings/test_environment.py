"""Variables: which are ours, which are Kubernetes', and which are a slip."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jwt_middleware import ConfigurationError
from jwt_middleware.login.paste import app_factory
from jwt_middleware.login.paste import filter_app_factory as login_filter_factory
from jwt_middleware.settings import filter_app_factory, from_env, login_from_env
from jwt_middleware.settings.options import GUARD, LOGIN, OPTIONS, PROVIDER
from tests.kit.parts import examples
from tests.settings.built import BASIC, SECRET, app, status, token

Build = Callable[..., Any]

NEAR = {
    "RULEZ": "JWT_MIDDLEWARE_RULES",
    "AUDIENCES": "JWT_MIDDLEWARE_AUDIENCE",
    "DATABASE_URI": "JWT_MIDDLEWARE_DATABASE_URL",
    "SERCET_FILE": "JWT_MIDDLEWARE_SECRET_FILE",
    "PROVIDER": "JWT_MIDDLEWARE_PROVIDERS",
    "SESION_LIFETIME": "JWT_MIDDLEWARE_SESSION_LIFETIME",
}


@pytest.mark.parametrize(("name", "near"), NEAR.items())
def test_the_nearest_name_is_suggested(name: str, near: str, by_environment: Build) -> None:
    """A slip is named with what was meant."""
    with pytest.raises(ConfigurationError) as caught:
        by_environment(**BASIC, **{name: "hush"})
    assert str(caught.value) == f"JWT_MIDDLEWARE_{name} is not an option; the nearest is {near}"


def test_without_a_near_name_all_are_listed(by_environment: Build) -> None:
    """What exists is named."""
    with pytest.raises(
        ConfigurationError, match=r"^JWT_MIDDLEWARE_X is not .*JWT_MIDDLEWARE_RULES"
    ):
        by_environment(**BASIC, x="1")


def test_a_variable_in_small_letters_is_a_slip(
    by_environment: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two spellings of one variable could disagree, so only one is read."""
    monkeypatch.setenv("JWT_MIDDLEWARE_rules", "/ public")
    with pytest.raises(ConfigurationError, match=r"nearest is 'JWT_MIDDLEWARE_RULES'$"):
        by_environment(**BASIC)


def test_an_option_that_looks_like_kubernetes_is_ours(by_environment: Build) -> None:
    """A provider may be called so that its variables look like those of a service."""
    named = {f"service_port_x_{name}": BASIC[name] for name in ("issuer", "audience", "secret")}
    guarded = by_environment(**named, providers="service_port_x", rules="/api")
    assert status(guarded, "/api", token()) == 200


def test_the_service_of_a_provider_is_ignored(by_environment: Build) -> None:
    """A service `jwt-middleware-staff` beside a provider of that name sets no option."""
    named = {f"staff_{name}": BASIC[name] for name in ("issuer", "audience", "secret")}
    foreign = {"staff_port": "tcp://10.0.0.1:80", "staff_service_host": "10.0.0.1"}
    foreign |= {"staff_port_80_tcp_addr": "10.0.0.1", "port": "tcp://10.0.0.1:80"}
    assert (
        status(by_environment(**named, **foreign, providers="staff", rules="/api"), "/api") == 401
    )


def test_one_environment_serves_both(by_environment: Build, tmp_path: Any) -> None:
    """The variables of the guard are no mistake for the login app, and the reverse."""
    both = {**BASIC, "title": "Engines", "database_url": f"sqlite:///{tmp_path}/db"}
    guarded = by_environment(
        **both, per_name="9/hour", providers="x", x_issuer="https://x.example", x_audience="a"
    )
    assert status(guarded, "/api", token()) == 200
    assert "/token" in login_from_env().paths


def test_a_default_of_an_ini_file_gives_way(tmp_path: Any) -> None:
    """What a section says in one form replaces what `[DEFAULT]` says in the other."""
    (tmp_path / "secret").write_text(SECRET)
    default = {**BASIC, "secret": "x" * 32}
    guarded = filter_app_factory(app, default, secret_file=str(tmp_path / "secret"))
    assert status(guarded, "/api", token()) == 200


PARAMETERS = ("app", "global_conf", "prefix", "options", "self")
"""Names that are no options, but may be those of a factory's parameters."""

NAMES = st.one_of(
    st.sampled_from(sorted({*OPTIONS, *(f"a_{name}" for name in PROVIDER), *PARAMETERS})),
    st.text(max_size=5),
)
TEXTS = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "https://login.example",
            "example-api",
            "/api",
            "none",
            "true",
            "0",
            "1",
            "a, b",
            "https://a.example/{b}",
        ]
    ),
    st.sampled_from(["\ud800", "\0", "9" * 5000, "1e5", "inf", "nan", "-1", "٣", "5/minute"]),
    st.sampled_from(
        ["https://a.example/", "http://[", "sqlite://", "redis://h", "in_cookie=a", "A: b"]
    ),
)


def _fed(build: Callable[[dict[str, str]], object]) -> Callable[[], None]:
    @given(
        st.dictionaries(NAMES, TEXTS, max_size=6),
        st.booleans(),
        st.sampled_from(["", "a", "a, b"]),
    )
    @settings(
        max_examples=examples(300),
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    def feed(texts: dict[str, str], is_whole: bool, providers: str) -> None:
        usual = dict(BASIC) if is_whole else {}
        if providers:
            usual["providers"] = providers
        told = ""
        try:
            build({**usual, **texts})
        except ConfigurationError as error:
            told = str(error)
        assert told.isprintable(), told

    return feed


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment, as a dictionary that takes any text. No system has a NUL in a variable."""
    fake = {name: text for name, text in os.environ.items() if "JWT_MIDDLEWARE" not in name}
    monkeypatch.setattr(os, "environ", fake)
    return fake


@pytest.mark.parametrize("make", [lambda: from_env(app), login_from_env], ids=["guard", "login"])
def test_no_variables_make_another_exception(
    make: Callable[[], object], variables: dict[str, str]
) -> None:
    """Whatever is in the environment, it is an object or a `ConfigurationError`."""
    usual = dict(variables)

    def build(texts: dict[str, str]) -> object:
        variables.clear()
        variables.update(usual)
        variables.update({f"JWT_MIDDLEWARE_{name.upper()}": text for name, text in texts.items()})
        return make()

    _fed(build)()


@pytest.mark.parametrize(
    "make",
    [
        lambda texts: filter_app_factory(app, {}, **texts),
        lambda texts: filter_app_factory(app, texts),
        lambda texts: app_factory({}, **texts),
        lambda texts: app_factory(texts),
        lambda texts: login_filter_factory(app, {}, **texts),
        lambda texts: login_filter_factory(app, texts, prefix="/auth"),
    ],
    ids=[
        "guard",
        "guard by default",
        "login",
        "login by default",
        "login in front",
        "login in front by default",
    ],
)
def test_no_section_makes_another_exception(make: Callable[[dict[str, str]], object]) -> None:
    """Whatever is in an ini file, it is an object or a `ConfigurationError`."""
    _fed(make)()


@pytest.mark.parametrize("name", ["app", "global_conf", "options"])
@pytest.mark.parametrize(
    "make",
    [
        partial(filter_app_factory, app, {}),
        partial(app_factory, {}),
        partial(login_filter_factory, app, {}, prefix="/auth"),
    ],
    ids=["guard", "login", "login in front"],
)
def test_a_parameter_of_a_factory_is_no_option(make: Callable[..., object], name: str) -> None:
    """A section that sets one has an unknown option, as with any other name."""
    with pytest.raises(ConfigurationError, match=f"^'?{name}'? is not an option"):
        make(**{name: "x"})


def test_every_option_belongs_to_something() -> None:
    """Each row of the table is an option of the guard or of the login app, and the reverse."""
    assert {*GUARD, *LOGIN} == {*OPTIONS}
