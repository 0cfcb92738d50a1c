"""Several providers in text, opaque tokens, and how the issuer is asked."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jwt_middleware import ConfigurationError, Introspection, Key, Provider, RemoteKeySet
from jwt_middleware.login import TokenMinter
from jwt_middleware.testing import KeyServer
from jwt_middleware.trust.discovery import TenantKeySets
from jwt_middleware.trust.key_folder import publish
from tests.settings.built import BASIC, SECRET, TERMS, by_filter, status, token

Build = Callable[..., Any]

PARTNER = "https://partner.example/"
TWO = {
    "providers": "staff, partner",
    "staff_issuer": BASIC["issuer"],
    "staff_audience": BASIC["audience"],
    "staff_secret": SECRET,
    "partner_issuer": PARTNER,
    "partner_audience": "one two",
    "partner_secret": SECRET * 2,
    "partner_algorithm": "HS512",
    "partner_subject_claim": "client_id",
    "rules": f"/api, /partner issued_by={PARTNER}",
}
OPAQUE = {
    "introspection_url": "https://idp.example/introspect",
    "client_id": "api",
    "client_secret": "hush hush",
}


def partner_token() -> str:
    """A token of the partner."""
    key = Key.from_secret(SECRET * 2, algorithm="HS512")
    return TokenMinter(key, issuer=PARTNER, audience="two").mint("1", claims={"client_id": "x"})


def test_several_providers(build: Build) -> None:
    """Each name has options of its own: issuer, keys, and every other term."""
    guarded = build(**TWO)
    assert [status(guarded, path, token()) for path in ("/api", "/partner")] == [200, 401]
    assert [status(guarded, path, partner_token()) for path in ("/api", "/partner")] == [200, 200]
    assert guarded.verify(partner_token()).subject == "x"
    staff, partner = guarded.verifier.providers
    assert (staff.issuer, partner.issuer, partner.audience) == (
        BASIC["issuer"],
        PARTNER,
        ("one", "two"),
    )


def test_named_providers_beside_one_without_a_name(build: Build) -> None:
    """The options without a name describe one more provider, such as that of one's own login."""
    named = {name: text for name, text in TWO.items() if not name.startswith("staff")}
    guarded = build(**{**named, **BASIC, "providers": "partner"})
    assert [status(guarded, "/api", one) for one in (token(), partner_token())] == [200, 200]


def test_the_names_of_providers_have_no_case(build: Build) -> None:
    """A name may be written as it stands in its variables."""
    guarded = build(**{**TWO, "providers": "STAFF,Partner"})
    assert status(guarded, "/partner", partner_token()) == 200


