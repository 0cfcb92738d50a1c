"""Reads rules from text.

    /api
    /api/health public
    /docs GET HEAD OPTIONS scope=read
    /staff claim=realm_access.roles=staff issued_by=https://idp.example/
    /reports any_of(scope=reports scope=read, claim=role=auditor)
    /orgs/*/admin exact report_only scope=admin

Rules are separated by commas or line breaks. A rule is a prefix with words after it, in any order:

| word | in Python |
|---|---|
| a method in capitals | `methods=` |
| `exact`, `report_only` | `exact=True`, `report_only=True` |
| `authenticated`, `optional`, `public` | the same |
| `scope=read` | `scope("read")` |
| `claim=role` | `claim("role")` |
| `claim=role=admin` | `claim("role", "admin")` |
| `claim=realm_access.roles=staff` | `claim(("realm_access", "roles"), "staff")` |
| `claim="https://app.example/level"=3` | `claim("https://app.example/level", 3)` |
| `fresh=300` | `fresh(300)` |
| `sender_constrained` | `sender_constrained` |
| `acr=mfa` | `acr("mfa")` |
| `issued_by=https://idp.example/` | `issued_by("https://idp.example/")` |
| `any_of(scope=a scope=b, claim=role=c)` | `any_of(scope("a", "b"), claim("role", "c"))` |

A value is JSON where it has the form of a number, `true`, `false` or a string in double quotes, and
else a string as it is. A name with other characters than letters, digits, `_`, `-` and `:`, and a
value with a blank, a comma, a parenthesis, a quote or `=`, must be in double quotes.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from .._options import got, require
from ..errors import ConfigurationError
from ..policy.binding import sender_constrained
from ..policy.candidates import tables_of
from ..policy.prefixes import unseen_in
from ..policy.requirements import (
    Requirement,
    any_of,
    authenticated,
    claim,
    issued_by,
    optional,
    public,
    scope,
)
from ..policy.rules import Rule
from ..policy.step_up import acr, fresh

FORM = (
    "rules separated by commas or line breaks, such as "
    "/api, /api/health public, /docs scope=write, /docs GET HEAD OPTIONS scope=read"
)

MARKERS: Mapping[str, Requirement] = {
    "authenticated": authenticated,
    "optional": optional,
    "public": public,
    "sender_constrained": sender_constrained,
}
"""The words that are a requirement."""

FLAGS = ("exact", "report_only")
"""The words that are an option of `Rule`."""

# A string in double quotes, as JSON writes it.
_QUOTED = r'"(?:[^"\\]|\\.)*+"'

# A word ends at a blank or at a comma, but not within quotes or parentheses.
_WORD = re.compile(rf'(?:[^\s,()"]|{_QUOTED}|\((?:[^()"]|{_QUOTED})*+\))++')
_TOKEN = re.compile(rf"{_WORD.pattern}|.", re.DOTALL)

_CLAIM = re.compile(rf"((?:[^=\"]|{_QUOTED})*+)(=.*)?", re.DOTALL)
_NAME = re.compile(rf"([A-Za-z0-9_:-]+)|({_QUOTED})")
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"  # RFC 8259 section 6

_NOT_BARE = re.compile("[=\"'`()]")
"""Characters that a scope (RFC 6749 section 3.3) or a claim may have, but that are a slip
without double quotes."""

_ALTERNATIVES = "any_of(...)"


def read_rules(text: str) -> list[Rule]:
    """Return the rules that a string describes. The `ConfigurationError` names the rule at fault by
    its number and as it was written."""
    # `str.split` splits at many invisible blanks, but an owner only sees ordinary spaces.
    unseen = unseen_in(text, but=" \t\r\n")
    require(not unseen, f"blanks between words must be spaces, got {unseen}")
    lines = [part for line in re.split("[\r\n]", text) for part in _parts(line)]
    require(lines, "rules must not be empty; / protects everything")
    rules: list[Rule] = []
    for number, line in enumerate(lines, 1):
        try:
            rules.append(_rule(line))
        except ConfigurationError as error:
            raise ConfigurationError(f"rule {number}, in {got(line)}: {error}") from None
    _check_together(rules, lines)
    return rules


def _check_together(rules: list[Rule], lines: list[str]) -> None:
    try:
        tables_of(rules)
    except ConfigurationError as error:
        number = next(n for n in range(1, len(rules) + 1) if _contradict(rules[:n]))
        shown = got(lines[number - 1])
        raise ConfigurationError(f"rule {number}, in {shown}: {error}") from None


def _contradict(rules: list[Rule]) -> bool:
    try:
        tables_of(rules)
    except ConfigurationError:
        return True
    return False


def check_issuers(rules: list[Rule], issuers: frozenset[str]) -> None:
    """Raise `ConfigurationError` for a rule that accepts none of the issuers."""
    for number, rule in enumerate(rules, 1):
        try:
            rule.issuers(issuers)
        except ConfigurationError as error:
            raise ConfigurationError(f"rule {number}: {error}") from None


def _parts(line: str) -> list[str]:
    """Return what commas separate, but not the commas within quotes and parentheses."""
    parts = [""]
    for part in _TOKEN.findall(line):
        if part == ",":
            parts.append("")
        else:
            parts[-1] += part
    return [part.strip() for part in parts if part.strip()]


def _words(line: str) -> list[str]:
    rest = _WORD.sub("", line).strip()
    require(
        not rest,
        f"each quote and parenthesis must be closed, and {_ALTERNATIVES} must not be nested",
    )
    return _WORD.findall(line)


def _rule(line: str) -> Rule:
    prefix, *words = _words(line)
    methods = [word for word in words if word.isupper()]
    flags = {flag: flag in words for flag in FLAGS}
    requires = [_requirement(word) for word in words if word not in (*methods, *FLAGS)]
    return Rule(prefix, *requires, methods=methods, **flags)


def _requirement(word: str) -> Requirement:
    if word in MARKERS:
        return MARKERS[word]
    if word.startswith("any_of(") and word.endswith(")"):
        return _any_of(word.removeprefix("any_of(")[:-1])
    name, _, value = word.partition("=")
    if name in _BUILDERS and value:
        return _BUILDERS[name](value)
    known = [*MARKERS, *FLAGS, *(f"{name}=..." for name in _BUILDERS)]
    raise ConfigurationError(
        f"each word must be a method in capitals, {', '.join(known)} or {_ALTERNATIVES}, "
        f"got {got(word)}"
    )


def _scope(value: str) -> Requirement:
    require(
        not _NOT_BARE.search(value),
        "scope=NAME must have one name without quotes, parentheses and a second '=', "
        f"got {got(value)}",
    )
    return scope(value)


def _fresh(value: str) -> Requirement:
    is_number = re.fullmatch("[0-9]{1,9}", value)
    require(is_number, f"fresh=SECONDS must have an integer of at least 1, got {got(value)}")
    return fresh(int(value))


def _issued_by(value: str) -> Requirement:
    return issued_by(_json(value) if re.fullmatch(_QUOTED, value) else value)


def _claim(value: str) -> Requirement:
    found = _CLAIM.fullmatch(value)
    path, rest = found.groups() if found else ("", None)
    names = _names(path, value)
    if rest is None:
        is_pair = len(names) == 1 and not path.startswith('"') and ":" in path
        require(
            not is_pair,
            f"claim=NAME=VALUE must have '=' before the value, got {got(value)}; a claim that is "
            f'called so, and needs no value, is written claim="{path}"',
        )
        return claim(names)
    return claim(names, _value(rest.removeprefix("=")))


def _names(path: str, value: str) -> tuple[str, ...]:
    """Return the names of a path such as `realm_access.roles`."""
    names, end = [], -1
    while end < len(path):
        found = _NAME.match(path, end + 1)
        is_name = found is not None and path[found.end() : found.end() + 1] in ("", ".")
        if not found or not is_name:
            raise ConfigurationError(
                "claim=NAME=VALUE must have a name of letters, digits, '_', '-' and ':', or any "
                f"name in double quotes, and a dot before each inner name, got {got(value)}; "
                'claim=realm_access.roles=staff, claim="https://app.example/role"=staff'
            )
        names.append(found[1] or _json(found[2]))
        end = found.end()
    return tuple(names)


def _value(text: str) -> Any:
    is_number = re.fullmatch(_NUMBER, text)
    if is_number or text in ("true", "false") or re.fullmatch(_QUOTED, text):
        value = _json(text)
        is_finite = not isinstance(value, float) or math.isfinite(value)
        require(is_finite, f"claim=NAME=VALUE must have a smaller number, got {got(text)}")
        return value
    require(
        text not in ("", "null") and not _NOT_BARE.search(text),
        "claim=NAME=VALUE must have a value in double quotes if it is empty, is the word null, or "
        f"has a quote, a parenthesis, a blank, a comma or '=', got {got(text)}",
    )
    return text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # a bad escape, or a number of thousands of digits
        raise ConfigurationError(
            f"a value must be a string or a number of JSON, got {got(text)}"
        ) from None


_BUILDERS: Mapping[str, Callable[[str], Requirement]] = {
    "scope": _scope,
    "claim": _claim,
    "fresh": _fresh,
    "acr": acr,
    "issued_by": _issued_by,
}
REQUIREMENTS = (*MARKERS, *_BUILDERS, any_of.__name__)
"""Every requirement that a text rule can have."""


def _any_of(text: str) -> Requirement:
    alternatives = _parts(text)
    require(
        len(alternatives) > 1,
        f"{_ALTERNATIVES} must have two or more alternatives with a comma between, "
        f"got any_of({text}); any_of(scope=a, scope=b)",
    )
    return any_of(*map(_alternative, alternatives))


def _alternative(text: str) -> Requirement:
    """Return one requirement. Several scopes are one requirement too."""
    words = _words(text)
    if len(words) == 1:
        return _requirement(words[0])
    require(
        all(word.startswith("scope=") for word in words),
        f"each alternative of {_ALTERNATIVES} must be one requirement, or several scope=NAME, "
        f"got {got(text)}",
    )
    for word in words:
        _requirement(word)
    return scope(*(word.removeprefix("scope=") for word in words))
