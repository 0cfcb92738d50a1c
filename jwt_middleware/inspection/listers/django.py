"""Django: the routes of the URL configuration. A process has one."""

import re
import sys
from collections.abc import Iterator
from typing import Any

from ..pattern import Route, route_of
from .shape import class_names

KIND = "Django"
_PARAMETER = re.compile(r"<(?:[^>:]+:)?(\w+)>")
_GROUP = re.compile(r"\((?:\?P<(\w+)>|\?:)?((?:[^()\\]|\\.|\([^()]*\))*)\)([?*+]?)")
_WILD = re.compile(r"(?<!\\)(\.|\[(?:[^\]\\]|\\.)+\])([*+?]|\{\d+(?:,\d*)?\})?")
"""A dot, or a class in brackets, outside of a group: it matches many characters."""
_ESCAPED = re.compile(r"\\(.)")


def is_app(part: Any) -> bool:
    """Whether an object is Django's WSGI handler."""
    return "django.core.handlers.wsgi.WSGIHandler" in class_names(part)


def routes_of(app: Any) -> Iterator[Route]:
    """Yield every pattern of the URL configuration, including nested ones."""
    resolver = sys.modules["django.urls"].get_resolver()
    for accepts, shown in _patterns(resolver.url_patterns):
        yield _route(accepts, shown)


def mounts_of(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield nothing, since Django does not mount apps."""
    yield from ()


def _patterns(patterns: Any) -> Iterator[tuple[list[tuple[str, Any]], str]]:
    """Yield the parts of every path, each as a string with the pattern that reads it."""
    for one in patterns:
        part = (str(one.pattern), one.pattern)
        if hasattr(one, "url_patterns"):
            for parts, shown in _patterns(one.url_patterns):
                yield [part, *parts], part[0] + shown
        else:
            yield [part], part[0]


def _route(parts: list[tuple[str, Any]], shown: str) -> Route:
    text, accepts = "/", {}
    for number, (part, pattern) in enumerate(parts):
        converters = getattr(pattern, "converters", {})
        if "RegexPattern" in type(pattern).__name__:
            part, found = _of_regex(part, number, is_last=number == len(parts) - 1)
        else:
            found = {name: str(one.regex) for name, one in converters.items()}
        for name, regex in found.items():
            accepts[name] = regex
        text += part
    return route_of(text, (), _PARAMETER, lambda match: accepts.get(match[1], "[^/]+"))


def _of_regex(regex: str, number: int, *, is_last: bool) -> tuple[str, dict[str, str]]:
    """Return a regular expression as a path with parameters, and their regular expressions.

    Django searches for it, unless it is the last one and ends with `$`: without `^` anything may
    precede it. Without an end, anything may follow the last one.
    """
    found: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        name = match[1] or f"group_{number}_{len(found)}"
        found[name] = f"(?:{match[2]}){match[3]}"
        return f"<{name}>"

    def unnamed(regex: str, name: str = "any") -> str:
        name = f"{name}_{number}_{len(found)}"
        found[name] = regex
        return f"<{name}>"

    is_whole = regex.startswith("^") or (is_last and regex.endswith("$"))
    before = "" if is_whole else unnamed(".*", "no_start")
    after = unnamed(".*", "no_end") if is_last and not regex.endswith(("$", r"\Z")) else ""
    text = regex.removeprefix("^").removesuffix("$").removesuffix(r"\Z")
    text = _GROUP.sub(named, text)
    text = _WILD.sub(lambda match: unnamed(match[0]), text)
    return before + _ESCAPED.sub(r"\1", text).replace("/?", "/") + after, found
