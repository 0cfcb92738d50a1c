"""Random hostile requests find no way round a rule, and the requests are hostile enough to find
one."""

from functools import cache
from itertools import product

import pytest

from tests.kit.parts import skip

from .apps import APPS, MISSING
from .differential import Differential
from .guards import UNDER_API, by_segment, ours, send
from .hostile import PREFIX_HEADERS, hostile
from .spellings import words

pytestmark = pytest.mark.needs_frameworks

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


_HOSTED = words(
    "'' VirtualHostBase VirtualHostRoot VirtualHostRootb VirtualHostBasex _vh_x http x api"
)


@pytest.mark.parametrize("name", ["zope, virtual host", "repoze.vhm, path"])
def test_no_short_virtual_host_reaches_a_secret(name: str) -> None:
    """Every path of up to four of Zope's names, empty ones among them, that shows the secret is
    refused."""
    if name in MISSING:
        skip(f"{MISSING[name]} is not installed")
    app = APPS[name]()
    deciding = ours(*UNDER_API)(app)
    paths = ["/" + "/".join(names) for k in range(5) for names in product(_HOSTED, repeat=k)]
    shown = [path for path in paths if "api" in path and send(app, path).leaked]
    assert len(shown) > 100
    assert [path for path in shown if send(deciding, path).leaked] == []
