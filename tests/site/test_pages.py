"""The pages of the site: every Python snippet runs, and every promise of a snippet is true. What is
not Python is run by `test_commands.py`."""

import re
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any

import jwt
import pytest
import time_machine
from webtest import TestApp

from jwt_middleware import Identity, JWTMiddleware, Key, Provider, Rule, public
from jwt_middleware.login import TokenMinter
from jwt_middleware.settings.rules import read_rules
from tests.kit import ROOT
from tests.kit.clock import AheadClock
from tests.kit.pages import DOCS, README, blocks, pages, prose, run_snippets
from tests.kit.passwords import make_cheap
from tests.kit.prose import prose_faults
from tests.kit.tokens import issued

pytestmark = pytest.mark.usefixtures("cheap_hashes")

_APP = """
from jwt_middleware import JWTMiddleware, Key, KeySet, Provider, Rule, scope
app = print
providers = [Provider(issuer="https://i.example", audience="a", keys=KeySet([Key.generate()]))]
rules = [Rule("/api")]
class statsd:
    incr = print
"""

_WSGI = """
def application(environ, start_response):
    start_response("200 OK", [])
    caller = environ.get("jwt_middleware.identity")
    return [caller.subject.encode() if caller else b"nobody"]
"""

GIVEN = {
    "coming-from/simplejwt.md": _WSGI,
    "how-to/observing.md": _APP,
    "how-to/users.md": blocks(README, "python")[0],
}
"""What the text of a page supposes: the app that its snippets are added to."""

ELSEWHERE = {
    "frameworks/django.md": "tests/examples/test_django_project.py",
    "how-to/deployment.md": "tests/servers/test_deployment.py",
    "how-to/environment.md": "tests/servers/test_environment.py",
    "issuers/kubernetes.md": "tests/acceptance/issuers/stand_ins.py",  # it needs a mount of a pod
    "tutorial/index.md": "tests/site/test_tutorial.py",
    "tutorial/es.md": "tests/site/test_tutorial.py",
}
"""Pages whose snippets another test runs."""

WITH_SNIPPETS = [name for name, file in pages().items() if blocks(file, "python")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, with a public key for the page that names one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "public.pem").write_bytes(_public_pem())
    return tmp_path


def _public_pem() -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = Key.generate().verifying_key
    pem: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def names_of(page: str, folder: Path) -> dict[str, Any]:
    """Run the snippets of a page as one file, after what its text supposes."""
    return run_snippets(folder, GIVEN.get(page, ""), *blocks(DOCS / page, "python"))


@pytest.mark.parametrize("page", [name for name in WITH_SNIPPETS if name not in ELSEWHERE])
def test_the_snippets_of_a_page_run(page: str, folder: Path) -> None:
    """The Python snippets of a page run one after the other, with no name given but those of the
    app that the text supposes."""
    assert names_of(page, folder)


def test_what_is_run_elsewhere_is() -> None:
    """A page is only left out where another test names it."""
    for page, test in ELSEWHERE.items():
        assert (DOCS / page).exists()
        assert page.split("/")[0] in (ROOT / test).read_text()


@pytest.mark.parametrize("page", [*pages(), "../README.md", "../SECURITY.md", "../CONTRIBUTING.md"])
def test_the_prose_of_a_page_is_plain(page: str) -> None:
    """The law of the package's prose holds for the pages (English ones) too."""
    if page.endswith("/es.md"):
        return
    text = prose((DOCS / page).read_text())
    paragraphs = re.split(r"\n\s*\n|\n(?=[-|#])", text)
    source = "\n".join(f"{paragraph.strip()!r}" for paragraph in paragraphs if paragraph.strip())
    assert prose_faults(page, source) == []


def test_a_fault_of_style_in_a_page_is_found() -> None:
    """The way in which pages are given to the law hides nothing from it."""
    assert prose_faults("x", repr("The caller is told\nthe reason."))


