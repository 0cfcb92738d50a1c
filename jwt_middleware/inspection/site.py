"""`Site`: an app whose routes are listed, with its mount point and the middlewares before it."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

from ..middleware import JWTMiddleware
from .listers import bottle, cherrypy, django, falcon, flask, pyramid
from .listers.shape import class_names
from .middlewares import own, parts_of
from .pattern import Route, below

_LISTERS = (flask, bottle, django, falcon, pyramid, cherrypy)
_MOST = 2000
"""The most parts of an app that are visited, since an app mounted within itself has no end."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A middleware, and the path at which it is mounted."""

    middleware: JWTMiddleware
    prefix: str


@dataclass(frozen=True, slots=True)
class Site:
    """A part of an app.

    - `kind`: the framework, `login app`, or the class of an app whose routes cannot be listed.
    - `prefix`: the path at which it is mounted. `guards`: the middlewares that a request passes,
      the outermost first.
    - `routes`: its routes with the prefix; None if they cannot be listed.
    """

    kind: str
    prefix: str
    guards: tuple[Guard, ...]
    routes: tuple[Route, ...] | None

    @property
    def is_login(self) -> bool:
        """Whether it is the bundled login app, which is open on purpose."""
        return self.kind == "login app"


def sites_of(app: Any) -> list[Site]:
    """Return the sites in an app, the outermost first."""
    return list(_Walk().entry(app, "", ()))


class _Walk:
    def __init__(self) -> None:
        self._seen: dict[tuple[Any, ...], Any] = {}

    def entry(self, app: Any, prefix: str, guards: tuple[Guard, ...]) -> Iterator[Site]:
        """Yield the sites of an app that answers all requests at this point."""
        found = list(self._sites(app, prefix, guards))
        yield from found
        if not any(not site.is_login for site in found) and not _is_login_app(app):
            yield Site(_name_of(app), prefix, guards, None)

    def _sites(self, part: Any, prefix: str, guards: tuple[Guard, ...]) -> Iterator[Site]:
        key = (id(part), prefix, *(id(guard.middleware) for guard in guards))
        if key in self._seen or len(self._seen) > _MOST:
            return
        self._seen[key] = part
        if isinstance(part, JWTMiddleware):
            yield from self.entry(part.app, prefix, (*guards, Guard(part, prefix)))
            return
        wrap = _login_wrap(part)
        if wrap:
            yield _login_site(wrap["own"], prefix, guards)
            yield from self.entry(wrap["app"], prefix, guards)
            return
        if _is_login_app(part):
            yield _login_site(part.paths, prefix, guards)
            return
        mounts = dict(_mounts(part))
        if mounts:
            for below_prefix, app in mounts.items():
                yield from self.entry(app, prefix + below_prefix.rstrip("/"), guards)
            return
        yield from self._listed_or_parts(part, prefix, guards)

    def _listed_or_parts(self, part: Any, prefix: str, guards: tuple[Guard, ...]) -> Iterator[Site]:
        inner = _override(part)
        if inner is not None:
            yield from self._sites(inner, prefix, guards)
            return
        held = part.__self__ if isinstance(part, MethodType) else part
        for lister in _LISTERS:
            if lister.is_app(held):
                routes = tuple(below(prefix, route) for route in lister.routes_of(held))
                yield Site(lister.KIND, prefix, guards, routes)
                for below_prefix, app in lister.mounts_of(held):
                    yield from self.entry(app, prefix + below_prefix.rstrip("/"), guards)
                return
        for one in parts_of(part):
            yield from self._sites(one, prefix, guards)


def _override(part: Any) -> Any:
    """Return the owner's replacement of an app's WSGI method: `app.wsgi_app = ...`."""
    if isinstance(part, MethodType):
        return None
    held = own(part, "__dict__", {})
    return next((held[name] for name in ("wsgi_app", "wsgi") if callable(held.get(name))), None)


def _mounts(part: Any) -> Iterator[tuple[str, Any]]:
    """Yield the apps of a dispatcher with their prefixes, `""` last."""
    names = class_names(part)
    if "werkzeug.middleware.dispatcher.DispatcherMiddleware" in names:
        yield from part.mounts.items()
        yield "", part.app
    elif "cherrypy._cptree.Tree" in names:
        yield from part.apps.items()
    elif "paste.urlmap.URLMap" in names:
        yield from ((path, app) for (_, path), app in part.applications)


def _login_wrap(part: Any) -> dict[str, Any] | None:
    """Return the closure of `LoginApp.wrap`: the paths in `own`, and the `app` behind."""
    if not isinstance(part, FunctionType) or not part.__qualname__.startswith("LoginApp.wrap."):
        return None
    cells = (cell.cell_contents for cell in part.__closure__ or ())
    return dict(zip(part.__code__.co_freevars, cells, strict=True))


def _is_login_app(part: Any) -> bool:
    return "jwt_middleware.login.app.LoginApp" in class_names(part)


def _login_site(paths: Any, prefix: str, guards: tuple[Guard, ...]) -> Site:
    from .listers.shape import plain_route

    routes = tuple(below(prefix, plain_route(path, ())) for path in paths)
    return Site("login app", prefix, guards, routes)


def _name_of(app: Any) -> str:
    if isinstance(app, MethodType):
        app = app.__self__
    name = app if isinstance(app, FunctionType) else type(app)
    return f"{name.__module__}.{name.__qualname__}"


def site_at(app: Any, path: str) -> Site:
    """Return the site that answers a path, the one with the longest prefix.

    Raise `LookupError` if several sites with different middlewares match.
    """
    sites = sites_of(app)
    for site in sites:
        if site.is_login and path in [route.example for route in site.routes or ()]:
            return site
    found = [one for one in sites if not one.is_login and _is_below(path, one.prefix)]
    longest = max((len(one.prefix) for one in found), default=0)
    deepest = [one for one in found if len(one.prefix) == longest]
    if not deepest:
        return Site(_name_of(app), "", (), None)
    if len({one.guards for one in deepest}) > 1:
        raise LookupError(f"{len(deepest)} apps with different middlewares answer {path}")
    return deepest[0]


def _is_below(path: str, prefix: str) -> bool:
    return not prefix or path == prefix or path.startswith(f"{prefix}/")
