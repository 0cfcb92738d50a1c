"""`assert_protected`: red on a guard with a hole, and it names that hole; green on ours."""

import json
import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from wsgiref.util import shift_path_info

import jwt
import pytest
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwt_middleware import (
    ConfigurationError,
    Identity,
    RevocationList,
    Rule,
    basic_password,
    bearer,
    in_cookie,
    in_header,
    optional,
    public,
    scope,
)
from jwt_middleware.stores import MemoryStore
from jwt_middleware.testing import FLAWS, assert_protected
from tests.kit.apps import APPS, flask_app, guarded, plain_app, provider

from .naive import Check, Covers, decoding, decoding_or_none, guard, is_under_api, tokens

pytestmark = pytest.mark.usefixtures("unrecorded")

FRAMEWORKS = pytest.mark.parametrize("app", [build() for build in APPS.values()], ids=APPS)


def report(app: Any, path: str = "/api/me", **how: Any) -> str:
    """What the error says about the app."""
    with pytest.raises(AssertionError) as told:
        assert_protected(app, path, **how)
    return str(told.value)


def holes(app: Any, **how: Any) -> set[str]:
    """The kinds of holes in a report, which shows no token."""
    text = report(app, **how)
    assert "eyJ" not in text
    return set(re.findall(r"^  (\S.*):$", text, re.MULTILINE))


# ---------------------------------------------------------------- green


@FRAMEWORKS
def test_a_path_under_a_rule_is_protected(app: Any) -> None:
    """Around every framework, with a list of revoked tokens, nothing gets in."""
    assert_protected(guarded(app, revocations=RevocationList(MemoryStore())), "/api/me")


PLACES = {
    "a cookie": (in_cookie("__Host-jwt"),),
    "a password": (basic_password,),
    "a header": (in_header("X-Token"),),
    "all": (bearer, in_cookie("jwt"), in_header("X-Token"), basic_password),
}


@pytest.mark.parametrize("places", PLACES.values(), ids=PLACES)
def test_every_place_of_a_token_is_tried(places: tuple[Any, ...]) -> None:
    """A good token gets in there, and a bad one or a page of another site does not."""
    assert_protected(guarded(plain_app, credentials=places), "/api/me")


@pytest.mark.parametrize(
    ("place", "lax", "hole"),
    [
        (in_cookie("__Host-jwt"), "site", "a page of another site, cookie __Host-jwt"),
        (basic_password, "site", "a page of another site, header Authorization"),
        (in_header("X-Token"), "site", "a page of another site, header X-Token"),
        (in_cookie("__Host-jwt"), "token", "expired token, cookie __Host-jwt"),
        (in_header("X-Token"), "token", "expired token, header X-Token"),
    ],
    ids=lambda value: str(value),
)
def test_a_hole_at_a_place_is_named(
    place: Any, lax: str, hole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guard that does not ask for the page, or lets an expired token pass, is not one."""
    site = guarded(plain_app, credentials=(bearer, place))
    if lax == "site":
        monkeypatch.setattr("jwt_middleware.middleware.check_site", lambda *_: None)
        assert holes(site) == {hole}
    else:
        monkeypatch.setattr(
            "jwt_middleware.trust.verifier.Verifier.confirm", lambda _, verdict: verdict.identity
        )
        assert hole in holes(site)


UNWELCOME = {
    "400 Bad Request": "ALLOWED_HOSTS; or pass the subject=",
    "401 Unauthorized": "token: pass the subject=, scopes=, issuer= or claims",
    "403 Forbidden": "token: pass the subject=",
    "404 Not Found": "look whether the app has this path; or pass the subject=",
    "302 Found": "asks for more than a token and redirects; or pass the subject=",
    "405 Method Not Allowed": "a body is never sent, and a good token only by GET and POST",
    "500 Internal Server Error": "look into the app's log",
}


@pytest.mark.parametrize(("status", "told"), UNWELCOME.items(), ids=UNWELCOME)
def test_a_path_that_is_good_for_nobody(status: str, told: str) -> None:
    """Where a good token is refused nothing is proved, and the message says what to look at."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, [("Content-Type", "text/plain")])
        return []

    with pytest.raises(
        AssertionError, match=f"{status[:3]} to GET and {status[:3]} to POST"
    ) as why:
        assert_protected(guarded(app), "/api/me")
    assert told in str(why.value)


def test_an_app_that_raises_is_named() -> None:
    """The report has the class of the exception, whose message may hold anything."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise LookupError("lovelace")

    with pytest.raises(AssertionError, match=r"500 \(LookupError\) to GET and 500") as caught:
        assert_protected(guarded(app), "/api/me")
    assert "lovelace" not in str(caught.value)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_method_that_is_public_is_named(method: str) -> None:
    """A public rule for one method of the path opens it, also where GET and POST are protected."""
    rules = [Rule("/api"), Rule("/api/me", public, methods=(method,))]
    with pytest.raises(AssertionError, match=f"{method} '/api/me' -> 200"):
        assert_protected(guarded(plain_app, rules=rules), "/api/me")


def test_a_path_with_a_query() -> None:
    """A handler that needs parameters gets them, by every request."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK" if environ["QUERY_STRING"] == "page=1" else "400 Bad Request", [])
        return []

    assert_protected(guarded(app), "/api/me?page=1")
    assert holes(app, path="/api/me?page=1", token=tokens()) == {"no token"}


