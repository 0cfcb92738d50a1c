"""A method that a header or the query names counts as well: reading may be open while writing is
not."""

from typing import Any

import pytest

from jwt_middleware import Rule, public
from tests.kit.parts import skip

from .apps import MISSING
from .apps.flasks import OVERRIDES
from .apps.methods import APPS
from .guards import ours, send

pytestmark = pytest.mark.needs_frameworks

READING = ("GET", "HEAD", "OPTIONS")
OPEN_TO_READ = (Rule("/api", public, methods=READING), Rule("/api"))
POST_ONLY = (Rule("/api", methods=("POST",)),)
WRITING = ("POST", "post", "PATCH", "patch", "DELETE", "Delete", "PUT")

QUERIES = ("_method=post", "_method=PATCH", "_method=delete", "x=1&_method=post")
QUERIES += ("%5fmethod=post", "_%6Dethod=%70ost", "x=1;_method=post", "_method=get&_method=post")
QUERIES += ("_method=post&x=1", "_method=post#", "&&_method=post", "_method=p%6Fst&_method=get")


@pytest.fixture(scope="module", params=APPS)
def app(request: pytest.FixtureRequest) -> Any:
    """Each app in turn."""
    package = request.param.split(",")[0]
    if package in MISSING:
        skip(f"{MISSING[package]} is not installed")
    return APPS[request.param]()


def _wrote(outcome: Any) -> bool:
    return any(method not in READING for _, method in outcome.ran)


@pytest.mark.parametrize("header", OVERRIDES)
def test_a_method_in_a_header_meets_the_rule_for_writing(app: Any, header: str) -> None:
    """Where anybody may read, a reading request whose header says POST needs a token."""
    guarded = ours(*OPEN_TO_READ)(app)
    for sent in READING:
        for named in WRITING:
            outcome = send(guarded, "/api", sent, **{header: named})
            assert not _wrote(outcome), (sent, named)


@pytest.mark.parametrize("query", QUERIES)
def test_a_method_in_the_query_meets_the_rule_for_writing(app: Any, query: str) -> None:
    """Pecan and TurboGears run the POST handler for `GET /api?_method=post`."""
    guarded = ours(*OPEN_TO_READ)(app)
    for sent in READING:
        for path in ("/api", "/api/7"):
            assert not _wrote(send(guarded, path, sent, QUERY_STRING=query)), (sent, path)


@pytest.mark.parametrize("named", ["post", "POST"])
def test_a_rule_for_one_method_holds_for_the_method_that_is_named(app: Any, named: str) -> None:
    """A rule for POST alone holds for a GET that names POST, and for a POST that names GET."""
    guarded = ours(*POST_ONLY)(app)
    requests: list[dict[str, str]] = [{header: named} for header in OVERRIDES]
    for more in [*requests, {"QUERY_STRING": f"_method={named}"}]:
        assert ("secret", "POST") not in send(guarded, "/api", "GET", **more).ran, more
        assert ("secret", "POST") not in send(guarded, "/api", "POST", **more).ran, more
    for header in OVERRIDES:
        assert send(guarded, "/api", "POST", **{header: "GET"}) == (401, ())


HARMLESS = (
    "method=post",
    "x_method=post",
    "q=_method",
    "_method=",
    "_method=get",
    "q=a%20_method",
)


@pytest.mark.parametrize("query", HARMLESS)
def test_a_query_that_names_no_other_method_stays_open(app: Any, query: str) -> None:
    """Only a field `_method` with another method in it counts."""
    guarded = ours(*OPEN_TO_READ)(app)
    assert send(guarded, "/api", QUERY_STRING=query) == send(app, "/api", QUERY_STRING=query)
