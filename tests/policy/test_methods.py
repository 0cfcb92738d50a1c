"""Which methods a query names."""

from urllib.parse import unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from webob import Request

from jwt_middleware.errors import PathTooLong
from jwt_middleware.policy.methods import methods_in

QUERIES = {
    "plain": ("_method=DELETE", ["DELETE"]),
    "second": ("a=1&_method=DELETE", ["DELETE"]),
    "behind a semicolon, which WebOb splits at": ("a=1;_method=DELETE", ["DELETE"]),
    "an encoded name": ("%5fm%65thod=DELETE", ["DELETE"]),
    "an encoded value": ("_method=%44ELETE", ["DELETE"]),
    "twice": ("_method=PUT&_method=DELETE", ["PUT", "DELETE"]),
    "an encoded ampersand": ("q=%26_method=DELETE", []),
    "an encoded ampersand and equals sign": ("q=a%26_method%3DDELETE", []),
    "an encoded semicolon": ("q=%3B_method=DELETE", []),
    "an ampersand encoded twice": ("q=%2526_method=DELETE", []),
    "an encoded equals sign": ("_method%3DDELETE", []),
    "a name encoded twice": ("%255fmethod=DELETE", []),
    "a value that looks like it": ("q=_method=DELETE", []),
    "another name": ("x_method=DELETE&_methods=PUT", []),
}


@pytest.mark.parametrize(("query", "methods"), QUERIES.values(), ids=QUERIES)
def test_a_query_is_split_before_it_is_decoded(query: str, methods: list[str]) -> None:
    """What is encoded never divides a query, neither here nor in WebOb, on which Pecan and
    TurboGears rest."""
    assert list(methods_in(query)) == methods
    request = Request({"QUERY_STRING": query, "REQUEST_METHOD": "GET", "PATH_INFO": "/"})
    assert request.GET.getall("_method") == methods


PIECES = st.sampled_from(
    [
        *("_", "__", "method", "METHOD", "_method=", "m", "%6d", "%4D", "ethod", "%5f", "%25", "%"),
        *(
            "_override__",
            "_O%56e%72R%69d%45__",
            "=",
            "&",
            ";",
            " ",
            "+",
            "%20",
            "%09",
            "%3D",
            "%26",
        ),
        *("PUT", "%50UT", "x", "\xa0", "\xc3"),
    ]
)
NAMES = ("_method", "__method", "__method_override__")


@settings(max_examples=2000)
@given(st.lists(PIECES, max_size=10).map("".join))
def test_no_parameter_of_these_names_is_missed(query: str) -> None:
    """Compared with the query divided and decoded as a whole: the parameter by its name alone."""
    pairs = [item.partition("=") for item in query.replace(";", "&").split("&") if "=" in item]
    named = {unquote_plus(pair[2], "latin-1") for pair in pairs if decoded(pair[0]) in NAMES}
    assert named <= set(methods_in(query))


def decoded(name: str) -> str:
    return unquote_plus(name, "latin-1").strip(" \t\n").lower()


COSTLY = {
    "names": "_method=a&" * 100,
    "names without a value": "&_method" * 6000,
    "different values": "&".join(f"_method={number}" for number in range(100)),
    "a long value": "_method=" + "a" * 300,
    "a long escaped value": "_method=" + "%41" * 300,
    "blanks before": "&" + "%20" * 100 + "_method=PUT",
    "escapes": "%41=b&" * 3000,
    "escapes in one value": "a=" + "%41" * 20_000,
}


@pytest.mark.parametrize("query", COSTLY.values(), ids=COSTLY)
def test_a_query_that_would_cost_too_much_is_not_read(query: str) -> None:
    """Nobody means it, and to read it would take milliseconds: 414."""
    with pytest.raises(PathTooLong):
        methods_in(query)


LONG = {
    "a long query": "a=1&" * 15_000,
    "semicolons": "a" + ";" * 60_000,
    "underscores": "_" * 60_000 + "=",
    "a long text": "q=" + "%d0%b0" * 900,
    "a name within a value": "next=" + "/x" * 500 + "?_method=PUT",
    "another name": "&".join(f"payment_method{number}=a" for number in range(40)),
}


@pytest.mark.parametrize("query", LONG.values(), ids=LONG)
def test_a_long_query_without_such_a_parameter_is_read(query: str) -> None:
    """A search for a text, and a list of a thousand numbers, are no attack."""
    assert methods_in(query) == []
