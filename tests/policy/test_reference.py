"""Which rules a request meets, by a second implementation that is written down from the words of
the documentation, a sentence at a time, and knows nothing of trees, caches and fast paths.

`least` are the rules that must be met, `most` those that may be: what a framework could make of
the path by any of the steps, in any order. What the table finds lies between the two; for a plain
path they are the same.
"""

import re
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jwt_middleware import JWTMiddleware, MissingToken, Refusal, Rule, optional, public, scope
from jwt_middleware.policy.candidates import tables_of
from tests.kit.apps import guarded
from tests.kit.parts import examples

Environ = dict[str, str]

# -- the rule of one plain path


def named_segments(prefix: str) -> list[str]:
    return [] if prefix == "/" else prefix.encode().decode("latin-1").split("/")[1:]


def rule_of(rules: Iterable[Rule], segments: list[str], method: str) -> Rule | None:
    """The longest prefix wins, by whole segments; a literal segment beats `*`."""
    found: list[tuple[Any, Rule]] = []
    for rule in rules:
        wanted = named_segments(rule.prefix)
        if rule.methods and method not in rule.methods:
            continue  # for other methods the rule does not exist
        if rule.exact and len(segments) != len(wanted):
            continue  # this path alone
        if len(segments) < len(wanted):
            continue
        if all(
            want == have or (want == "*" and have)
            for want, have in zip(wanted, segments, strict=False)
        ):
            stars = [want != "*" for want in wanted]
            found.append(((len(wanted), stars, rule.exact, bool(rule.methods)), rule))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def divided(path: str) -> list[str]:
    """The segments of a path that starts with a slash; one slash at its end says nothing."""
    segments = path.split("/")[1:]
    return segments[:-1] if segments and not segments[-1] else segments


# -- what a path may mean


def resolved(path: str) -> str:
    if not path.startswith("/"):
        return path
    out: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            out = out[:-1]
        elif segment != ".":
            out.append(segment)
    return "/" + "/".join(out)


def without_dots(path: str) -> str:
    if not path.startswith("/"):
        return path
    return "/" + "/".join(segment for segment in path.split("/")[1:] if segment != ".")


