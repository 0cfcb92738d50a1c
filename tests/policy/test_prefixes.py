"""Which prefixes a rule may have."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_middleware import ConfigurationError, Rule
from jwt_middleware.policy.prefixes import unseen_in
from jwt_middleware.policy.rules import RuleTable
from jwt_middleware.readings import to_wsgi
from jwt_middleware.settings import filter_app_factory
from tests.kit.cases import case

VARIABLE_PARTS = {
    "a dollar": "/$id",
    "a dollar below": "/users/$user/posts",
    "a dollar within": "/files.$name",
    "a dollar and a prefix of a known name": "/$metadataX",
    "a shell's variable": "/${id}",
    "parentheses": "/(id)",
    "parentheses behind": "/users/v(id)",
    "a group": "/users/(?P<id>[^/]+)",
    "an optional part": "/users(/new)",
    "a format of Python's": "/users/%(id)s",
    "angle brackets": "/<id>",
    "a converter": "/users/<int:id>",
    "braces": "/{id}",
    "a colon": "/users/:id",
    "square brackets": "/users/[id]",
    "the end of a line": "/users$",
    "the start of a line": "/^users",
    "three dots": "/users/...",
    "a dot and a plus": "/users/.+",
    "a plus alone": "/users/+/posts",
    "a comma behind": "/api,",
}


@pytest.mark.parametrize("prefix", VARIABLE_PARTS.values(), ids=VARIABLE_PARTS)
def test_what_other_libraries_write_as_a_pattern_is_refused(prefix: str) -> None:
    """A pattern that is taken as a literal would protect nothing."""
    with pytest.raises(ConfigurationError) as caught:
        Rule(prefix)
    assert str(caught.value).startswith("prefix must ")
    assert f"got {prefix!r}" in str(caught.value)


MISTYPED = [
    "/api=scope=x",
    "/apiscope=x",
    "/api=public",
    "/api==authenticated",
    '/api"',
    "/api'",
    "/api`",
    '/"api"',
]


@pytest.mark.parametrize("prefix", MISTYPED)
def test_a_mistyped_rule_of_a_text_is_not_a_prefix(prefix: str) -> None:
    """A word of a rule as text, or a quote, in a prefix: a space is missing."""
    with pytest.raises(ConfigurationError, match="with a space between"):
        Rule(prefix)


MEANT = {
    "a partition": "/data/year=2026",
    "OData's metadata": "/odata/$metadata",
    "OData's batch": "/$batch",
    "OData's count": "/Products/$count",
    "an OData key": "/Products(1)",
    "an OData key that is a text": "/People('ada')/Trips",
    "an OData call": "/NS.MostExpensive()",
    "FHIR's operation": "/Patient/$everything",
    "a custom verb": "/v1/things:cancel",
    "a name with a plus": "/c++",
    "Morepath's view": "/+admin",
    "Pyramid's view": "/@@admin",
    "a home": "/~ada",
    "dots": "/.well-known/a..b",
    "an ampersand": "/q&a",
    "accents": "/caf\u00e9/\u00fc",
    "Japanese": "/\u65e5\u672c\u8a9e",
    "Korean": "/\ud55c\uae00",
    "Arabic": "/\u0645\u0631\u062d\u0628\u0627",
    "a smiley": "/\U0001f600",
    "an arrow that is a picture": "/\u27a1",
}


@pytest.mark.parametrize("prefix", MEANT.values(), ids=MEANT)
def test_a_path_that_looks_like_a_pattern_to_nobody_is_taken(prefix: str) -> None:
    """Names of OData and FHIR, verbs, views and any script's letters are literal paths."""
    table = RuleTable([Rule(prefix)])
    assert table.match({"PATH_INFO": to_wsgi(prefix)})
    assert table.match({"PATH_INFO": to_wsgi(prefix + "/x")})
    assert not table.match({"PATH_INFO": "/elsewhere"})


UNSEEN = {
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "no-break space": "\u00a0",
    "narrow no-break space": "\u202f",
    "ideographic space": "\u3000",
    "thin space": "\u2009",
    "Ogham space": "\u1680",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "next line": "\x85",
    "variation selector": "\ufe0f",
    "variation selector supplement": "\U000e0101",
    "tag": "\U000e0061",
    "Mongolian selector": "\u180b",
    "combining grapheme joiner": "\u034f",
    "Hangul choseong filler": "\u115f",
    "Hangul jungseong filler": "\u1160",
    "Hangul filler": "\u3164",
    "halfwidth Hangul filler": "\uffa0",
    "Braille blank": "\u2800",
    "Khmer inherent vowel": "\u17b4",
    "musical null notehead": "\U0001d159",
    "private use": "\ue000",
    "a control character": "\x01",
    "half a pair": "\ud800",
}


