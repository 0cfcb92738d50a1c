"""Falcon."""

from collections.abc import Callable
from typing import Any

import falcon

from .site import PUBLIC, SECRET, run


def falcon_app(*, strip: bool) -> Any:
    class Resource:
        def __init__(self, kind: str) -> None:
            self.kind = kind

        def on_get(self, request: Any, response: Any, **_: Any) -> None:
            response.text = run(self.kind, "GET")

        def on_post(self, request: Any, response: Any, **_: Any) -> None:
            response.text = run(self.kind, "POST")

    app = falcon.App()
    app.req_options.strip_url_path_trailing_slash = strip
    for rule in (*SECRET, "/api/items/{item:path}"):
        app.add_route(rule, Resource("secret"))
    for rule in (*PUBLIC, "/public/{rest:path}"):
        app.add_route(rule, Resource("public"))
    return app


APPS: dict[str, Callable[[], Any]] = {
    "falcon": lambda: falcon_app(strip=False),
    "falcon, strip": lambda: falcon_app(strip=True),
}
