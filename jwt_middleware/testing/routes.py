"""`assert_every_route_ruled`: proves that no route of an app is open by mistake."""

from collections.abc import Iterable
from typing import Any

from .._options import got, require
from ..inspection import coverage


def assert_every_route_ruled(app: Any, *, but: Iterable[str] = ()) -> None:
    """Raise an `AssertionError` if no rule governs some route of a WSGI app.

    `but` lists the routes that are open on purpose, as `jwt-middleware routes` shows them. Routes
    that cannot be listed, a misleading rule, and an entry of `but` that is not an open route raise
    it too. Raises `ConfigurationError` if `but` is not a list.
    """
    is_list = not isinstance(but, (str, bytes)) and isinstance(but, Iterable)
    require(is_list, f"but must be a list of routes, got {got(but)}; but=['/health']")
    allowed = set(but)
    found = coverage(app)
    open_paths = {one.route.path for one in found.open}
    faults = [
        f"{one.route.path} ({' '.join(one.methods)}) is OPEN"
        for one in found.open
        if one.route.path not in allowed
    ]
    faults += [f"not listed: {line}" for line in found.unlisted]
    faults += found.lints
    faults += [f"{path!r} in but is not an open route" for path in sorted(allowed - open_paths)]
    if not found.routes:
        faults.append("this app has no routes that can be listed")
    if faults:
        raise AssertionError("\n".join(["routes and rules do not fit:", *faults]))
