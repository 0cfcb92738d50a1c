"""The login page as the server makes it: language, headers, title, template, and where `next` may
lead."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from jwt_middleware import ConfigurationError
from jwt_middleware.login import LoginApp, TokenMinter
from jwt_middleware.login.pages import local_path
from jwt_middleware.stores import MemoryStore
from tests.kit import ROOT

PAGE = ROOT / "jwt_middleware" / "login" / "page"
LANGUAGES = {file.stem: json.loads(file.read_text("utf-8")) for file in PAGE.glob("*.json")}
MARKUP = "'\"><img src=x onerror=alert(1)>$title & $$"


def client(**options: Any) -> Client:
    """A client of a login app with these options."""
    minter = TokenMinter.from_secret(
        "a secret of at least thirty-two bytes", issuer="i", audience="a"
    )
    return Client(LoginApp(MemoryStore(), minter, **options))


def get_page(query: str = "", *, accept: str | None = None, **options: Any) -> TestResponse:
    """The login page."""
    return client(**options).get(
        "/login", query_string=query, headers={} if accept is None else {"Accept-Language": accept}
    )


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("es", "es"),
        ("ES-mx", "es"),
        ("es-419,es;q=0.9,en;q=0.8", "es"),
        ("en;q=0.3, es;q=0.7", "es"),
        ("es;q=0.3, en-GB;q=0.7", "en"),
        ("de, fr;q=0.9, es;q=0.1", "es"),
        ("es;q=0, *", "en"),
        ("es;q=0", "en"),
        ("*", "en"),
        ("de", "en"),
        ("es;q=x", "en"),
        ('"><script>', "en"),
        (",;,;q=,", "en"),
    ],
)
def test_the_language(accept: str | None, language: str) -> None:
    """The one of `Accept-Language` with the greatest weight that there is (RFC 9110 section
    12.5.4), else English."""
    answer = get_page(accept=accept)
    assert f'<html lang="{language}">' in answer.text
    assert LANGUAGES[language]["password"] in answer.text
    assert answer.headers["Content-Language"] == language
    assert answer.headers["Vary"] == "Accept-Language"


def test_every_language_says_everything() -> None:
    """Each file has the same names, and what is filled in by the script has the same places."""
    places = [
        {name: re.findall(r"{\w+}", text) for name, text in texts.items()}
        for texts in LANGUAGES.values()
    ]
    assert all(each == places[0] for each in places)
    assert len(LANGUAGES) == 2


def test_the_headers_of_the_page() -> None:
    """Nothing foreign and nothing inline, no frame, no sniffing, no copy. The referrer stays on
    this site, where a form needs its origin."""
    headers = get_page().headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "form-action")} == {
        "'self'"
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_nothing_is_inline_and_every_address_is_relative() -> None:
    """So the policy holds, and any mount or prefix will do."""
    text = get_page().text
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\bstyle=|\son\w+=", text)
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', text)
    assert sorted(addresses) == ["data:,", "login", "login.css", "login.js", "logout", "tokens"]
    for script in ("login.js", "jwt-client.js"):
        assert all(
            name.startswith("./")
            for name in re.findall(r'^import .* from "(.*)"', (PAGE / script).read_text())
        )


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("login.css", "text/css"),
        ("login.js", "text/javascript"),
        ("jwt-client.js", "text/javascript"),
    ],
)
def test_the_files(name: str, content_type: str) -> None:
    """Of the type that browsers ask of a module, asked for anew each time, and sent anew only when
    changed."""
    browser = client()
    answer = browser.get(f"/{name}")
    assert answer.text == (PAGE / name).read_text("utf-8")
    assert answer.content_type == f"{content_type}; charset=utf-8"
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"]) == (
        "nosniff",
        "no-cache",
    )
    again = browser.get(f"/{name}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert browser.get(f"/{name}", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_module_for_a_listed_origin() -> None:
    """It may be imported from there, and from nowhere else."""
    browser = client(allowed_origins=["https://app.example"])
    for origin, shared in (
        ("https://app.example", "https://app.example"),
        ("https://evil.example", None),
    ):
        answer = browser.get("/jwt-client.js", headers={"Origin": origin})
        assert answer.headers.get("Access-Control-Allow-Origin") == shared


def test_the_client_is_small() -> None:
    """One file under 520 lines, without a dependency, so that it can be copied. A quarter of it is
    for keys (DPoP) and for asking for the password again."""
    text = (PAGE / "jwt-client.js").read_text("utf-8")
    assert len(text.splitlines()) < 520
    assert not re.search(r"^import ", text, re.MULTILINE)


def test_a_title() -> None:
    """It stands above the heading, as text whatever it is."""
    answer = get_page(title=MARKUP)
    assert "&#x27;&quot;&gt;&lt;img src=x onerror=alert(1)&gt;$title &amp; $$" in answer.text
    assert "<img" not in answer.text


def test_a_template(tmp_path: Path) -> None:
    """A file of the owner's stands in for ours, in both languages, with `next` and the sentences
    escaped."""
    file = tmp_path / "own.html"
    file.write_text(
        '<p lang=\'$lang\'>$$5 $title é $password <b data-next="$next" data-texts="$texts">',
        "utf-8",
    )
    text = get_page("next=/a%22b", accept="es", template=file, title="A&B").text
    assert text.startswith(
        '<p lang=\'es\'>$5 A&amp;B é Contraseña <b data-next="/a&quot;b" data-texts="{&quot;'
    )


WRONG = {
    "an empty title": {"title": ""},
    "a title that is no text": {"title": 5},
    "no such file": {"template": "nowhere.html"},
    "a template that is no path": {"template": 5},
}


@pytest.mark.parametrize("options", WRONG.values(), ids=WRONG)
def test_options_that_cannot_be(options: dict[str, Any]) -> None:
    """They are a ConfigurationError while building."""
    with pytest.raises(
        ConfigurationError, match=r"title must be a string|template must be the path"
    ):
        client(**options)


@pytest.mark.parametrize("content", [b"$nothing", b"costs $5", b"$", b"\xff"])
def test_a_template_that_cannot_be_filled_in(content: bytes, tmp_path: Path) -> None:
    """It is found out while building, not when somebody signs in."""
    (tmp_path / "own.html").write_bytes(content)
    with pytest.raises(ConfigurationError, match="template"):
        client(template=tmp_path / "own.html")


ABROAD = [
    "//evil.example",
    "https://evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/%2Fevil.example",
    "/%5cevil.example",
    "/%09/evil.example",
    "/.//evil.example",
    "/x/..//evil.example",
    "javascript:alert(1)",
    " javascript:alert(1)",
    "evil.example",
    "@evil.example",
    "",
]
HERE = [
    "/",
    "/page",
    "/page?a=1&b=//x#c",
    "/a//b",
    "/caf%C3%A9",
    "/café",
    "/a b",
    "/~ada/",
    "/a/../b",
    "/@ada",
    "/%",
]


@pytest.mark.parametrize("target", ABROAD)
def test_an_address_abroad_is_no_next(target: str) -> None:
    """In no reading may `next` start with two slashes, or with none."""
    assert local_path([target]) == ""


@pytest.mark.parametrize("target", HERE)
def test_a_path_of_this_origin_is_next(target: str) -> None:
    """It is taken as it is, query and fragment with it."""
    assert local_path([target]) == target


def test_next_in_the_page() -> None:
    """The one that was checked is in the page; two are none, and so is what was refused."""
    assert 'data-next="/page?a=1&amp;b=2"' in get_page("next=/page%3Fa=1%26b=2").text
    for query in (
        "",
        "next=",
        "next=/a&next=/b",
        "next=//evil.example",
        "next=%2F%2Fevil.example",
        "next=/%255Cevil",
    ):
        assert 'data-next=""' in get_page(query).text


@given(st.text(alphabet="/\\.%25fFcC09aA\t\n\r\0 ;?#@:x", max_size=12))
def test_what_is_let_through_starts_with_one_slash(text: str) -> None:
    """For what a browser makes of it: tabs and newlines dropped, a backslash a slash (WHATWG URL
    section 4.4)."""
    path = local_path([text])
    read = path.translate({ord(character): None for character in "\t\n\r"}).replace("\\", "/")
    assert path in ("", text)
    assert not path or (read.startswith("/") and not read.startswith("//"))
