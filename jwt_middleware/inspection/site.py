"""`Site`: an app whose routes are listed, with its mount point and the middlewares before it."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import FunctionType, MethodType
from typing import Any

from ..middleware import JWTMiddleware
from .listers import bottle, cherrypy, django, falcon, flask, pyramid
from .listers.shape import class_names, plain_route
from .middlewares import own, parts_of
from .pattern import Route, below

_LISTERS = (flask, bottle, django, falcon, pyramid, cherrypy)
_TRANSPARENT = frozenset(
    (
        "werkzeug.middleware.lint.LintMiddleware",
        "werkzeug.middleware.profiler.ProfilerMiddleware",
        "werkzeug.middleware.proxy_fix.ProxyFix",
    )
)
"""Classes that pass every request on to the app that they wrap."""

_log = logging.getLogger("jwt_middleware")
_MOST = 2000
"""The most parts of an app that are visited, since an app mounted within itself has no end."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A middleware, and the path at which it is mounted."""

    middleware: JWTMiddleware
    prefix: str


@dataclass(frozen=True, slots=True)
class Wrapper:
    """An object of an unknown class that wraps an app: it may answer some paths itself.

    `depth`: how many middlewares a request passes before it.
    """

    name: str
    depth: int


@dataclass(frozen=True, slots=True)
class Site:
    """A part of an app.

    - `kind`: the framework, `login app`, or the class of an app whose routes cannot be listed.
    - `prefix`: where it is mounted. `guards`: the middlewares that a request passes, outermost
      first.
    - `routes`: its routes with the prefix; None where they cannot be listed.
    - `host`: the host that it answers at; `""` for every host.
    - `wrappers`: what wraps it, outermost first.
    - `taken`: the paths that login apps in front of it answer themselves.
    """

    kind: str
    prefix: str
    guards: tuple[Guard, ...]
    routes: tuple[Route, ...] | None
    host: str = ""
    wrappers: tuple[Wrapper, ...] = ()
    taken: frozenset[str] = frozenset()

    def is_hidden(self, route: Route) -> bool:
        """Whether a login app in front answers all requests for a route."""
        return route.is_literal and route.path in self.taken

    @property
    def is_login(self) -> bool:
        """Whether it is the bundled login app, which is open on purpose."""
        return self.kind == "login app"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an app is: its mount, its host, and the middlewares and login apps before it."""

    prefix: str = ""
    guards: tuple[Guard, ...] = ()
    host: str = ""
    taken: frozenset[str] = frozenset()

    def behind(self, paths: Iterable[str]) -> "_Place":
        """Return the place behind a login app that answers these paths."""
        return replace(self, taken=self.taken | {self.prefix + path for path in paths})

    def below(self, prefix: str, host: str = "") -> "_Place":
        return replace(self, prefix=self.prefix + prefix.rstrip("/"), host=host or self.host)

    def site(self, kind: str, routes: Iterable[Route] | None) -> Site:
        if routes is not None:
            routes = tuple(below(self.prefix, route, self.host) for route in routes)
        return Site(kind, self.prefix, self.guards, routes, self.host, taken=self.taken)


def sites_of(app: Any) -> list[Site]:
    """Return the sites in an app, the outermost first."""
    return list(_Walk().entry(app, _Place()))


class _Walk:
    def __init__(self) -> None:
        self._seen: dict[tuple[Any, ...], Any] = {}

    def entry(self, app: Any, place: _Place) -> Iterator[Site]:
        """Yield the sites of an app that answers all requests which come here."""
        found = list(self._sites(app, place))
        yield from found
        if not any(not site.is_login for site in found) and not _is_login_app(app):
            yield place.site(_name_of(app), None)

    def _sites(self, part: Any, place: _Place) -> Iterator[Site]:
        middlewares = (id(one.middleware) for one in place.guards)
        key = (id(part), place.prefix, place.host, place.taken, *middlewares)
        if key in self._seen or len(self._seen) > _MOST:
            return
        self._seen[key] = part
        if isinstance(part, JWTMiddleware):
            if any(one.middleware is part for one in place.guards):
                return  # a part that it guards names it, such as in a dict of apps
            guards = (*place.guards, Guard(part, place.prefix))
            yield from self.entry(part.app, replace(place, guards=guards))
            return
        wrap = _login_wrap(part)
        if wrap:
            yield _login_site(wrap["self"], wrap["own"], place)
            yield from self.entry(wrap["app"], place.behind(wrap["own"]))
            return
        if _is_login_app(part):
            yield _login_site(part, {path: path for path in part.paths}, place)
            return
        mounts = list(_mounts(part))
        for prefix, host, app in mounts:
            yield from self.entry(app, place.below(prefix, host))
        if not mounts:
            yield from self._listed_or_parts(part, place)

    def _listed_or_parts(self, part: Any, place: _Place) -> Iterator[Site]:
        inner = _override(part)
        if inner is not None:
            yield from self._sites(inner, place)
            return
        held = part.__self__ if isinstance(part, MethodType) else part
        for lister in _LISTERS:
            if lister.is_app(held):
                yield from self._listed(lister, held, place)
                return
        found = [site for one in parts_of(part) for site in self._sites(one, place)]
        wrapper = () if _is_transparent(held) else (Wrapper(_name_of(part), len(place.guards)),)
        for site in found:
            yield replace(site, wrappers=(*wrapper, *site.wrappers))

    def _listed(self, lister: Any, app: Any, place: _Place) -> Iterator[Site]:
        try:
            routes, mounts = list(lister.routes_of(app)), list(lister.mounts_of(app))
        except Exception as error:
            # An app's own class of the same name, or a framework of another version.
            _log.debug("the routes of %s cannot be read: %s", _name_of(app), type(error).__name__)
            yield place.site(_name_of(app), None)
            return
        yield place.site(lister.KIND, routes)
        for prefix, mounted in mounts:
            yield from self.entry(mounted, place.below(prefix))


def _is_transparent(part: Any) -> bool:
    """Whether an object passes every request on."""
    return not _TRANSPARENT.isdisjoint(class_names(part))


def _override(part: Any) -> Any:
    """Return the owner's replacement of an app's WSGI method: `app.wsgi_app = ...`."""
    if isinstance(part, MethodType):
        return None
    held = own(part, "__dict__", {})
    return next((held[name] for name in ("wsgi_app", "wsgi") if callable(held.get(name))), None)


def _mounts(part: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield the apps of a dispatcher with their prefixes and hosts."""
    names = class_names(part)
    if "werkzeug.middleware.dispatcher.DispatcherMiddleware" in names:
        yield from ((path, "", app) for path, app in part.mounts.items())
        yield "", "", part.app
    elif "cherrypy._cptree.Tree" in names:
        yield from ((path, "", app) for path, app in part.apps.items())
    elif "cherrypy._cpwsgi.VirtualHost" in names:
        yield from (("", host, app) for host, app in part.domains.items())
        yield "", "", part.default
    elif "paste.urlmap.URLMap" in names:
        yield from ((path, host or "", app) for (host, path), app in part.applications)


