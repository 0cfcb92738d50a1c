"""Builds the login app from an ini file of PasteDeploy, as an app or as a filter: `use =
egg:wsgi-jwt-middleware#login`."""

from collections.abc import Mapping

from .._options import require
from ..settings.login_app import login_app_of
from ..settings.options import LOGIN
from ..settings.reading import read_options
from ..wire.wsgi import WSGIApplication
from .app import LoginApp


def app_factory(global_conf: Mapping[str, str], /, **options: str) -> LoginApp:
    """Return the login app that an `[app:...]` section describes. A `ConfigurationError` names the
    option at fault."""
    return login_app_of(read_options(options, LOGIN, defaults=global_conf))


def filter_app_factory(
    app: WSGIApplication,
    global_conf: Mapping[str, str],
    /,
    *,
    prefix: str | None = None,
    **options: str,
) -> WSGIApplication:
    """Put the login app of a `[filter:...]` section in front of the app, under `prefix`."""
    require(prefix is not None, "prefix must be set to a path such as /auth")
    return app_factory(global_conf, **options).wrap(app, prefix=str(prefix))
