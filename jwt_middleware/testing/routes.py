"""`assert_every_route_ruled`: proves that no route of an app is open by mistake."""

from collections.abc import Iterable
from typing import Any

from .._options import got, require
from ..inspection import coverage, find_middlewares


def assert_every_route_ruled(app: Any, *, but: Iterable[str] = ()) -> None:
    """Raise an `AssertionError` if no rule governs some route of a WSGI app.

    `but` lists the routes that are open on purpose, as `jwt-middleware routes` shows them. An entry
    such as `/admin/*` stands for all routes below that path, also those of a later day. Routes that
    cannot be listed, a misleading rule, an entry of `but` that no open route meets, and an app
    without a `JWTMiddleware` raise it too. Raises `ConfigurationError` if `but` is not a list.
    """
    is_list = not isinstance(but, (str, bytes)) and isinstance(but, Iterable)
    require(is_list, f"but must be a list of routes, got {got(but)}; but=['/health']")
    entries = list(but)
    for entry in entries:
        require(isinstance(entry, str), f"but must hold strings, got {got(entry)}; but=['/health']")
    allowed = set(entries)
    found = coverage(app)
    met = {entry for entry in allowed for one in found.open if _meets(one.route.path, entry)}
    faults = [] if any(find_middlewares(app)) else ["there is no JWTMiddleware in this app"]
    faults += [
        f"{one.route.path} ({' '.join(one.methods)}) is OPEN; give it a rule that is not "
        "report_only, or name it in but"
        for one in found.open
        if not any(_meets(one.route.path, entry) for entry in allowed)
    ]
    faults += [f"not listed: {line}" for line in found.unlisted]
    faults += found.lints
    faults += [f"{path!r} in but is not an open route" for path in sorted(allowed - met)]
    if not found.routes:
        faults.append("this app has no routes that can be listed")
    if faults:
        raise AssertionError("\n".join(["routes and rules do not fit:", *faults]))


def _meets(path: str, entry: str) -> bool:
    """Return whether a route is an entry of `but`, or below one that ends with `/*`."""
    return path == entry or (entry.endswith("/*") and path.startswith(entry[:-1]))
