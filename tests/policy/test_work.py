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


def test_the_bound_is_what_may_be_spent() -> None:
    """Work up to the bound is done, and not a bit more; by default 0.7 milliseconds."""
    for work, most in ((Work(), 700_000), (Work(1), 1)):
        work.charge(most / 2)
        work.charge(most / 2)
        with pytest.raises(PathTooLong):
            work.charge(0.001)


VALUE, PREFIX, CUT = 3000, 120, 300
"""Nanoseconds: for the spellings of a value, for a look at a prefix, and for the rest of a path."""


def read(*lengths: int) -> float:
    """What the reader charges for plain texts."""
    return sum(5000 + 8 * length for length in lengths)


ONE, TWO = {"HTTP_X_SCRIPT_NAME": "/p"}, {"HTTP_X_FORWARDED_PREFIX": "/p/q"}

COSTS: dict[str, tuple[dict[str, str], float]] = {
    "a path alone": ({"PATH_INFO": "/x"}, VALUE + read(2)),
    "a mount": (
        {"PATH_INFO": "/x", "SCRIPT_NAME": "/p"},
        VALUE + read(2, 4) + 1.25 * PREFIX,
    ),
    "a prefix of another path": (
        {"PATH_INFO": "/x", **ONE},
        2 * VALUE + PREFIX + read(2, 4) + 1.25 * PREFIX,
    ),
    "a prefix that is cut off": (
        {"PATH_INFO": "/p/x", **ONE},
        2 * VALUE + PREFIX + read(4, 2, 6) + 2 * 1.25 * PREFIX + PREFIX + CUT,
    ),
    "two prefixes of another path": (
        {"PATH_INFO": "/x", **ONE, **TWO},
        3 * VALUE + 2 * PREFIX + read(2, 4, 6) + 1.5 * PREFIX,
    ),
    "two prefixes that are cut off": (
        {"PATH_INFO": "/p/q/x", **ONE, **TWO},
        3 * VALUE
        + 2 * PREFIX
        + read(6, 4, 2, 8, 4, 10, 8)
        + 3 * 1.5 * PREFIX
        + 2 * PREFIX
        + 2 * CUT,
    ),
}


@pytest.mark.parametrize(("environ", "cost"), COSTS.values(), ids=COSTS)
def test_what_a_request_is_charged(environ: dict[str, str], cost: float) -> None:
    """Each value, each look at a prefix and each rest is charged for beside the readings."""
    ledger = Ledger()
    paths_of(Place.from_environ(environ), ledger)
    assert ledger.charged == pytest.approx(cost)
