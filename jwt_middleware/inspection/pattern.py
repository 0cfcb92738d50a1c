"""`Route`: a path of an app as its framework writes it, with an example path."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

_SAMPLES = (
    "zqx",
    "1",
    "1.5",
    "2024",
    "01",
    "12345678-1234-4234-8234-123456789abc",
    "2024-01-02",
    "2024-01-02T03:04:05Z",
    "a",
    "zq",
    "zqxzqxzq",
    "zqxzqxzqxzqxzqxzqxzqxzqxzqxzqxzq",
    "0" * 32,
    "zqx.html",
)
"""Values for a parameter in an example; the first that fits is used. Rules do not name them."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path of an app.

    - `path`: as the framework writes it, such as `/users/<int:id>`, below its mounts.
    - `methods`: in capitals; empty if the route answers any method or its methods are unknown.
    - `example`: a path that the route answers; None if none can be constructed.
    - `accepts`: matches every path that the route answers.
    """

    path: str
    methods: frozenset[str]
    example: str | None
    accepts: re.Pattern[str] = field(repr=False)
    literal: int = field(default=0, repr=False)
    """The number of characters outside of parameters. Of two routes, the one with more is tried
    first."""


def route_of(
    path: str,
    methods: Iterable[str],
    parameter: re.Pattern[str],
    accepts: Callable[[re.Match[str]], str],
) -> Route:
    """Return the route of a path. `parameter` finds its variable parts, and `accepts` returns the
    regular expression for the values of each."""
    regex, example, literal, end = "", "", 0, 0
    fits = True
    for match in parameter.finditer(path):
        before = path[end : match.start()]
        end = match.end()
        value = accepts(match)
        sample = sample_of(value)
        fits = fits and sample is not None
        regex += f"{re.escape(before)}(?:{value})"
        example += before + (sample or _SAMPLES[0])
        literal += len(before)
    rest = path[end:]
    return Route(
        path,
        frozenset(methods),
        example + rest if fits else None,
        _compiled(regex + re.escape(rest)),
        literal + len(rest),
    )


def sample_of(regex: str) -> str | None:
    """Return a value that an expression matches, or None if no sample fits."""
    pattern = _compiled(regex)
    words = re.findall(r"\w+", regex)
    return next((one for one in (*_SAMPLES, *words) if pattern.fullmatch(one)), None)


def below(prefix: str, route: Route) -> Route:
    """Return the same route for an app that is mounted at a prefix."""
    if not prefix:
        return route
    return Route(
        prefix + route.path,
        route.methods,
        None if route.example is None else prefix + route.example,
        _compiled(f"{re.escape(prefix)}(?:{route.accepts.pattern})"),
        route.literal + len(prefix),
    )


def _compiled(regex: str) -> re.Pattern[str]:
    # Remove the names of groups, since joined expressions may have the same name twice.
    regex = re.sub(r"\(\?P<\w+>", "(?:", regex)
    try:
        return re.compile(regex, re.DOTALL)
    except re.error:
        return re.compile(".*", re.DOTALL)
