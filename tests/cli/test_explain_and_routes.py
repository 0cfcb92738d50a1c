"""`explain` and `routes` as commands: what they print, their exit codes, and misuse."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from wsgiref.util import setup_testing_defaults

import pytest

from tests.checks.matrix.hostile import hostile
from tests.kit import forking
from tests.kit.forking import APPS
from tests.kit.tokens import issued

from .conftest import MAIN, Command, on_a_terminal

SECRET = "a secret of at least thirty-two bytes"
HIDDEN = "postgresql://ada:lovelace@db/x"
APP = f"""
import flask
from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule, scope
app = flask.Flask("some")
for path in ("/", "/api/me", "/api/admin"):
    app.add_url_rule(path, path, lambda: "ok")
keys = KeySet([Key.from_secret({SECRET!r})])
provider = Provider(issuer="https://i.example", audience="example-api", keys=keys)
rules = [Rule("/api"), Rule("/api/admin", scope("admin"))]
guarded = JWTMiddleware(app.wsgi_app, providers=[provider], rules=rules)
def application(environ, start_response):
    return guarded(environ, start_response)
bare = flask.Flask("bare")
def plain(environ, start_response):
    return []
unlisted = JWTMiddleware(plain, providers=[provider], rules=rules)
import bottle
long = bottle.Bottle()
far = "/api/2.0/experiments/" + "registered/" * 9 + "get-by-name"
for path in (r"/n/<n:re:\\d+>", "/\\x1b[2J", far):
    long.route(path, "GET", plain)
from jwt_middleware import basic_password, bearer, in_cookie, in_header
both = [
    ("all", (in_cookie("__Host-jwt"), in_header("X-Token"), bearer, basic_password)),
    ("cookie", (in_cookie("__Host-jwt"),)),
]
for name, credentials in both:
    globals()[name + "_places"] = JWTMiddleware(
        app.wsgi_app, providers=[provider], rules=rules, credentials=credentials
    )
def is_staff(caller):
    return True
owned = JWTMiddleware(app.wsgi_app, providers=[provider], rules=[Rule("/api", is_staff)])
long.wsgi = JWTMiddleware(long.wsgi, providers=[provider], rules=rules)
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.stores import MemoryStore
shop = flask.Flask("shop")
for path in ("/api/me", "/auth/logout", "/auth/orders"):
    shop.add_url_rule(path, path, lambda: "ok", methods=["DELETE"])
minter = TokenMinter(Key.generate(), issuer="https://login.example", audience="a")
shop.wsgi_app = LoginApp(MemoryStore(), minter).wrap(
    JWTMiddleware(shop.wsgi_app, providers=[provider], rules=[Rule("/auth"), Rule("/api")]),
    prefix="/auth",
)
def create_app(name, *, is_strict=True):
    return globals()[name] if is_strict else plain
number = 7
"""
BROKEN = {
    "no_variable": "import os; os.environ['NO_SUCH_SECRET']",
    "raising": f"raise RuntimeError({HIDDEN!r})",
    "exiting": f"import sys; sys.exit({HIDDEN!r})",
    "wrong_value": f"int({HIDDEN!r})",
    "wrong_key": f"{{}}[{HIDDEN!r}]",
    "ours": "from jwt_middleware import Rule; Rule('api')",
}


@pytest.fixture(autouse=True)
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with an app, and with some that cannot be imported."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, text in {"some_site": APP, **BROKEN}.items():
        (tmp_path / f"{name}.py").write_text(text)
        sys.modules.pop(name, None)
    yield
    for name in ("some_site", *BROKEN):
        sys.modules.pop(name, None)


def token(**claims: object) -> str:
    """A good token of the app's issuer, with changes."""
    return issued(SECRET, **{"iss": "https://i.example", "aud": "example-api", **claims})


def test_explain_shows_expected_and_found(command: Command) -> None:
    """The answer is the app's; the token itself is not shown."""
    given = token(aud="account")
    done = command("explain", "--app", "some_site", "GET", "/api/me", given=given)
    assert (done.code, done.err) == (1, "")
    assert "account" in done.out
    assert "example-api" in done.out
    assert "answer: 401 audience" in done.out
    assert given not in done.out