def decoded(path: str) -> str:
    return re.sub("%([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), path)


def without_broken_utf_8(path: str) -> str:
    return path.encode("latin-1").decode("utf-8", "ignore").encode().decode("latin-1")


def as_latin_1(path: str) -> str:
    try:
        path.encode("latin-1").decode()
    except UnicodeDecodeError:
        return path.encode().decode("latin-1")
    return path


def from_its_first_slash(path: str) -> str:
    return path[path.find("/") :] if "/" in path else path


STEPS: list[Callable[[str], str]] = [
    decoded,
    decoded,
    without_broken_utf_8,
    as_latin_1,
    lambda path: "".join(one for one in path if ord(one) > 32 and ord(one) != 127),
    lambda path: path.replace("\\", "/"),
    lambda path: re.sub(";[^/]*", "", path),
    from_its_first_slash,
    lambda path: path if path.startswith("/") else "/" + path,
]
TIDYING: list[Callable[[str], str]] = [
    lambda path: re.sub("//+", "/", path),
    resolved,
    lambda path: re.sub("//+", "/", path),
    without_dots,
]


def meanings(path: str) -> set[str]:
    """Each step or none of it, in the order in which a server and a framework would take them."""
    found = {path}
    for step in (*STEPS, *TIDYING):
        found |= {step(one) for one in found}
    return {one for one in found if one.startswith("/")}


def all_meanings(path: str) -> set[str]:
    """The steps in any order, again and again."""
    found, new = {path}, {path}
    while new and len(found) < 1000:
        new = {step(one) for step in (*STEPS, *TIDYING) for one in new} - found
        found |= new
    return {one for one in found if one.startswith("/")}


def other_names(segment: str, is_last: bool, rules: Iterable[Rule], *, most: bool) -> set[str]:
    """View names are meant without `@@` and `+`, a last segment without its suffix, and `index`
    for the path above it: an empty name."""
    found = {segment}
    found |= {one[2:] for one in found if one.startswith("@@")}
    found |= {one.lstrip("+") for one in found if one.startswith("+")}
    known = {one for rule in rules for one in named_segments(rule.prefix)}
    if most or segment not in known:
        if is_last:
            found |= {one.rpartition(".")[0] for one in found if "." in one}
        found |= {"" for one in found if one == "index"}
    if most:
        blank = str.maketrans("-._@+", "_____")
        found |= {
            one for one in known for name in found if one.translate(blank) == name.translate(blank)
        }
    return found


def rules_of_path(rules: list[Rule], path: str, method: str, *, most: bool) -> set[Rule]:
    """The rule of each thing that the segments may stand for."""
    segments = divided(path)
    last = max((at for at, segment in enumerate(segments) if segment), default=0)
    names = [
        sorted(other_names(segment, at == last, rules, most=most))
        for at, segment in enumerate(segments)
    ]
    met: set[Rule | None] = set()
    for chosen in product(*names):
        empty = [not name and segments[at] != "" for at, name in enumerate(chosen)]
        end = empty.index(True) if True in empty else len(chosen)
        rule = rule_of(rules, list(chosen[:end]), method)
        if most or not (rule and rule.is_public and end < len(chosen)):  # asks for nothing
            met.add(rule)
    if most and "" in segments:  # a value to some frameworks, where a rule has `*`
        filled = [[segment or "?" for segment in chosen] for chosen in product(*names)]
        met |= {rule_of(rules, chosen, method) for chosen in filled}
    return {rule for rule in met if rule is not None}


# -- what headers do to a path, and the method


def methods_of(environ: Environ) -> set[str]:
    names = ("REQUEST_METHOD", "HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_METHOD_OVERRIDE")
    return {environ[name].strip().upper() for name in names if name in environ}


def joined(front: str, path: str) -> set[str]:
    return {front + path, front.rstrip("/") + "/" + path.lstrip("/")}


def reference(rules: list[Rule], environ: Environ, *, most: bool = False) -> set[Rule]:
    """Every rule that some reading meets, for each method that is named."""
    read = all_meanings if most else meanings
    path, mount = environ["PATH_INFO"], environ.get("SCRIPT_NAME", "")
    named = [environ.get(name, "") for name in ("HTTP_X_SCRIPT_NAME", "HTTP_X_FORWARDED_PREFIX")]
    prefixes = [one for one in named if one]
    texts = {path} | {path[len(one) :] for one in prefixes if path.startswith(one)}
    root = environ.get("HTTP_X_VHM_ROOT", "")
    paths = {one for text in texts for front in ("", root) for one in read(front + text)}
    if most:
        for front in (*prefixes, mount, *prefixes):
            paths |= {
                one
                for known in tuple(paths)
                for text in (*joined(front, known), known.removeprefix("/" + front.strip("/")))
                for one in read(text)
            }
        paths |= {one for text in tuple(paths) for one in read(root + text)}
    met: set[Rule] = set()
    for method in methods_of(environ):
        mine = {rule for one in paths for rule in rules_of_path(rules, one, method, most=most)}
        if mount and not most:
            longest = max((len(named_segments(rule.prefix)) for rule in mine), default=-1)
            is_mount = mount.startswith("/") and not mount.endswith("/")
            is_wsgi = is_mount and path[:1] in ("", "/")
            outer = {
                rule
                for text in joined(mount, path)
                for one in read(text)
                for rule in rules_of_path(rules, one, method, most=False)
            }
            mine |= {
                rule for rule in outer if not is_wsgi or len(named_segments(rule.prefix)) > longest
            }
        met |= mine
    return met


# -- random tables and hostile requests

SEGMENTS = st.sampled_from(["api", "admin", "x", "a-b", "app.js", "café", "*"])
ASKED = st.sampled_from([(), (scope("a"),), (public,), (optional,), (optional, scope("a"))])
METHODS = st.sampled_from([(), (), ("GET", "OPTIONS"), ("POST",), ("DELETE", "PUT")])


@st.composite
def tables(draw: Any) -> list[Rule]:
    """Rules of all kinds, no two alike."""
    taken: set[object] = set()
    rules: list[Rule] = []
    for _ in range(draw(st.integers(1, 9))):
        prefix = "/" + "/".join(draw(st.lists(SEGMENTS, max_size=3)))
        methods, flags = draw(METHODS), (draw(st.booleans()), draw(st.integers(0, 4)) == 0)
        rule = Rule(prefix, *draw(ASKED), methods=methods, exact=flags[0], report_only=flags[1])
        keys = {(prefix, *flags[:1], method) for method in rule.methods or ("",)}
        if not keys & taken:
            taken |= keys
            rules.append(rule)
    return rules


BITS = st.sampled_from(
    [
        *("/", "/", "/", "api", "admin", "x", "a-b", "app.js", "caf\xc3\xa9", "caf\xe9"),
        *("//", "/.", "/..", "/./", "/../", "\\", "%2f", "%2e%2e", "%61pi", "%252f", "%5c"),
        *(";v=1", " ", "\n", "\0", "\xff", ".json", ".", "@@", "+", "a_b", "%20", "*", "index"),
    ]
)
HOSTILE = st.lists(BITS, max_size=9).map("".join)
PLAIN = st.lists(st.sampled_from(["api", "admin", "x", "other"]), max_size=4).map(
    lambda names: "/" + "/".join(names)
)
FRONTS = st.sampled_from(["/x", "/api", "api", "/api/", "/x/y", "x"])
HEADERS = st.fixed_dictionaries(
    {"REQUEST_METHOD": st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "get", "OPTIONS"])},
    optional={
        "SCRIPT_NAME": FRONTS,
        "HTTP_X_SCRIPT_NAME": FRONTS,
        "HTTP_X_FORWARDED_PREFIX": FRONTS,
        "HTTP_X_VHM_ROOT": FRONTS,
        "HTTP_X_HTTP_METHOD_OVERRIDE": st.sampled_from(["DELETE", " post ", "get", "NONE"]),
        "HTTP_X_METHOD_OVERRIDE": st.sampled_from(["PUT", "patch"]),
    },
)


