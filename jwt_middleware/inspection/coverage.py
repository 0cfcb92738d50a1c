"""Compares the routes of an app with its rules: which rules govern each, and which rules mislead.

A route is looked up by an example path, with the decision that the middleware itself would make.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..policy.rules import Rule
from ..readings import to_wsgi
from .lint import lints_of
from .pattern import Route
from .site import Guard, Site, sites_of

OTHER = "*"
"""Represents every method that neither a route nor a rule names."""


@dataclass(frozen=True, slots=True)
class RuledRoute:
    """A route, some of its methods, and the rules that govern those.

    `kind` is `rule`, `public` (every request passes), `login` (a path of the bundled login app,
    open on purpose) or `open`: no rule governs it.
    """

    route: Route
    methods: tuple[str, ...]
    rules: tuple[Rule, ...]
    kind: str

    @property
    def asks(self) -> str:
        """The requirements of the rules, `login app`, or `OPEN` if no rule governs the route."""
        if self.kind in ("open", "login"):
            return "OPEN" if self.kind == "open" else "login app"
        asked = [one for rule in self.rules if not rule.report_only for one in rule.requires]
        return " and ".join(dict.fromkeys(map(repr, asked)))


@dataclass(frozen=True, slots=True)
class Coverage:
    """The rules that govern the routes of an app.

    - `routes`: each route, once for all methods with the same rules.
    - `lints`: sentences about misleading rules.
    - `unlisted`: sentences about apps whose routes cannot be listed.
    """

    routes: tuple[RuledRoute, ...]
    lints: tuple[str, ...]
    unlisted: tuple[str, ...]

    @property
    def open(self) -> tuple[RuledRoute, ...]:
        """The routes that no rule governs."""
        return tuple(one for one in self.routes if one.kind == "open")


def coverage(app: Any) -> Coverage:
    """Return the rules that govern the routes of a WSGI app. This does not call the app or import
    a framework."""
    sites = sites_of(app)
    routes = tuple(one for site in sites for one in _of_site(site))
    unlisted = tuple(
        f"{site.prefix or '/'}: the routes of {site.kind} cannot be listed"
        for site in sites
        if site.routes is None
    )
    return Coverage(routes, tuple(dict.fromkeys(lints_of(sites))), unlisted)


def rules_at(guards: Iterable[Guard], method: str, path: str) -> tuple[Rule, ...]:
    """Return the rules that govern a request which passes these middlewares."""
    found: list[Rule] = []
    for guard in guards:
        environ = {
            "REQUEST_METHOD": "OTHER" if method == OTHER else method,
            "SCRIPT_NAME": to_wsgi(guard.prefix),
            "PATH_INFO": to_wsgi(path.removeprefix(guard.prefix)),
        }
        found += guard.middleware.decide(environ).rules
    return tuple(found)


def _of_site(site: Site) -> Iterator[RuledRoute]:
    named = {
        method
        for guard in site.guards
        for rule in guard.middleware.rules
        for method in rule.methods
    }
    for route in site.routes or ():
        groups: dict[tuple[Rule, ...], list[str]] = {}
        for method in sorted(route.methods or {*named, OTHER}):
            rules = rules_at(site.guards, method, route.example or route.path)
            groups.setdefault(rules, []).append(method)
        for rules, methods in groups.items():
            yield RuledRoute(route, tuple(methods), rules, _kind(site, rules))


def _kind(site: Site, rules: tuple[Rule, ...]) -> str:
    enforced = [rule for rule in rules if not rule.report_only]
    if not enforced:
        return "login" if site.is_login else "open"
    return "public" if all(rule.is_public for rule in enforced) else "rule"