@pytest.mark.parametrize("character", UNSEEN.values(), ids=UNSEEN)
def test_a_character_that_cannot_be_seen_is_refused(character: str) -> None:
    """Its owner reads another prefix than the one that would be compared; the message has its
    number."""
    for form in ("/api{}", "/{}api", "/a{}pi/x", "/{}", "/api/{}/x"):
        with case(form), pytest.raises(ConfigurationError) as caught:
            Rule(form.format(character))
        assert f"U+{ord(character):04X}" in str(caught.value), form
        assert str(caught.value).isascii(), form


LOOK_ALIKES = {
    "a fullwidth slash": "/api\uff0fx",
    "a fullwidth star": "/api/\uff0a",
    "fullwidth letters": "/\uff41\uff50\uff49",
    "a fullwidth full stop": "/api\uff0ejson",
    "a fullwidth percent": "/a\uff05",
    "one dot leader": "/api\u2024json",
    "an ellipsis": "/api/\u2026",
    "a ligature": "/\ufb01le",
    "a superscript": "/m\u00b2",
    "a letter and its accent apart": "/cafe\u0301",
    "a division slash": "/api\u2215x",
    "a fraction slash": "/api\u2044x",
    "a big solidus": "/api\u29f8x",
    "a diagonal of a box": "/api\u2571x",
    "an asterisk operator": "/api/\u2217",
    "a ratio": "/api/\u2236id",
    "a Kelvin sign": "/\u212a",
}


