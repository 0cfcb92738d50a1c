"""Apps without a framework: on PATH_INFO as it is, on every reading of it, by the standard library,
by WebOb, below `paste.urlmap`, as Radicale and Zope do."""

import re
from collections.abc import Callable
from posixpath import normpath
from typing import Any
from urllib.parse import unquote
from wsgiref.util import shift_path_info

from .site import PUBLIC, ROOTS, SECRET_ROOTS, below, run

Start = Callable[..., Any]


def _answer(kind: str, environ: dict[str, Any], start_response: Start) -> list[bytes]:
    start_response("200 OK" if kind else "404 Not Found", [("Content-Type", "text/plain")])
    return [run(kind, environ["REQUEST_METHOD"]).encode()] if kind else []


def plain_app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    path = environ["PATH_INFO"]
    is_public = path.startswith("/public/") or path in PUBLIC
    kind = "secret" if below(path, *ROOTS) else "public" if is_public else ""
    return _answer(kind, environ, start_response)


def sloppy_app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    """Understands a path in every way at once."""
    text = unquote(environ["PATH_INFO"], "latin-1").encode("latin-1").decode("utf-8", "ignore")
    text = re.sub(r";[^/]*|[\x00- \x7f]", "", text.replace("\\", "/"))
    path = normpath("/" + text.lstrip("/")).encode().decode("latin-1")
    return plain_app({**environ, "PATH_INFO": path}, start_response)


def shifting_app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    """`shift_path_info` passes over `.` and what stands before the first slash, and keeps `..`."""
    name = shift_path_info(environ)
    return _answer("secret" if f"/{name}" in ROOTS else "public", environ, start_response)


def webob_app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    """WebOb's `path_info_pop` passes over slashes."""
    from webob import Request

    name = Request(environ).path_info_pop()
    return _answer("secret" if f"/{name}" in SECRET_ROOTS else "public", environ, start_response)


def urlmap_app() -> Any:
    """`paste.urlmap` merges slashes, and takes `http://host/api` for `/api`."""
    from paste.urlmap import URLMap

    urlmap = URLMap()
    for root in ROOTS:
        urlmap[root] = lambda environ, start: _answer("secret", environ, start)
    urlmap["/"] = lambda environ, start: _answer("public", environ, start)
    return urlmap


def _sanitized(path: str) -> str:
    """Resolve dots and merge slashes, but keep a slash at the end."""
    end = "/" if path.endswith("/") else ""
    path = normpath("/" + path.lstrip("/"))
    return path if path == "/" else path + end


def radicale_app(*, script_name: str = "") -> Any:
    """Radicale resolves the path and then cuts off what its settings, X-Script-Name or SCRIPT_NAME
    name."""

    def app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
        sent = environ.get("HTTP_X_SCRIPT_NAME", environ.get("SCRIPT_NAME", ""))
        prefix = script_name or sent.rstrip("/")
        if prefix and not prefix.startswith("/"):
            return _answer("", environ, start_response)
        path = _sanitized(environ["PATH_INFO"]).removeprefix(prefix)
        return _answer("secret" if below(path, *ROOTS) else "public", environ, start_response)

    return app


def zope_app(environ: dict[str, Any], start_response: Start) -> list[bytes]:
    """Zope's virtual host monster: `/VirtualHostBase/http/host/api/VirtualHostRoot/_vh_x/secret`
    is `/api/secret`."""
    names = [name for name in environ["PATH_INFO"].split("/") if name and name != "."]
    if names[:1] == ["VirtualHostBase"]:
        del names[:3]
    if "VirtualHostRoot" in names:
        at = names.index("VirtualHostRoot")
        rest = names[at + 1 :]
        while rest and rest[0].startswith("_vh_"):
            del rest[0]
        names[at:] = rest
    path = "/" + "/".join(names)
    return _answer("secret" if below(path, *ROOTS) else "public", environ, start_response)


def vhm_app(kind: str) -> Any:
    """repoze.vhm, which lets headers or names in the path say where a virtual host begins."""
    from repoze.vhm import middleware

    return getattr(middleware, kind)(plain_app)


APPS: dict[str, Callable[[], Any]] = {
    "plain": lambda: plain_app,
    "plain, sloppy": lambda: sloppy_app,
    "wsgiref, shift_path_info": lambda: shifting_app,
    "webob": lambda: webob_app,
    "paste.urlmap": urlmap_app,
    "radicale": radicale_app,
    "zope, virtual host": lambda: zope_app,
    "repoze.vhm, headers": lambda: vhm_app("VHMFilter"),
    "repoze.vhm, path": lambda: vhm_app("VHMPathFilter"),
}