def test_each_option_of_a_provider_may_be_in_a_file(tmp_path: Path, build: Build) -> None:
    """`STAFF_SECRET_FILE` names the file of a provider's secret, and the names may be in one."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "names").write_text("staff\n")
    options = {name: text for name, text in TWO.items() if name.startswith("staff")}
    del options["staff_secret"]
    files = {"staff_secret_file": tmp_path / "secret", "providers_file": tmp_path / "names"}
    guarded = build(**options, **{name: str(file) for name, file in files.items()}, rules="/api")
    assert status(guarded, "/api", token()) == 200


def test_providers_of_every_kind(tmp_path: Path, build: Build) -> None:
    """One that is discovered, one at a URL, one with tenants, one of opaque tokens, and personal
    tokens of the database."""
    guarded = build(
        providers="a, b, c_1, d",
        a_issuer="https://a.example",
        a_audience="api",
        b_issuer="none",
        b_audience="none",
        b_secret=SECRET,
        c_1_issuer="https://c.example/{realm}",
        c_1_audience="api",
        c_1_tenants="one two",
        d_issuer="https://d.example",
        d_audience="api",
        d_introspection_url="https://d.example/introspect",
        d_client_id="api",
        d_client_secret="hush",
        tokens_issuer="https://a.example",
        database_url=f"sqlite:///{tmp_path}/db",
        remote_user_claim="preferred_username",
        rules="/api",
    )
    verifier = guarded.verifier
    assert [one.issuer for one in verifier.providers] == [
        "https://a.example",
        None,
        "https://c.example/{realm}",
    ]
    assert type(verifier.providers[2].keys) is TenantKeySets
    opaque, introspection = verifier.lookups
    assert (opaque.terms.issuer, opaque.terms.remote_user_claim) == (
        "https://a.example",
        "preferred_username",
    )
    assert isinstance(introspection, Introspection)


def test_opaque_tokens(build: Build) -> None:
    """An introspection endpoint with its client, and the terms that it has in common with keys."""
    terms = {"subject_claim": "username", "remote_user_claim": "email", "cache_for": "0.5"}
    guarded = build(**TERMS, **OPAQUE, **terms)
    (found,) = guarded.verifier.lookups
    assert repr(found) == "Introspection('https://idp.example/introspect')"
    assert (found.terms.issuer, found.terms.audience) == (BASIC["issuer"], ("example-api",))
    assert (found.terms.subject_claim, found.terms.remote_user_claim) == ("username", "email")


def test_the_private_key_verifies_too(tmp_path: Path, build: Build) -> None:
    """The key with which a login app signs is enough for the guard beside it, unless it has keys of
    its own."""
    key, other = Key.generate(id="a"), Key.generate()
    options = {**TERMS, "private_key": key.to_pem().decode()}
    assert status(build(**options), "/api", token(key)) == 200
    publish(tmp_path / "keys", other)
    guarded = build(**options, key_folder=str(tmp_path / "keys"))
    assert [status(guarded, "/api", token(one)) for one in (key, other)] == [401, 200]


@pytest.fixture
def server() -> Iterator[KeyServer]:
    """A server of keys."""
    with KeyServer() as server:
        yield server


def test_a_token_in_a_file_is_sent_as_it_is_now(
    server: KeyServer, tmp_path: Path, build: Build
) -> None:
    """Kubernetes replaces the token of a service account. Each fetch reads the file again, and
    other headers are sent beside it."""
    file = tmp_path / "token"
    file.write_text("first\n")
    guarded = build(
        **TERMS, jwks_url=server.url, bearer_token_file=str(file), headers="X-Tenant: shop\nX-B: c"
    )
    fetch = guarded.verifier.providers[0].keys.fetch_options
    sent = {"X-Tenant": "shop", "X-B": "c", "Authorization": "Bearer first"}
    assert fetch.headers() == sent
    file.write_text("second")
    assert fetch.headers() == {**sent, "Authorization": "Bearer second"}
    assert "second" not in repr(fetch)
    assert guarded.ready()["ready"] is True


@pytest.mark.parametrize("content", [None, "", "\n", "a\nb", "ä"])
def test_a_token_file_that_cannot_be_read(
    content: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It stops the app while building; at a later fetch, the log names the file, and never what it
    contains."""
    file = tmp_path / "token"
    file.write_text("good")
    options = {**TERMS, "jwks_url": "https://127.0.0.1:9/", "bearer_token_file": str(file)}
    guarded = by_filter(**options)
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"^bearer_token_file must be the path of a file"):
        by_filter(**options)
    assert guarded.ready()["ready"] is False
    assert str(file)[:60] in caplog.text  # a log line has 80 characters of a path
    assert content is None or len(content) < 2 or content not in caplog.text


def test_headers(build: Build) -> None:
    """Request headers are lines of a name and a value, which may have colons."""
    keys = build(**TERMS, jwks_url="https://a.example/", headers="X-A: b:c\n\n X-D : e ")
    fetch = keys.verifier.providers[0].keys.fetch_options
    assert fetch.headers == {"X-A": "b:c", "X-D": "e"}


WRONG: dict[str, tuple[dict[str, str], str, str]] = {
    "a capital in the middle": ({"providers": "a b"}, "providers", "separated by commas"),
    "no name": ({"providers": "staff,"}, "providers", "different names in lowercase"),
    "one name twice": ({"providers": "staff, Staff"}, "providers", "different names"),
    "a sign in a name": ({"providers": "staff-1"}, "providers", "got 'staff-1'"),
    "a name that is taken": ({"providers": "tokens"}, "providers", "tokens_issuer has another"),
    "no issuer": ({"staff_issuer": ""}, "staff_issuer", "must be a string that is not empty"),
    "no audience": ({"staff_audience": ""}, "staff_audience", "one or more values of aud"),
    "a number": ({"staff_leeway": "five"}, "staff_leeway", "a number of seconds, got 'five'"),
    "a number that is too large": ({"staff_leeway": "301"}, "staff_leeway", "from 0 to 300"),
    "a short secret": ({"staff_secret": "hush"}, "staff_secret", "at least 32 bytes"),
    "two keys": ({"staff_jwks_url": "https://a/"}, "staff_secret", "staff_jwks_url"),
    "a url": ({"partner_secret": "hush", "partner_jwks_url": "ftp://a"}, "partner_", "must be"),
    "one issuer twice": ({"partner_issuer": BASIC["issuer"]}, "providers", "one Provider for each"),
    "another's provider": ({"rules": "/a issued_by=x"}, "rules", "rule 1: issued_by=x names no"),
    "a client without an endpoint": ({"staff_client_id": "a"}, "staff_client_id", "_url is set"),
    "a provider that is not named": (
        {"guest_issuer": "x"},
        "guest_issuer",
        "does not name 'guest'",
    ),
    "a near name": ({"staff_audiense": "x"}, "staff_audiense", "nearest is "),
    "the options of one": ({"secret": SECRET}, "issuer", "must be set to the exact iss"),
}


