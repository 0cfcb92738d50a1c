"""Frameworks that match a path with patterns: Morepath, web.py, and FastAPI by a2wsgi."""

from collections.abc import Callable
from functools import cache
from typing import Any

from .site import PUBLIC, SECRET_ROOTS, run


@cache
def morepath_app() -> Any:
    """In Morepath the last name may be a view, with or without `+` before it."""
    import morepath

    class App(morepath.App):  # type: ignore[misc]
        pass

    class Root:
        pass

    App.path(path="/")(Root)
    models: dict[type, str] = {Root: "public"}
    for rule in PUBLIC[1:]:
        models[type("Place", (), {})] = "public"
        App.path(path=rule)([*models][-1])
    rest = type("Rest", (), {"__init__": lambda self, absorb: None})
    models[rest] = "public"
    App.path(path="/public", absorb=True)(rest)

    def answer(kind: str) -> Callable[..., str]:
        return lambda self, request: run(kind, request.method)

    for method in ("GET", "POST"):
        for model, kind in models.items():
            App.view(model=model, request_method=method)(answer(kind))
        for name in SECRET_ROOTS:
            App.view(model=Root, name=name[1:], request_method=method)(answer("secret"))
    App.commit()
    return App()


def webpy_app() -> Any:
    import web

    class Page:
        kind = "public"

        def GET(self, *_: str) -> str:  # noqa: N802
            return run(self.kind, "GET")

        def POST(self, *_: str) -> str:  # noqa: N802
            return run(self.kind, "POST")

    class Secret(Page):
        kind = "secret"

    roots = "|".join(SECRET_ROOTS)
    return web.application(
        (f"(?:{roots})(?:/.*)?", Secret, "/.*", Page), autoreload=False
    ).wsgifunc()


def fastapi_app() -> Any:
    """a2wsgi joins SCRIPT_NAME and PATH_INFO without a slash between."""
    from a2wsgi import ASGIMiddleware
    from fastapi import FastAPI, Request

    app = FastAPI(openapi_url=None)

    def route(rule: str, kind: str) -> None:
        async def answer(request: Request) -> str:
            return run(kind, request.method)

        app.add_api_route(rule, answer, methods=["GET", "POST"])

    for root in SECRET_ROOTS:
        route(root, "secret")
        route(root + "/{rest:path}", "secret")
    route("/{rest:path}", "public")
    return ASGIMiddleware(app)


APPS: dict[str, Callable[[], Any]] = {
    "morepath": morepath_app,
    "web.py": webpy_app,
    "fastapi, a2wsgi": fastapi_app,
}
