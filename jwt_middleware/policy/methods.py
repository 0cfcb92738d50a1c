"""Names of HTTP methods: those that a rule may name and those that a request may mean."""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from .._options import require, tuple_of

# IANA's "HTTP Method Registry" (RFC 9110 section 16.1.1), without its reserved names "*" and PRI,
# since requests never use them.
# fmt: off
REGISTERED = frozenset((
    "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "CONNECT", "COPY", "DELETE",
    "GET", "HEAD", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL",
    "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "OPTIONS", "ORDERPATCH", "PATCH", "POST",
    "PROPFIND", "PROPPATCH", "PUT", "QUERY", "REBIND", "REPORT", "SEARCH", "TRACE", "UNBIND",
    "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL", "PURGE",
))
# fmt: on
"""IANA's registered methods, including WebDAV's, and PURGE, which caches use."""


# In this order: Pecan and TurboGears; Masonite; Flask's recipe for method overrides.
_NAMES = frozenset(("_method", "__method", "__method_override__"))
_MAY_OVERRIDE = re.compile("_method(_override__)? *=", re.IGNORECASE)


def methods_in(query: str) -> Iterator[str]:
    """Yield every value of `_method` and its relatives, since some frameworks use the first value
    and some the last."""
    if "=" not in query or not _MAY_OVERRIDE.search(unquote(query, "latin-1")):
        return
    for item in re.split("[&;]", query):
        name, _, value = item.partition("=")
        if len(name) > 6 and unquote(name.replace("+", " ")).strip().lower() in _NAMES:
            yield unquote(value.replace("+", " "), "latin-1")


def checked_methods(methods: Sequence[str]) -> frozenset[str]:
    """Return the methods of a rule in capitals, with HEAD added to GET. Raise `ConfigurationError`
    for an unknown name."""
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
