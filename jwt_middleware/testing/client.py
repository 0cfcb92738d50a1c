"""`Client`: WebTest's client, which sends a token. The only module that needs WebTest."""

from collections.abc import Sequence
from copy import copy
from http.cookiejar import CookieJar
from typing import Any, Self

from webtest import TestApp  # type: ignore[import-untyped]
from webtest.app import CookiePolicy  # type: ignore[import-untyped]

from .._options import require
from .tokens import Tokens


class Client(TestApp):  # type: ignore[misc]
    """A `webtest.TestApp` for an app that accepts the tokens: `Client(app, tokens)` within
    `trusting(app)`.

    A client made from another one acts as another browser. It has the same options, its own token
    and no cookies.
    """

    def __init__(self, app: Any, tokens: Tokens, **options: Any) -> None:
        super().__init__(app, **options)
        self.tokens = tokens
        self.lifetime = tokens.lifetime

    def as_user(
        self, subject: str, *, scopes: Sequence[str] = (), issuer: str | None = None, **claims: Any
    ) -> Self:
        """Return a client that sends a new valid token for this subject. The arguments are those of
        `Tokens.good`."""
        return self.with_token(self.tokens.good(subject, scopes=scopes, issuer=issuer, **claims))

    def with_token(self, token: str) -> Self:
        """Return a client that sends this token, valid or not."""
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
        """Send a request as `TestApp` does. Raise `ConfigurationError` after the test has ended."""
        self.lifetime.check()
        return super().do_request(*arguments, **options)
