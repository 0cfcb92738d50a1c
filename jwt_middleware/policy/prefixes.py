r"""Checks the prefix of a rule: it must mean one path, and the path that its owner sees in it.

The worst mistake of an owner is a prefix that is accepted and protects nothing, since nothing shows
it. So a prefix is refused if it is more likely a slip than a path:

| kind | examples |
|---|---|
| a variable part | `/<id>` `/{id}` `/:id` `/$id` `/(id)` `/[id]` `/%(id)s` |
| a wildcard of a shell or of MQTT | `/a*` `/**` `/...` `/+`, but not a whole segment `*` |
| a regular expression | `/.+` `/a$` `/^a` `/a\|/b` |
| a rule in text form, mistyped | `/api=scope=x` `/apiscope=x` `/api,` `/api"` |
| an invisible character | zero-width, no-break and other blank characters, fillers |
| a character that looks like another one | a fullwidth slash, a division slash, a ligature |
| a part that some reading changes | `//` `/..` `%2f` `;v=1` `\` a space |

A dollar sign is part of a path within a word (`/Outer$Inner`). It may also start a name of OData
(`/$metadata`) or FHIR (`/$everything`); these names are listed here. Parentheses are part of a path
as an OData key or as a call without arguments (`/Products(1)`, `/Top()`).
"""

import re
import unicodedata

from .._options import require
from ..errors import ConfigurationError
from ..readings import readings, to_wsgi

WILDCARD = "*"
"""The segment of a prefix that stands for any one segment."""

# These are strings: `re.search` compiles them at the first rule, and not at every import.
_PATTERN = r"""(?x)
      [<>{}*^|\[\]()]           # a variable part or several paths, as other libraries write them
    | (?<![0-9A-Za-z_])\$      # before a variable part, as `$id`
    | \$(?![0-9A-Za-z_])       # the end of a line
    | (?<=/):                   # before a variable part, as `:id`
    | :$                        # behind a variable part
    | ,(?:/|$)                  # between paths
    | (?<=/)\+(?=/|$)           # one level of a topic in MQTT
    | \.\+                      # a regular expression
    | (?<=/)\.\.\.(?=/|$)       # everything below
    """

# OData 4.01 URL Conventions section 4 (and $links of version 3), then the operations that FHIR
# defines (https://hl7.org/fhir/operationslist.html).
# fmt: off
_DOLLAR_NAMES = (
    "all", "batch", "count", "crossjoin", "each", "entity", "filter", "links", "metadata", "query",
    "ref", "value",
    "add", "apply", "care-gaps", "closure", "collect-data", "conforms", "convert",
    "current-canonical", "data-requirements", "document", "evaluate", "evaluate-measure", "events",
    "everything", "expand", "export", "find", "find-matches", "get-ws-binding-token", "graph",
    "graphql", "implements", "import", "lastn", "lookup", "match", "merge", "meta", "meta-add",
    "meta-delete", "populate", "preferred-id", "process-message", "purge", "questionnaire",
    "remove", "snapshot", "stats", "status", "submit", "submit-data", "subset", "subsumes",
    "transform", "translate", "translate-id", "validate", "validate-code", "versions",
)
# fmt: on
_DOLLAR_SEGMENTS = frozenset(f"${name}" for name in _DOLLAR_NAMES)
_CALL = r"[A-Za-z_][\w.]*\((?:[0-9]+|'[^'()/]*')?\)"

_MISTYPED = "[\"'`]|scope=|=(?:authenticated|optional|public|report_only|scope)(?![a-z])|=$"
"""A rule in text form whose space is missing. Any other `=` is part of a path, as in
`/year=2026`."""

# `_BLANKS`: Unicode's Default_Ignorable_Code_Point outside the categories below, and blanks that
# Unicode counts as letters or symbols. `_LOOK_ALIKES`: slashes and bars that Unicode does not count
# as mathematical symbols.
_BLANKS = (
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001d159\U000e0000-\U000e0fff]"
)
_UNSEEN_CATEGORIES = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"))
_LOOK_ALIKES = frozenset("\u2571\u2572\u204e")


