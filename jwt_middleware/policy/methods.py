"""Names of HTTP methods: those that a rule may name, and those that a request may mean."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from ..errors import require, tuple_of
from .paths import short_header

# IANA's "HTTP Method Registry" (RFC 9110 section 16.1.1), but its reserved names "*" and PRI, which
# no request has.
# fmt: off
REGISTERED = frozenset((
    "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "CONNECT", "COPY", "DELETE",
    "GET", "HEAD", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL",
    "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "OPTIONS", "ORDERPATCH", "PATCH", "POST",
    "PROPFIND", "PROPPATCH", "PUT", "QUERY", "REBIND", "REPORT", "SEARCH", "TRACE", "UNBIND",
    "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL", "PURGE",
))
# fmt: on
"""IANA's registered methods, WebDAV's included, and PURGE of the caches."""

_HEADERS = ("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD")

_MAY_OVERRIDE = re.compile("_method *=", re.IGNORECASE)
_HEADERS = ("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD")

_OVERRIDE = re.compile(r"(?:^|[&;])_method=([^&;]*)", re.IGNORECASE)


def may_mean_another_method(environ: Mapping[str, Any]) -> bool:
    """Tell quickly whether something in a request may name a second method."""
    return bool(environ.get("QUERY_STRING")) or not environ.keys().isdisjoint(_HEADERS)


def methods_of(environ: Mapping[str, Any]) -> set[str]:
    """Return the methods that a request may mean, in capitals: its own, and those that a header or
    a query names.

    Frameworks take a method from `X-HTTP-Method-Override`, `X-Method-Override` or `X-HTTP-Method`,
    and Pecan and TurboGears from `?_method=`. A form's `_method` cannot be seen here; the request
    is a POST then. `InvalidRequest` for a header that is too long to be read.
    """
    named = [
        environ.get("REQUEST_METHOD", "GET"),
        *(short_header(environ, header) for header in _HEADERS),
    ]
    query = environ.get("QUERY_STRING", "")
    if "=" in query and _MAY_OVERRIDE.search(unquote(query, "latin-1")):
        named += _methods_in(query)
    # An empty value names nothing; the method of the request counts even if it is empty.
    return {named[0].upper(), *(name.strip().upper() for name in named[1:] if name.strip())}


def _methods_in(query: str) -> Iterator[str]:
    """Every value of `_method`: frameworks take the first, or the last."""
    for item in re.split("[&;]", query):
        name, _, value = item.partition("=")
        if len(name) > 6 and unquote(name.replace("+", " ")).strip().lower() == "_method":
            yield unquote(value.replace("+", " "), "latin-1")


def checked_methods(methods: Sequence[str]) -> frozenset[str]:
    """Return the methods of a rule in capitals, HEAD beside GET. `ConfigurationError` for an
    unknown name."""
    names = tuple_of(
        str,
        methods,
        f'methods must be a tuple of names, got {methods!r}; Rule("/api", methods=("GET",))',
    )
    upper = {name.upper() for name in names}
    unknown = sorted(upper - REGISTERED)
    require(
        not unknown,
        "methods must be registered HTTP methods (IANA's list, or PURGE), "
        f'got {", ".join(map(repr, unknown))}; methods=("GET", "HEAD", "OPTIONS")',
    )
    return frozenset(upper | {"HEAD"} if "GET" in upper else upper)
