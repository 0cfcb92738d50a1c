"""Reads the `Cookie` header, and names cookies (RFC 6265)."""

COOKIE_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""The name of a cookie: a token of RFC 9110 section 5.6.2."""

_PREFIXES = ("__Host-", "__Secure-")
"""Prefixes of names that a browser only accepts with `Secure` (RFC 6265bis section 4.1.3)."""


def cookie_values(header: str, name: str) -> list[str]:
    """Return the value of every cookie of this name in a `Cookie` header (RFC 6265 section 4.2)."""
    if name not in header:
        return []
    values = []
    for pair in header.split(";"):
        key, _, value = pair.partition("=")
        if key.strip(" \t") == name:
            values.append(value.strip(" \t"))
    return values


def loopback_cookie_name(name: str) -> str:
    """Return the name of a cookie over plain http at a loopback host: without `__Host-`.

    WebKit drops Secure cookies there, and without `Secure` browsers do not accept that prefix.
    """
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name[len(prefix) :] or name
    return name