def checked_prefix(prefix: str) -> str:
    """Return the prefix of a rule without the slash at its end.

    Raises `ConfigurationError` for a prefix that has several meanings, is a pattern, or is not what
    it looks like.
    """
    require(
        isinstance(prefix, str) and prefix.startswith("/"),
        f'prefix must be a path with a leading slash, got {prefix!r}; Rule("/api")',
    )
    _check_characters(prefix)
    _check_is_literal(prefix)
    require(
        not re.search(_MISTYPED, _without_literal_segments(prefix)),
        f"prefix must be a path without quotes and words of a text rule, got {prefix!r}; "
        'Rule("/api", scope("x")), or the text rule "/api scope=x", with a space between',
    )
    path = to_wsgi(prefix.removesuffix("/") or "/")
    is_clear = (
        readings(path) == {path}
        and not prefix.endswith("//")
        and not set("%?#\ufffd") & set(prefix)
    )
    require(
        is_clear,
        f"prefix must be a path with one meaning, got {prefix!r}; "
        "leave out dot segments, '//', '%', ';', spaces and the query",
    )
    return prefix.removesuffix("/") or "/"


def unseen_in(text: str, but: str = "") -> str:
    """Return the code point of the first invisible or blank character, such as `U+200B`. Return an
    empty string if there is none. Characters in `but` are allowed."""
    if text.isascii() and text.isprintable() and " " not in text:  # nearly every string
        return ""
    for character in text:
        is_unseen = unicodedata.category(character) in _UNSEEN_CATEGORIES
        if (is_unseen or re.match(_BLANKS, character)) and character not in but:
            return f"U+{ord(character):04X}"
    return ""


def _check_characters(prefix: str) -> None:
    """Raise `ConfigurationError` for invisible characters and for those that look like others."""
    unseen = unseen_in(prefix)
    require(
        not unseen,
        "prefix must be a path without invisible or blank characters, "
        f"got {prefix!a} with {unseen}",
    )
    if prefix.isascii():  # nothing in ASCII looks like another character
        return
    usual = unicodedata.normalize("NFKC", prefix)
    require(
        usual == prefix,
        "prefix must be a path in the usual form of its characters (Unicode's NFKC), "
        f"got {prefix!a}; Rule({usual!r})",
    )
    for character in prefix:
        is_symbol = not character.isascii() and unicodedata.category(character) == "Sm"
        require(
            not is_symbol and character not in _LOOK_ALIKES,
            "prefix must be a path without mathematical symbols, since they look like slashes, "
            f"stars and colons, got {prefix!a} with U+{ord(character):04X}",
        )


def _check_is_literal(prefix: str) -> None:
    """Raise `ConfigurationError` for a pattern."""
    plain = _without_literal_segments(prefix)
    found = re.search(_PATTERN, plain)
    if found:
        pairs = zip(prefix.split("/"), plain.split("/"), strict=True)
        form = "/".join(
            WILDCARD if re.search(_PATTERN, f"/{segment}") else given for given, segment in pairs
        )
        dollar = (
            "; a name may only start with a dollar sign if OData or FHIR defines it, as /$metadata"
            if found[0] == "$"
            else ""
        )
        raise ConfigurationError(
            f"prefix must not contain a pattern other than a '*' segment, got {prefix!r}; "
            f"Rule({form!r}), where '*' stands for any one segment{dollar}"
        )


def _without_literal_segments(prefix: str) -> str:
    """Return the prefix with placeholders for its segments that look like patterns and are not."""
    return "/".join(
        "_" * len(segment)
        if segment == WILDCARD or segment in _DOLLAR_SEGMENTS or re.fullmatch(_CALL, segment)
        else segment
        for segment in prefix.split("/")
    )
