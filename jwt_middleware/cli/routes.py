"""`jwt-middleware routes`: shows which rule governs each route of an app."""

import json
import sys
from typing import Any

import click

from ..inspection import Coverage, RuledRoute, coverage
from .app_option import load_app
from .table import print_table, print_text, printable


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
    "--strict",
    is_flag=True,
    help="Exit with 1 if a route is OPEN, a line warns, or a part is not listed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def routes(app: Any, strict: bool, as_json: bool) -> None:
    """Show every route of an app, the rule that governs it and the rule's requirements.

    OPEN means that no rule governs the route. A warning names a rule that asks for more on some
    methods than on others, or that no route meets. It may also name a route whose parameter leads
    to another rule, or whose path the login app in front answers itself. Routes of Flask, Bottle,
    Django, Falcon, Pyramid and CherryPy are listed, including those of mounted apps.

    \b
      jwt-middleware routes --app examples.flask_app
      jwt-middleware routes --app myapp:application --strict

    The exit code is 0. It is 1 with --strict if a route is OPEN, a warning is shown, or a part of
    the app is not listed. It is 2 for misuse, or if no route can be listed.
    """
    found = coverage(app)
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2))
    else:
        _print(found)
    if not found.routes or all(one.kind == "login" for one in found.routes):
        click.echo("Error: this app has no routes that can be listed", err=True)
        sys.exit(2)
    if strict and (found.open or found.lints or found.unlisted):
        sys.exit(1)


def _print(found: Coverage) -> None:
    for title, routes in (("ROUTE", found.routes), ("NOT LISTED", found.areas)):
        if routes:
            print_table([("METHODS", title, "RULE", "ASKS"), *map(_row, routes)])
    for line in found.unlisted:
        print_text(printable(f"not listed: {line}"), indent="  ")
    for line in found.notes:
        print_text(printable(f"note: {line}"), indent="  ")
    for line in found.lints:
        print_text(printable(f"warning: {line}"), indent="  ")
    unlisted = f", {len(found.unlisted)} not listed" if found.unlisted else ""
    counts = f"{len(found.open)} OPEN, {len(found.lints)} warnings{unlisted}"
    click.echo(f"{len(found.routes)} lines, {counts}")


def _row(one: RuledRoute) -> tuple[str, str, str, str]:
    asks = printable(one.asks)
    return _methods(one), printable(one.route.shown), printable(_rules(one)), asks


def _methods(one: RuledRoute) -> str:
    if one.methods == ("*",):
        return "any"
    # Frameworks add these to a route that answers GET.
    quiet = {"HEAD", "OPTIONS"} if "GET" in one.methods else set()
    return " ".join(name for name in one.methods if name not in quiet)


def _rules(one: RuledRoute) -> str:
    names = [
        " ".join(dict.fromkeys(rule.prefix + " (report only)" * rule.report_only for rule in rules))
        for rules in (one.rules, *one.others)
    ]
    if not any(names):
        return ""
    return " or ".join(dict.fromkeys(name or "none" for name in names))


def _as_json(found: Coverage) -> dict[str, Any]:
    return {
        "routes": list(map(_route_as_json, found.routes)),
        "lints": list(found.lints),
        "unlisted": list(found.unlisted),
        "areas": list(map(_route_as_json, found.areas)),
        "notes": list(found.notes),
    }


def _route_as_json(one: RuledRoute) -> dict[str, Any]:
    route = one.route
    example = route.example and route.example + f"?{route.query}" * bool(route.query)
    return {
        "path": route.path,
        "host": route.host,
        "example": example,
        "methods": list(one.methods),
        "rules": [repr(rule) for rule in one.rules],
        "others": [[repr(rule) for rule in rules] for rules in one.others],
        "kind": one.kind,
        "asks": one.asks,
    }
