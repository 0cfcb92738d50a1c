"""Which methods a query names."""

import pytest
from webob import Request

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
