"""Compares the routes of an app with its rules: which rules govern each, and which rules mislead.

A route is looked up by an example path, with the decision that the middleware itself would make.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..policy.naming import text_of
from ..policy.rules import Rule
from ..readings import to_wsgi
from .lint import is_taken, lints_of, paths_under
from .pattern import Route, area
from .site import Guard, Site, is_below, sites_of

OTHER = "*"
"""Represents every method that neither a route nor a rule names."""


@dataclass(frozen=True, slots=True)
class RuledRoute:
    """A route, some of its methods, and the rules that govern those.

    `kind` is `rule`, `public` (every request passes), `login` (a path of the bundled login app,
    open on purpose), `hidden` (a login app in front answers its path, so that no request reaches
    it), or `open`: no rule governs it. `others`: rules that only some values of the route's
    parameters meet, instead of `rules`.
    """

    route: Route
    methods: tuple[str, ...]
    rules: tuple[Rule, ...]
    kind: str
    others: tuple[tuple[Rule, ...], ...] = ()

    @property
    def asks(self) -> str:
        """The requirements of the rules, or `OPEN` if no rule governs the route. Those of the
        `others` follow an `or`."""
        if self.kind == "login":
            return "login app"
        if self.kind == "hidden":
            return "answered by login app"
        return " or ".join(dict.fromkeys(map(_asked, (self.rules, *self.others))))


@dataclass(frozen=True, slots=True)
class Coverage:
    """The rules that govern the routes of an app.

    - `routes`: each route, once for all methods with the same rules.
    - `lints`: sentences about misleading rules.
    - `unlisted`: sentences about apps whose routes cannot be listed.
    - `areas`: the rules for the paths of those apps: for each prefix, and for the rest.
    - `notes`: sentences about objects that may answer some paths before a listed app does.
    """

    routes: tuple[RuledRoute, ...]
    lints: tuple[str, ...]
    unlisted: tuple[str, ...]
    areas: tuple[RuledRoute, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def open(self) -> tuple[RuledRoute, ...]:
        """The routes that no rule governs."""
        return tuple(one for one in self.routes if one.kind == "open")


def coverage(app: Any) -> Coverage:
    """Return the rules that govern the routes of a WSGI app. This does not call the app or import
    a framework."""
    sites = sites_of(app)
    routes = tuple(one for site in sites for one in _of_site(site, site.routes or ()))
    blind = [site for site in sites if site.routes is None]
    unlisted = tuple(
        f"{site.host}{site.prefix or '/'}: the routes of {site.kind} cannot be listed"
        for site in blind
    )
    areas = tuple(one for site in blind for one in _of_site(site, _areas(site)))
    lints = tuple(dict.fromkeys(lints_of(sites)))
    return Coverage(routes, lints, unlisted, areas, tuple(dict.fromkeys(_notes(sites))))


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


def _areas(site: Site) -> list[Route]:
    """Return the prefixes that rules name at an app without a list of routes, then the rest."""
    found: dict[str, Route] = {}
    for guard in site.guards:
        for rule in guard.middleware.rules:
            path = guard.prefix + "".join(f"/{segment}" for segment in rule.segments)
            if is_below(path, site.prefix) and path != site.prefix:
                found[f"{path}{'' if rule.exact else '/...'}"] = area(path, is_exact=rule.exact)
            elif rule.exact and (path or "/") not in found:
                found[path or "/"] = area(path or "/", is_exact=True)
    return [*found.values(), area(site.prefix)]


def _notes(sites: list[Site]) -> Iterator[str]:
    for site in sites:
        if site.wrappers and site.routes is not None:
            names = ", ".join(wrapper.name for wrapper in site.wrappers)
            yield f"paths that {names} may answer before the app does are not listed"
        for place in (place for guard in site.guards for place in guard.middleware.places):
            if place.is_ambient and place.is_for_programs and place.header != "Authorization":
                yield (
                    f"a token is read from {place.source}, which any client can send: "
                    "let the proxy in front remove or overwrite it"
                )


def _asked(rules: tuple[Rule, ...]) -> str:
    asked = [one for rule in rules if not rule.report_only for one in rule.requires]
    return " and ".join(dict.fromkeys(map(text_of, asked))) or "OPEN"


def _of_site(site: Site, routes: Iterable[Route]) -> Iterator[RuledRoute]:
    named = {
        method
        for guard in site.guards
        for rule in guard.middleware.rules
        for method in rule.methods
    }
    listed = tuple(site.routes or ())
    for route in routes:
        if site.is_hidden(route):
            yield RuledRoute(route, tuple(sorted(route.methods or {OTHER})), (), "hidden")
            continue
        groups: dict[tuple[tuple[Rule, ...], ...], list[str]] = {}
        for method in sorted(route.methods or {*named, OTHER}):
            rules = rules_at(site.guards, method, route.example or route.path)
            reached = _others(site.guards, route, method, listed) - {rules}
            key = (rules, *sorted(reached, key=repr))
            groups.setdefault(key, []).append(method)
        for (rules, *others), methods in groups.items():
            yield RuledRoute(route, tuple(methods), rules, _kind(site, rules), tuple(others))


def _others(
    guards: tuple[Guard, ...], route: Route, method: str, listed: tuple[Route, ...]
) -> set[tuple[Rule, ...]]:
    """Return the rules that values of a route's parameters reach."""
    return {
        rules_at(guards, method, path)
        for guard in guards
        for rule in guard.middleware.rules
        for path in paths_under(guard, rule, route)
        if not is_taken(path, method, route, listed)
    }


def _kind(site: Site, rules: tuple[Rule, ...]) -> str:
    enforced = [rule for rule in rules if not rule.report_only]
    if not enforced:
        return "login" if site.is_login else "open"
    return "public" if all(rule.is_public for rule in enforced) else "rule"
