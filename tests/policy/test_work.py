"""The work that one request may cost is charged before it is done, and bounded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jwt_middleware import Rule, public
from jwt_middleware.errors import PathTooLong
from jwt_middleware.policy.paths import PATH_HEADERS, Place, Work, paths_of
from jwt_middleware.policy.rules import RuleTable
from tests.kit.parts import examples

TABLE = RuleTable([Rule("/api"), Rule("/api/public", public), Rule("/a_b/*/c-d", exact=True)])
ODDITIES = st.sampled_from(
    [
        "/",
        "//",
        "..",
        "/./",
        "%2e",
        "%25",
        ";",
        "\\",
        "\xff",
        "\xc3\xa9",
        " ",
        "a",
        "@@",
        "+",
        "x.j",
    ]
)
PATHS = st.lists(ODDITIES, max_size=60).map("".join)
VALUES = st.sampled_from(["/", "/x", "/a,/b", "/%2e", "//;x", "x"])
ENVIRONS = st.builds(
    lambda path, script_name, headers: {"PATH_INFO": path, "SCRIPT_NAME": script_name, **headers},
    PATHS,
    st.just("") | VALUES,
    st.dictionaries(st.sampled_from(PATH_HEADERS), VALUES, max_size=3),
)


class Ledger(Work):
    """Work without a bound that remembers what was charged."""

    def __init__(self) -> None:
        super().__init__(float("inf"))
        self.charged = 0.0

    def charge(self, work: float) -> None:
        self.charged += work


@settings(max_examples=examples(200))
@given(ENVIRONS)
def test_each_reading_is_paid_for(environ: dict[str, str]) -> None:
    """However the readings multiply, each was charged a microsecond at the least."""
    ledger = Ledger()
    found = paths_of(Place.from_environ(environ), ledger)
    assert ledger.charged >= 1000 * len(found.always | found.longer)


@settings(max_examples=examples(200))
@given(PATHS, st.integers(2, 4))
def test_a_longer_path_costs_more(path: str, times: int) -> None:
    """What is charged grows with the path."""
    costs = []
    for text in (path, path * times):
        ledger = Ledger()
        paths_of(Place(text[:2048]), ledger)
        costs.append(ledger.charged)
    assert costs[0] <= costs[1]


HOSTILE = {
    "every oddity": {"PATH_INFO": "/a;b\\..//\xff %25" * 40},
    "a prefix header": {"PATH_INFO": "/;\\..//\xff a" * 10, "HTTP_X_SCRIPT_NAME": "/y,/z"},
    "every header": {
        "PATH_INFO": "/;\\//\xff a" * 6,
        "SCRIPT_NAME": "/%2e",
        **dict.fromkeys(PATH_HEADERS, "/%2e;"),
    },
}


@pytest.mark.parametrize("environ", HOSTILE.values(), ids=HOSTILE)
def test_what_would_cost_too_much_is_refused(environ: dict[str, str]) -> None:
    """It is 414, before the work is done."""
    with pytest.raises(PathTooLong):
        TABLE.match({"REQUEST_METHOD": "GET", **environ})
