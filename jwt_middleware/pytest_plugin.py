"""The pytest fixtures of the test kit, all named `jwt_...`. Whatever they need is imported when
they are first used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .stores import MemoryStore
    from .testing import Client, KeyServer, Tokens


@pytest.fixture
def jwt_tokens() -> Iterator[Callable[[Any], Tokens]]:
    """`jwt_tokens(app)`: the `Tokens` that an app trusts for the length of the test."""
    from .testing import trusting

    with ExitStack() as stack:
        yield cache(lambda app: stack.enter_context(trusting(app)))


@pytest.fixture
def jwt_client(jwt_tokens: Callable[[Any], Tokens]) -> Callable[[Any], Client]:
    """`jwt_client(app)`: a `Client` of an app that trusts its tokens for the length of the test."""
    from .testing import Client

    return lambda app: Client(app, jwt_tokens(app))


@pytest.fixture
def jwt_headers(jwt_tokens: Callable[[Any], Tokens]) -> Callable[..., dict[str, str]]:
    """`jwt_headers(app, "ada", scopes=["read"])`: the header with a good token, for any client of
    the app.

    The arguments after `app` are those of `Tokens.good`.
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
