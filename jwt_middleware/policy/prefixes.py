r"""Which prefix a rule may have: a path that means one thing, and what its owner sees in it.

A prefix that is taken as it stands and protects nothing is the worst mistake an owner can make,
since nothing shows it. So a prefix is refused where it is more likely a slip than a path:

| kind | examples |
|---|---|
| a variable part | `/<id>` `/{id}` `/:id` `/$id` `/(id)` `/[id]` `/%(id)s` |
| a wildcard of a shell or of MQTT | `/a*` `/**` `/...` `/+`, but not a whole segment `*` |
| a regular expression | `/.+` `/a$` `/^a` `/a\|/b` |
| a rule of the text form, mistyped | `/api=scope=x` `/apiscope=x` `/api,` `/api"` |
| what cannot be seen | zero-width, no-break and other blank characters, fillers |
| what looks like another character | a fullwidth slash, a division slash, a ligature |
| what a reading changes | `//` `/..` `%2f` `;v=1` `\` a space |

A dollar is part of a path in OData (`/$metadata`) and FHIR (`/$everything`), whose names are known
here, and within a word (`/Outer$Inner`). Parentheses are too, for an OData key or a call without
arguments (`/Products(1)`, `/Top()`).
"""

import re
import unicodedata

from .._options import require
from ..errors import ConfigurationError
from ..readings import readings, to_wsgi

WILDCARD = "*"
"""The segment of a prefix that stands for any one segment."""

# These are texts, for `re.search` to compile at the first rule and not at every import.
_PATTERN = r"""(?x)
      [<>{}*^|\[\]()]           # what other libraries write for a variable part, or several paths
    | (?<![0-9A-Za-z_])\$      # before a variable part, as `$id`
    | \$(?![0-9A-Za-z_])       # the end of a line
    | (?<=/):                   # before one, as `:id`
    | :$                        # behind one
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
"""What a text rule without its space looks like. Any other `=` is part of a path, as in
`/year=2026`."""

# Unicode's Default_Ignorable_Code_Point where it is not in a category below, and blanks that are
# letters or symbols to Unicode. Then slashes and bars that are no mathematical symbols.
_BLANKS = (
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001d159\U000e0000-\U000e0fff]"
)
_UNSEEN_CATEGORIES = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs"))
_LOOK_ALIKES = frozenset("\u2571\u2572\u204e")


def checked_prefix(prefix: str) -> str:
    """Return the prefix of a rule without a slash at its end. `ConfigurationError` for one that has
    several meanings, is a pattern, or is not what it looks like."""
    require(
        isinstance(prefix, str) and prefix.startswith("/"),
        f'prefix must be a path with a leading slash, got {prefix!r}; Rule("/api")',
    )
    _check_characters(prefix)
    _check_is_literal(prefix)
    require(
        not re.search(_MISTYPED, _without_literal_segments(prefix)),
        f"prefix must be a path without quotes and words of a text rule, got {prefix!r}; "
        'Rule("/api", scope("x")), or "/api scope=x" in a text, with a space between',
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
        "leave out dot segments, '//', '%', ';', spaces, query",
    )
    return prefix.removesuffix("/") or "/"


def unseen_in(text: str, but: str = "") -> str:
    """Return the number of the first invisible or blank character of a text, such as `U+200B`, or
    an empty string. Those in `but` may be there."""
    if text.isascii() and text.isprintable() and " " not in text:  # nearly every text
        return ""
    for character in text:
        is_unseen = unicodedata.category(character) in _UNSEEN_CATEGORIES
        if (is_unseen or re.match(_BLANKS, character)) and character not in but:
            return f"U+{ord(character):04X}"
    return ""


def _check_characters(prefix: str) -> None:
    """Raise `ConfigurationError` for characters that cannot be seen, or look like others."""
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
        "prefix must be a path in the usual form of its characters (Unicode NFKC), "
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
            "; of names with a dollar those of OData and FHIR are known, such as /$metadata"
            if found[0] == "$"
            else ""
        )
        raise ConfigurationError(
            f"prefix must have no pattern but a segment '*', got {prefix!r}; "
            f"Rule({form!r}), where '*' stands for any one segment{dollar}"
        )


def _without_literal_segments(prefix: str) -> str:
    """The prefix with another name for each segment that is a path in spite of what it holds."""
    return "/".join(
        "_" * len(segment)
        if segment == WILDCARD or segment in _DOLLAR_SEGMENTS or re.fullmatch(_CALL, segment)
        else segment
        for segment in prefix.split("/")
    )