@pytest.mark.parametrize(
    ("path", "claims", "code", "answer"),
    [
        ("/", {}, 0, "answer"),
        ("/api/me", {}, 0, "answer"),
        ("/api/admin", {"scope": "admin"}, 0, "answer"),
        ("/api/admin", {}, 1, "answer: 403 scope"),
        ("/api/me", {"exp": 1}, 1, "answer: 401 expired"),
    ],
)
def test_explain_ends_as_the_app_answers(
    path: str, claims: dict[str, object], code: int, answer: str, command: Command
) -> None:
    """0 where the app answers, 1 where the request is refused."""
    done = command("explain", "--app", "some_site", "GET", path, given=token(**claims))
    assert done.code == code
    assert answer in done.out


def test_routes_are_listed_and_strict_counts(command: Command) -> None:
    """Every route with its rule; `--strict` fails for an open one."""
    done = command("routes", "--app", "some_site")
    assert done.code == 0
    assert [line.split()[-1] for line in done.out.splitlines() if " / " in line] == ["OPEN"]
    assert command("routes", "--app", "some_site", "--strict").code == 1
    assert json.loads(command("routes", "--app", "some_site", "--json").out)


@pytest.mark.parametrize("seed", range(0, 300, 5))
def test_the_command_answers_as_the_app_does(seed: int, command: Command) -> None:
    """Hostile requests of the matrix, by the command and live: the same status and reason."""
    request = hostile(seed)
    headers = {key: value for key, value in request.more if key.startswith("HTTP_")}
    given = token(scope="admin") if seed % 2 else ""
    lines = [
        part
        for key, value in headers.items()
        for part in ("--header", f"{key[5:].replace('_', '-')}: {value}")
    ]
    path = quote(request.path, encoding="latin-1")
    method = request.method
    done = command("explain", "--app", "some_site", *lines, method, path, given=given)
    if done.code == 2:  # what no client can send, such as a path without a slash
        assert not request.path.startswith("/") or "Invalid value" in done.err
        return
    environ = {"PATH_INFO": request.path, "REQUEST_METHOD": method, **headers}
    if given:
        environ["HTTP_AUTHORIZATION"] = f"Bearer {given}"
    status, reason = live(environ)
    if reason:
        assert f"answer: {status} {reason}: " in done.out
    else:
        assert "answer: the app's" in done.out or f"answer: {status}, to a CORS" in done.out


def live(environ: dict[str, Any]) -> tuple[int, str | None]:
    """What the app answers, and why if it is a refusal."""
    environ = {"CONTENT_LENGTH": "0", **environ}
    setup_testing_defaults(environ)
    statuses: list[str] = []
    answer = sys.modules["some_site"].application(
        environ, lambda status, headers, error=None: statuses.append(status)
    )
    getattr(answer, "close", lambda: None)()
    return int(statuses[0][:3]), environ.get("jwt_middleware.reason")


MISUSE = {
    "no such module": ("nothing_here", "GET", "/"),
    "no such attribute": ("some_site:nothing", "GET", "/"),
    "no app": ("some_site:number", "GET", "/"),
    "no slash": ("some_site", "GET", "api"),
    "not ASCII": ("some_site", "GET", "/caf\xe9"),
    "no method": ("some_site", "G T", "/"),
    **{name: (name, "GET", "/") for name in BROKEN},
}


@pytest.mark.parametrize(("app", "method", "path"), MISUSE.values(), ids=MISUSE)
def test_misuse_is_told_without_a_traceback(
    app: str, method: str, path: str, command: Command
) -> None:
    """Exit code 2; what an app's own error says is not shown, since it may be a secret."""
    done = command("explain", "--app", app, method, path, given=token())
    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert "lovelace" not in done.err


def test_our_own_error_is_shown(command: Command) -> None:
    """A `ConfigurationError` says what to change, and never holds a secret."""
    assert "prefix must be a path" in " ".join(command("routes", "--app", "ours").err.split())


def test_a_variable_that_is_not_set_is_named(command: Command) -> None:
    """The name of an environment variable is shown, and no key of another mapping."""
    told = " ".join(command("routes", "--app", "no_variable").err.split())
    assert "the environment variable NO_SUCH_SECRET is not set" in told


def test_a_part_that_is_not_listed_is_counted(command: Command) -> None:
    """The last line has it, since --strict counts it too."""
    done = command("routes", "--app", "some_site:unlisted", "--strict")
    assert done.out.splitlines()[-1].endswith("0 warnings, 1 not listed")