@pytest.mark.parametrize("prefix", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_a_character_that_looks_like_another_is_refused(prefix: str) -> None:
    """A prefix is in the form in which clients send its characters."""
    with pytest.raises(ConfigurationError, match="prefix must be a path"):
        Rule(prefix)


@given(st.text(min_size=1, max_size=4).filter(lambda text: not text.isascii()))
def test_a_prefix_that_is_taken_is_met_by_what_is_seen(text: str) -> None:
    """Of any characters: either they are refused, or they are in their usual form and none of them
    is blank."""
    try:
        rule = Rule(f"/{text}")
    except ConfigurationError:
        return
    assert unicodedata.normalize("NFKC", rule.prefix) == rule.prefix
    assert all(
        character.isprintable() or unicodedata.category(character) == "Cn" for character in text
    )
    assert RuleTable([rule]).match({"PATH_INFO": to_wsgi(f"/{text}")})


TEXTS = {
    "a variable part": "/users/$id",
    "parentheses": "/(id)",
    "an equals sign for the space": "/api=scope=x",
    "no space": "/apiscope=x",
    "a second equals sign": "/api scope==x",
    "a scope twice": "/api scope=x=y",
    "a scope without a name": "/api scope=",
    "scopes with a plus": "/api scope=a scope",
    "a marker with an equals sign": "/api public=",
    "a marker with a value": "/api public=true",
    "a zero-width space": "/api\u200b scope=x",
    "a no-break space": "/api\u00a0scope=x",
    "a blank that separates nothing": "/api\u2800public",
    "a scope with a zero-width space": "/api scope=\u200bx",
    "a scope with a no-break space": "/api scope=x\u00a0y",
    "a fullwidth comma": "/api\uff0c/docs",
    "a semicolon": "/api;/docs",
    "a bar": "/api|/docs",
    "quotes": '"/api"',
    "a quoted scope": "/api scope='x'",
    "a double quoted scope": '/api scope="x"',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_mistyped_text_of_rules_is_refused(text: str) -> None:
    """Rules as text refuse what rules refuse, and what hides in the words behind a prefix."""
    with pytest.raises(ConfigurationError, match="rules must be rules separated by commas"):
        filter_app_factory(
            lambda environ, start_response: [],
            {},
            issuer="https://i.example",
            audience="a",
            secret="s" * 32,
            rules=text,
        )


NAMES = """
all batch count crossjoin each entity filter links metadata query ref value
add apply care-gaps closure collect-data conforms convert current-canonical
data-requirements document evaluate evaluate-measure events everything expand export find
find-matches get-ws-binding-token graph graphql implements import lastn lookup match
merge meta meta-add meta-delete populate preferred-id process-message purge
questionnaire remove snapshot stats status submit submit-data subset subsumes transform
translate translate-id validate validate-code versions
"""
"""The names that begin with a dollar sign in OData, then those in FHIR."""


@pytest.mark.parametrize("name", NAMES.split())
def test_a_name_of_odata_or_fhir_is_a_path(name: str) -> None:
    """Their dollar sign is part of a literal path; the case of letters counts."""
    assert Rule(f"/a/${name}").prefix == f"/a/${name}"
    with pytest.raises(ConfigurationError, match="must not contain a pattern"):
        Rule(f"/a/${name.upper()}")


@pytest.mark.parametrize("prefix", ["/top()", "/Top(1)", "/X", "/caf\u00e9/X", "/_x.y('')"])
def test_calls_and_plain_letters_are_a_path(prefix: str) -> None:
    """A call has letters of either case, and no letter of the alphabet is a look-alike."""
    assert Rule(prefix).prefix == prefix


@pytest.mark.parametrize(
    ("text", "but", "unseen"),
    [("a b", "", "U+0020"), ("a b", " ", ""), ("ab", "", ""), ("\u00e9\u200bx", "", "U+200B")],
)
def test_the_first_blank_is_named(text: str, but: str, unseen: str) -> None:
    """A space is a blank too, unless the caller allows it."""
    assert unseen_in(text, but) == unseen


MESSAGES = {
    "api": ("prefix must be a path with a leading slash, got 'api'; Rule(\"/api\")"),
    None: ('prefix must be a path with a leading slash, got None; Rule("/api")'),
    "/api=public": (
        "prefix must be a path without quotes and words of a text rule, got "
        '\'/api=public\'; Rule("/api", scope("x")), or the text rule "/api scope=x", with a'
        " space between"
    ),
    "/a//b": (
        "prefix must be a path with one meaning, got '/a//b'; leave out dot segments, "
        "'//', '%', ';', spaces and the query"
    ),
    "/a%": (
        "prefix must be a path with one meaning, got '/a%'; leave out dot segments, '//',"
        " '%', ';', spaces and the query"
    ),
    "/a?b": (
        "prefix must be a path with one meaning, got '/a?b'; leave out dot segments, "
        "'//', '%', ';', spaces and the query"
    ),
    "/a#b": (
        "prefix must be a path with one meaning, got '/a#b'; leave out dot segments, "
        "'//', '%', ';', spaces and the query"
    ),
    "/a\u200b": (
        "prefix must be a path without invisible or blank characters, got '/a\\u200b' with U+200B"
    ),
    "/cafe\u0301": (
        "prefix must be a path in the usual form of its characters (Unicode's NFKC), got "
        "'/cafe\\u0301'; Rule('/caf\xe9')"
    ),
    "/api\u2215x": (
        "prefix must be a path without mathematical symbols, since they look like "
        "slashes, stars and colons, got '/api\\u2215x' with U+2215"
    ),
    "/api\u2571x": (
        "prefix must be a path without mathematical symbols, since they look like "
        "slashes, stars and colons, got '/api\\u2571x' with U+2571"
    ),
    "/users/$id": (
        "prefix must not contain a pattern other than a '*' segment, got '/users/$id'; "
        "Rule('/users/*'), where '*' stands for any one segment; a name may only start "
        "with a dollar sign if OData or FHIR defines it, as /$metadata"
    ),
    "/users/<id>/posts": (
        "prefix must not contain a pattern other than a '*' segment, got "
        "'/users/<id>/posts'; Rule('/users/*/posts'), where '*' stands for any one "
        "segment"
    ),
    "/a/$metadata/{id}": (
        "prefix must not contain a pattern other than a '*' segment, got "
        "'/a/$metadata/{id}'; Rule('/a/$metadata/*'), where '*' stands for any one "
        "segment"
    ),
}


@pytest.mark.parametrize("prefix", MESSAGES, ids=ascii)
def test_the_message_says_the_rule_and_the_right_form(prefix: Any) -> None:
    """The option, its rule, what was given, and what to write."""
    with pytest.raises(ConfigurationError) as caught:
        Rule(prefix)
    assert str(caught.value) == MESSAGES[prefix]
