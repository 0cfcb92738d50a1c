"""The test kit: real tokens, really verified, for suites that call protected paths. It does not
patch the app.

    from myapp import app

    def test_me(jwt_client):
        client = jwt_client(app)
        assert client.as_user("ada").get("/api/me").json["id"] == "ada"

The fixtures are in `jwt_middleware.pytest_plugin`. A `unittest.TestCase` uses this module:

    def setUp(self):
        self.client = Client(app, self.enterContext(trusting(app)))

A client that sends a token in a cookie or as a password gets `headers=cookie_headers(token)` or
`headers=basic_headers(token)`. One that signs its requests gets `headers=DPoPKey().headers(...)`.

For Django use `DjangoClient`, since Django's own client bypasses WSGI middleware.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from . import webob_warning  # noqa: F401 (silences a warning of WebOb)
from .headers import basic_headers, cookie_headers
from .identity import identity_environ
from .key_server import KeyServer
from .passwords import cheap_passwords
from .proofs import DPoPKey
from .protection import assert_protected
from .routes import assert_every_route_ruled
from .tokens import FLAWS, Tokens
from .trust import trusting

if TYPE_CHECKING:
    from .client import Client
    from .django_client import DjangoClient as DjangoClient

# Without DjangoClient: `from jwt_middleware.testing import *` must not need Django.
__all__ = [
    "FLAWS",
    "Client",
    "DPoPKey",
    "KeyServer",
    "Tokens",
    "assert_every_route_ruled",
    "assert_protected",
    "basic_headers",
    "cheap_passwords",
    "cookie_headers",
    "identity_environ",
    "trusting",
]


_LAZY = {
    "Client": (
        "client",
        "webtest",
        "Client needs WebTest: pip install 'wsgi-jwt-middleware[testing]'",
    ),
    "DjangoClient": (
        "django_client",
        "django",
        "DjangoClient needs Django: pip install Django",
    ),
}
"""The names that need a package: their module, the package, and the message if it is missing."""

# `from jwt_middleware.testing import *` imports every name of `__all__`. Leave out a name whose
# package is not installed, or the import would fail.
__all__ = [name for name in __all__ if name not in _LAZY or find_spec(_LAZY[name][1])]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, package, missing = _LAZY[name]
    try:
        return getattr(import_module(f".{module}", __name__), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise ImportError(missing) from None
