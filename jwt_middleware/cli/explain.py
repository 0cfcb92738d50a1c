"""`jwt-middleware explain`: shows the reasons for an app's answer to a request."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

import click

from ..errors import Refusal
from ..inspection import Explanation, Site, site_at
from ..inspection import explain as explanation_of
from ..policy.naming import text_of
from ..policy.rules import Rule
from ..wire.credentials import environ_of
from .app_option import load_app
from .table import print_table, print_text, printable
from .token_input import read_token
from .token_place import chosen_place

# RFC 9110 sections 5.6.2 and 5.5
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_URL = re.compile(r"(https?)://([^/?#@]+)(/[^#]*)?", re.IGNORECASE)
_MOST_READINGS = 12
"""Readings that are shown in full, since a hostile path has some 200."""

_ON_STDIN = (
    "an argument stays in the shell's history, so give the token alone on stdin, and --in says "
    "where the request has it"
)
_OF_A_PAGE = (
    "here the request is one to {}; a browser says by --header 'Sec-Fetch-Site: same-origin' or "
    "--header 'Origin: ...' which page sent it, and a whole URL instead of the path says another "
    "scheme and host"
)
_WITHOUT_PREFIX = ("CONTENT_TYPE", "CONTENT_LENGTH")


def _headers(
    context: click.Context, parameter: click.Parameter, lines: tuple[str, ...]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise click.BadParameter("must be 'Name: value'")
        if not _HEADER_VALUE.fullmatch(value):
            raise click.BadParameter(f"{name} must be Latin-1 text on one line")
        if name.lower() in ("authorization", "proxy-authorization", "cookie"):
            raise click.BadParameter(f"{name} must not be given here: {_ON_STDIN}")
        key = name.upper().replace("-", "_")
        key = key if key in _WITHOUT_PREFIX else f"HTTP_{key}"
        value = value.strip(" \t")
        found[key] = f"{found[key]},{value}" if key in found else value
    return found


def _method(context: click.Context, parameter: click.Parameter, name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise click.BadParameter("must be a method such as GET")
    return name


def _target(
    context: click.Context, parameter: click.Parameter, target: str
) -> tuple[str, dict[str, str]]:
    """Return the path, and what a whole URL says beside it of a request's environ."""
    if not (target.isascii() and target.isprintable()) or " " in target:
        raise click.BadParameter("must be as a client sends it: ASCII, percent-encoded")
    if target.startswith("/"):
        return target, {}
    url = _URL.fullmatch(target)
    if url is None:
        raise click.BadParameter("must start with a slash, such as /api/me, or be a whole URL")
    scheme, host, path = url.groups()
    return path or "/", {"wsgi.url_scheme": scheme.lower(), "HTTP_HOST": host}


@click.command()
@click.option(
    "--app",
    callback=load_app,
    required=True,
    metavar="MODULE[:ATTRIBUTE]",
    help='The WSGI app, named as for gunicorn, or a factory: "shop:create_app()". The attribute '
    'is "application" by default.',
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    callback=_headers,
    metavar="'NAME: VALUE'",
    help="A header of the request. Repeat it for several.",
)
@click.option(
    "--in",
    "wanted",
    metavar="PLACE",
    help="Where the request has the token: bearer, basic, cookie, header, or one by its name, such "
    "as 'cookie __Host-jwt'. By default bearer, or the first place that the app reads.",
)
@click.argument("method", callback=_method)
@click.argument("target", callback=_target, metavar="PATH")
def explain(
    app: Any,
    headers: dict[str, str],
    wanted: str | None,
    method: str,
    target: tuple[str, dict[str, str]],
) -> None:
    """Show the reasons for an app's answer to a request.

    The command shows the readings of the path with their rules, and the place and the checks of the
    token. Then it shows the result of each requirement, and the answer. It does not send a request.
    Give the path as a client sends it: percent-encoded, with its query. A whole URL also says the
    host and whether the request comes by http, which counts for a cookie with an unsafe method:

    \b
      jwt-middleware explain --app examples.pages_flask --in cookie \\
        --header 'Origin: http://localhost:8000' POST http://localhost:8000/notes < token

    The command reads the token from stdin, so that it stays out of the shell's history. Without a
    token on stdin, the request has none.

    \b
      jwt-middleware explain --app examples.flask_app GET /api/me < token
      jwt-middleware explain --app examples.flask_app GET /api/me < /dev/null

    The answer is shown as a program gets it. With sign_in a browser that opens a page is sent there
    instead of a 401, and on_refusal may give a refusal another body.

    The exit code is 0 if the app answers, 1 if the request is refused, and 2 for misuse.
    """
    path, of_url = target
    given, _, query = path.partition("?")
    text = unquote_to_bytes(given).decode("latin-1")
    headers = of_url | headers
    site = _site(app, text, headers.get("HTTP_HOST", ""))
    environ = {"REQUEST_METHOD": method, "QUERY_STRING": query, **headers}
    environ |= _credential(site, headers, wanted)
    click.echo(printable(f"{method} {given}"))
    mounted = f" at {site.prefix}" if site.prefix else ""
    click.echo(printable(f"answered by {site.kind}{mounted}"))
    for guard in site.guards:
        place = {"SCRIPT_NAME": guard.prefix, "PATH_INFO": text.removeprefix(guard.prefix)}
        explained = explanation_of(guard.middleware, environ | place)
        _print(explained)
        if explained.reason == "cross_site":
            print_text(_OF_A_PAGE.format(_origin(environ)), indent="  ")
        if explained.decision.answer is not None:
            raise click.exceptions.Exit(1)
    if not site.guards:
        click.echo("no middleware guards this path: OPEN")
    click.echo("answer: the app's")


