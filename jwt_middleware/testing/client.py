"""`Client`: WebTest's client, which sends a token. The only module that needs WebTest."""

import warnings
from collections.abc import Sequence
from copy import copy
from http.cookiejar import CookieJar
from typing import Any, Self

from .._options import require
from .lifetime import Lifetime
from .tokens import Tokens

with warnings.catch_warnings():
    # WebOb imports cgi, which warns until Python 3.12: not a fault of the suite that runs with
    # `-W error`, and nothing that it could mend.
    warnings.filterwarnings("ignore", "'cgi' is deprecated", DeprecationWarning)
    from webtest import TestApp  # type: ignore[import-untyped]
    from webtest.app import CookiePolicy  # type: ignore[import-untyped]


class Client(TestApp):  # type: ignore[misc]
    """A `webtest.TestApp` of an app that accepts the tokens: `Client(app, tokens)` within
    `trusting(app)`.

    Each of the clients made of another has its options, a token of its own and no cookies yet: it
    is another browser.
    """

    def __init__(self, app: Any, tokens: Tokens, **options: Any) -> None:
        super().__init__(app, **options)
        self.tokens = tokens
        self.lifetime = Lifetime()

    def as_user(
        self, subject: str, *, scopes: Sequence[str] = (), issuer: str | None = None, **claims: Any
    ) -> Self:
        """Return a client that sends a good token, made now, of this subject; the arguments are
        `Tokens.good`'s."""
        self.lifetime.check()
        return self.with_token(self.tokens.good(subject, scopes=scopes, issuer=issuer, **claims))

    def with_token(self, token: str) -> Self:
        """Return a client that sends this token, whatever it is worth."""
        require(isinstance(token, str), "token must be a string")
        client = self.anonymous
        client.authorization = ("Bearer", token)
        return client

    @property
    def anonymous(self) -> Self:
        """A client that sends no token."""
        client = copy(self)
        client.extra_environ = dict(self.extra_environ)
        client.cookiejar = CookieJar(policy=CookiePolicy())
        client.authorization = None
        return client

    def do_request(self, *arguments: Any, **options: Any) -> Any:
        """Send a request, as `TestApp` does; `ConfigurationError` once the test is over."""
        self.lifetime.check()
        return super().do_request(*arguments, **options)
