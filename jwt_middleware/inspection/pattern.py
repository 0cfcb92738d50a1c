"""`Route`: a path of an app as its framework writes it, with an example path."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

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


_MOST_WORDS = 100
"""The most words of a regular expression that are tried."""

_HOST_PARAMETER = re.compile(r"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class Route:
    """A path of an app.

    - `path`: as the framework writes it, such as `/users/<int:id>`, below its mounts.
    - `methods`: in capitals; empty if the route answers any method or its methods are unknown.
    - `example`: a path that the route answers; None if none can be constructed.
    - `accepts`: matches every path that the route answers.
    - `host`: the host that it answers at, as the framework writes it; `""` for every host.
    - `query`: what the example needs as its query; `""` for nothing.
    """

    path: str
    methods: frozenset[str]
    example: str | None
    accepts: re.Pattern[str] = field(repr=False)
    literal: int = field(default=0, repr=False)
    """The number of characters outside of parameters. Of two routes, the one with more is tried
    first."""

    host: str = ""
    query: str = field(default="", repr=False)

    @property
    def is_literal(self) -> bool:
        """Whether it has no parameter, so that it answers one path."""
        return self.literal == len(self.path)

    @property
    def other_examples(self) -> Iterator[str]:
        """Paths that the route answers by other values of its parameters: words of their regular
        expressions, such as both of `v1|v2`, in the place of each segment."""
        segments = (self.example or "").split("/")
        words = dict.fromkeys(re.findall(r"\w+", self.accepts.pattern))
        for place in range(1, len(segments)):
            for word in list(words)[:_MOST_WORDS]:
                path = "/".join([*segments[:place], word, *segments[place + 1 :]])
                if path != self.example and self.accepts.fullmatch(path):
                    yield path

    @property
    def shown(self) -> str:
        """The path, behind the host if it answers at one alone."""
        return self.host + self.path

    @property
    def example_host(self) -> str:
        """A host that the route answers at, `""` for any."""
        return _HOST_PARAMETER.sub(_SAMPLES[0], self.host)


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


def below(prefix: str, route: Route, host: str = "") -> Route:
    """Return the same route of an app that is mounted at a prefix, or at a host."""
    if not prefix:
        return replace(route, host=host or route.host)
    return replace(
        route,
        path=prefix + route.path,
        example=None if route.example is None else prefix + route.example,
        accepts=_compiled(f"{re.escape(prefix)}(?:{route.accepts.pattern})"),
        literal=route.literal + len(prefix),
        host=host or route.host,
    )


def area(path: str, *, is_exact: bool = False) -> Route:
    """Return all paths below a path as a route; or the path alone. `*` stands for a segment."""
    example = path.replace("*", _SAMPLES[0])
    if is_exact:
        return Route(path, frozenset(), example, _compiled("(?!)"))
    return Route(f"{path}/...", frozenset(), f"{example}/{_SAMPLES[0]}", _compiled("(?!)"))


def with_rest(path: str, methods: Iterable[str], least: int, most: int | None) -> Route:
    """Return the route that answers `least` to `most` segments below a path; any number if `most`
    is None."""
    segments = f"(?:/[^/]+){{{least},{'' if most is None else most}}}/?"
    return Route(
        f"{path}/{{rest}}",
        frozenset(methods),
        path + f"/{_SAMPLES[0]}" * least,
        _compiled(re.escape(path) + segments),
        len(path) + 1,
    )


def _compiled(regex: str) -> re.Pattern[str]:
    # Remove the names of groups, since joined expressions may have the same name twice.
    regex = re.sub(r"\(\?P<\w+>", "(?:", regex)
    try:
        return re.compile(regex, re.DOTALL)
    except re.error:
        return re.compile(".*", re.DOTALL)
