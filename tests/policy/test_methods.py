"""Which methods a query names."""

from random import Random
from typing import Any
from urllib.parse import unquote_plus

import pytest
from webob import Request

from jwt_middleware import ConfigurationError, Rule
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


PIECES = [
    *("_", "__", "method", "METHOD", "_method=", "m", "%6d", "%4D", "ethod", "%5f", "%25", "%"),
    *("_override__", "_O%56e%72R%69d%45__", "=", "&", ";", " ", "+", "%20", "%09", "%3D", "%26"),
    *("PUT", "%50UT", "x", "\xa0", "\xc3"),
]
NAMES = ("_method", "__method", "__method_override__")


def test_no_parameter_of_these_names_is_missed() -> None:
    """Compared with the query divided and decoded as a whole: the parameter by its name alone."""
    random = Random()
    for _ in range(40_000):
        query = "".join(random.choices(PIECES, k=random.randrange(11)))
        pairs = [item.partition("=") for item in query.replace(";", "&").split("&") if "=" in item]
        named = {unquote_plus(pair[2], "latin-1") for pair in pairs if decoded(pair[0]) in NAMES}
        assert named <= set(methods_in(query)), query


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


BOUNDS = {
    "escapes": ("%61" * 2048, "%61" * 2049),
    "names": ("_method=PUT&" * 64, "_method=PUT&" * 65),
    "a value": ("_method=" + "a" * 256, "_method=" + "a" * 257),
    "a value of escapes": ("_method=" + "%58" * 85, "_method=" + "%58" * 86),
    "blanks before a name": (" " * 255 + "_method=a", " " * 256 + "_method=a"),
}


@pytest.mark.parametrize(("most", "more"), BOUNDS.values(), ids=BOUNDS)
def test_the_bound_itself_is_read(most: str, more: str) -> None:
    """What is within the bounds is read, and one more is 414."""
    assert isinstance(methods_in(most), list)
    with pytest.raises(PathTooLong):
        methods_in(more)


READ = {
    "nothing": ("", []),
    "no value": ("_method=", [""]),
    "no equals sign": ("_method", []),
    "the name of Masonite": ("__method=PUT", ["PUT"]),
    "the name of a recipe": ("__method_override__=PUT", ["PUT"]),
    "one underscore less": ("_method_override__=PUT", ["PUT"]),
    "one underscore more": ("___method=PUT", []),
    "capitals": ("_METHOD=put", ["put"]),
    "blanks about the name": ("+%20_method+%09=PUT", ["PUT"]),
    "64 blanks behind the name": ("_method" + "+" * 64 + "=PUT", ["PUT"]),
    "65 blanks behind the name": ("_method" + "+" * 65 + "=PUT", []),
    "a control character behind the name": ("_method%01=PUT", []),
    "blanks in the value": ("_method=+P+T%20", [" P T "]),
    "a byte that is not ASCII": ("_method=%e9", ["\xe9"]),
    "another parameter behind": ("_method=PUT&a=1", ["PUT"]),
    "another behind a semicolon": ("_method=PUT;a=1", ["PUT"]),
    "the third parameter": ("a&b&_method=PUT", ["PUT"]),
    "the third behind semicolons": ("a;b;_method=PUT", ["PUT"]),
    "an ampersand at the start": ("&_method=PUT", ["PUT"]),
    "a semicolon at the start": (";_method=PUT", ["PUT"]),
    "another name before a semicolon": ("x_method=PUT;a=1", []),
    "another name before an ampersand": ("x_method=PUT&a=1", []),
    "a blank before two underscores": ("%20__method=PUT", ["PUT"]),
    "a blank between two underscores": ("_%20_method=PUT", []),
    "the first of a pair": ("_method=a=b", ["a=b"]),
    "escapes of each letter": ("%5F%6D%65%74%68%6F%64=PUT", ["PUT"]),
    "escapes of capitals": ("%5f%4D%45%54%48%4f%44=PUT", ["PUT"]),
    "escapes of the longer name": ("__method_%4f%76%65%72%72%69%64%65__=PUT", ["PUT"]),
    "an escape that is cut off": ("_method=PUT&%", ["PUT"]),
    "an escape that is none": ("%zz_method=PUT", []),
    "a sign before an escape of another letter": ("%41_method=PUT", []),
}


@pytest.mark.parametrize(("query", "methods"), READ.values(), ids=READ)
def test_the_names_of_the_parameter(query: str, methods: list[str]) -> None:
    """Each framework's name, in any case, escaped or not, with blanks about it."""
    assert methods_in(query) == methods


# Copied from IANA's registry, so that a name lost from the package is missed here.
IANA = """
ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE
MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PROPFIND
PROPPATCH PUT QUERY REBIND REPORT SEARCH TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE
UPDATEREDIRECTREF VERSION-CONTROL
"""


def test_every_registered_method_may_be_named() -> None:
    """IANA's methods and PURGE, in any case; GET brings HEAD, and no other brings anything."""
    for name in [*IANA.split(), "PURGE"]:
        expected = {"GET", "HEAD"} if name == "GET" else {name}
        assert Rule("/api", methods=(name.lower(),)).methods == expected
    assert Rule("/api").methods == frozenset()


METHODS_FAULTS: dict[str, tuple[Any, str]] = {
    "one string": (
        "GET",
        'methods must be a tuple of names, got \'GET\'; Rule("/api", methods=("GET",))',
    ),
    "unknown names": (
        ["get", "gte", "*"],
        (
            "methods must be registered HTTP methods (IANA's list, or PURGE), "
            'got \'*\', \'GTE\'; methods=("GET", "HEAD", "OPTIONS")'
        ),
    ),
}


@pytest.mark.parametrize(("methods", "words"), METHODS_FAULTS.values(), ids=METHODS_FAULTS)
def test_the_words_of_a_wrong_method(methods: Any, words: str) -> None:
    """The option, the rule, what was given, sorted, and the right form."""
    with pytest.raises(ConfigurationError) as error:
        Rule("/api", methods=methods)
    assert str(error.value) == words
