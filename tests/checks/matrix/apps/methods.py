"""Apps whose handlers for GET and POST differ, and which take the method from elsewhere too."""

from collections.abc import Callable
from functools import cache
from typing import Any

from .flasks import flask_app, obey_override
from .site import run


def pecan_rest_app() -> Any:
    """Pecan's RestController reads `_method` from the query and from a form."""
    import pecan
    from pecan.rest import RestController

    def answer(method: str) -> Any:
        @pecan.expose(content_type="text/plain")
        def handler(self: Any, *_: str, **__: str) -> str:
            return run("secret", method)

        return handler

    methods = {name: answer(name.upper()) for name in ("get", "post", "patch", "delete")}
    root = type("Root", (), {"api": type("Api", (RestController,), methods)()})
    return pecan.make_app(root(), force_canonical=False)


@cache
def turbogears_rest_app() -> Any:
    """TurboGears' RestController does so too."""
    import tg

    def answer(method: str) -> Any:
        def handler(self: Any, *_: str, **__: str) -> str:
            return run("secret", method)

        return tg.expose()(handler)

    methods = {
        name: answer(method)
        for name, method in {
            "get_all": "GET",
            "get_one": "GET",
            "post": "POST",
            "patch": "PATCH",
            "post_delete": "DELETE",
        }.items()
    }
    api = type("Api", (tg.RestController,), methods)
    root = type("Root", (tg.TGController,), {"api": api()})
    configurator = tg.MinimalApplicationConfigurator()
    configurator.update_blueprint({"root_controller": root()})
    return configurator.make_wsgi_app()


APPS: dict[str, Callable[[], Any]] = {
    "flask, method override": lambda: obey_override(flask_app()),
    "pecan, RestController": pecan_rest_app,
    "turbogears, RestController": turbogears_rest_app,
}