def site(rules: list[Rule]) -> JWTMiddleware:
    return guarded(rules=rules)


def met_by(middleware: JWTMiddleware, environ: Environ) -> set[Rule] | None:
    """The rules of a decision; None for a request that would cost too much to read."""
    decision = middleware.decide(environ)
    for answer in (decision.answer, decision.reported):
        if isinstance(answer, Refusal) and answer.status in (400, 414):
            return None
    return set(decision.rules)


@settings(max_examples=examples(300))
@given(tables(), HOSTILE, HEADERS)
def test_a_hostile_request_meets_every_rule_of_the_words_and_no_other(
    rules: list[Rule], path: str, headers: Environ
) -> None:
    """Every rule that a reading meets is met, for the enforced rules and for the candidates; none
    is met that no reading explains."""
    environ = {"PATH_INFO": path, **headers}
    met = met_by(site(rules), environ)
    if met is None:
        return
    enforced, candidates = tables_of(rules)
    for table, chosen in ((enforced, lambda rule: not rule.report_only),) + (
        ((candidates, lambda rule: rule.report_only),) if candidates else ()
    ):
        ours = {rule for rule in met if chosen(rule)}
        wanted = list(table.rules) if table else []
        least = {rule for rule in reference(wanted, environ) if chosen(rule)}
        assert least <= ours, (least - ours, "is not met")
        if ours - least:
            most = reference(wanted, environ, most=True)
            assert ours <= most, (ours - most, "no reading explains")


@settings(max_examples=examples(300))
@given(tables(), PLAIN, st.sampled_from(["GET", "HEAD", "POST", "PATCH"]))
def test_a_plain_path_meets_the_one_rule_of_the_words(
    rules: list[Rule], path: str, method: str
) -> None:
    """And is answered as that rule says, without a credential."""
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method}
    rules = [rule for rule in rules if not rule.report_only]
    if not rules:
        return
    decision = site(rules).decide(environ)
    rule = rule_of(rules, divided(path), method)
    assert decision.rules == (() if rule is None else (rule,))
    passes = rule is None or any(one in (public, optional) for one in rule.requires)
    assert isinstance(decision.answer, MissingToken) != passes
