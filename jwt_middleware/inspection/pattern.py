"""`Route`: a path of an app as its framework writes it, with an example that it answers."""

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
"""What a parameter is filled with in an example, the first that fits. No rule names these."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path of an app.

    - `path`: as the framework writes it, such as `/users/<int:id>`, below its mounts.
    - `methods`: in capitals; empty where any method is answered or none is known.
    - `example`: a path that the route answers; None where none can be made up.
    - `accepts`: matches every path that the route answers.
    """

    path: str
    methods: frozenset[str]
    example: str | None
    accepts: re.Pattern[str] = field(repr=False)
    literal: int = field(default=0, repr=False)
    """Characters that are not a parameter: of two routes, the one with more is tried first."""


def route_of(
    path: str,
    methods: Iterable[str],
    parameter: re.Pattern[str],
    accepts: Callable[[re.Match[str]], str],
) -> Route:
    """Return the route of a path in which `parameter` finds the variable parts, each of which
    `accepts` turns into the expression of its values."""
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
    """Return a value that an expression matches, or None if none is at hand."""
    pattern = _compiled(regex)
    words = re.findall(r"\w+", regex)
    return next((one for one in (*_SAMPLES, *words) if pattern.fullmatch(one)), None)


def below(prefix: str, route: Route) -> Route:
    """Return the same route of an app that is mounted at a prefix."""
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
    # Names of groups may occur twice when expressions are joined; they mean nothing here.
    regex = re.sub(r"\(\?P<\w+>", "(?:", regex)
    try:
        return re.compile(regex, re.DOTALL)
    except re.error:
        return re.compile(".*", re.DOTALL)
