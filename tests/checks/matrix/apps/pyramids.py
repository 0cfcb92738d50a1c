"""Pyramid: routes, a tree of resources, and views by their names."""

from collections.abc import Callable
from typing import Any

from pyramid.config import Configurator
from pyramid.response import Response

from .site import PUBLIC, SECRET, SECRET_ROOTS, run


def pyramid_routes_app() -> Any:
    config = Configurator()
    for kind, rules in {
        "secret": (*SECRET, "/api/items/*item"),
        "public": (*PUBLIC, "/public/*rest"),
    }.items():
        for rule in rules:
            config.add_route(rule, rule)
            config.add_view(
                lambda request, kind=kind: Response(run(kind, request.method)), route_name=rule
            )
    return config.make_wsgi_app()


class Resource(dict[str, "Resource"]):
    """A place in the tree that Pyramid traverses; `anything` lies below it when it is given."""

    def __init__(self, kind: str, anything: "Resource | None" = None) -> None:
        super().__init__()
        self.kind = kind
        self.anything = anything

    def __getitem__(self, name: str) -> "Resource":
        if self.anything is not None:
            return self.anything
        return super().__getitem__(name)

    def place(self, path: str, kind: str) -> None:
        node = self
        for name in path.strip("/").split("/"):
            node = node.setdefault(name, Resource(kind))


class Root(Resource):
    """Where traversal begins."""


def _tree() -> Root:
    root = Root("public")
    for rule in PUBLIC[1:]:
        root.place(rule, "public")
    dict.__setitem__(root, "public", Resource("public", Resource("public", Resource("public"))))
    return root


def pyramid_traversal_app() -> Any:
    root = _tree()
    for rule in (*SECRET, "/api/items/7"):
        root.place(rule, "secret")
    config = Configurator(root_factory=lambda request: root)
    config.add_view(
        lambda context, request: Response(run(context.kind, request.method)), context=Resource
    )
    return config.make_wsgi_app()


def pyramid_views_app() -> Any:
    """The secret is not a place in the tree but views of its root, which `@@` names too."""
    root = _tree()
    config = Configurator(root_factory=lambda request: root)
    config.add_view(
        lambda context, request: Response(run(context.kind, request.method)), context=Resource
    )
    for name in SECRET_ROOTS:
        config.add_view(
            lambda context, request: Response(run("secret", request.method)),
            context=Root,
            name=name[1:],
        )
    return config.make_wsgi_app()


APPS: dict[str, Callable[[], Any]] = {
    "pyramid, routes": pyramid_routes_app,
    "pyramid, traversal": pyramid_traversal_app,
    "pyramid, views": pyramid_views_app,
}
