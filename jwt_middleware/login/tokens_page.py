"""The page of a user's personal tokens, in the reader's language. It needs no script."""

import html
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from string import Template

from werkzeug.wrappers import Request, Response

from ..stores.base import PersonalToken, User
from ..stores.tokens import MAX_TOKENS
from .errors import LoginError
from .pages import FOLDER, PAGE_HEADERS, language_of, read_template

TOKENS_FOLDER = FOLDER / "tokens"
"""The files of the page."""

_TEXTS = {
    file.stem: json.loads(file.read_text("utf-8")) for file in sorted(TOKENS_FOLDER.glob("*.json"))
}
"""Maps a language to the strings of the page."""

_HEADERS = {
    **PAGE_HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    # The same address answers scripts with JSON, and every user with other tokens.
    "Vary": "Accept-Language, Accept, Sec-Fetch-Mode, Authorization, Cookie",
}

DAYS = (7, 30, 90, 365)
"""The lifetimes that the form offers, in days."""

_USUAL_DAYS = 90

_MADE = Template(
    '<p class="message" role="status">$made <code class="token" id="token">$token</code></p>'
)
_TABLE = Template(
    "<table><thead><tr><th>$name</th><th>$id</th><th>$scopes</th><th>$created</th><th>$expires</th>"
    '<th><span class="unseen">$action</span></th></tr></thead><tbody>$rows</tbody></table>'
)
_ROW = Template(
    '<tr><td data-label="$label_name">$name</td><td data-label="$label_id"><code>$id</code></td>'
    '<td data-label="$label_scopes">$scopes</td><td data-label="$label_created">$created</td>'
    '<td data-label="$label_expires">$expires</td>'
    '<td><form method="post" action="tokens"><input type="hidden" name="remove" value="$id">'
    '<button class="remove" aria-label="$remove_named">$remove</button></form></td></tr>'
)
_FORM = Template(
    '<form id="make" method="post" action="tokens"><label for="name">$name</label>'
    '<input id="name" name="name" maxlength="255" autocomplete="off" required>'
    '<label for="days">$days</label><select id="days" name="days">$options</select>'
    '$choices<button id="make-token">$make</button></form>'
)
_CHOICE = Template(
    '<label class="choice"><input type="checkbox" name="scopes" value="$scope"> $scope</label>'
)


class TokensPage:
    """The page of personal tokens. `title` is the name above its heading, or None."""

    def __init__(self, title: str | None = None) -> None:
        self._title = title or ""
        self._page = read_template(TOKENS_FOLDER / "tokens.html")

    def response(
        self,
        request: Request,
        user: User,
        tokens: Sequence[PersonalToken],
        made: str | None = None,
    ) -> Response:
        """Return the page with a user's tokens. `made` is a new token, shown this once."""
        language = language_of(request)
        texts = _TEXTS[language]
        intro = texts["intro"].replace("{username}", str(user.username))
        parts = [
            "" if made is None else _MADE.substitute(_escaped(made=texts["made"], token=made)),
            f"<p>{html.escape(intro)}</p><h2>{html.escape(texts['yours'])}</h2>",
            _table(texts, tokens) if tokens else f"<p>{html.escape(texts['none'])}</p>",
            f"<h2>{html.escape(texts['new'])}</h2>",
            _form(texts, user)
            if len(tokens) < MAX_TOKENS
            else f"<p>{_sentence(texts, 'full')}</p>",
        ]
        return self._answer(language, 200, "".join(parts), back="login")

    def refusal(self, request: Request, error: LoginError, fault: str | None) -> Response:
        """Return a page that says what was wrong. `fault` is the word of a sentence of the page, or
        None for the usual sentence of the status."""
        language = language_of(request)
        if fault is None:
            words = {401: "gone", 403: "foreign"}
            fault = "unavailable" if error.status >= 500 else words.get(error.status, "request")
        sentence = _sentence(_TEXTS[language], fault)
        response = self._answer(language, error.status, "", back="tokens", message=sentence)
        for name, value in error.headers.items():
            if name != "WWW-Authenticate":  # a form has no credentials to repeat
                response.headers[name] = value
        return response

    def _answer(
        self, language: str, status: int, content: str, *, back: str, message: str = ""
    ) -> Response:
        texts = _TEXTS[language]
        back_text = texts["back" if back == "login" else "again"]
        values = {"title": self._title, "heading": texts["heading"], "back_text": back_text}
        page = self._page.substitute(
            _escaped(**values), lang=language, content=content, message=message, back=back
        )
        headers = {**_HEADERS, "Content-Language": language}
        # An owner's table may hold half of a surrogate pair, which UTF-8 cannot encode.
        return Response(page.encode("utf-8", "replace"), status, headers, mimetype="text/html")


def _escaped(**values: str) -> dict[str, str]:
    return {name: html.escape(value) for name, value in values.items()}


def _sentence(texts: Mapping[str, str], fault: str) -> str:
    text = texts.get(f"wrong_{fault}") or texts[fault]
    return html.escape(text.replace("{most}", str(MAX_TOKENS)))


def _table(texts: Mapping[str, str], tokens: Sequence[PersonalToken]) -> str:
    rows = "".join(_row(texts, token) for token in tokens)
    return _TABLE.substitute(_escaped(**texts), rows=rows)


def _row(texts: Mapping[str, str], token: PersonalToken) -> str:
    expires = _day(token.expires_at)
    if token.expires_at <= time.time():
        expires = f"{expires} {html.escape(texts['expired'])}"
    labels = {f"label_{name}": texts[name] for name in ("name", "id", "scopes", "created")}
    scopes = " ".join(token.scopes) or texts["no_scopes"]
    values = {"name": token.name, "id": token.id, "scopes": scopes}
    named = texts["remove_named"].replace("{name}", token.name)
    return _ROW.substitute(
        _escaped(**labels, label_expires=texts["expires"], **values),
        **_escaped(remove=texts["remove"], remove_named=named),
        created=_day(token.created_at),
        expires=expires,
    )


def _day(moment: float) -> str:
    day = datetime.fromtimestamp(moment, UTC).date().isoformat()
    return f'<time datetime="{day}">{day}</time>'


def _form(texts: Mapping[str, str], user: User) -> str:
    options = "".join(
        f'<option value="{days}"{" selected" if days == _USUAL_DAYS else ""}>'
        f"{html.escape(texts['days_count'].replace('{count}', str(days)))}</option>"
        for days in DAYS
    )
    choices = "".join(_CHOICE.substitute(_escaped(scope=scope)) for scope in user.scopes)
    if choices:
        legend = html.escape(texts["which_scopes"])
        choices = f"<fieldset><legend>{legend}</legend>{choices}</fieldset>"
    return _FORM.substitute(_escaped(**texts), options=options, choices=choices)