def _login_wrap(part: Any) -> dict[str, Any] | None:
    """Return the closure of `LoginApp.wrap`: the paths in `own`, and the `app` behind."""
    if not isinstance(part, FunctionType) or not part.__qualname__.startswith("LoginApp.wrap."):
        return None
    cells = (cell.cell_contents for cell in part.__closure__ or ())
    return dict(zip(part.__code__.co_freevars, cells, strict=True))


def _is_login_app(part: Any) -> bool:
    return "jwt_middleware.login.app.LoginApp" in class_names(part)


def _login_site(login_app: Any, paths: Mapping[str, str], place: _Place) -> Site:
    """Return the site of a login app, whose `paths` are named where they are served."""
    routes = (plain_route(path, login_app.methods_of(own)) for path, own in paths.items())
    return place.site("login app", routes)


def _name_of(app: Any) -> str:
    if isinstance(app, MethodType):
        app = app.__self__
    name = app if isinstance(app, FunctionType) else type(app)
    return f"{name.__module__}.{name.__qualname__}"


def site_at(app: Any, path: str, host: str = "") -> Site:
    """Return the site that answers a path at a host, the one with the longest prefix.

    Raise `LookupError` if several sites with different middlewares match.
    """
    sites = [site for site in sites_of(app) if site.host in ("", host, _without_port(host))]
    for site in sites:
        if site.is_login and path in [route.example for route in site.routes or ()]:
            return site
    found = [one for one in sites if not one.is_login and is_below(path, one.prefix)]
    # A dispatcher asks its apps of this host first.
    found = [one for one in found if one.host] or found
    longest = max((len(one.prefix) for one in found), default=0)
    deepest = [one for one in found if len(one.prefix) == longest]
    if not deepest:
        return Site(_name_of(app), "", (), None)
    if len({one.guards for one in deepest}) > 1:
        raise LookupError(f"{len(deepest)} apps with different middlewares answer {path}")
    return deepest[0]


def _without_port(host: str) -> str:
    return host.partition(":")[0].lower()


def is_below(path: str, prefix: str) -> bool:
    """Whether a path is a prefix or below it, by whole segments."""
    return not prefix or path == prefix or path.startswith(f"{prefix}/")
