"""Guards an app by text options in each of the two ways."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from jwt_middleware.settings import from_env
from tests.settings.built import app, by_filter


@pytest.fixture
def by_environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Guards the app as variables say, with no others set."""
    for name in [name for name in os.environ if name.startswith("JWT_MIDDLEWARE_")]:
        monkeypatch.delenv(name)

    def build(**options: str) -> Any:
        for option, text in options.items():
            monkeypatch.setenv(f"JWT_MIDDLEWARE_{option.upper()}", text)
        return from_env(app)

    return build


@pytest.fixture(params=["filter", "environment"])
def build(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Guards the app in each of the two ways."""
    return by_filter if request.param == "filter" else request.getfixturevalue("by_environment")  # type: ignore[no-any-return]