@FRAMEWORKS
def test_a_sound_guard_of_another_make_is_no_hole(app: Any) -> None:
    """A guard over the whole app that checks all there is to a token is green: the kit does not cry
    wolf."""
    assert_protected(guard(app), "/api/me", token=tokens())


@pytest.mark.parametrize(
    ("rules", "how"),
    [
        ([Rule("/")], {}),
        ([Rule("/"), Rule("/public", public)], {}),
        ([Rule("/api", scope("admin"))], {"scopes": ["admin"], "subject": "root"}),
        ([Rule("/api/me"), Rule("/api", optional)], {"role": "x"}),
    ],
)
def test_other_rules(rules: list[Rule], how: dict[str, Any]) -> None:
    """The caller may be anybody who is let in, and what is beside the path may be for everybody."""
    assert_protected(guarded(flask_app(), rules=rules), "/api/me", **how)


def test_a_mounted_app() -> None:
    """The path is the one that clients ask for; the mount is part of it."""
    site = DispatcherMiddleware(NotFound(), {"/v1": guarded(flask_app())})
    assert_protected(site, "/v1/api/me")


def test_a_path_with_other_characters() -> None:
    """The path is that of a URL: percent-encoded or not."""
    app = flask_app()
    app.add_url_rule("/api/caf\u00e9 bar", "bar", lambda: "secret")
    assert_protected(guarded(app), "/api/caf\u00e9 bar")
    assert_protected(guarded(app), "/api/caf%C3%A9%20bar")


def echo_page(environ: dict[str, Any]) -> str:
    """A page that repeats the path in several ways, with a nonce that is new each time."""
    path = environ["PATH_INFO"]
    return (
        f"<p nonce={secrets.token_hex(8)}>{path}</p><script>let path = "
        f"{json.dumps(path)}</script> ask me about the api"
    )


