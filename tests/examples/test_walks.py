"""Every example, called by WebTest in this process and by curl under a gunicorn of its own."""

import ast
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jwt_middleware import Key
from jwt_middleware.login import TokenMinter
from jwt_middleware.stores import SQLStore
from jwt_middleware.trust.proof_form import PROOF_ALGORITHMS
from tests.examples.old_app import ENCODES, SECRET, old_tokens
from tests.examples.walking import (
    EXAMPLES,
    PASSWORD,
    Call,
    Walk,
    alone,
    attack,
    curl_call,
    loading,
    sign_in,
    walk,
    webtest_call,
)
from tests.kit import ROOT
from tests.kit.fault_server import FaultServer
from tests.kit.parts import program
from tests.kit.serving import gunicorn

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_frameworks]

FILES = [
    file
    for file in sorted((ROOT / "examples").glob("*.py"))
    if file.stem not in ("gunicorn.conf", "paste_app")
]
CHALLENGE = 'Bearer realm="api"'
DPOP = f'DPoP realm="api", algs="{" ".join(PROOF_ALGORITHMS)}"'
CHALLENGED = (
    (401, CHALLENGE),
    (401, f"{CHALLENGE}, {DPOP}"),  # with `dpop`
    (401, f'{CHALLENGE}, Basic realm="api", charset="UTF-8"'),  # with `basic_password`
)
DJANGO = ("django_app", "django_rest_app")
IN_ITS_OWN_PROCESS = (*DJANGO, "django_views")


class Site(NamedTuple):
    """What the examples need around them: an environment, a folder with databases, tokens where
    there is no login."""

    environ: dict[str, str]
    folder: Path
    tokens: dict[str, str]
    idp: TokenMinter
    auth_service: Call


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An identity provider on loopback, `auth_service` under gunicorn, and ada in every
    database."""
    program("curl")
    folder = tmp_path_factory.mktemp("site")
    environ = {"PASSWORD": PASSWORD, "JWT_SECRET": SECRET, "JWT_SECRET_KEY": SECRET}
    environ |= {"DATABASE_URL": f"sqlite:///{folder}/auth.db", "JWT_KEY_FILE": "key.pem"}
    store = SQLStore(environ["DATABASE_URL"])
    store.add_user("ada", PASSWORD, scopes=("admin",))
    store.close()
    _make_django_database(folder)
    key, auth_key = Key.generate(), Key.generate()
    pem = auth_key.signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    with (
        FaultServer([key.to_jwk()]) as server,
        gunicorn("examples.auth_service", cwd=folder, env=environ) as address,
    ):
        described = {"issuer": server.origin, "jwks_uri": server.url}
        server.pages["/.well-known/openid-configuration"] = json.dumps(described).encode()
        environ |= {"ISSUER": server.origin, "JWKS_URL": f"{address}/.well-known/jwks.json"}
        idp, auth_service = (
            TokenMinter(key, issuer=server.origin, audience="example-api"),
            curl_call(address),
        )
        tokens = dict.fromkeys((*IN_ITS_OWN_PROCESS, "remote_keys"), idp.mint("ada"))
        tokens["api_service"] = sign_in(auth_service, "/token").body["token"]
        tokens["from_flask_jwt_extended"] = old_tokens(**ENCODES)["access"]
        yield Site(environ, folder, tokens, idp, auth_service)


def _make_django_database(folder: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    for words in ("migrate", "createsuperuser --noinput --username=ada --email=ada@example.com"):
        command = [sys.executable, "-m", "examples.django_app", *words.split()]
        subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True)


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[dict[str, Call]]:
    """Every example under a gunicorn of its own; all are started and stopped at once."""
    addresses: dict[str, Future[str]] = {name: Future() for name in EXAMPLES}
    done = Event()

    def serve(name: str) -> None:
        try:
            with gunicorn(
                f"examples.{name}", *_options(name), cwd=_folder(name, site), env=site.environ
            ) as address:
                addresses[name].set_result(address)
                done.wait()
        except Exception as error:
            addresses[name].set_exception(error)

    with ThreadPoolExecutor(len(EXAMPLES)) as pool:
        for name in EXAMPLES:
            pool.submit(serve, name)
        try:
            yield {name: curl_call(address.result()) for name, address in addresses.items()}
        finally:
            done.set()


def _options(name: str) -> Sequence[str]:
    return ["--workers=2"] if name == "flask_app" else []


def _folder(name: str, site: Site) -> Path:
    folder = site.folder / name
    folder.mkdir(exist_ok=True)
    shutil.copy(site.folder / "django.db", folder)
    return folder


@pytest.fixture(scope="module")
def walks_by_curl(site: Site, served: dict[str, Call]) -> Callable[[str], Walk]:
    """The walks under gunicorn, all at once."""
    with ThreadPoolExecutor(4) as pool:
        walks = {
            name: pool.submit(walk, name, call, site.tokens.get(name))
            for name, call in served.items()
        }
    return lambda name: walks[name].result()


@pytest.fixture(scope="module")
def load(site: Site) -> Iterator[Callable[[str], Any]]:
    """Gives the application of an example, in this process."""
    with loading(site.environ, site.folder) as load:
        yield lambda name: load(name).application


@pytest.fixture(scope="module")
def walks_by_webtest(site: Site, load: Callable[[str], Any]) -> Callable[[str], Walk]:
    """The walks in this process, but for Django in one that is new."""

    @cache
    def walk_here(name: str) -> Walk:
        if name not in IN_ITS_OWN_PROCESS:
            return walk(name, webtest_call(load(name)), site.tokens.get(name))
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(alone, name, site.environ, site.folder).result()

    return walk_here


@pytest.fixture(params=["webtest", "curl"])
def answers(request: pytest.FixtureRequest, name: str) -> Walk:
    """The answers of an example, in each of the two ways."""
    return request.getfixturevalue(f"walks_by_{request.param}")(name)


each_example = pytest.mark.parametrize("name", EXAMPLES)


@each_example
def test_without_a_token_the_guarded_path_answers_a_challenge(answers: Walk) -> None:
    """401 and the bare challenge: which scheme is wanted."""
    assert answers.missing.refusal in CHALLENGED


@each_example
def test_another_spelling_of_the_guarded_path_is_guarded(answers: Walk) -> None:
    """`//api/me` reaches no handler either, though some frameworks read it as `/api/me`."""
    assert answers.hostile.refusal in CHALLENGED


@each_example
def test_the_open_path_is_open(answers: Walk) -> None:
    """A path without a rule, or with a public or optional one, answers 200 without a token."""
    assert answers.open.status == 200


@each_example
def test_with_a_token_the_app_knows_who_is_calling(name: str, answers: Walk) -> None:
    """A token of the example's login, or of whom it trusts, is let through, and the app says whose
    it is."""
    assert (answers.granted.status, answers.granted.body) == (200, EXAMPLES[name].caller)


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - IN_ITS_OWN_PROCESS))
def test_no_hostile_request_gets_in(name: str, load: Callable[[str], Any]) -> None:
    """The test kit finds no way in; into those of Django it looks for one in their own process."""
    attack(name, load(name))


@pytest.mark.parametrize("name", ["flask_app", "bottle_app"])
def test_a_suite_calls_an_example_without_a_password(
    name: str, load: Callable[[str], Any], jwt_client: Any
) -> None:
    """The test kit's client is anybody it says to be."""
    client = jwt_client(load(name))
    client.get("/api/me", status=401)
    assert client.as_user("grace").get("/api/me").json["id"] == "grace"


