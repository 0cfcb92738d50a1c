"""Serves the sign-in page in the reader's language, and its files."""

import hashlib
import html
import json
import os
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import TypeAlias

from werkzeug.wrappers import Request, Response

from .._options import require
from ..errors import ConfigurationError
from ..readings import readings, to_wsgi

_FOLDER = Path(__file__).parent / "page"
_TEXTS = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(_FOLDER.glob("*.json"))}
"""Maps a language to the strings of the page."""

_DEFAULT = "en"

_NOSNIFF = {"X-Content-Type-Options": "nosniff"}
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
    **_NOSNIFF,
}
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}

Handler: TypeAlias = Callable[[Request], Response]


def login_page(title: str | None = None, template: str | os.PathLike[str] | None = None) -> Handler:
    """Return the handler of `GET /login`.

    - `title`: the name above the heading of the page.
    - `template`: a file that replaces `page/login.html`: a `string.Template` in UTF-8. It may use
      the names of `page/en.json` and `$lang`, `$title`, `$next`, `$texts`. Write `$$` for a dollar.

    A template that cannot be read or rendered raises `ConfigurationError`.
    """
    require(
        title is None or (isinstance(title, str) and title and _is_unicode(title)),
        'title must be a string that is not empty: title="Example"',
    )
    page = _read_template(_FOLDER / "login.html" if template is None else template)

    def render(language: str, following: str) -> str:
        texts = _TEXTS[language]
        values = {**texts, "title": title or "", "next": following, "texts": json.dumps(texts)}
        return page.substitute(
            {name: html.escape(value) for name, value in values.items()}, lang=language
        )

    try:
        for language in _TEXTS:
            render(language, "")
    except (KeyError, ValueError) as error:
        raise ConfigurationError(
            f"template must only use names of the page after a $ (write $$ for a dollar): {error}"
        ) from error

    def handler(request: Request) -> Response:
        language = _language(request)
        headers = {**_PAGE_HEADERS, "Content-Language": language}
        return Response(
            render(language, local_path(request.args.getlist("next"))),
            200,
            headers,
            mimetype="text/html",
        )

    return handler


def _language(request: Request) -> str:
    # `best_match` would prefer "es;q=0.1" to "en-GB", because our name for English is "en".
    wanted = (tag.partition("-")[0].lower() for tag, quality in request.accept_languages if quality)
    return next((language for language in wanted if language in _TEXTS), _DEFAULT)


def page_file(name: str) -> Handler:
    """Return the handler of one file of the page. It answers with the file, or with 304 (RFC 9110
    section 13.1.2)."""
    path = _FOLDER / name
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


def _read_template(path: str | os.PathLike[str]) -> Template:
    try:
        return Template(Path(path).read_text("utf-8"))
    except (OSError, TypeError, ValueError) as error:
        raise ConfigurationError(f"template must be the path of a UTF-8 file: {error}") from error


def _is_unicode(text: str) -> bool:
    """Return whether UTF-8 can encode the string. It cannot encode half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
