"""Turns a refusal into a page for people, with an explanation, the reason, and a link to sign in.

Of the request, the page only contains its address, in the link.
"""

import html
import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Any

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response

from ..errors import Refusal

_FOLDER = Path(__file__).parent / "page"
_DEFAULT = "en"

_SENTENCES = {
    "missing": "missing",
    "unread_scheme": "missing",
    "expired": "expired",
    "revoked": "revoked",
    "scope": "scope",
    "login_too_old": "login",
    "login_too_weak": "login",
    "cross_site": "cross_site",
    "origin": "cross_site",
}
"""Reasons with their own sentence. Other reasons use the sentence of their status."""

_BY_STATUS = {400: "request", 401: "token", 403: "forbidden", 414: "request", 503: "unavailable"}
_HEADINGS = {401: "heading_401", 403: "heading_403", 503: "heading_503"}


def refusal_page(refusal: Refusal, environ: Mapping[str, Any], link: str | None) -> Response:
    """Return the page. `link` is the URL of the sign-in page, or None if it would not help."""
    page, style, texts = _files()
    language = _language(environ, texts)
    words = texts[language]
    sentence = _SENTENCES.get(refusal.reason) or _BY_STATUS.get(refusal.status, "request")
    scope = refusal.parameters.get("scope")
    body = page.substitute(
        lang=language,
        style=style,
        heading=html.escape(words[_HEADINGS.get(refusal.status, "heading_400")]),
        sentence=html.escape(words[sentence]),
        needed=_paragraph(words["needed"], scope),
        link=_anchor(words["sign_in"], link),
        reason_label=html.escape(words["reason"]),
        reason=html.escape(refusal.reason),
    )
    digest = b64encode(sha256(style.encode()).digest()).decode()
    headers = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Content-Language": language,
        "Referrer-Policy": "no-referrer",
    }
    return Response(body, refusal.status, headers, content_type="text/html; charset=utf-8")


@cache  # read at the first refusal of a navigation, which most services never have
def _files() -> tuple[Template, str, dict[str, dict[str, str]]]:
    texts = {path.stem: json.loads(path.read_text("utf-8")) for path in _FOLDER.glob("*.json")}
    page = Template((_FOLDER / "refusal.html").read_text("utf-8"))
    return page, (_FOLDER / "refusal.css").read_text("utf-8"), texts


def _language(environ: Mapping[str, Any], texts: Mapping[str, object]) -> str:
    wanted = environ.get("HTTP_ACCEPT_LANGUAGE")
    if not isinstance(wanted, str):
        return _DEFAULT
    # `best_match` would prefer "es;q=0.1" to "en-GB", because our name for English is "en".
    accepted = parse_accept_header(wanted, LanguageAccept)
    tags = (tag.partition("-")[0].lower() for tag, quality in accepted if quality)
    return next((tag for tag in tags if tag in texts), _DEFAULT)


def _paragraph(label: str, value: str | None) -> str:
    if not value:
        return ""
    return f"<p>{html.escape(label)} <code>{html.escape(value)}</code></p>"


def _anchor(label: str, url: str | None) -> str:
    if url is None:
        return ""
    return f'<a href="{html.escape(url)}">{html.escape(label)}</a>'