def test_a_credential_as_an_argument_is_told_where_to_go(command: Command) -> None:
    """The message says why, and how the token is sent."""
    line = ("explain", "--app", "some_site", "--header", "Authorization: Bearer x", "GET", "/")
    told = " ".join(command(*line, given=token()).err.split())
    assert "history" in told
    assert "token alone on stdin" in told


PLACES = {
    "default": ("all", (), "header Authorization: Bearer", 0),
    "bearer": ("all", ("--in", "bearer"), "header Authorization: Bearer", 0),
    "basic": ("all", ("--in", "basic"), "header Authorization: Basic", 0),
    "cookie": ("all", ("--in", "cookie"), "cookie __Host-jwt: Bearer", 0),
    "its name": ("all", ("--in", "header X-Token"), "header X-Token: Bearer", 0),
    "the only one": ("cookie", (), "cookie __Host-jwt: Bearer", 0),
    "not read": ("cookie", ("--in", "basic"), "read from basic", 2),
    "no such place": ("all", ("--in", "query"), "read from query", 2),
    "as an argument": ("all", ("--header", "X-Token: x"), "history", 2),
}


@pytest.mark.parametrize(("app", "more", "told", "code"), PLACES.values(), ids=PLACES)
def test_the_token_goes_where_the_app_reads_it(
    app: str, more: tuple[str, ...], told: str, code: int, command: Command
) -> None:
    """`--in` names one of the places of the app; else it is Bearer or the first one."""
    given = token()
    done = command("explain", "--app", f"some_site:{app}_places", *more, "GET", "/api", given=given)
    assert done.code == code
    assert told in " ".join((done.out + done.err).split())
    assert given not in done.out + done.err


def test_a_cookie_needs_proof_of_its_site_to_write(command: Command) -> None:
    """A POST with a cookie is 403 unless a header says that a page of this site sent it."""
    line = ("explain", "--app", "some_site:cookie_places")
    refused = command(*line, "POST", "/api", given=token())
    assert (refused.code, "403 cross_site" in refused.out) == (1, True)
    header = ("--header", "Sec-Fetch-Site: same-origin")
    assert command(*line, *header, "POST", "/api", given=token()).code == 0


OF_A_PAGE: dict[str, tuple[str, str, int]] = {
    "a page of this site": ("http://localhost:8000/api", "http://localhost:8000", 0),
    "in capitals": ("HTTP://localhost:8000/api", "http://localhost:8000", 0),
    "https, as a path alone": ("/api", "https://shop.example", 0),
    "another scheme": ("https://localhost:8000/api", "http://localhost:8000", 1),
    "another port": ("http://localhost:8000/api", "http://localhost:5173", 1),
    "a path alone of another scheme": ("/api", "http://shop.example", 1),
}


@pytest.mark.parametrize(("target", "origin", "code"), OF_A_PAGE.values(), ids=OF_A_PAGE)
def test_a_whole_url_says_the_scheme_and_the_host(
    target: str, origin: str, code: int, command: Command
) -> None:
    """A POST with a cookie is judged as the server judges it there, and a refusal says as what."""
    host = () if "://" in target else ("--header", "Host: shop.example")
    line = ("explain", "--app", "some_site:cookie_places", *host, "--header", f"Origin: {origin}")
    done = command(*line, "POST", target, given=token())
    assert done.code == code
    to = target.rpartition("/")[0].lower() or "https://shop.example"
    assert (f"here the request is one to {to};" in " ".join(done.out.split())) == (code == 1)


NOT_URLS = ["ftp://localhost/api", "http:///api", "http://ada@localhost/api", "//localhost/api x"]


@pytest.mark.parametrize("target", NOT_URLS)
def test_a_url_that_is_none_is_misuse(target: str, command: Command) -> None:
    """Another scheme, a URL without a host, and one with a user are not the target of a request."""
    assert command("explain", "--app", "some_site", "GET", target, given=token()).code == 2


FACTORIES = {
    "a call": ("some_site:create_app('application')", 0),
    "a call with blanks": ("some_site:create_app( 'shop' , is_strict=True )", 0),
    "what it returns has no middleware": ("some_site:create_app('shop', is_strict=False)", 2),
    "no argument": ("some_site:create_app()", 2),
    "an argument that is not a literal": ("some_site:create_app(__import__('os').name)", 2),
    "no end": ("some_site:create_app('shop'", 2),
    "more than a call": ("some_site:create_app('shop').wsgi_app", 2),
    "an attribute of what a call returns": ("some_site:create_app('shop')()", 2),
}