def test_your_own_user_table_is_asked(folder: Path) -> None:
    """Below the README's snippet, the one for your own table creates it with a user, and the
    login app at /auth asks it instead of the store."""
    names = names_of("how-to/users.md", folder)
    client = TestApp(names["app"])
    answer = client.post_json("/auth/token", {"username": "grace", "password": "cobol"})
    assert answer.json["user_id"] == 1
    for name, password in (("grace", "fortran"), ("ada", "analytical engine")):
        client.post_json("/auth/token", {"username": name, "password": password}, status=401)
    client.authorization = ("Bearer", answer.json["token"])
    assert client.get("/api/me").json == {"id": "1"}
    assert names["People"]().get("1").scopes == ("member",)


def test_a_changed_password_ends_the_access_tokens(folder: Path, ahead: AheadClock) -> None:
    """With the view of the page, a token from before counts no more within a second."""
    names = names_of("how-to/users.md", folder)
    client = TestApp(names["app"])
    grace = {"username": "grace", "password": "cobol"}
    answer = client.post_json("/auth/token", grace)
    client.authorization = ("Bearer", answer.json["token"])
    passwords = {"old": "cobol", "new": "a ship in port"}
    client.post("/api/password", {**passwords, "old": "fortran"}, status=403)
    client.post("/api/password", {"old": "cobol"}, status=400)
    client.post("/api/password", passwords)
    ahead.move(1.1)
    assert client.get("/api/me", status=401).json["reason"] == "revoked"
    client.authorization = None
    client.post_json("/auth/token", grace, status=401)
    client.post_json("/auth/token", {**grace, "password": "a ship in port"})