def with_fallback(page: Callable[[dict[str, Any]], str]) -> Any:
    """An app that answers 200 with a page to whatever it does not know."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/api/me":
            return plain_app(environ, start_response)
        start_response("200 OK", [("Content-Type", "text/html")])
        return [page(environ).encode("utf-8", "replace")]

    return application


def test_a_page_for_everything_is_no_leak() -> None:
    """An app that answers 200 where there is nothing, and never twice alike, is green behind a
    sound guard."""
    assert_protected(guarded(with_fallback(echo_page)), "/api/me")


# ---------------------------------------------------------------- red


LAX: dict[str, tuple[Check, set[str]]] = {
    "no signature": (decoding("signature"), {FLAWS["wrong_key"], FLAWS["tampered"], FLAWS["none"]}),
    "no expiry": (decoding("exp"), {FLAWS["expired"]}),
    "no not-before": (decoding("nbf", "iat"), {FLAWS["not_yet_valid"]}),
    "no audience": (decoding("aud"), {FLAWS["wrong_audience"]}),
    "no issuer": (decoding("iss"), {FLAWS["wrong_issuer"]}),
    "alg none": (decoding_or_none, {FLAWS["none"]}),
    "another scheme": (
        lambda token: token.startswith("Basic") or decoding()(token),
        {"another scheme"},
    ),
}


@pytest.mark.parametrize(("check", "expected"), LAX.values(), ids=LAX)
@FRAMEWORKS
def test_a_check_that_is_left_out_is_named(app: Any, check: Check, expected: set[str]) -> None:
    """A guard that checks all but one thing of a token is red for that one, and for nothing
    else."""
    site = guard(app, check=check)
    assert holes(site, token=tokens()) == expected


@FRAMEWORKS
def test_revocation_that_is_ignored_is_named(app: Any) -> None:
    """Whoever can revoke tokens, but does not look, is red for those alone; whoever looks is
    green."""
    store = MemoryStore()
    known = tokens(revoke=store.revoke)
    assert holes(guard(app), token=known) == {FLAWS["revoked"]}

    def check(token: str) -> None:
        revoked = [entry.key.rpartition("\n")[2] for entry in store.read_revocations(None).entries]
        if jwt.decode(token, options={"verify_signature": False})["jti"] in revoked:
            raise jwt.InvalidTokenError
        decoding()(token)

    assert_protected(guard(app, check=check), "/api/me", token=known)


def test_our_own_middleware_is_red_where_it_is_lax() -> None:
    """A rule that asks for nothing is a hole, and is named so."""
    assert holes(guarded(rules=[Rule("/api", optional)])) == {"no token"}


PARTIAL: dict[str, tuple[Covers, set[str]]] = {
    "nothing": (lambda environ: False, {"no token"}),
    "the text of a prefix": (
        lambda environ: environ["PATH_INFO"].startswith("/api"),
        {"double slash"},
    ),
    "segments": (
        lambda environ: is_under_api(environ["PATH_INFO"]),
        {"double slash", "no first slash"},
    ),
    "one path": (lambda environ: environ["PATH_INFO"] == "/api/me", {"double slash"}),
    "no upper case": (
        lambda environ: environ["REQUEST_METHOD"] not in ("GET", "HEAD"),
        {"no token"},
    ),
    "GET": (lambda environ: environ["REQUEST_METHOD"] == "GET", {"no token"}),
    "no preflight": (lambda environ: "HTTP_ORIGIN" not in environ, {"Origin"}),
    "X-Original-URL": (
        lambda environ: is_under_api(environ.get("HTTP_X_ORIGINAL_URL", environ["PATH_INFO"])),
        {"X-Original-Url"},
    ),
    "X-HTTP-Method-Override": (
        lambda environ: environ.get("HTTP_X_HTTP_METHOD_OVERRIDE") != "OPTIONS",
        {"X-Http-Method-Override"},
    ),
    "X-Forwarded-For": (
        lambda environ: environ.get("HTTP_X_FORWARDED_FOR") != "127.0.0.1",
        {"X-Forwarded-For"},
    ),
    "Remote-User": (lambda environ: "HTTP_REMOTE_USER" not in environ, {"Remote-User"}),
    "SCRIPT_NAME": (
        lambda environ: is_under_api(environ["SCRIPT_NAME"] + environ["PATH_INFO"]),
        {"SCRIPT_NAME"},
    ),
}


@pytest.mark.parametrize(("covers", "expected"), PARTIAL.values(), ids=PARTIAL)
def test_a_request_that_is_not_covered_is_named(covers: Covers, expected: set[str]) -> None:
    """A guard that looks away at some requests is red, and the report says at which."""
    assert holes(guard(flask_app(), covers=covers), token=tokens()) >= expected


def test_only_the_hole_is_named() -> None:
    """Where the path itself is open, what else gets in says nothing new; a forged header is named
    alone."""
    assert holes(flask_app(), token=tokens()) == {"no token"}
    assert holes(guard(flask_app(), covers=PARTIAL["Remote-User"][0]), token=tokens()) == {
        "Remote-User"
    }


def rewriting(app: Any) -> Any:
    """What some servers do, and frameworks for them: the header names the path."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ.get("HTTP_X_ORIGINAL_URL", environ["PATH_INFO"])
        return app({**environ, "PATH_INFO": path}, start_response)

    return application