def _origin(environ: dict[str, str]) -> str:
    scheme = environ.get("wsgi.url_scheme", "https")
    return printable(f"{scheme}://{environ.get('HTTP_HOST', '(no host)')}")


def _credential(site: Site, headers: dict[str, str], wanted: str | None) -> dict[str, str]:
    """Read the token and return the header that holds it; nothing without a token."""
    middlewares = [guard.middleware for guard in site.guards]
    for place in (place for each in middlewares for place in each.places):
        if not headers.keys().isdisjoint(environ_of("", place)):
            raise click.UsageError(f"{place.header} holds a token here; {_ON_STDIN}")
    place = chosen_place(wanted, middlewares)
    token = read_token(is_optional=True)
    if token and not (token.isascii() and token.isprintable()):
        raise click.UsageError("stdin must hold a token, and it has other characters")
    return environ_of(token, place) if token else {}


def _site(app: Any, path: str, host: str) -> Site:
    try:
        return site_at(app, path, host)
    except LookupError as error:
        raise click.UsageError(f"{printable(str(error))}; name one of them with --app") from None


def _print(explained: Explanation) -> None:
    rows = list(_rows(explained))
    print_table(rows)
    decision = explained.decision
    if isinstance(decision.reported, Refusal):
        click.echo(f"a report-only rule would refuse: {_refused(decision.reported)}")
    if isinstance(decision.answer, Refusal):
        print_text(f"answer: {_refused(decision.answer)}", indent="  ")
    elif decision.answer is not None:
        what = "the metadata of the resource" if explained.status == 200 else "to a CORS preflight"
        click.echo(f"answer: {explained.status}, {what}")


def _refused(refusal: Refusal) -> str:
    return f"{refusal.status} {refusal.reason}: {refusal.description}"


def _rows(explained: Explanation) -> Iterator[tuple[str, str, str]]:
    for one in explained.readings[:_MOST_READINGS]:
        names = " ".join(_rule(rule) for rule in one.rules) or "no rule"
        only = " (only a longer prefix counts)" if one.is_longer_only else ""
        yield "reading", printable(one.path), f"{names}{only}"
    left = explained.readings[_MOST_READINGS:]
    if left:
        names = " ".join(sorted({_rule(rule) for one in left for rule in one.rules})) or "no rule"
        yield "reading", f"{len(left)} more", names
    for rule in explained.decision.rules:
        yield "rule", printable(rule.prefix), _rule(rule)
    if not explained.decision.rules:
        yield "rule", "none", "OPEN"
    if explained.source is not None:
        yield "token", "found", printable(explained.source)
    for found in explained.findings:
        yield "token", printable(found.name), f"{_mark(found.holds)}: {printable(found.text)}"
    for verdict in explained.verdicts:
        reason = f" ({verdict.reason})" if verdict.reason else ""
        asked = printable(text_of(verdict.requirement))
        yield "asks", asked, f"{_mark(verdict.holds)}{reason}"


def _rule(rule: Rule) -> str:
    return printable(repr(rule))


def _mark(holds: bool | None) -> str:
    return {True: "holds", False: "does not hold", None: "not asked"}[holds]
