"""The pytest fixtures of the test kit, all named `jwt_...`. Whatever they need is imported when
they are first used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .stores import MemoryStore
    from .testing import Client, DjangoClient, KeyServer, Tokens


@contextmanager
def _trusted_apps() -> Iterator[Callable[[Any], Tokens]]:
    from .testing import trusting

    with ExitStack() as stack:
        yield cache(lambda app: stack.enter_context(trusting(app)))


@pytest.fixture
def jwt_tokens() -> Iterator[Callable[[Any], Tokens]]:
    """`jwt_tokens(app)`: the `Tokens` that an app trusts for the length of the test."""
    with _trusted_apps() as tokens:
        yield tokens


@pytest.fixture(scope="module")
def jwt_module_tokens() -> Iterator[Callable[[Any], Tokens]]:
    """`jwt_tokens`, trusted until the last test of the module, for fixtures of module scope."""
    with _trusted_apps() as tokens:
        yield tokens


@pytest.fixture
def jwt_client(jwt_tokens: Callable[[Any], Tokens]) -> Callable[[Any], Client]:
    """`jwt_client(app)`: a `Client` of an app that trusts its tokens for the length of the test."""
    from .testing import Client

    return lambda app: Client(app, jwt_tokens(app))


@pytest.fixture(scope="module")
def jwt_module_client(jwt_module_tokens: Callable[[Any], Tokens]) -> Callable[[Any], Client]:
    """`jwt_client`, trusted until the last test of the module, for fixtures of module scope."""
    from .testing import Client

    return lambda app: Client(app, jwt_module_tokens(app))


@pytest.fixture
def jwt_django_client(jwt_tokens: Callable[[Any], Tokens]) -> Callable[..., DjangoClient]:
    """`jwt_django_client()`: a `DjangoClient` of `WSGI_APPLICATION`, or of the application that is
    given; the keywords are those of Django's client."""
    from .testing import DjangoClient

    def make(application: Any = None, **options: Any) -> DjangoClient:
        client = DjangoClient(application=application, **options)
        client.tokens = jwt_tokens(client.application)
        return client

    return make


@pytest.fixture
def jwt_headers(jwt_tokens: Callable[[Any], Tokens]) -> Callable[..., dict[str, str]]:
    """`jwt_headers(app, "ada", scopes=["read"])`: the header with a good token, for any client of
    the app.

    The arguments after `app` are those of `Tokens.good`. Django's own client goes round the
    middleware, so there it takes a `DjangoClient`.
    """
    return lambda app, *subject, **how: {
        "Authorization": f"Bearer {jwt_tokens(app).good(*subject, **how)}"
    }


@pytest.fixture
def jwt_environ() -> Callable[..., dict[str, Any]]:
    """`jwt_environ("ada", scopes=["read"])`: `identity_environ`, for clients that go round WSGI
    middleware."""
    from .testing import identity_environ

    return identity_environ


@pytest.fixture
def jwt_key_server() -> Iterator[KeyServer]:
    """A `KeyServer`: an issuer on loopback for the length of the test."""
    from .testing import KeyServer

    with KeyServer() as server:
        yield server


@pytest.fixture
def jwt_store() -> MemoryStore:
    """A `MemoryStore` whose passwords hash in a millisecond."""
    from .stores import MemoryStore
    from .testing.passwords import CHEAP

    return MemoryStore(password_method=CHEAP)