@pytest.mark.parametrize("name", DJANGO)
def test_a_bearer_call_of_django_makes_no_session(answers: Walk) -> None:
    """Nothing is set in the browser, as RemoteUserMiddleware would at each call."""
    assert "set-cookie" not in answers.granted.headers


def test_a_subject_that_django_does_not_know_stays_unknown(
    site: Site, served: dict[str, Call]
) -> None:
    """It is nobody to Django, 401 to REST framework, and no row is made for it."""
    stranger = site.idp.mint("stranger")
    assert served["django_app"]("/api/me", stranger).body == {"id": ""}
    assert served["django_rest_app"]("/api/me", stranger).refusal == (401, CHALLENGE)
    for name in DJANGO:
        with closing(sqlite3.connect(site.folder / name / "django.db")) as database:
            assert database.execute("SELECT username FROM auth_user").fetchall() == [("ada",)]


def test_the_auth_service_publishes_the_public_key_alone(site: Site) -> None:
    """Whoever has its JWKS can verify, and cannot sign."""
    [key] = site.auth_service("/.well-known/jwks.json").body["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_a_wrong_password_gets_the_words_of_the_tutorial(
    site: Site, served: dict[str, Call]
) -> None:
    """401 "Bad username or password", from a table of the app's own and from a store alike."""
    wrong = [
        sign_in(served["tutorial"], "/token", "test", "wrong"),
        sign_in(site.auth_service, "/token", "ada", "wrong"),
    ]
    assert [(answer.status, answer.body["msg"]) for answer in wrong] == [
        (401, "Bad username or password")
    ] * 2


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_says_how_to_run_it_and_is_called_above(file: Path) -> None:
    """The command comes first, and no example is without a test that calls it."""
    assert f"examples.{file.stem}`" in (ast.get_docstring(ast.parse(file.read_text())) or "")
    assert file.stem in {*EXAMPLES, "auth_service", "mcp_flask"}
