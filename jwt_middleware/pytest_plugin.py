"""The pytest fixtures of the test kit, all named `jwt_...`. They import their modules at first
use."""

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
def _tokens() -> Iterator[Callable[[Any], Tokens]]:
    from .testing import trusting

    with ExitStack() as stack:
        yield cache(lambda app: stack.enter_context(trusting(app)))


def _clients(tokens: Callable[[Any], Tokens]) -> Callable[..., Client]:
    from .testing import Client

    return lambda app, **options: Client(app, tokens(app), **options)


@pytest.fixture
def jwt_tokens() -> Iterator[Callable[[Any], Tokens]]:
    """`jwt_tokens(app)`: the `Tokens` that an app trusts for the length of the test."""
    with _tokens() as tokens:
        yield tokens


@pytest.fixture(scope="module")
def jwt_module_tokens() -> Iterator[Callable[[Any], Tokens]]:
    """`jwt_module_tokens(app)`: the `Tokens` that an app trusts for the length of the module."""
    with _tokens() as tokens:
        yield tokens


@pytest.fixture
def jwt_client(jwt_tokens: Callable[[Any], Tokens]) -> Callable[..., Client]:
    """`jwt_client(app)`: a `Client` of an app that trusts its tokens for the length of the test.

    Options are WebTest's. A client that is used after its test raises `ConfigurationError`.
    """
    return _clients(jwt_tokens)


@pytest.fixture(scope="module")
def jwt_module_client(jwt_module_tokens: Callable[[Any], Tokens]) -> Callable[..., Client]:
    """`jwt_module_client(app)`: as `jwt_client`, for the length of the module."""
    return _clients(jwt_module_tokens)


@pytest.fixture
def jwt_django_client(jwt_tokens: Callable[[Any], Tokens]) -> Callable[..., DjangoClient]:
    """`jwt_django_client()`: a `DjangoClient` of an app that trusts its tokens for the length of
    the test. The app is the argument, or the one that `WSGI_APPLICATION` names.

    Options are those of Django's client.
    """
    from .testing import DjangoClient
    from .testing.django_client import wsgi_application

    def client(app: Any = None, **options: Any) -> DjangoClient:
        app = wsgi_application() if app is None else app
        return DjangoClient(app, jwt_tokens(app), **options)

    return client


@pytest.fixture
def jwt_headers(jwt_tokens: Callable[[Any], Tokens]) -> Callable[..., dict[str, str]]:
    """`jwt_headers(app, "ada", scopes=["read"])`: the header with a valid token, for any client
    that calls the whole app. Django's own client does not, so use `jwt_django_client`.

    The arguments after `app` are those of `Tokens.good`.
    """
    return lambda app, *subject, **how: {
        "Authorization": f"Bearer {jwt_tokens(app).good(*subject, **how)}"
    }


@pytest.fixture
def jwt_environ() -> Callable[..., dict[str, Any]]:
    """`jwt_environ("ada", scopes=["read"])`: `identity_environ`, for clients that bypass WSGI
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
    """A `MemoryStore` that hashes passwords in a millisecond."""
    from .stores import MemoryStore
    from .testing.passwords import CHEAP

    return MemoryStore(password_method=CHEAP)
