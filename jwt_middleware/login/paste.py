"""Builds the login app from an ini file of PasteDeploy, as an app or as a filter: `use =
egg:wsgi-jwt-middleware#login`."""

from collections.abc import Mapping

from .._options import require
from ..provider_settings import only_one_of
from ..settings import STORE, read_options, store_of
from ..wire.wsgi import WSGIApplication
from .app import LoginApp
from .minter import TokenMinter

_MINTER = ("issuer", "audience", "lifetime")
_SIGNERS = ("secret", "private_key", "key_folder")
_LOGIN = ("title", "allowed_origins", "access_cookie")


def app_factory(global_conf: Mapping[str, str], **options: str) -> LoginApp:
    """Return the login app that an `[app:...]` section describes. A `ConfigurationError` names the
    option at fault."""
    values = read_options(options, (*_MINTER, *_SIGNERS, *STORE, *_LOGIN), defaults=global_conf)
    key, store = only_one_of(_SIGNERS, values), store_of(values)
    require(
        key and store, f"database_url and one of {', '.join(_SIGNERS)} must be set for a login app"
    )
    minter = TokenMinter(key, **{name: values[name] for name in _MINTER if name in values})
    return LoginApp(store, minter, **{name: values[name] for name in _LOGIN if name in values})


def filter_app_factory(
    app: WSGIApplication, global_conf: Mapping[str, str], *, prefix: str, **options: str
) -> WSGIApplication:
    """Put the login app of a `[filter:...]` section in front of the app, under `prefix`."""
    return app_factory(global_conf, **options).wrap(app, prefix=prefix)
