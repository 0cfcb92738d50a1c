"""Random hostile requests find no way round a rule, and the requests are hostile enough to find
one."""

from functools import cache

import pytest

from .apps import APPS
from .differential import Differential
from .guards import by_segment, send
from .hostile import PREFIX_HEADERS, hostile

_COUNT = 2000
_BATCH = 500


@cache
def differential() -> Differential:
    """The apps, built once."""
    return Differential()


@pytest.mark.parametrize("first", range(0, _COUNT, _BATCH))
def test_what_a_bare_app_shows_as_secret_the_guarded_one_refuses(first: int) -> None:
    """Whatever a stranger puts into path, headers, SCRIPT_NAME and method: no secret without a
    token."""
    tried = differential()
    found = [str(leak) for seed in range(first, first + _BATCH) for leak in tried.leaks(seed)]
    assert found == []


def test_a_number_makes_the_same_request_each_time() -> None:
    """A leak that is printed with its number can be made again."""
    assert [hostile(seed) for seed in range(50)] == [hostile(seed) for seed in range(50)]


def test_each_header_that_moves_a_prefix_is_tried() -> None:
    """The random requests use every header that an app of the matrix obeys."""
    tried = {key for seed in range(_COUNT) for key, _ in hostile(seed).more}
    assert set(PREFIX_HEADERS) <= tried


STRICT = {
    "flask, DispatcherMiddleware",
    "django, path",
    "django, re_path",
    "pyramid, routes",
    "quixote",
    "plain",
}
"""Apps that read a path only as it is."""


@pytest.mark.parametrize("name", sorted(APPS.keys() - STRICT))
def test_the_requests_get_round_a_naive_guard(name: str) -> None:
    """In every other app some request shows the secret though its plain path is below no secret
    root."""
    guarded = by_segment(APPS[name]())
    assert any(
        send(guarded, request.path, request.method, **dict(request.more)).leaked
        for request in map(hostile, range(_COUNT))
    )
