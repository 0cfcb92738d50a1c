"""What the pages show beside Python: commands, variables, configuration of others. A test runs each
block, and the table says which."""

import configparser
import json
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml
from flask import Flask
from webtest import TestApp

from jwt_middleware import Key
from jwt_middleware.login import TokenMinter
from jwt_middleware.settings import from_env
from jwt_middleware.stores import SQLStore
from tests.kit import ROOT, forking
from tests.kit.forking import APPS
from tests.kit.pages import DOCS, README, blocks, pages, run_snippets
from tests.kit.parts import part, program
from tests.kit.scripts import paste
from tests.kit.serving import running
from tests.kit.waiting import PATIENCE

_BIN = Path(sys.executable).parent
_IMPORTS = (*APPS, "jwt_middleware.testing", "pytest", "webtest")
_PATH = f"{_BIN}:{os.environ['PATH']}"

RUN_BY = {
    ("tests/browser/login/test_bound.py", "test_the_whole_way"): [
        "docs/how-to/bound-tokens.md js",
    ],
    ("tests/site/test_commands.py", "test_the_test_of_a_bound_app_passes"): [
        "docs/how-to/bound-tokens.md py",
    ],
    ("tests/test_readme.py", "test_the_first_commands_work_when_pasted"): [
        "README.md bash",
    ],
    ("tests/test_readme.py", "test_the_two_commands_are_the_first_two_sh_blocks"): [
        "README.md sh",
    ],
    ("tests/site/test_commands.py", "test_release_1_changes_the_old_tokens"): [
        "docs/coming-from/flask-jwt-extended.md py",
    ],
    ("tests/site/test_commands.py", "test_release_1_of_simplejwt_logs_nobody_out"): [
        "docs/coming-from/simplejwt.md py",
    ],
    ("tests/site/test_commands.py", "test_the_unit_of_the_text_is_one"): [
        "docs/how-to/deployment.md ini",
    ],
    ("tests/site/test_commands.py", "test_the_variables_of_the_text_make_a_guard"): [
        "docs/how-to/deployment.md yaml",
    ],
    ("tests/servers/test_environment.py", "test_the_variables_of_the_page_guard_a_flask_app"): [
        "docs/how-to/environment.md yaml",
    ],
    ("tests/servers/test_environment.py", "test_the_login_app_alone"): [
        "docs/how-to/environment.md sh",
    ],
    ("tests/browser/test_front_end_page.py", "test_the_snippet_signs_in_calls_and_signs_out"): [
        "docs/how-to/front-end.md js",
    ],
    ("tests/site/test_commands.py", "test_one_secret_is_given_to_each_start"): [
        "docs/how-to/keys.md bash",
    ],
    ("tests/site/test_commands.py", "test_keys_are_rotated_as_the_text_says"): [
        "docs/how-to/keys.md sh",
    ],
    ("tests/site/test_commands.py", "test_readiness_answers_as_the_text_says"): [
        "docs/how-to/observing.md json",
    ],
    ("tests/site/test_commands.py", "test_the_test_of_an_app_passes"): [
        "docs/how-to/testing.md py",  # Django's by tests/examples/test_django_project.py
    ],
    ("tests/site/test_commands.py", "test_the_compose_file_and_the_snippet_agree"): [
        "docs/issuers/openid.md yaml",
    ],
    ("tests/acceptance/issuers/test_recipes_in_text.py", "test_the_tokens_of_an_issuer"): [
        "docs/issuers/keycloak.md yaml",
    ],
    ("tests/acceptance/issuers/test_recipes.py", "test_the_volume_of_a_pod_names_the_app"): [
        "docs/issuers/kubernetes.md yaml",
    ],
    ("tests/site/test_commands.py", "test_a_token_is_inspected"): [
        "docs/refused.md sh",
    ],
    ("tests/site/test_tutorial.py", "test_the_spanish_code_is_the_english_to_the_letter"): [
        "docs/tutorial/es.md bash",
        "docs/tutorial/es.md html",
        "docs/tutorial/es.md sh",
    ],
    ("tests/site/test_tutorial.py", "test_the_commands_work_when_pasted"): [
        "docs/tutorial/index.md bash",
        "docs/tutorial/index.md sh",
    ],
    ("tests/browser/test_tutorial_page.py", "test_the_page_logs_in_and_out"): [
        "docs/tutorial/index.md html",
    ],
    ("tests/site/test_commands.py", "test_the_commands_of_the_examples_work"): [
        "examples/README.md sh",
    ],
}
"""Which test runs the blocks of which language of which file."""


