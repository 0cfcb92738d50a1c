"""Protected resource metadata (RFC 9728): tells a client of any vendor where to get a token.

    GET /.well-known/oauth-protected-resource/mcp

    {"resource": "https://api.example/mcp",
     "authorization_servers": ["https://idp.example/"],
     "scopes_supported": ["files:read", "files:write"],
     "bearer_methods_supported": ["header"]}

A client that knows only the resource inserts the well-known part before the path (section 3.1), or
reads the address from `resource_metadata` of a challenge (section 5.1). The answer is the same for
everybody and comes from the configuration alone. A client may send any `Host`, and a document that
repeated it would lead other clients, through a cache, to somebody else's authorization server.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes, urlsplit

from werkzeug.wrappers import Response

from .._options import got, require
from .cors import allow_origin, is_preflight, preflight_response
from .credentials import Places
from .origins import checked_origins
from .places import bearer
from .problem import NOSNIFF, answering
from .wsgi import StartResponse, drain_body

__all__ = [
    "WELL_KNOWN",
    "Metadata",
]

WELL_KNOWN = "/.well-known/oauth-protected-resource"
"""RFC 9728 section 3. The path of the resource follows."""

_METHODS = "GET, HEAD"
_MAX_AGE = 600  # seconds for which a cache may keep the document

_HOST = r"(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:]+\])"
_LOOPBACK = r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])"
_PATH = r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*"
_RESOURCE = rf"(?:https://{_HOST}|http://{_LOOPBACK})(?::\d{{1,5}})?({_PATH})"
_UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")
_USUAL_PORTS = {"https": 443, "http": 80}


class Metadata:
    """The metadata document of one resource, as a WSGI app that answers every request with it.

    - `resource`: the identifier of the resource, the URL at which clients reach it.
    - `issuers`: the `iss` of the accepted tokens. Only URLs are authorization servers.
    - `scopes`: the scopes that the rules ask for.
    - `places`: the places of tokens; of these, RFC 6750 only knows the Authorization header.

    `ConfigurationError` for anything but the URL of a resource.
    """

    status: ClassVar[int] = 200
    outcome: ClassVar[str] = "metadata"
    """What metrics call a request that is answered with it."""

    def __init__(
        self, resource: str, issuers: Iterable[str], scopes: Sequence[str], places: Places
    ) -> None:
        path = _checked_path(resource)
        origin = resource.removesuffix(path)
        # Section 3.1: the slash of a resource without a path is left out, any other is kept.
        inserted = "" if path == "/" else path
        self.url = f"{origin}{WELL_KNOWN}{inserted}"
        path_info = unquote_to_bytes(f"{WELL_KNOWN}{inserted}".rstrip("/")).decode("latin-1")
        self._paths = frozenset((path_info, f"{path_info}/"))
        document: dict[str, Any] = {"resource": resource}
        servers = [issuer for issuer in issuers if _is_server(issuer)]
        # Section 2: a member without values is left out, except for the methods, where it means
        # that none of them works.
        if servers:
            document["authorization_servers"] = servers
        if scopes:
            document["scopes_supported"] = list(scopes)
        document["bearer_methods_supported"] = ["header"] if bearer in places else []
        self._body = json.dumps(document) + "\n"

    def is_asked(self, environ: Mapping[str, Any]) -> bool:
        """Return whether a request asks for the document: by its path in this app, or by its whole
        path if the app is mounted below `/.well-known`."""
        path = environ.get("PATH_INFO")
        if path in self._paths:
            return True
        mount = environ.get("SCRIPT_NAME")
        is_below = isinstance(mount, str) and mount.startswith("/.well-known")
        return is_below and f"{mount}{path}" in self._paths

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request (PEP 3333). Scripts of every origin may read the answer."""
        drain_body(environ)
        start_response = allow_origin(start_response, environ, checked_origins(["*"]))
        if is_preflight(environ):
            return preflight_response(environ, _METHODS)(environ, start_response)
        if environ.get("REQUEST_METHOD", "GET") not in ("GET", "HEAD"):
            headers = {"Allow": _METHODS, **NOSNIFF}
            return answering(Response(status=405, headers=headers))(environ, start_response)
        response = Response(self._body, content_type="application/json", headers=NOSNIFF)
        response.headers["Cache-Control"] = f"public, max-age={_MAX_AGE}"
        return answering(response)(environ, start_response)

    def __repr__(self) -> str:
        return f"<Metadata at {self.url}>"


def _checked_path(resource: object) -> str:
    """Return the path of a `resource` option as it is written there, or raise
    `ConfigurationError`."""
    found = re.fullmatch(_RESOURCE, resource, re.ASCII) if isinstance(resource, str) else None
    is_valid = isinstance(resource, str) and found is not None and _has_right_port(resource)
    segments = found[1].split("/")[1:] if found else []
    plain = [unquote_to_bytes(segment).decode("latin-1") for segment in segments]
    # Clients compare the identifier character by character (section 3.3), and some resolve these.
    is_plain = not any(one in (".", "..") or _UNSAFE.search(one) for one in plain)
    is_plain = is_plain and "" not in plain[:-1]
    shown = "one with user info" if "@" in str(resource).partition("?")[0] else got(resource)
    require(
        is_valid and is_plain,
        "resource must be the https URL of this app (http on loopback only) as its clients write "
        "it: scheme and host in lower case, without query, fragment, user info, a default port, "
        f"and empty or dot segments, got {shown}; resource='https://api.example/mcp'",
    )
    return found[1] if found else ""


def _has_right_port(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.port != 0 and parts.port != _USUAL_PORTS[parts.scheme]
    except ValueError:  # a port above 65535, or brackets without an IPv6 address
        return False


def _is_server(issuer: str) -> bool:
    """Return whether an issuer can be an authorization server: a URL (RFC 8414 section 2) without
    the braces of a template, which a client cannot fill in."""
    return re.fullmatch(r"https?://[^\s{}?#]+", issuer) is not None