def traversal(app: Any) -> Any:
    """An app that takes the virtual root of a proxy for a part of the path, and public pages for
    what they are."""

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ.get("HTTP_X_VHM_ROOT", "").rstrip("/") + environ["PATH_INFO"]
        return app({**environ, "PATH_INFO": path}, start_response)

    return application


@pytest.mark.parametrize(
    ("rewrite", "hole"), [(rewriting, "X-Original-Url"), (traversal, "X-Vhm-Root")]
)
def test_an_app_that_obeys_a_header(rewrite: Callable[[Any], Any], hole: str) -> None:
    """A header that leads from a path that is open to the one that is not is a hole, behind our
    rule as well."""
    covers = PARTIAL["segments"][0]
    assert hole in holes(guard(rewrite(flask_app()), covers=covers), token=tokens())


Read = Callable[[dict[str, Any]], str]


def reading(read: Read) -> Any:
    """An app that finds its path in another way than the guard."""

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        is_found = read(environ) in ("/api/me", "/my_api", "/caf\xc3\xa9")
        start_response("200 OK" if is_found else "404 Not Found", [("Content-Type", "text/plain")])
        return [b"secret"] if is_found else []

    return application


def cutting(*names: str) -> Read:
    """The recipe for an app behind a reverse proxy."""

    def read(environ: dict[str, Any]) -> str:
        path: str = environ["PATH_INFO"]
        for name in names:
            prefix = environ.get(name, "")
            if prefix and path.startswith(prefix):
                path = "/" + path[len(prefix) :].lstrip("/")
        return path

    return read


def joining(name: str) -> Read:
    """A router that takes the prefix for a part of the path."""
    return lambda environ: environ.get(name, "") + environ["PATH_INFO"]


def joining_with_a_slash(environ: dict[str, Any]) -> str:
    """The same with one slash between."""
    front, path = environ["SCRIPT_NAME"].strip("/"), environ["PATH_INFO"].lstrip("/")
    return f"/{front}/{path}" if front else f"/{path}"


def shifting(environ: dict[str, Any]) -> str:
    """A dispatcher by `wsgiref.util.shift_path_info`."""
    rest, names = {"PATH_INFO": environ["PATH_INFO"], "SCRIPT_NAME": ""}, []
    while "/" in rest["PATH_INFO"] and (name := shift_path_info(rest)) not in (None, "", ".."):
        names.append(name)
    return "/" + "/".join(map(str, names))


def in_latin_1(environ: dict[str, Any]) -> str:
    """What CherryPy makes of a path that is not UTF-8."""
    path: str = environ["PATH_INFO"]
    try:
        path.encode("latin-1").decode()
    except UnicodeDecodeError:
        return path.encode().decode("latin-1")
    return path


def substituting(pattern: str, replacement: str) -> Read:
    """A router that tidies up the path by a pattern."""
    return lambda environ: re.sub(pattern, replacement, environ["PATH_INFO"])