@pytest.mark.parametrize(("name", "code"), FACTORIES.values(), ids=FACTORIES)
def test_an_app_factory_is_called_as_gunicorn_calls_it(
    name: str, code: int, command: Command
) -> None:
    """It is called with literals alone; whatever else is written there is misuse."""
    assert command("routes", "--app", name).code == code


def test_functions_are_shown_by_name(command: Command) -> None:
    """A function of the owner's that a rule asks is named, so that two runs print the same."""
    done = command("routes", "--app", "some_site:owned")
    assert "is_staff" in done.out
    done_too = command("explain", "--app", "some_site:owned", "GET", "/api", given=token())
    assert " 0x" not in done.out + done_too.out
    assert "is_staff" in done_too.out


def test_an_app_without_routes_is_said_and_its_rules_are_shown(command: Command) -> None:
    """Nothing is guessed: the prefixes are those of the rules. The exit code is 2."""
    done = command("routes", "--app", "some_site:unlisted")
    assert done.code == 2
    assert "cannot be listed" in done.out
    rows = [line.split() for line in done.out.splitlines()]
    assert ["any", "/api/...", "/api", "authenticated"] in rows
    assert ["any", "/...", "OPEN"] in rows
    (unlisted,) = json.loads(command("routes", "--app", "some_site:unlisted", "--json").out)[
        "unlisted"
    ]
    assert "cannot be listed" in unlisted


def test_patterns_are_printed_as_they_are_and_long_paths_at_a_slash(tmp_path: Path) -> None:
    """On a terminal, a backslash stays one, what a terminal obeys is escaped, and no name is torn
    apart in the 80 columns."""
    _, out = on_a_terminal(tmp_path, "routes", "--app", "some_site:long", answers=[])
    assert r"/n/<n:re:\d+>" in out
    assert "\\x1b[2J" in out
    assert all(len(line) <= 80 for line in out.splitlines())
    assert [out.count(name) for name in ("experiments", "registered", "get-by-name")] == [1, 9, 1]


def test_each_route_and_sentence_is_a_line_in_a_pipe(command: Command) -> None:
    """Without a terminal nothing is wrapped, so that `grep` finds a whole route or warning."""
    out = command("routes", "--app", "some_site:long").out
    (line,) = [line for line in out.splitlines() if "experiments" in line]
    assert "/api/2.0/experiments/" + "registered/" * 9 + "get-by-name" in line
    assert line.endswith("authenticated")
    warnings = command("routes", "--app", "some_site:shop").out.splitlines()
    (warning,) = [line for line in warnings if line.startswith("warning: ")]
    assert warning.endswith("wrap the app with another prefix")


def test_a_route_that_the_login_app_answers_is_marked(command: Command) -> None:
    """The view at /auth/logout is never reached: its line says so, a warning names it, and
    `--strict` fails. `explain` says the same, and the view beside it has its rule."""
    done = command("routes", "--app", "some_site:shop", "--strict")
    rows = [line.split() for line in done.out.splitlines()]
    assert ["DELETE", "OPTIONS", "/auth/logout", "answered", "by", "login", "app"] in rows
    assert ["DELETE", "OPTIONS", "/auth/orders", "/auth", "authenticated"] in rows
    assert "warning: /auth/logout: answered by login app" in done.out
    assert done.code == 1
    asked = command("explain", "--app", "some_site:shop", "DELETE", "/auth/logout", given="")
    assert "answered by login app" in asked.out


def test_threads_of_an_app_do_not_hold_the_command(tmp_path: Path) -> None:
    """An app that starts a scheduler when it is imported is listed, and the command ends."""
    (tmp_path / "busy.py").write_text(
        "import threading, time\nfrom some_site import application\n"
        "threading.Thread(target=time.sleep, args=(1000,)).start()\n"
    )
    for more, code in ((), 0), (("--strict",), 1):
        done = forking.run(MAIN, "routes", "--app", "busy", *more, after=APPS, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (code, "")
        assert "OPEN" in done.stdout


@pytest.mark.parametrize("header", ["no colon", ": x", "A B: x", "Authorization: x", "Cookie: a=b"])
def test_a_header_that_is_none_is_misuse(header: str, command: Command) -> None:
    """So is one with a credential: the token comes from stdin."""
    line = ("explain", "--app", "some_site", "--header", header, "GET", "/")
    assert command(*line, given=token()).code == 2
