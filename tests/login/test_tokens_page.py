"""The page of personal tokens as the server makes it: texts, dates, escaping and headers."""

import json
import re
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from jwt_middleware.login.errors import LoginError
from jwt_middleware.login.tokens_page import DAYS, TOKENS_FOLDER, TokensPage
from jwt_middleware.stores import PersonalToken, User

LANGUAGES = {
    file.stem: json.loads(file.read_text("utf-8")) for file in TOKENS_FOLDER.glob("*.json")
}
ADA = User(1, "ada", scopes=("read", "deploy"))
MARKUP = "'\"><img src=x onerror=alert(1)>$made & $$"


def token(**options: Any) -> PersonalToken:
    """A token in a list."""
    usual = {"id": "a" * 12, "name": "ci", "scopes": ("read",), "created_at": 0, "expires_at": 4e9}
    return PersonalToken(**usual | options)


def asked(language: str = "en") -> Request:
    """A request of a reader."""
    return Request(EnvironBuilder(headers={"Accept-Language": language}).get_environ())


def page(*tokens: PersonalToken, user: User = ADA, made: str | None = None, **options: Any) -> str:
    """The text of the page."""
    response = TokensPage(**options).response(asked(), user, tokens, made)
    return response.get_data(as_text=True)


def refused(status: int, fault: str | None = None, language: str = "en") -> Response:
    """The page that refuses something."""
    error = LoginError(
        status, "x", "an own sentence", {"Retry-After": "5", "WWW-Authenticate": "X"}
    )
    return TokensPage().refusal(asked(language), error, fault)


def test_every_language_says_everything() -> None:
    """The languages of the sign-in page, with the same names and the same places to fill in."""
    places = [
        {name: re.findall(r"{\w+}", text) for name, text in texts.items()}
        for texts in LANGUAGES.values()
    ]
    assert LANGUAGES.keys() == {"en", "es"}
    assert all(each == places[0] for each in places)


def test_a_row() -> None:
    """Name, id, scopes and two days, in UTC; one that has expired says so."""
    text = page(token(created_at=86_399.9, expires_at=86_400.0, scopes=("a", "b")))
    for part in (">ci<", "a" * 12, ">a b<", ">1970-01-01<", ">1970-01-02</time> (expired)"):
        assert part in text
    assert "(expired)" not in page(token())
    assert ">none<" in page(token(scopes=()))


def test_the_last_day_of_the_calendar() -> None:
    """The latest expiry that a store takes can be shown."""
    assert "9999-12-31" in page(token(expires_at=253402300799.9))


def test_the_form() -> None:
    """It offers the lifetimes, and the scopes of the user; without scopes it does not ask."""
    text = page()
    assert re.findall(r'<option value="(\d+)"', text) == [str(days) for days in DAYS]
    assert re.findall(r'name="scopes" value="(\w+)"', text) == ["read", "deploy"]
    assert "<fieldset>" not in page(user=User(1, "ada"))


def test_a_new_token_is_shown() -> None:
    """Only where it is passed."""
    assert ">jwtm_pat_x</code>" in page(made="jwtm_pat_x")
    assert 'id="token"' not in page()


def test_everything_is_text() -> None:
    """Title, names, scopes and the new token are escaped, once."""
    user = User(1, MARKUP, scopes=(MARKUP,))
    text = page(
        token(name=MARKUP, id=MARKUP, scopes=(MARKUP,)), user=user, made=MARKUP, title=MARKUP
    )
    assert "<img" not in text
    assert text.count("&lt;img src=x onerror=alert(1)&gt;$made &amp; $$") >= 8
    assert "&amp;lt;" not in text


def test_half_a_character() -> None:
    """What UTF-8 cannot encode, in an owner's table, does not break the page."""
    assert "a?b" in page(user=User(1, "a\ud800b"))


REFUSALS = {
    "a fault": (400, "days", "wrong_days"),
    "another fault": (404, "unknown", "wrong_unknown"),
    "a request": (400, None, "wrong_request"),
    "too large": (413, None, "wrong_request"),
    "another site": (403, None, "foreign"),
    "the user is gone": (401, None, "gone"),
    "the store is down": (503, None, "unavailable"),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("status", "fault", "name"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(status: int, fault: str | None, name: str, language: str) -> None:
    """Each has a sentence in the reader's language; the headers of the error stay, but for the
    challenge."""
    answer = refused(status, fault, language)
    assert answer.status_code == status
    assert LANGUAGES[language][name] in answer.get_data(as_text=True)
    assert "an own sentence" not in answer.get_data(as_text=True)
    assert answer.headers["Retry-After"] == "5"
    assert "WWW-Authenticate" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_limit_is_named() -> None:
    """The number stands in the sentence."""
    assert "more than 100 tokens" in refused(409, "full").get_data(as_text=True)


def test_nothing_is_inline_and_every_address_is_relative() -> None:
    """So the policy holds, and any mount or prefix will do."""
    text = page(token())
    assert not re.search(r"<style|<script|\bstyle=|\son\w+=", text)
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', text)
    assert set(addresses) == {"data:,", "login", "login.css", "tokens", "tokens.css"}