READINGS: dict[str, tuple[Read, str, str]] = {
    "X-Script-Name": (cutting("HTTP_X_SCRIPT_NAME"), "/api/me", "X-Script-Name"),
    "X-Forwarded-Prefix": (cutting("HTTP_X_FORWARDED_PREFIX"), "/api/me", "X-Forwarded-Prefix"),
    "X-Forwarded-Script-Name": (
        cutting("HTTP_X_FORWARDED_SCRIPT_NAME"),
        "/api/me",
        "X-Forwarded-Script-Name",
    ),
    "X-Ingress-Path": (cutting("HTTP_X_INGRESS_PATH"), "/api/me", "X-Ingress-Path"),
    "X-Outside-Url": (
        lambda environ: environ["PATH_INFO"].removeprefix(
            urlsplit(environ.get("HTTP_X_OUTSIDE_URL", "")).path
        ),
        "/api/me",
        "X-Outside-Url",
    ),
    "SCRIPT_NAME cut off": (cutting("SCRIPT_NAME"), "/api/me", "SCRIPT_NAME"),
    "SCRIPT_NAME joined": (joining("SCRIPT_NAME"), "/api/me", "SCRIPT_NAME"),
    "SCRIPT_NAME joined with a slash": (joining_with_a_slash, "/api/me", "SCRIPT_NAME"),
    "a prefix joined": (joining("HTTP_X_FORWARDED_PREFIX"), "/api/me", "X-Forwarded-Prefix"),
    "shift_path_info": (shifting, "/api/me", "before the first slash"),
    "a suffix": (substituting(r"\.\w+/*$", ""), "/my_api", "format suffix"),
    "Pyramid's view names": (substituting("/@@", "/"), "/api/me", "view name"),
    "Morepath's view names": (substituting(r"/\++", "/"), "/api/me", "view name"),
    "punctuation": (substituting(r"[-.!]", "_"), "/my_api", "punctuation"),
    "Latin-1": (in_latin_1, "/caf\u00e9", "Latin-1"),
    "an absolute URL": (substituting("^https?://[^/]*/*", "/"), "/api/me", "absolute URL"),
    "virtual hosts": (
        substituting("/VirtualHostBase/[^/]*/[^/]*|/VirtualHostRoot(/_vh_[^/]*)?", ""),
        "/api/me",
        "virtual host",
    ),
}


def covers_the_path(environ: dict[str, Any]) -> bool:
    """By segments, and for what an app may make of a path with a slash more or less."""
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    return f"/{path.strip('/')}/".startswith(("/api/", "/my_api/", "/caf\u00e9/"))


@pytest.mark.parametrize(("read", "path", "hole"), READINGS.values(), ids=READINGS)
def test_another_reading_of_the_path_is_named(read: Read, path: str, hole: str) -> None:
    """An app that reads a path in its own way is entered behind a guard by segments, and not
    behind ours."""
    app = reading(read)
    assert hole in holes(guard(app, covers=covers_the_path), path=path, token=tokens())
    assert_protected(guarded(app, rules=[Rule("/api"), Rule("/my_api"), Rule("/caf\u00e9")]), path)


def test_a_page_for_everything_hides_no_leak() -> None:
    """What gets in is told from the page that everybody gets."""
    site = guard(
        with_fallback(echo_page), covers=lambda environ: environ["REQUEST_METHOD"] != "HEAD"
    )
    assert holes(site, token=tokens()) == {"no token"}

    def merging(environ: dict[str, Any], start_response: Any) -> Any:
        path = re.sub("/+", "/", environ["PATH_INFO"])
        return with_fallback(echo_page)({**environ, "PATH_INFO": path}, start_response)

    site = guard(merging, covers=PARTIAL["segments"][0])
    assert holes(site, token=tokens()) == {"double slash"}


