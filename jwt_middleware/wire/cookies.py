"""The `Cookie` header, and what a cookie is called (RFC 6265)."""

_HOST_PREFIX = "__Host-"


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

    WebKit drops Secure cookies there, and without `Secure` browsers accept no such prefix.
    """
    return name.removeprefix(_HOST_PREFIX) or name
