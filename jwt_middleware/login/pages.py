"""Serves the sign-in page in the reader's language, and its files."""

import hashlib
import html
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from typing import TypeAlias
from urllib.parse import urlencode

from werkzeug.wrappers import Request, Response

from .._options import require
from ..errors import ConfigurationError
from ..readings import readings, to_wsgi
from .errors import LoginError

FOLDER = Path(__file__).parent / "page"
"""The files of the sign-in page."""

_TEXTS = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(FOLDER.glob("*.json"))}
"""Maps a language to the strings of the page."""

_DEFAULT = "en"

_NOSNIFF = {"X-Content-Type-Options": "nosniff"}
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    # Under `no-referrer` the Origin of the form would be `null`.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
    **_NOSNIFF,
}
"""The headers of the sign-in page, which needs scripts, styles and images of this site only."""

AGAIN = "again"
"""The query parameter of a page that was asked for by `LoginPage.again`."""

_AGAIN = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8"><meta http-equiv="refresh" content="0; url={url}"><title>...</title>
  </head>
</html>
"""
"""A browser that a foreign page led here leaves out the session cookie. It adds it when a page of
this site asks, and this one asks for itself."""

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}

Handler: TypeAlias = Callable[[Request], Response]


class LoginPage:
    """The sign-in page.

    - `title`: the name above the heading of the page.
    - `template`: a file that replaces `page/login.html`: a `string.Template` in UTF-8. It may use
      the names of `page/en.json` and `$lang`, `$title`, `$heading`, `$next`, `$texts`. For browsers
      without scripts there are `$message`, `$message_class`, `$form_hidden` and `$panel_hidden`.
      `$tokens_hidden` hides the link to the page of personal tokens where there is none.
      Write `$$` for a dollar.

    A template that cannot be read or rendered raises `ConfigurationError`.
    """

    def __init__(
        self,
        title: str | None = None,
        template: str | os.PathLike[str] | None = None,
        *,
        has_tokens: bool = False,
    ) -> None:
        require(
            title is None or (isinstance(title, str) and title and _is_unicode(title)),
            'title must be a string that is not empty: title="Example"',
        )
        self._title = title or ""
        self._tokens_hidden = "" if has_tokens else "hidden"
        self._page = read_template(FOLDER / "login.html" if template is None else template)
        try:
            for language in _TEXTS:
                self._render(language, "", "", is_error=False, is_signed_in=False)
        except (KeyError, ValueError) as error:
            raise ConfigurationError(
                "template must only use names of the page after a $ (write $$ for a dollar): "
                f"{error}"
            ) from error

    def response(
        self,
        request: Request,
        following: str,
        error: LoginError | None = None,
        *,
        is_signed_in: bool = False,
        notice: str | None = None,
    ) -> Response:
        """Return the page: for somebody who is to land on `following`, with what was wrong.

        - `notice`: the name of a string of the page to show if there was no error.
        """
        language = language_of(request)
        headers = {**PAGE_HEADERS, "Content-Language": language}
        if error is not None:
            headers.update(error.headers)
            headers.pop("WWW-Authenticate", None)  # a form has no credentials to repeat
        texts = _TEXTS[language]
        message = texts[notice] if notice else ""
        if error is not None:
            message = _message(texts, error)
        body = self._render(
            language,
            following,
            message,
            is_error=bool(message),
            is_signed_in=is_signed_in,
        )
        status = 200 if error is None else error.status
        return Response(body, status, headers, mimetype="text/html")

    def again(self, following: str) -> Response:
        """Return a page that asks for the sign-in page once more, with `AGAIN` in its address.

        The caller shows the page at that address whatever the browser sends. Some proxies and
        extensions rewrite `Sec-Fetch-Site`, and the browser would ask for ever.
        """
        query = {"next": following, AGAIN: "1"} if following else {AGAIN: "1"}
        url = html.escape(f"login?{urlencode(query)}")
        return Response(_AGAIN.format(url=url), 200, PAGE_HEADERS, mimetype="text/html")

    def _render(
        self,
        language: str,
        following: str,
        message: str,
        *,
        is_error: bool,
        is_signed_in: bool,
    ) -> str:
        texts = _TEXTS[language]
        values = {
            **texts,
            "title": self._title,
            "next": following,
            "texts": json.dumps(texts),
            "heading": texts["signed_in"] if is_signed_in else texts["sign_in"],
            "message": message,
            "message_class": "message error" if is_error else "message",
        }
        return self._page.substitute(
            {name: html.escape(value) for name, value in values.items()},
            lang=language,
            form_hidden="hidden" if is_signed_in else "",
            panel_hidden="" if is_signed_in else "hidden",
            tokens_hidden=self._tokens_hidden,
        )


def _message(texts: Mapping[str, str], error: LoginError) -> str:
    """Say what was wrong, as the script of the page does."""
    if error.status == 429:
        seconds = int(error.headers.get("Retry-After", "60"))
        unit, count = ("seconds", seconds) if seconds < 120 else ("minutes", -(-seconds // 60))
        time = texts[unit].replace("{count}", str(count))
        return texts["throttled"].replace("{time}", time)
    kinds = {400: "incomplete", 401: "wrong", 403: "foreign"}
    return texts[kinds.get(error.status, "unavailable")]


def language_of(request: Request) -> str:
    """Return the language of the page that the reader prefers, such as `en`."""
    # `best_match` would prefer "es;q=0.1" to "en-GB", because our name for English is "en".
    wanted = (tag.partition("-")[0].lower() for tag, quality in request.accept_languages if quality)
    return next((language for language in wanted if language in _TEXTS), _DEFAULT)


def page_file(name: str, folder: Path = FOLDER) -> Handler:
    """Return the handler of one file of the page. It answers with the file, or with 304 (RFC 9110
    section 13.1.2)."""
    path = folder / name
    content = path.read_bytes()
    etag = hashlib.sha256(content).hexdigest()[:16]
    headers = {"Cache-Control": "no-cache", **_NOSNIFF}

    def handler(request: Request) -> Response:
        response = Response(content, 200, headers, content_type=_TYPES[path.suffix])
        response.set_etag(etag)
        return response.make_conditional(request)

    return handler


def local_path(values: list[str]) -> str:
    """Return the one value if every reading of it is a path of this origin, else an empty string.

    An open redirect would send users who have just logged in to a foreign page. Browsers read a
    backslash as a slash, drop tabs and newlines, and take `//` for the start of a host (WHATWG URL
    section 4.4). The app at the path may decode or resolve it and redirect again. So no reading may
    start with two slashes.
    """
    if len(values) != 1 or not values[0].startswith("/"):
        return ""
    path = to_wsgi(values[0].partition("?")[0].partition("#")[0])
    is_local = not any(reading.startswith("//") for reading in readings(path))
    return values[0] if is_local else ""


def read_template(path: str | os.PathLike[str]) -> Template:
    """Return the template in a file, or raise `ConfigurationError`."""
    try:
        return Template(Path(path).read_text("utf-8"))
    except (OSError, TypeError, ValueError) as error:
        raise ConfigurationError(f"template must be the path of a UTF-8 file: {error}") from error


def _is_unicode(text: str) -> bool:
    """Return whether UTF-8 can encode the string. It cannot encode half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
