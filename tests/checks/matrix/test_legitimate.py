"""Honest requests with odd names reach the app as they came."""

from typing import Any

import pytest

from jwt_middleware import Rule, public
from tests.kit.parts import skip

from .apps import APPS, MISSING
from .guards import ALL_BUT_PUBLIC, MINTER, UNDER_API, ours, send
from .legitimate import HONEST, LONG_NAMES, NAMES

pytestmark = pytest.mark.needs_frameworks

_NAMES = (*NAMES, *LONG_NAMES)
RULES = {"rule for /api": UNDER_API, "rule for all but public": ALL_BUT_PUBLIC}


@pytest.fixture(scope="module", params=(*APPS, *MISSING))
def app(request: pytest.FixtureRequest) -> Any:
    """Each bare app in turn."""
    if request.param in MISSING:
        skip(f"{MISSING[request.param]} is not installed")
    return APPS[request.param]()


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_an_odd_public_name_answers_as_without_a_guard(app: Any, rules: tuple[Rule, ...]) -> None:
    """Spaces, `%2F`, `;`, dots, Unicode, S3 keys, WebDAV trees: below a public path each name is
    answered, with every method."""
    guarded = ours(*rules)(app)
    for name in _NAMES:
        for method in ("GET", "POST", "PROPFIND"):
            path = f"/public/{name}"
            assert send(guarded, path, method) == send(app, path, method), name


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_an_odd_guarded_name_answers_with_a_token(app: Any, rules: tuple[Rule, ...]) -> None:
    """With a good token the app gets each name as it came; without one nobody gets it."""
    guarded = ours(*rules)(app)
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {MINTER.mint('ada')}"}
    for name in _NAMES:
        path = f"/api/items/{name}"
        assert send(guarded, path, **bearer) == send(app, path), name
        assert send(guarded, path) == (401, ()), name


@pytest.mark.parametrize("honest", HONEST, ids=str)
def test_what_an_honest_proxy_sets_closes_no_public_path(app: Any, honest: dict[str, str]) -> None:
    """A real mount and a real prefix keep the public paths of the app below them."""
    tables = [ALL_BUT_PUBLIC, (*UNDER_API, Rule("/public", public))]
    for guarded in (ours(*rules)(app) for rules in tables):
        for path in ("/public/x", "/public/v1..2", "/public/a b", "/public/api"):
            assert send(guarded, path, **honest) == send(app, path, **honest), path


def test_a_rule_that_names_a_suffix_keeps_a_file_public(app: Any) -> None:
    """`/api.json` may be `/api`, so it is closed, unless its owner names it."""
    named = (*UNDER_API, Rule("/api.json", public))
    assert send(ours(*UNDER_API)(app), "/api.json") == (401, ())
    assert send(ours(*named)(app), "/api.json") == send(app, "/api.json")