def _shell(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, "PATH": _PATH},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def _command(line: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a line with our command alone, and perhaps a file as stdin, without a shell."""
    command, _, file = line.partition(" < ")
    name, *arguments = shlex.split(command)
    (script,) = entry_points(group="console_scripts", name=name)
    module, _, function = script.value.partition(":")
    main = f"from {module} import {function}; {function}()"
    given = (folder / file).read_text() if file else ""
    return forking.run(main, *arguments, after=_IMPORTS, cwd=folder, given=given)


NOT_RUN = {"python", "text", ""}
"""`test_pages.py` runs Python. A `text` block is no more than shown, and neither is one without a
language, which only holds a line of output or of a log format."""


def test_each_block_is_run() -> None:
    """A block in a language that something reads is run by a test, and the table names it."""
    files = [*pages().values(), README, ROOT / "examples/README.md"]
    files += [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
    found = {
        f"{file.relative_to(ROOT)} {language}"
        for file in files
        for language in re.findall(r"^```([a-z]+)$", file.read_text(), re.MULTILINE)
        if language not in NOT_RUN
    }
    assert sorted(found) == sorted(block for shown in RUN_BY.values() for block in shown)
    for file, name in RUN_BY:
        assert f"def {name}(" in (ROOT / file).read_text(), name


NEW_IN_GUNICORN = {"control_socket_disable"}
"""Settings that the lowest version we allow does not have. It passes over a name it does not know
and has no control socket, so there is nothing to disable."""


@pytest.mark.parametrize("name", ["gunicorn.conf.py", "container/gunicorn.conf.py"])
def test_the_settings_of_the_text_are_gunicorns(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gunicorn knows each name of its files as a setting. Both log in one way: a refusal with its
    reason, and no query."""
    from gunicorn.config import Config

    monkeypatch.chdir(tmp_path)
    text = (ROOT / "examples" / name).read_text()
    names = {name for name in run_snippets(tmp_path, text) if name[0] != "_"}
    assert names - {"os", "re", "cut_query"} <= set(Config().settings) | NEW_IN_GUNICORN
    assert {"access_log_format", "logconfig_dict", "forwarder_headers"} <= names
    shared = (ROOT / "examples/gunicorn.conf.py").read_text().partition("def cut_query")[2]
    assert text.endswith(shared)


def test_the_probes_of_the_text_are_answered() -> None:
    """Each path that a manifest probes is 200 without a token in the example of its page."""
    text = "\n".join(blocks(DOCS / "how-to/deployment.md", "yaml"))
    paths = re.findall(r"httpGet: {path: ([^,]+),", text)
    from examples.readiness import application

    assert paths == ["/readyz", "/livez"]
    for path in paths:
        TestApp(application).get(path, status=200)


@pytest.mark.parametrize(
    "command",
    [
        "jwt-middleware users add ada --scope admin --database sqlite:///auth.db --create",
        "jwt-middleware keys new",
        "jwt-middleware keys new --algorithm ES256 --out key.pem",
    ],
)
def test_each_command_of_the_text_works(command: str, tmp_path: Path) -> None:
    """The commands for users and keys do what they say, in an empty folder. One of them is run as
    it is installed."""
    assert any(f"`{command}`" in file.read_text() for file in pages().values())
    if " users " not in command:
        run = _command(command, tmp_path)
        assert run.returncode == 0, run.stderr
    else:
        run = _shell(f"echo analytical engine | {command} --password-stdin", tmp_path)
        assert run.returncode == 0, run.stderr
        assert [user.username for user in SQLStore(f"sqlite:///{tmp_path}/auth.db").users()] == [
            "ada"
        ]


_MYAPP = """
from flask import Flask, request
from jwt_middleware import Identity, JWTMiddleware, Key, KeySet, Provider, Rule, scope

app = Flask(__name__)
app.add_url_rule("/api/me", "me", lambda: {"id": Identity.from_environ(request.environ).subject})
keys = KeySet([Key.generate()])
provider = Provider(issuer="https://idp.example/", audience="example-api", keys=keys)
rules = [Rule("/api", scope("read"))]
app.wsgi_app = JWTMiddleware(app.wsgi_app, providers=[provider], rules=rules)
application = app
"""


_WITH_LOGIN = """
from flask import Flask, request
from jwt_middleware import Identity, JWTMiddleware, Key, RevocationList, Rule, bearer, in_cookie
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore

app = Flask(__name__)
app.add_url_rule("/api/me", "me", lambda: {"id": Identity.from_environ(request.environ).subject})
store = MemoryStore(password_method="scrypt:1024:1:1")
minter = TokenMinter(Key.generate(), issuer="https://example.com", audience="example-api")
guarded = JWTMiddleware(
    app.wsgi_app,
    providers=[minter.provider],
    revocations=RevocationList(store),
    credentials=[bearer, in_cookie("__Host-jwt")],
    rules=[Rule("/api")],
)
app.wsgi_app = LoginApp(store, minter, access_cookie="__Host-jwt").wrap(guarded, prefix="/auth")
"""

_WITH_PEOPLE = """
import os
from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from jwt_middleware import Identity, JWTMiddleware, Rule
from jwt_middleware.login import TokenMinter

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db = SQLAlchemy(app)

class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.Text)
    password_hash = db.Column(db.Text)

@app.get("/api/me")
def me():
    person = db.session.get(Person, int(Identity.from_environ(request.environ).subject))
    return {"name": person.name}

secret = os.environ["JWT_SECRET"]
minter = TokenMinter.from_secret(secret, issuer="https://example.com", audience="example-api")
app.wsgi_app = JWTMiddleware(app.wsgi_app, providers=[minter.provider], rules=[Rule("/api")])
"""

_SUITES = {
    (re.search(r"def (test_\w+)", text) or [""])[1]: text
    for text in blocks(DOCS / "how-to/testing.md", "py")
}
"""The snippets for suites by the name of their test."""


def test_every_fixture_is_in_the_table() -> None:
    """The page on testing has a row for each fixture of the plugin, and for nothing else."""
    from jwt_middleware import pytest_plugin

    page = (DOCS / "how-to/testing.md").read_text()
    rows = re.findall(r"^\| (`jwt_.*?) \|", page, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(jwt_\w+)", row)}
    assert named == {name for name in vars(pytest_plugin) if name.startswith("jwt_")}


@pytest.mark.parametrize(
    "name", [name for name, text in _SUITES.items() if "django.test" not in text]
)
def test_the_test_of_an_app_passes(name: str, tmp_path: Path) -> None:
    """Each snippet for suites is a whole test file: beside an app it runs as it stands."""
    test = _SUITES[name]
    (tmp_path / "myapp.py").write_text(_WITH_LOGIN if "/auth/" in test else _MYAPP)
    if "Person" in test:
        (tmp_path / "myapp.py").write_text(_WITH_PEOPLE)
    if "time_machine" in test:
        (tmp_path / "myapp.py").write_text(_MYAPP.replace(', scope("read")', ""))
    (tmp_path / "test_myapp.py").write_text(test)
    _suite_passes(tmp_path)


def _suite_passes(folder: Path) -> None:
    """Run pytest in a folder, with our plugin alone: to load the others takes longer than the
    test."""
    script = "import sys, pytest; sys.exit(pytest.main())"
    options = ("-q", "-p", "jwt_middleware.pytest_plugin")
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = forking.run(script, *options, after=_IMPORTS, cwd=folder, env=env)
    assert "1 passed" in run.stdout, run.stdout
    assert run.returncode == 0


def test_the_test_of_a_bound_app_passes(tmp_path: Path) -> None:
    """The snippet for bound tokens is a whole test file too, beside an app with DPoP."""
    bound = _MYAPP.replace("rules=rules)", "rules=rules, dpop=dpop)")
    bound = bound.replace('scope("read")', "sender_constrained")
    dpop = """
from jwt_middleware import DPoP, sender_constrained
from jwt_middleware.stores import MemoryStore
dpop = DPoP("https://example.com", replays=MemoryStore())
"""
    (tmp_path / "myapp.py").write_text(dpop + bound)
    (test,) = blocks(DOCS / "how-to/bound-tokens.md", "py")
    (tmp_path / "test_myapp.py").write_text(test)
    _suite_passes(tmp_path)


def test_a_token_is_inspected(tmp_path: Path) -> None:
    """The commands of the text say why an app refuses a token, alone and for a path."""
    (commands,) = blocks(DOCS / "refused.md", "sh")
    (tmp_path / "module.py").write_text(_MYAPP)
    token = TokenMinter(Key.generate(), issuer="https://x.example", audience="a").mint("ada")
    (tmp_path / "token").write_text(token)
    for command in commands.splitlines():
        run = _command(command, tmp_path)
        assert (run.returncode, "issuer" in run.stdout) == (1, True), command + run.stderr


def test_one_secret_is_given_to_each_start(tmp_path: Path) -> None:
    """The first line makes a file that only its owner may read, and the second hands on what is in
    it, which is a secret that signs."""
    (commands,) = blocks(DOCS / "how-to/keys.md", "bash")
    make, export, start = commands.splitlines()
    assert _shell(make, tmp_path).returncode == 0
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert start == "gunicorn --workers 4 app:app"
    said = _shell(f"{export}\nprintenv JWT_SECRET", tmp_path).stdout.strip()
    assert said == (tmp_path / "secret").read_text().strip()
    Key.from_secret(said)


def test_keys_are_rotated_as_the_text_says(tmp_path: Path) -> None:
    """The commands for a folder of keys work one after the other. A key that still signs, or whose
    tokens may still be valid, is not retired."""
    (commands,) = blocks(DOCS / "how-to/keys.md", "sh")
    new, list_, activate, retire = commands.splitlines()
    assert _shell(new, tmp_path).returncode == 0
    old = _command(list_, tmp_path).stdout.split("\t")[0]
    assert _command(new, tmp_path).returncode == 0
    listed = _command(list_, tmp_path).stdout.splitlines()
    (young,) = {line.split("\t")[0] for line in listed} - {old}
    assert _command(f"{activate.replace('NEW_ID', young)} --now", tmp_path).returncode == 0
    too_early = _command(retire.replace("OLD_ID", old), tmp_path)
    assert (too_early.returncode, "may still be valid" in too_early.stderr) == (1, True)


def test_release_1_changes_the_old_tokens(tmp_path: Path) -> None:
    """With the two lines, tokens of Flask-JWT-Extended have issuer and audience."""
    import flask_jwt_extended as old

    app = Flask("old")
    app.config["JWT_SECRET_KEY"] = "s" * 32
    (lines,) = blocks(DOCS / "coming-from/flask-jwt-extended.md", "py")
    exec(lines, {"app": app})
    old.JWTManager(app)
    with app.app_context():
        claims = old.decode_token(old.create_access_token("ada"))
    assert (claims["iss"], claims["aud"]) == ("https://example.com", "example-api")


_SIMPLEJWT = """
import json, sys, types
import django
from django.conf import settings

serializers = {f"TOKEN_{kind}_SERIALIZER": f"shop_tokens.{name}"
               for kind, name in (("OBTAIN", "Pair"), ("REFRESH", "Renewal"))}
settings.configure(
    SECRET_KEY="y" * 40,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    SIMPLE_JWT={"SIGNING_KEY": "x" * 40, **serializers},
)
django.setup()
import jwt
from django.contrib.auth.models import User
from django.core.management import call_command
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenRefreshSerializer
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

names = dict(globals())
exec(sys.stdin.read(), names)
sys.modules["shop_tokens"] = types.ModuleType("shop_tokens")
vars(sys.modules["shop_tokens"]).update(names)

call_command("migrate", verbosity=0)
ada = User.objects.create_user("ada", password="analytical engine")
early = RefreshToken.for_user(ada)

def access(view, **data):
    made = view().get_serializer_class()(data=data)
    made.is_valid(raise_exception=True)
    return made.validated_data["access"]

minted = access(TokenObtainPairView, username="ada", password="analytical engine")
renewed = access(TokenRefreshView, refresh=str(early))
named = TokenBackend("HS256", "x" * 40, audience="example-api", issuer="https://example.com")
try:
    refused = not named.decode(str(early))
except TokenBackendError:
    refused = True
found = [AccessToken(token).payload for token in (minted, renewed, str(early.access_token))]
print(json.dumps([[one.get("iss"), one.get("aud")] for one in found] + [refused]))
"""


@pytest.mark.needs_frameworks
def test_release_1_of_simplejwt_logs_nobody_out(tmp_path: Path) -> None:
    """With the classes of the page, new access tokens have issuer and audience, also those for a
    refresh token from before; an access token from before is still good. With the settings
    `ISSUER` and `AUDIENCE`, a refresh token from before is refused."""
    part("django")
    part("rest_framework_simplejwt")
    (lines,) = blocks(DOCS / "coming-from/simplejwt.md", "py")
    done = subprocess.run(
        [sys.executable, "-c", _SIMPLEJWT],
        cwd=tmp_path,
        input=lines,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    both = ["https://example.com", "example-api"]
    assert json.loads(done.stdout) == [both, both, [None, None], True]


def test_the_unit_of_the_text_is_one(tmp_path: Path) -> None:
    """Each name of the unit is one that systemd knows, and the files that it loads are those that
    the Python snippet reads."""
    (unit,) = blocks(DOCS / "how-to/deployment.md", "ini")
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(unit)
    assert parser.sections() == ["Service"]
    snippet = "\n".join(blocks(DOCS / "how-to/deployment.md", "python"))
    loaded = re.findall(r"^LoadCredential=([a-z-]+):", unit, re.MULTILINE)
    assert set(loaded) == set(re.findall(r'secrets / "([a-z-]+)"', snippet))
    program("systemd-analyze")
    (tmp_path / "example.service").write_text(re.sub(r"=/srv\S+/gunicorn", "=/bin/true", unit))
    run = _shell("systemd-analyze verify ./example.service", tmp_path)
    assert not re.findall(r"Unknown|Invalid|ignoring", run.stderr, re.IGNORECASE), run.stderr


def test_readiness_answers_as_the_text_says() -> None:
    """The answer of the text has the members of `ready()`, each of the same kind."""
    (text,) = blocks(DOCS / "how-to/observing.md", "json")
    from examples.readiness import guarded

    def shape(value: object) -> object:
        if isinstance(value, dict):
            return {name: shape(member) for name, member in value.items() if name != "age"}
        return [shape(member) for member in value] if isinstance(value, list) else type(value)

    assert shape(guarded.ready()) == shape(json.loads(text))


def test_the_compose_file_and_the_snippet_agree() -> None:
    """The app reaches the issuer by the name of its service, at the port and under the issuer that
    the service has."""
    (text,) = blocks(DOCS / "issuers/openid.md", "yaml")
    services = yaml.safe_load(text)["services"]
    keycloak = services["keycloak"]
    snippet = "\n".join(blocks(DOCS / "issuers/openid.md", "python"))
    assert f'"{keycloak["environment"]["KC_HOSTNAME"]}/realms/example"' in snippet
    port = keycloak["ports"][0].split(":")[1]
    assert f'metadata_url="http://keycloak:{port}/realms/example/.well-known/' in snippet
    assert 'allow_http=("keycloak",)' in snippet
    assert services["api"]["command"] == "gunicorn -c gunicorn.conf.py app:app"
    config = (ROOT / "examples/container/gunicorn.conf.py").read_text()
    assert services["api"]["ports"] == ["8000:8000"]
    assert 'bind = "0.0.0.0:8000"' in config


@pytest.mark.needs_servers
def test_the_commands_of_the_examples_work(tmp_path: Path) -> None:
    """The first example starts with its command, gives a token, and knows the caller."""
    (commands,) = blocks(ROOT / "examples/README.md", "sh")
    serve, calls = commands.split(" &\n")
    password, *command = shlex.split(serve)
    environ = dict([password.split("=")], PATH=_PATH, PYTHONPATH=str(ROOT))
    environ["GUNICORN_CMD_ARGS"] = "--bind 127.0.0.1:0"
    with running(command, cwd=tmp_path, env=environ) as address:
        pasted = calls.replace("localhost:8000", address.removeprefix("http://"))
        run = paste(pasted)
    assert re.search(r'"(id|subject|user)": ?"\w+"', run.stdout), run.stdout + run.stderr


def test_the_variables_of_the_text_make_a_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of the container beside Keycloak are all that `from_env` needs."""
    (block,) = (b for b in blocks(DOCS / "how-to/deployment.md", "yaml") if "AUDIENCE" in b)
    for name, value in re.findall(r"^  (JWT_MIDDLEWARE_\w+): (.+)$", block, re.MULTILINE):
        monkeypatch.setenv(name, value)
    client = TestApp(from_env(Flask("app").wsgi_app))
    client.get("/api/me", status=401)
    client.get("/api/health", status=404)  # public, and this app has no such view
