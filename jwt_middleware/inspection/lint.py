"""Finds misleading rules, which mean something else than their owner thinks.

- A rule for some methods asks for more than the rules for other methods. So PATCH, or a method of
  WebDAV, gets in more easily than the POST that the rule names.
- No route meets a rule, since its prefix is misspelled or the route has moved.
- A value of a route's parameter leads to a rule that asks for less, or to no rule. A client chooses
  the value, and so the rule.
- A login app in front answers the path of a route, so that no request reaches the app's view.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from ..middleware import JWTMiddleware
from ..policy.requirements import authenticated, optional, public
from ..policy.rules import Rule
from .pattern import Route
from .site import Guard, Site

_READING = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"))
"""Safe methods (RFC 9110 section 9.2.1)."""

_VALUE = "zqx"
"""A segment that no rule names."""


def lints_of(sites: list[Site]) -> Iterator[str]:
    """Yield a sentence for each misleading rule or route."""
    guards = {id(guard.middleware): guard for site in sites for guard in site.guards}
    for guard in guards.values():
        behind = [site for site in sites if guard in site.guards and not site.is_login]
        for rule in guard.middleware.rules:
            yield from _weak_methods(guard.middleware, rule)
            if all(_is_known(site, guard) for site in behind):
                yield from _unmet(guard, rule, behind)
    for site in sites:
        yield from _hidden(site)
        for guard in () if site.is_login else site.guards:
            yield from _spelled(guard, site.routes or ())


def _hidden(site: Site) -> Iterator[str]:
    paths = [route.shown for route in site.routes or () if site.is_hidden(route)]
    if paths:
        names = " and ".join(dict.fromkeys(paths))
        yield (
            f"{names}: answered by login app, so that no request reaches what {site.kind} has "
            "there; wrap the app with another prefix"
        )


def _rules(middleware: JWTMiddleware, method: str, path: str, prefix: str = "") -> tuple[Rule, ...]:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": prefix}
    rules = middleware.decide(environ).rules
    return tuple(rule for rule in rules if not rule.report_only)


def _path_of(rule: Rule) -> str:
    return "/" + "/".join(_VALUE if segment == "*" else segment for segment in rule.segments)


def _is_known(site: Site, guard: Guard) -> bool:
    """Whether all paths are listed that a site, and what wraps it behind a guard, answers."""
    depth = site.guards.index(guard)
    return site.routes is not None and all(one.depth <= depth for one in site.wrappers)


def _weak_methods(middleware: JWTMiddleware, rule: Rule) -> Iterator[str]:
    if not rule.methods or rule.report_only:
        return
    path = _path_of(rule)
    for each in [path] if rule.exact else [path, f"{path.rstrip('/')}/{_VALUE}"]:
        # Another rule may govern the path itself, such as an exact one.
        if not any(rule in _rules(middleware, method, each) for method in rule.methods):
            continue
        others = _rules(middleware, "OTHER", each)
        if _asks_more([rule], others, is_writing=not rule.methods <= _READING):
            what = " and ".join(map(repr, others)) or "no rule: they are OPEN"
            yield (
                f"{rule!r} asks more than other methods meet, which fall to {what}; leave out its "
                "methods, and name the methods that need less in a rule of their own"
            )
            return


def _asks_more(rules: Iterable[Rule], others: Iterable[Rule], *, is_writing: bool = False) -> bool:
    """Return whether rules ask for more than others. With `is_writing`, asking for something else
    is enough."""
    mine, theirs = list(rules), list(others)
    if _level(mine) != _level(theirs):
        return _level(mine) > _level(theirs)
    more, less = _asked(mine) - _asked(theirs), _asked(theirs) - _asked(mine)
    return bool(more) and (is_writing or not less)


def _level(rules: list[Rule]) -> int:
    """Return 0 if everybody passes, 1 if a token is optional, 2 if it is required."""
    return max((0 if one.is_public else 1 if one.is_optional else 2 for one in rules), default=0)


def _asked(rules: list[Rule]) -> set[Any]:
    markers = (authenticated, optional, public)
    asked = (one for rule in rules for one in rule.requires)
    return {one for one in asked if not any(one is marker for marker in markers)}


def _unmet(guard: Guard, rule: Rule, behind: list[Site]) -> Iterator[str]:
    method = next(iter(sorted(rule.methods)), "OTHER")
    for site in behind:
        for route in site.routes or ():
            if rule.methods and route.methods and not rule.methods & route.methods:
                continue
            methods = route.methods or {method}
            path = (route.example or route.path).removeprefix(guard.prefix)
            met = {one for each in methods for one in _rules_met(guard, each, path)}
            if rule in met or paths_under(guard, rule, route):
                return
    yield f"{rule!r} is met by no route; correct its path, or remove it"


def _rules_met(guard: Guard, method: str, path: str) -> tuple[Rule, ...]:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": guard.prefix}
    return guard.middleware.decide(environ).rules


def paths_under(guard: Guard, rule: Rule, route: Route) -> list[str]:
    """Return paths under a rule that a route answers by a value of its parameters."""
    prefix = _path_of(rule).rstrip("/")
    example = (route.example or route.path).removeprefix(guard.prefix)
    rest = "/".join(example.split("/")[prefix.count("/") + 1 :])
    forms = [prefix, f"{prefix}/", f"{prefix}/{_VALUE}", f"{prefix}/{_VALUE}/{_VALUE}"]
    forms += [f"{prefix}/{rest}"] if rest else []
    paths = (guard.prefix + path for path in forms if path)
    return [path for path in paths if route.accepts.fullmatch(path)]


def _spelled(guard: Guard, routes: tuple[Route, ...]) -> Iterator[str]:
    found: dict[Rule, list[str]] = {}
    for route in routes:
        for path, rule in _weaker_spellings(guard, route, routes):
            found.setdefault(rule, []).append(f"{route.shown} can be spelled {path}")
    for rule, spellings in found.items():
        first, *more = dict.fromkeys(spellings)
        others = f" (so can {len(more)} other routes)" if more else ""
        yield (
            f"{first} to reach {rule!r}{others}; give it a rule of its own that asks for as "
            "much, or move the paths apart"
        )
    for route in routes:
        for path in islice(_open_spellings(guard, route, routes), 1):
            yield f"{route.shown} can be spelled {path}, which no rule governs; give it a rule too"


def _weaker_spellings(
    guard: Guard, route: Route, routes: tuple[Route, ...]
) -> Iterator[tuple[str, Rule]]:
    """Yield paths by which a client reaches a rule that asks less than the route's own."""
    example = (route.example or route.path).removeprefix(guard.prefix)
    for method in sorted(route.methods - {"HEAD", "OPTIONS"} or {"GET"}):
        usual = _rules(guard.middleware, method, example, guard.prefix)
        for rule in guard.middleware.rules:
            for path in paths_under(guard, rule, route):
                if is_taken(path, method, route, routes):
                    continue
                inner = path.removeprefix(guard.prefix)
                reached = _rules(guard.middleware, method, inner, guard.prefix)
                if reached != usual and _asks_more(usual, reached, is_writing=True):
                    yield path, reached[0]
                    break


def _open_spellings(guard: Guard, route: Route, routes: tuple[Route, ...]) -> Iterator[str]:
    """Yield paths by which a client reaches a route past the rules of its example."""
    example = (route.example or route.path).removeprefix(guard.prefix)
    for method in sorted(route.methods - {"HEAD", "OPTIONS"} or {"GET"}):
        if not _rules(guard.middleware, method, example, guard.prefix):
            continue  # the route itself is OPEN, and listed so
        for path in route.other_examples:
            inner = path.removeprefix(guard.prefix)
            if (guard.prefix and inner == path) or is_taken(path, method, route, routes):
                continue
            if not _rules(guard.middleware, method, inner, guard.prefix):
                yield path


def is_taken(path: str, method: str, route: Route, routes: Iterable[Route]) -> bool:
    """Whether a framework would hand a path to a more literal one of the routes."""
    return any(
        other.literal > route.literal
        and (not other.methods or method in other.methods)
        and other.host in ("", route.host)
        and bool(other.accepts.fullmatch(path))
        for other in routes
    )
