"""The table of text options says what the parameters of Python say, and nothing else."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import jwt_middleware
from jwt_middleware import ConfigurationError, JWTMiddleware, certificates
from jwt_middleware.login import LoginApp
from jwt_middleware.settings import options
from jwt_middleware.settings.options import OPTIONS
from jwt_middleware.settings.places import CERTIFICATES, PLACES
from jwt_middleware.wire.places import Place
from tests.kit.pages import generator
from tests.settings.built import BASIC

docs = generator()
WORDS = {"Rule.prefix", "Rule.requires", "Rule.methods", "Rule.exact", "Rule.report_only"}
"""The parameters that are words of a rule."""


def test_every_parameter_is_an_option_or_needs_python() -> None:
    """A new parameter without an option must be listed in words.toml with its reason, and a listed
    one must have no option."""
    said = docs.parameters()
    assert {name for name, options in said.items() if not options} == set(
        docs.words()["only_in_python"]
    )
    assert {name for name in said if name.startswith("Rule.")} == WORDS


def test_every_option_says_a_parameter() -> None:
    """No option is left whose parameter was renamed or removed."""
    said = docs.parameters()
    used = {one for name, options in said.items() if name not in WORDS for one in options}
    assert used == set(OPTIONS)


@pytest.mark.parametrize("owner", [JWTMiddleware, LoginApp], ids=["middleware", "login app"])
def test_a_new_parameter_is_found(owner: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parameter that nobody gave an option or a reason stops the build of the pages."""
    signature = inspect.signature(owner)
    new = inspect.Parameter("brand_new", inspect.Parameter.KEYWORD_ONLY)
    parameters = [*signature.parameters.values(), new]
    monkeypatch.setattr(
        owner, "__signature__", signature.replace(parameters=parameters), raising=False
    )
    with pytest.raises(ValueError, match=f"no words for {owner.__name__}.brand_new"):
        docs.PAGES["only-in-python"]()


def test_every_group_has_options() -> None:
    """A group names rows of the table, each once."""
    groups = {name: value for name, value in vars(options).items() if isinstance(value, tuple)}
    assert len(groups) > 10
    for name, group in groups.items():
        assert set(group) <= set(OPTIONS), name
        assert len(set(group)) == len(group), name


def test_every_place_can_be_said() -> None:
    """Each public name that is a place of a token, or makes one, is a word, and the reverse."""
    names = {
        name
        for name in jwt_middleware.__all__
        if isinstance(value := getattr(jwt_middleware, name), Place)
        or (inspect.isfunction(value) and value.__module__ == Place.__module__)
    }
    assert names == set(PLACES)


def test_every_certificate_can_be_said() -> None:
    """Each public function that finds a certificate, or makes one that does, is a word."""
    assert set(CERTIFICATES) == set(certificates.__all__) - {"CertificateOf"}


NUMBERS = ["leeway", "max_lifetime", "timeout", "max_token_bytes", "cache_size"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "text", ["", " 5", "+5", "-5", "1_0", "1e1", "\u0665", "inf", "nan", "0x5", "5s", "5."]
)
def test_a_number_has_one_form(name: str, text: str, build: Callable[..., Any]) -> None:
    """Digits, and a point for seconds. Python's other forms of a number are a slip here."""
    extra = {"jwks_url": "https://a.example/"} if name == "timeout" else {"secret": BASIC["secret"]}
    terms = {key: BASIC[key] for key in ("issuer", "audience", "rules")}
    with pytest.raises(ConfigurationError, match=f"(?i){name} must be ") as caught:
        build(**terms, **extra, **{name: text})
    assert f"got {text!a}" in str(caught.value)


@pytest.mark.parametrize("text", ["", "True", "yes", "1", " true"])
def test_a_flag_has_one_form(text: str, build: Callable[..., Any]) -> None:
    """`true` or `false`, and nothing that somebody might read otherwise."""
    with pytest.raises(ConfigurationError, match=r"(?i)numeric_subject must be true or false, got"):
        build(**BASIC, numeric_subject=text)
