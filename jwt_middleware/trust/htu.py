"""Compares the URL of a DPoP proof with that of the request (RFC 9449 section 4.3, step 9).

Both are brought into a normal form (RFC 3986 section 6.2): scheme and host in lower case, no
default port, dot segments removed, a path of at least one slash. Query and fragment do not count.

A WSGI server decodes the path before an app sees it, so paths are compared decoded. An encoded
slash is lost that way: `/a%2Fb` and `/a/b` are two resources that look the same here. No proof is
accepted for a URL with an encoded slash, since it might be meant for the other one.
"""

import re
from urllib.parse import unquote_to_bytes

# RFC 3986 section 3.3: the characters of a path.
_PATH = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_URL = re.compile(
    r"(https?)://([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]*))?"
    rf"((?:/{_PATH})?)(?:\?[!-\"$-~]*)?(?:#[!-~]*)?",
    re.IGNORECASE,
)
_match_plain_path = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*").fullmatch
_DEFAULT_PORTS = {"https": "443", "http": "80"}


def normal_base(url: str) -> str | None:
    """Return the normal form of our own base, without a slash at its end. Return None if it is not
    an http or https URL, or has user info, escapes, a query or a fragment."""
    if any(mark in url for mark in "%?#"):
        return None
    found = _normal_form(url)
    return None if found is None else found.rstrip("/")


def overlap_of(base: str, mount: str) -> int:
    """Return how many characters of a mount point our base ends with already, in whole segments.

    Owners give the URL of the server's root, or of the app's own root; a proxy may add a part of
    the mount point before the server does. The mount point and the base then overlap:

    | `base` | `mount` | the URL of the app's root |
    |---|---|---|
    | `https://a` | `/sub` | `https://a/sub` |
    | `https://a/sub` | `/sub` | `https://a/sub` |
    | `https://a/x` | `/x/sub` | `https://a/x/sub` |
    | `https://a/x` | `/sub` | `https://a/x/sub` |

    So each request has one URL, and no proof is good for two of them.
    """
    own = _path_of(base)
    part = mount if len(mount) <= len(own) else mount[: len(own) + 1].rpartition("/")[0]
    while part and not (part[0] == "/" and own.endswith(part)):
        part = part.rpartition("/")[0]
    return len(part)


def is_url_of(htu: str, base: str, path: str) -> bool:
    """Return whether a `htu` is the URL of a request.

    - `base`: the result of `normal_base`.
    - `path`: the decoded path of the request below the base, in PEP 3333's form.
    """
    # Nearly every proof: the slow way takes ten times as long.
    if htu == base + path and path[:1] == "/" and _match_plain_path(path) and "/." not in path:
        return True
    # Some servers leave the slash out. Without it the path would go on with the name of the host.
    if path and path[0] != "/":
        path = f"/{path}"
    own = _path_of(base)
    return _normal_form(htu) == base.removesuffix(own) + (_without_dots(own + path) or "/")


def _path_of(base: str) -> str:
    _, slash, path = base.partition("://")[2].partition("/")
    return slash + path


def _normal_form(url: str) -> str | None:
    """Return the URL with a decoded path in PEP 3333's form, or None if it is refused."""
    found = _URL.fullmatch(url)
    if found is None:
        return None
    scheme, host, port, path = found.groups()
    scheme = scheme.lower()
    if "%2f" in path.lower():
        return None
    path = _without_dots(unquote_to_bytes(path).decode("latin-1"))
    authority = host.lower()
    if port and port != _DEFAULT_PORTS[scheme]:
        authority = f"{authority}:{port}"
    return f"{scheme}://{authority}{path or '/'}"


def _without_dots(path: str) -> str:
    """Return the path without dot segments (RFC 3986 section 5.2.4)."""
    if "/." not in path:
        return path
    segments = path.split("/")
    kept: list[str] = []
    for segment in segments[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
