"""What a segment of a request may stand for beside itself."""

import pytest

from jwt_middleware import Rule, scope
from jwt_middleware.policy.rules import RuleTable
from jwt_middleware.policy.segments import SegmentNames

NAMES = SegmentNames(["a-b", "a.b", "x", "long-er.name", "*"])

CASES: dict[str, tuple[str, bool, list[str], list[str]]] = {
    "nothing else": ("x", True, [], []),
    "a view of Morepath": ("+x", False, ["x"], []),
    "a view of Morepath, whose name begins with a capital": ("+Xx", False, ["Xx"], []),
    "a view of Pyramid": ("@@x", False, ["x"], []),
    "one at sign": ("@x", False, [], []),
    "a suffix": ("x.json", True, [], ["x"]),
    "a suffix that is not the last": ("x.json", False, [], []),
    "a view with a suffix": ("+x.json", True, ["x.json"], ["+x", "x"]),
    "the index": ("index", True, [], [""]),
    "the index, not the last": ("index", False, [], [""]),
    "the index with a suffix": ("index.html", True, [], ["index", ""]),
    "capitals are another name": ("INDEX", True, [], []),
    "other punctuation": ("a_b", False, [], ["a-b", "a.b"]),
    "a longer one": ("long_er_name", False, [], ["long-er.name"]),
    "a view with other punctuation": ("@@a:b", False, ["a:b"], ["a-b", "a.b"]),
    "more than any rule has": ("long_er_name_", False, [], []),
}


@pytest.mark.parametrize(("segment", "is_last", "views", "others"), CASES.values(), ids=CASES)
def test_the_other_names_of_a_segment(
    segment: str, is_last: bool, views: list[str], others: list[str]
) -> None:
    """As the table of the module says: views, suffixes, the index, and punctuation."""
    found_views, found_others = NAMES.others_of(segment, is_last)
    assert (found_views, sorted(found_others)) == (views, sorted(others))


def test_a_suffix_is_what_follows_the_last_dot() -> None:
    """`report.v2.json` is `report.v2` as JSON, and not `report`."""
    assert SegmentNames(["x"]).others_of("report.v2.json", True) == ([], ["report.v2"])


def test_without_punctuation_nothing_is_compared() -> None:
    """Rules of letters alone leave each segment its own name."""
    assert not SegmentNames(["x", "*"]).are_punctuated
    assert SegmentNames(["x", "*"]).others_of("a_b", False) == ([], [])
    assert NAMES.are_punctuated


@pytest.mark.parametrize("path", ["/+Xray", "/@@Xray", "/Xray/index", "/Xray.json", "/+Xray.json"])
def test_another_name_leads_to_the_rule(path: str) -> None:
    """A rule governs its path by every name of it."""
    table = RuleTable([rule := Rule("/Xray", scope("see"))])
    assert table.match({"REQUEST_METHOD": "GET", "PATH_INFO": path}) == (rule,)