def test_a_hash_of_another_program_is_replaced(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last snippet verifies a hash of another program once, stores one of ours, and is logged
    in with a session that lives on; the log has no warning of times."""
    import bcrypt

    make_cheap(monkeypatch, dearer := "scrypt:16384:8:1")  # than bcrypt's, as the default is
    names = names_of("how-to/users.md", folder)
    with names["app"].app_context():
        person = names["Person"].query.filter_by(name="grace").one()
        person.password_hash = bcrypt.hashpw(b"cobol", bcrypt.gensalt(4)).decode()
        names["db"].session.commit()
    client = TestApp(names["app"])
    grace = {"username": "grace", "password": "cobol"}
    client.post_json("/auth/token", {**grace, "password": "fortran"}, status=401)
    answer = client.post_json("/auth/token", grace).json
    with names["app"].app_context():
        person = names["Person"].query.filter_by(name="grace").one()
        assert person.password_hash.startswith(f"{dearer}$")
    renewal = {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"]}
    client.post_json("/auth/token", renewal)
    client.post_json("/auth/token", {**grace, "password": "fortran"}, status=401)
    assert "costs more" not in caplog.text


def test_your_own_requirement_is_asked(folder: Path) -> None:
    """The snippet of a requirement refuses a caller who is not on duty."""
    names = names_of("how-to/rules.md", folder)
    minter = TokenMinter(Key.generate(), issuer="https://i.example", audience="a")

    def door(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [str(Identity.from_environ(environ)).encode()]

    client = TestApp(JWTMiddleware(door, providers=[minter.provider], rules=names["rules"]))
    for claims, status in (({}, 403), ({"on_duty": True}, 200)):
        client.authorization = ("Bearer", minter.mint("ada", claims=claims))
        client.get("/api/doors", status=status)


def test_the_rules_of_the_text_are_those_of_python() -> None:
    """Each word of the table "Rules as text" is the requirement or the option beside it, and the
    rules above it can be read."""
    import jwt_middleware

    page = (DOCS / "how-to/rules.md").read_text()
    table = page.split("| word | in Python |")[1].split("\n\n")[0]
    rows = [re.findall(r"`([^`]+)`", line) for line in table.splitlines() if "the same" not in line]
    names = {name: getattr(jwt_middleware, name) for name in jwt_middleware.__all__}
    pairs = [pair for row in rows for pair in zip(row[: len(row) // 2], row[len(row) // 2 :])]  # noqa: B905
    assert len(pairs) > 8
    for word, python in pairs:
        (built,) = read_rules(f"/x {word}")
        assert repr(built) == repr(eval(f"Rule('/x', {python})", names)), word
    (text,) = blocks(DOCS / "how-to/rules.md", "text")
    assert len(read_rules(text)) == 9


def test_the_providers_of_the_text_are_some(folder: Path) -> None:
    """The snippet for identity providers builds what it says, beside a public key in a file."""
    names = names_of("issuers/openid.md", folder)
    assert all(
        isinstance(names[name], Provider)
        for name in ("auth0", "other", "fixed", "realm", "keycloak")
    )


FJE = "coming-from/flask-jwt-extended.md"


def _release(number: int, folder: Path) -> dict[str, Any]:
    """The names of the app as it is after a release of the move from Flask-JWT-Extended."""
    return run_snippets(folder, *blocks(DOCS / FJE, "python")[: number - 1])


def _client(token: str, names: dict[str, Any]) -> TestApp:
    client = TestApp(names["app"])
    client.authorization = ("Bearer", token)
    return client


ADA = {"username": "ada", "password": "analytical engine"}


def test_release_2_verifies_what_the_old_library_mints(folder: Path, ahead: AheadClock) -> None:
    """An access token opens every view, a refreshed one all but the fresh view, a refresh token
    only `/refresh`, and a token that was logged out none."""
    names = _release(2, folder)
    tokens = TestApp(names["app"]).post_json("/login", ADA).json
    fresh, renewal = (_client(tokens[f"{kind}_token"], names) for kind in ("access", "refresh"))
    stale = _client(renewal.post("/refresh").json["access_token"], names)
    for client in fresh, stale:
        client.get("/api/me")
    assert renewal.get("/api/me", status=401).json["reason"] == "type"
    assert renewal.get("/news", status=401).json["reason"] == "type"
    fresh.post("/api/password")
    assert stale.post("/api/password", status=401).json["reason"] == "login_too_old"
    assert fresh.get("/news").json == {"for": "ada"}
    assert TestApp(names["app"]).get("/news").json == {"for": None}
    fresh.delete("/logout")
    ahead.move(1.1)
    assert fresh.get("/api/me", status=401).json["reason"] == "revoked"
    stale.get("/api/me")
    names["store"].close()


def test_a_logout_takes_tokens_of_both_kinds(folder: Path, ahead: AheadClock) -> None:
    """The one view logs out a refresh token, also one from before release 1, and then an access
    token: `/refresh` and the views refuse them, and the old library does too."""
    names = _release(2, folder)
    app, old = names["app"], names["old"]
    tokens = TestApp(app).post_json("/login", ADA).json
    app.config["JWT_ENCODE_ISSUER"] = app.config["JWT_ENCODE_AUDIENCE"] = None
    with app.app_context():
        early = old.create_refresh_token("ada")
    app.config["JWT_ENCODE_ISSUER"] = "https://example.com"
    app.config["JWT_ENCODE_AUDIENCE"] = "example-api"
    for token in (early, tokens["refresh_token"]):
        client = _client(token, names)
        client.post("/refresh")
        client.delete("/logout", status=200)
        client.post("/refresh", status=401)
    access = _client(tokens["access_token"], names)
    access.get("/api/me")
    access.delete("/logout", status=200)
    ahead.move(1.1)
    assert access.get("/api/me", status=401).json["reason"] == "revoked"
    access.delete("/logout", status=401)
    names["store"].close()


def test_the_blocklist_is_copied_before_and_after(folder: Path, ahead: AheadClock) -> None:
    """A token that was logged out at a worker of the old release is refused after the copy, and
    good before; the second copy has all entries once more and harms nothing."""
    names = _release(2, folder)
    tokens = [TestApp(names["app"]).post_json("/login", ADA).json["access_token"] for _ in "123"]
    entries = [names["guarded"].verify(token).claims for token in tokens]

    def copy(count: int) -> list[int]:
        for one in entries[:count]:
            names["store"].revoke(token_id=one["jti"], expires_at=one["exp"], issuer=one["iss"])
        ahead.move(1.1)
        clients = [_client(token, names) for token in tokens]
        return [client.get("/api/me", status="*").status_int for client in clients]

    assert [copy(count) for count in (0, 1, 2)] == [[200] * 3, [401, 200, 200], [401, 401, 200]]
    names["store"].close()


@pytest.mark.parametrize(
    ("fresh", "status"),
    [(True, 200), (False, 401), (timedelta(minutes=5), 200), (timedelta(seconds=-1), 401)],
    ids=str,
)
def test_a_token_is_fresh_as_the_old_library_says(
    fresh: bool | timedelta, status: int, folder: Path
) -> None:
    """`recent` reads both forms of the claim `fresh`, and refuses with a reason of its own."""
    names = _release(2, folder)
    with names["app"].app_context():
        token = names["old"].create_access_token("ada", fresh=fresh)
    answer = _client(token, names).post("/api/password", status=status)
    assert status == 200 or answer.json["reason"] == "login_too_old"
    names["store"].close()


def test_a_view_of_the_old_library_below_a_rule(folder: Path) -> None:
    """A public rule of its own lets a refresh token through to `/refresh`."""
    names = _release(2, folder)
    tokens = TestApp(names["app"]).post_json("/login", ADA).json
    rules = [Rule("/", names["access"]), Rule("/refresh", public)]
    client = TestApp(JWTMiddleware(names["views"], providers=[names["provider"]], rules=rules))
    client.authorization = ("Bearer", tokens["refresh_token"])
    assert client.post("/refresh").json["access_token"]
    client.get("/api/me", status=401)
    names["store"].close()


def test_release_2_accepts_what_release_3_mints(folder: Path) -> None:
    """While release 3 is rolled out, workers of release 2 get its tokens too."""
    names = _release(2, folder)
    token = names["minter"].mint("ada")
    assert _client(token, names).get("/api/me").json == {"id": "ada"}
    names["store"].close()


def test_a_closed_account_is_out_with_release_2(folder: Path, ahead: AheadClock) -> None:
    """`revoke_subject` ends the tokens that the old library minted for one account alone."""
    names = _release(2, folder)
    tokens = TestApp(names["app"]).post_json("/login", ADA).json
    client = _client(tokens["access_token"], names)
    names["store"].revoke_subject("https://example.com", "bob")
    ahead.move(1.1)
    client.get("/api/me")
    names["store"].revoke_subject("https://example.com", "ada")
    ahead.move(1.1)
    assert client.get("/api/me", status=401).json["reason"] == "revoked"
    names["store"].close()


def test_installed_apps_go_on_with_release_3(folder: Path) -> None:
    """Beside the login app, `/login`, `/refresh` and the old tokens work as before."""
    names = _release(3, folder)
    tokens = TestApp(names["app"]).post_json("/login", ADA).json
    renewed = _client(tokens["refresh_token"], names).post("/refresh").json["access_token"]
    minted = TestApp(names["app"]).post_json("/auth/token", ADA).json["access_token"]
    for token in (tokens["access_token"], renewed, minted):
        assert _client(token, names).get("/api/me").json == {"id": "ada"}
    names["store"].close()


@pytest.mark.parametrize(("origin", "status"), [("http://localhost", 200), ("", 403)])
def test_release_2_reads_the_old_cookie(folder: Path, origin: str, status: int) -> None:
    """The old cookie is read, and with an unsafe method only beside the `Origin` of this host."""
    names = _release(2, folder)
    tokens = TestApp(names["app"]).post_json("/login", ADA).json
    headers = {"Cookie": f"access_token_cookie={tokens['access_token']}", "Host": "localhost"}
    TestApp(names["app"]).get("/api/me", headers=headers)
    headers |= {"Origin": origin} if origin else {}
    TestApp(names["app"]).post("/api/password", headers=headers, status=status)
    names["store"].close()


def test_release_3_takes_the_tokens_of_both(folder: Path) -> None:
    """The login app knows the caller by the same id, and tokens of release 2 still count."""
    names = _release(3, folder)
    with names["app"].app_context():
        former = names["old"].create_access_token("ada")
    latter = TestApp(names["app"]).post_json("/auth/token", ADA).json["access_token"]
    for token in (former, latter):
        assert _client(token, names).get("/api/me").json == {"id": "ada"}
    _client(latter, names).post("/api/password", status=401)
    cookie = {"Cookie": f"__Host-jwt={latter}"}
    assert TestApp(names["app"]).get("/api/me", headers=cookie).json == {"id": "ada"}
    names["store"].close()


def test_a_page_without_a_script_signs_out_of_both(folder: Path, ahead: AheadClock) -> None:
    """The view of the page ends the old tokens, deletes their cookies and hands the form on, and
    the login app deletes the new ones. A page of another site cannot do that."""
    names = _release(4, folder)
    client = TestApp(names["app"], extra_environ={"HTTP_HOST": "localhost"})
    here = {"Sec-Fetch-Site": "same-origin"}
    tokens = client.post_json("/login", ADA).json
    client.post("/auth/login", ADA, headers=here, status=303)
    assert client.get("/api/me").json == {"id": "ada"}
    client.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"}, status=403)
    answer = client.post("/sign-out", headers=here, status=307)
    assert answer.location.endswith("/auth/logout")
    assert "access_token_cookie" not in client.cookies
    client.post("/auth/logout", headers=here, status=303)
    client.get("/api/me", status=401)
    ahead.move(1.1)
    assert _client(tokens["access_token"], names).get("/api/me", status=401).json["reason"] == (
        "revoked"
    )
    _client(tokens["refresh_token"], names).post("/refresh", status=401)
    names["store"].close()


def test_the_tokens_of_simplejwt_move(folder: Path, ahead: AheadClock) -> None:
    """An access token of release 1 and one of the login app open the API, with an id as a number
    or as a string. A refresh token and one from before release 1 do not. The path that mints needs
    no token, and a closed account is out."""
    names = names_of("coming-from/simplejwt.md", folder)
    common = {"sub": None, "token_type": "access", "iss": "https://example.com"}
    common["aud"] = "example-api"
    client = TestApp(names["application"])

    def ask(token: str, status: int = 200) -> Any:
        client.authorization = ("Bearer", token)
        answer = client.get("/api/orders", status=status)
        return answer.json["reason"] if status == 401 else answer.text

    mine = issued(names["secret"], **common, user_id=7, jti="1")
    assert ask(mine) == ask(issued(names["secret"], **common, user_id="7")) == "7"
    assert ask(names["minter"].mint("7")) == "7"
    assert ask(issued(names["secret"], **common | {"token_type": "refresh"}, user_id=7), 401) == (
        "type"
    )
    assert ask(issued(names["secret"], **common | {"iss": None}, user_id=7), 401) == "issuer"
    names["store"].revoke_subject("https://example.com", "7")
    ahead.move(1.1)
    assert ask(mine, 401) == "revoked"
    client.authorization = None
    assert client.post("/api/token/").text == client.post("/api/token/refresh/").text == "nobody"
    names["store"].close()


@pytest.mark.parametrize(
    ("options", "claims", "is_accepted"),
    [
        ({}, {"aud": "a"}, False),
        ({"audience": "a"}, {}, False),
        ({"options": {"verify_aud": False}}, {"aud": "a", "iss": "i"}, True),
        ({"options": {"verify_aud": False}}, {}, True),
    ],
    ids=["with aud", "without aud", "neither is asked", "neither is there"],
)
def test_what_a_decorator_accepts(
    options: dict[str, Any], claims: dict[str, str], is_accepted: bool
) -> None:
    """PyJWT treats `aud` as the page on decorators says, so its first step comes first."""
    secret = "a secret of at least thirty-two bytes"
    token = issued(secret, **claims)
    try:
        found = jwt.decode(token, secret, algorithms=["HS256"], **options)
    except jwt.InvalidTokenError:
        found = None
    assert (found is not None) == is_accepted


def test_an_expired_old_cookie_does_not_hinder_a_logout(folder: Path) -> None:
    """A browser that had the old cookies, and signed in anew after an hour: the old logout refuses
    it and leaves the refresh cookie, which signs in again. The view of the page ends both."""
    names = _release(4, folder)
    client = TestApp(names["app"], extra_environ={"HTTP_HOST": "localhost"})
    here = {"Sec-Fetch-Site": "same-origin"}
    with time_machine.travel(time() - 3600):
        old = client.post_json("/login", ADA).json
    client.post_json("/auth/token", {**ADA, "cookie": True}, headers=here)
    csrf = {"X-CSRF-TOKEN": client.cookies["csrf_access_token"]}
    client.delete("/logout", headers=here | csrf, status=401)
    assert "refresh_token_cookie" in client.cookies
    client.post("/sign-out", headers=here, status=307)
    client.post("/auth/logout", headers=here, status=303)
    assert not [name for name in client.cookies if "token" in name or "jwt" in name]
    client.get("/api/me", status=401)
    _client(old["refresh_token"], names).post("/refresh", status=401)
    names["store"].close()


def test_the_architecture_page_names_what_is_there() -> None:
    """Every file and every `module.name` of the page exists in the package."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    package = ROOT / "jwt_middleware"
    files = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", page))
    folders = [package, ROOT / "tests", ROOT / "docs", ROOT / "examples"]
    there = {file.name for folder in folders for file in folder.rglob("*.py")}
    missing = {name for name in files if name.split("/")[-1] not in there}
    dotted = set(re.findall(r"`([a-z_]+)\.([a-zA-Z_]+)`", page)) - {("tests", "py")}
    sources = {file: file.read_text() for file in package.rglob("*.py")}
    for module, name in dotted:
        texts = [text for file, text in sources.items() if module in (file.stem, file.parent.name)]
        is_file = name == "py" and any(file.stem == module for file in sources)
        if not is_file and not any(re.search(rf"\b{name}\b", text) for text in texts):
            missing.add(f"{module}.{name}")
    assert len(files) + len(dotted) > 20
    assert not missing


_USER_CALL = re.compile(r"\bUser\((?!\))[^\n]*")


@pytest.mark.parametrize(
    "file",
    [
        file
        for file in (*pages().values(), README, *sorted((ROOT / "examples").glob("**/*.py")))
        if "check_password" in file.read_text() and _USER_CALL.search(file.read_text())
    ],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_every_user_table_has_versions(file: Path) -> None:
    """People copy what they read: each user table of the pages and examples passes `version_of`,
    without which a changed password does not end the sessions."""
    made = _USER_CALL.findall(file.read_text())
    assert [one for one in made if "version" not in one] == []


_LINKED = [*pages().values(), README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]


def link_faults(text: str) -> list[str]:
    """The links of a page to other hosts that cannot be right: not https, without a host with a
    dot, with a space or a port, or ended by a full stop that belongs to the sentence."""
    links = re.findall(r"\]\(([a-z]+:[^)]*)\)|<(https?:[^>]*)>|^\[[^\]]+\]: (\S+)", text, re.M)
    found = [next(filter(None, link)) for link in links]
    form = r"https://([a-z0-9-]+\.)+[a-z]{2,}(/[\w.~!$&'*+,;=:@%/?#-]*)?(?<![.,;:])"
    return [link for link in found if not re.fullmatch(form, link)]


@pytest.mark.parametrize("file", _LINKED, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_to_another_host_is_well_formed(file: Path) -> None:
    """Links to other hosts are https and whole; whether the page is there, no test here can say."""
    assert link_faults(prose(file.read_text())) == []


@pytest.mark.parametrize(
    "link",
    [
        "[a](http://example.com/)",
        "[a](https://example)",
        "[a](https://example.com/a b)",
        "[a](https://example.com/a.)",
        "[a](htps://example.com)",
        "<http://example.com>",
        "[a]: https:/example.com",
        "[a](https://user@example.com)",
    ],
)
def test_a_bad_link_is_found(link: str) -> None:
    """Each form of a slip in a link is one that the test above sees."""
    assert link_faults(f"See {link}\n") or link_faults(link)