@pytest.mark.parametrize(("options", "name", "rule"), WRONG.values(), ids=WRONG)
def test_a_wrong_option_of_a_provider_is_named(
    options: dict[str, str], name: str, rule: str, build: Build
) -> None:
    """The message has the option with the name of its provider, as the owner wrote it."""
    with pytest.raises(ConfigurationError) as caught:
        build(**{**TWO, **options})
    told = str(caught.value)
    assert name.lower() in told.lower()
    assert rule.lower() in told.lower()
    assert "hush" not in told


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"client_id": ""}, "client_id must be a string"),
        ({"client_secret": ""}, "client_secret must be a string"),
        ({"introspection_url": "http://a.example/"}, "introspection_url must be an https URL"),
        ({"leeway": "5"}, "leeway must only be set if the issuer's keys verify"),
        ({"algorithm": "RS256"}, "algorithm must only be set if"),
        ({"secret": SECRET}, "only one of"),
        ({"issuer": "none"}, "issuer must be a string, got None"),
        ({"headers": "Authorization"}, "each line must be NAME: VALUE"),
        ({"headers": "A: hush\nA: hush"}, "'A' must be named once"),
        ({"headers": "Host: hush"}, "headers must not set 'Host'"),
        ({"headers": "A: hush\x7f"}, "strings of printable ASCII"),
        ({"headers": "Authorization: hush", "bearer_token_file": "token"}, "only one of .*headers"),
        ({"allow_http": "idp.example", "introspection_url": "http://other.example"}, "allow_http"),
    ],
)
def test_a_wrong_option_of_introspection(
    options: dict[str, str],
    expected: str,
    build: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An option that has no effect, or cannot be used, is named; no secret is shown."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("good")
    with pytest.raises(ConfigurationError, match=f"(?i){expected}") as caught:
        build(**{**TERMS, **OPAQUE, **options})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_introspection_needs_its_client(missing: str, build: Build) -> None:
    """An endpoint that anybody may ask does not exist."""
    options = {name: text for name, text in OPAQUE.items() if name != missing}
    with pytest.raises(ConfigurationError, match=f"(?i){missing} must be set to"):
        build(**TERMS, **options)


SAME: dict[str, tuple[dict[str, str], Callable[[], Any]]] = {
    "a provider with every term": (
        {
            **BASIC,
            "audience": "a b",
            "leeway": "2.5",
            "typ": "at+jwt",
            "max_lifetime": "600",
            "subject_claim": "sub client_id",
            "numeric_subject": "true",
            "allow_null": "true",
            "remote_user_claim": "email",
            "scope_claims": "scp",
        },
        lambda: Provider(
            issuer=BASIC["issuer"],
            audience=("a", "b"),
            keys=RemoteKeySet("https://a.example/"),
            leeway=2.5,
            typ="at+jwt",
            max_lifetime=600,
            subject_claim=("sub", "client_id"),
            numeric_subject=True,
            allow_null=True,
            remote_user_claim="email",
            scope_claims=("scp",),
        ),
    ),
    "tenants": (
        {**TERMS, "issuer": "https://a.example/{tid}", "tenants": "a b"},
        lambda: Provider.discover(
            "https://a.example/{tid}", audience=("example-api",), tenants=("a", "b")
        ),
    ),
}


@pytest.mark.parametrize(("options", "make"), SAME.values(), ids=SAME)
def test_a_provider_in_text_is_the_provider_in_python(
    options: dict[str, str], make: Callable[[], Any], build: Build
) -> None:
    """Field by field but for the keys, which another test compares."""
    (built,) = build(**options).verifier.providers
    expected = make()
    for name in Provider.__dataclass_fields__:
        if name != "keys":
            assert getattr(built, name) == getattr(expected, name), name
