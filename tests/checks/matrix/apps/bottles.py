"""Bottle: with routes of its own, and with an app mounted below a prefix."""

from collections.abc import Callable
from typing import Any

import bottle

from .site import PUBLIC, SECRET, run


def bottle_app(*, dynamic: bool) -> Any:
    app = bottle.Bottle()
    secret = (
        ("/<api:re:api>", "/api/<x:path>", "/<api:re:my_api>", "/my_api/<x:path>", "/caf\xe9")
        if dynamic
        else (*SECRET, "/api/items/7")
    )
    for method in ("GET", "POST"):
        for rule in secret:
            app.route(rule, method, lambda method=method, **_: run("secret", method))
        for rule in (*PUBLIC, "/public/<rest:path>"):
            app.route(rule, method, lambda method=method, **_: run("public", method))
    return app.wsgi


def mounted_app() -> Any:
    """Bottle joins the mount's prefix to SCRIPT_NAME and routes on the rest."""

    def answer(kind: str) -> bottle.Bottle:
        app = bottle.Bottle()
        for method in ("GET", "POST"):
            for rule in ("/", "/<rest:path>"):
                app.route(rule, method, lambda method=method, **_: run(kind, method))
        return app

    app = answer("public")
    root = bottle.Bottle()
    for prefix in ("/api/", "/my_api/"):
        root.mount(prefix, answer("secret"))
    root.merge(app)
    return root.wsgi


APPS: dict[str, Callable[[], Any]] = {
    "bottle, static": lambda: bottle_app(dynamic=False),
    "bottle, dynamic": lambda: bottle_app(dynamic=True),
    "bottle, mount": mounted_app,
}
