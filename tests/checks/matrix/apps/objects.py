"""Frameworks that look for objects by the names in a path: Pecan, TurboGears, Quixote."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any
from unittest.mock import Mock

from .site import SECRET_ROOTS, run

for _name in ("pecan", "tg"):  # they warn of what a small app leaves out
    logging.getLogger(_name).setLevel(logging.CRITICAL)


def pecan_app() -> Any:
    """Pecan cuts a suffix it knows, and may let `_method` name the method."""
    import pecan

    def controller(kind: str) -> Any:
        @pecan.expose("json")
        @pecan.expose(content_type="text/plain")
        def answer(self: Any, *_: str, **__: str) -> Any:
            return run(kind, pecan.request.method)

        return answer

    names = {name[1:]: controller("secret") for name in SECRET_ROOTS}
    root = type(
        "Root", (), {**names, "index": controller("public"), "_default": controller("public")}
    )
    return pecan.make_app(root(), force_canonical=False)


@cache
def turbogears_app() -> Any:
    """TurboGears cuts any suffix, and reads punctuation in a name as `_`."""
    import tg

    def action(kind: str) -> Any:
        def answer(self: Any, *_: str, **__: str) -> str:
            return run(kind, tg.request.method)

        return tg.expose()(answer)

    names = {name: action("secret") for name in ("api", "my_api")}
    root = type(
        "Root",
        (tg.TGController,),
        {**names, "index": action("public"), "_default": action("public")},
    )
    configurator = tg.MinimalApplicationConfigurator()
    configurator.update_blueprint({"root_controller": root()})
    return configurator.make_wsgi_app()


@cache
def quixote_app() -> Any:
    from quixote import get_request
    from quixote.directory import Directory
    from quixote.publish import Publisher
    from quixote.wsgi import QWIP

    class Page(Directory):
        _q_exports = ("",)

        def __init__(self, kind: str) -> None:
            self._kind = kind

        def _q_index(self) -> str:
            return run(self._kind, get_request().get_method())

        def _q_lookup(self, component: str) -> "Page":
            # Quixote leaves a name as PEP 3333 puts it into the environ.
            name = "/" + component.encode("latin-1").decode("utf-8", "replace")
            return Page("secret") if self is root and name in SECRET_ROOTS else Page(self._kind)

        def __call__(self) -> str:
            return self._q_index()

    root = Page("public")
    publisher = Publisher(root, logger=Mock())
    publisher.is_thread_safe = True
    return QWIP(publisher)


APPS: dict[str, Callable[[], Any]] = {
    "pecan": pecan_app,
    "turbogears": turbogears_app,
    "quixote": quixote_app,
}
