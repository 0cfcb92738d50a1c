"""The check itself: what it mutates, what it calls killed, and its table."""

import ast
import subprocess
import sys
import tomllib

import pytest

from tests.checks.mutation.modules import COVERED, MODULES
from tests.checks.mutation.mutants import FIGURES, PACKAGE, TABLE, Mutant, path_of, sources
from tests.kit import ROOT
from tests.kit.waiting import PATIENCE

SMALL = """
import functools

LIMIT = 3

@functools.cache
def cached(x):
    return x < LIMIT

class Room:
    @property
    def is_full(self):
        return self.size >= LIMIT
"""


@pytest.mark.needs_tools
def test_constants_and_decorated_functions_are_mutated_too() -> None:
    """Each mutant is the text with one change, and names the function that has it."""
    made = list(sources(SMALL))
    assert {where for where, _ in made} == {"", "cached", "Room.is_full"}
    assert SMALL.replace("= 3", "= 4") in dict(map(reversed, made))
    assert SMALL.replace("x < LIMIT", "x <= LIMIT") in dict(map(reversed, made))
    assert SMALL.replace(">= LIMIT", "> LIMIT") in dict(map(reversed, made))


def test_no_module_that_decides_is_left_out() -> None:
    """A new module of `policy` is run with the others, or this test says so."""
    decides = {f"policy/{file.stem}" for file in PACKAGE.glob("policy/[a-z]*.py")}
    decides |= {"trust/jws", "trust/claims", "trust/verifier", "wire/credentials"}
    assert set(COVERED) == set(MODULES) == decides
    assert len(COVERED) == len(decides)


def test_every_module_has_its_figures() -> None:
    """The table of the package has a row for each module, and each mutant is either killed or
    equivalent. A run says which figures have changed since."""
    assert tuple(FIGURES) == COVERED
    assert not [row for row in FIGURES.items() if row[1][0] != row[1][1] + row[1][2]]


def functions_in(module: str) -> dict[str, str]:
    """The text of each function and method of a module, and of the module itself, by name."""
    text = path_of(module).read_text()
    tree = ast.parse(text)
    owners = [("", tree), *((f"{c.name}.", c) for c in tree.body if isinstance(c, ast.ClassDef))]
    found = {
        f"{owner}{one.name}": ast.get_source_segment(text, one) or ""
        for owner, node in owners
        for one in node.body
        if isinstance(one, ast.FunctionDef)
    }
    return {name: " ".join(part.split()) for name, part in {"": text, **found}.items()}


def test_the_reasons_are_of_lines_that_are_there() -> None:
    """Each row names a line of a function, what it may become, and a reason."""
    table = tomllib.loads(TABLE.read_text())
    for module, rows in table.items():
        functions = functions_in(module)
        for row in rows:
            assert " ".join(row["before"].split()) in functions.get(row["where"], ""), row
            assert row["after"], row
            assert len(row["why"]) > 20, row


HUNT = """
from tests.checks.mutation.bench import TESTS, run
from tests.checks.mutation.mutants import Mutant, path_of

TESTS["policy/methods"] = ("tests/policy/test_methods.py",)  # the twin alone, which is enough here
text = path_of("policy/methods").read_text()
changes = [
    ("checked_methods", 'upper | {"HEAD"}', 'upper'),             # a function
    ("", '"SEARCH", ', ''),                                       # a constant
    ("checked_methods", 'upper - REGISTERED', 'upper'),           # every name is unknown
    ("checked_methods", 'upper | {"HEAD"}', '{"HEAD"} | upper'),  # no difference
    ("checked_methods", 'upper | {"HEAD"}', '__import__("os")._exit(1)'),  # not a test that fails
]
mutants = [Mutant("policy/methods", w, b, a, text.replace(b, a)) for w, b, a in changes]
bench = run(mutants, 2, 60.0, lambda survivor: None)
print("left:", [mutant.after for mutant in bench.survivors])
print("fault:", bench.fault)
"""


@pytest.mark.needs_time
@pytest.mark.needs_tools
def test_what_no_test_sees_survives_and_nothing_else() -> None:
    """Mutants of functions and of constants are killed; the one that changes nothing is named.
    Where no test could fail, as the process was gone, there is no verdict."""
    run = subprocess.run(
        [sys.executable, "-c", HUNT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30 * PATIENCE,  # a busy machine gives a check that is polite little time
    )
    assert "left: ['{\"HEAD\"} | upper']\n" in run.stdout, run.stderr
    fault = run.stdout.partition("fault: ")[2]
    assert fault.startswith("no verdict, since the fork ended with 1: policy/methods"), fault
    assert fault.count("no verdict") == 1, fault


def test_a_mutant_is_known_by_its_lines() -> None:
    """A row of the table holds wherever in its function the line stands."""
    one, other = (Mutant("trust/jws", "parse", "a", "b", text) for text in ("b", "\n\nb"))
    assert one.key == other.key
    assert str(one) == "trust/jws parse: a  ->  b"