def hardly_differing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that has one word less at its secret path, and repeats the path elsewhere."""
    path = re.sub("/+", "/", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"" if path == "/api/me" else f"public {path}".encode()]


def test_a_small_leak_is_one() -> None:
    """An echo of the path, which is never twice the same, makes room for no other difference."""
    site = guard(hardly_differing, covers=PARTIAL["segments"][0])
    assert holes(site, token=tokens()) == {"double slash"}


def test_an_app_that_answers_all_alike_is_not_protected() -> None:
    """What a stranger gets at the path itself is a leak, though it is what he gets anywhere
    else."""

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    assert holes(app, token=tokens()) == {"no token"}


def test_a_failing_handler_is_reported() -> None:
    """A handler that is reached by nobody often fails, having no identity to read: that shows."""
    app = flask_app()
    app.view_functions["me"] = lambda: Identity.from_environ({}).subject  # type: ignore[union-attr]

    def answering(environ: dict[str, Any], start_response: Any) -> Any:
        is_known = "HTTP_AUTHORIZATION" in environ
        return (plain_app if is_known else app)(environ, start_response)

    assert "GET, HEAD, POST, get '/api/me' -> 500" in report(answering, token=tokens())


def test_an_exception_is_a_500() -> None:
    """A guard that raises at a bad token answers nobody."""

    def check(token: str) -> None:
        try:
            decoding()(token)
        except jwt.ExpiredSignatureError as error:
            raise ValueError("expired") from error

    assert holes(guard(plain_app, check=check), token=tokens()) == {FLAWS["expired"]}


def test_a_page_that_always_fails_is_no_leak() -> None:
    """A spelling at which the app fails for those with a good token, too, is not held against the
    guard."""

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] != "/api/me":
            raise UnicodeDecodeError("utf-8", b"", 0, 0, "as some do")
        return plain_app(environ, start_response)

    assert_protected(guarded(app), "/api/me")


# ---------------------------------------------------------------- the report and what it needs


def test_the_report_shows_requests_and_no_token() -> None:
    """A line has methods, path, what was forged and the status; after three of a kind it counts."""
    store = MemoryStore()
    text = report(
        guard(flask_app(), covers=PARTIAL["segments"][0]), token=tokens(revoke=store.revoke)
    )
    assert text.startswith("/api/me is not protected: without a good token it answers to\n  ")
    assert "  no first slash:\n    GET, HEAD, POST, get 'api/me' -> 200" in text
    assert re.search(r"  double slash:\n(    .* '//+api/me' -> 200\n)+", text)
    assert not re.search(
        r"eyJ|Bearer", report(guard(flask_app(), check=decoding("exp")), token=tokens())
    )


def test_a_report_stays_short() -> None:
    """However much gets in, each kind has at most three examples."""
    text = report(
        guard(with_many_readings, covers=lambda environ: environ["PATH_INFO"] == "/api/me"),
        token=tokens(),
    )
    kinds = re.split(r"\n  (?=\S)", text)[1:]
    assert len(kinds) > 5
    assert all(len(kind.splitlines()) <= 5 for kind in kinds)
    assert re.search(r"\n    and \d+ more", text)


def with_many_readings(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that takes whatever ends in the name for the path."""
    is_meant = "me" in environ["PATH_INFO"]
    return plain_app({**environ, "PATH_INFO": "/api/me" if is_meant else "/"}, start_response)


@pytest.mark.parametrize(
    ("site", "how", "told"),
    [
        (guarded(flask_app()), {"path": "/api/nothing"}, "404 to GET and 404 to POST"),
        (
            guarded(flask_app(), rules=[Rule("/api", scope("admin"))]),
            {},
            "403 to GET and 403 to POST",
        ),
    ],
    ids=["no such path", "a scope is missing"],
)
def test_who_may_call_must_be_let_in(site: Any, how: dict[str, str], told: str) -> None:
    """Where the good token opens nothing, a refusal of the others means nothing, and that is
    said."""
    assert told in report(site, **how)


def test_an_app_of_another_make_needs_a_token() -> None:
    """Without one it is said what to pass."""
    with pytest.raises(ConfigurationError, match="JWTMiddleware"):
        assert_protected(flask_app(), "/api/me")


def test_a_path_starts_with_a_slash() -> None:
    """Any other is said to be none."""
    with pytest.raises(ConfigurationError, match="'/api/me'"):
        assert_protected(guarded(), "api/me")


def test_a_token_as_text_makes_the_forgeries() -> None:
    """With a good token and no key, what anybody can forge of it is tried."""
    token = tokens().good("ada")
    assert_protected(guard(flask_app()), "/api/me", token=token)
    assert (
        holes(guard(flask_app(), check=decoding("signature")), token=token)
        == LAX["no signature"][1]
    )


def test_every_issuer_can_be_the_caller() -> None:
    """With several providers the caller may be of any."""
    providers = [provider(), provider(issuer="https://other.example")]
    assert_protected(
        guarded(flask_app(), providers=providers), "/api/me", issuer="https://other.example"
    )
