"""The laws of the tests themselves: what is said once, and how the tests may look inside."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.kit import ROOT
from tests.kit.laws import is_own
from tests.kit.prose import statements

TESTS = ROOT / "tests"
# Run in environments or processes of their own, without the kit.
ALONE = {"packaging/flows.py"}


parsed = cache(ast.parse)
"""The tree of a file, which several laws ask for."""

MAY_LOOK_INSIDE = re.compile(r"\.\s*_[A-Za-z]|setattr")
"""What a file has that reads a private name; most have it not, and need no look at each node."""

DOCUMENTED = re.compile(r'def\s+test_\w+\((?:[^:]|:(?!\n))*\) -> None:\n +"""[^"\s]')
"""A test with a docstring, in the usual form. A file with as many of these as it has tests need not
be parsed."""


WAITS = (
    r"\.(?:wait|join|result|communicate)\((?:timeout=)?(\d+)\)",
    r"subprocess\.\w+\([^\n]*\btimeout=(\d+)\b(?!\.| \*)",
    r"deadline = [\w.]+\(\) \+ (\d+)\b",
)
"""The forms of a wait, with its seconds."""


def reads_private(node: ast.AST) -> Iterator[str]:
    """The private names that a statement reads of another object, or puts something in place
    of."""
    for n in ast.walk(node):
        if isinstance(n, ast.Attribute) and not is_own(n):
            yield n.attr
        elif isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "setattr":
            named = [a.value for a in n.args if isinstance(a, ast.Constant)]
            names = (str(name) for name in named if ast.unparse(n.args[0]) != "logging")
            yield from (name.rpartition(".")[2] for name in names)


def private(node: ast.AST, own: set[str]) -> set[str]:
    """Those that are private, and not the tests' own or a named tuple's."""
    public = own | {"_replace", "_asdict", "_fields", "_mapping"}
    return {n for n in reads_private(node) if re.match("_[A-Za-z]", n)} - public


def says_why_it_looks_inside(name: str, text: str) -> list[str]:
    """A private name is read by the kit's `inside`, or where a comment `# inside:` says why."""
    if name == "kit/inside.py" or not MAY_LOOK_INSIDE.search(text):
        return []
    tree, lines = parsed(text), text.splitlines()
    looking = [
        node
        for node in tree.body
        if "# inside: " not in "\n".join(lines[node.lineno - 2 : node.end_lineno])
        and MAY_LOOK_INSIDE.search("\n".join(lines[first_line(node) - 1 : node.end_lineno]))
    ]
    own = own_names(tree) if looking else set()
    return [f"{name} reads {found}" for node in looking for found in private(node, own)]


def first_line(node: ast.stmt) -> int:
    """Where a statement begins, with its decorators."""
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])


def own_names(tree: ast.Module) -> set[str]:
    """The functions and classes of a file, and what it reads of `self` or `cls`."""
    nodes = list(ast.walk(tree))
    own = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    return own | {n.attr for n in nodes if isinstance(n, ast.Attribute) and is_own(n)}


def patches_no_path(name: str, text: str) -> list[str]:
    """`tests` is a package: nothing is put on `sys.path`."""
    patched = re.search(r"sys\.path(\[|\.insert|\.append| \+?=)|syspath_prepend\(ROOT", text)
    return [f"{name} patches sys.path"] if patched and name not in ALONE else []


def encodes_in_one_place(name: str, text: str) -> list[str]:
    """Tokens are encoded by the kit's `tokens`."""
    encodes = re.search(r"(?<!\w)jwt\.encode\(", text) and name != "kit/tokens.py"
    return [f"{name} encodes tokens"] if encodes and name not in ALONE else []


def answers_are_of_one_class(name: str, text: str) -> list[str]:
    """What comes back from an app or a server is the kit's `Answer`, and a clock the kit's."""
    found = re.search(r"^class (Answer|Clock)\W", text, re.MULTILINE)
    homes = {"kit/answers.py", "kit/clock.py", "trust/test_remote_keys.py"}
    return [f"{name} has a {found[1]} of its own"] if found and name not in homes else []


def waits_for_long(name: str, text: str) -> list[str]:
    """A wait for something that has to come lasts half a minute at least."""
    waits = [seconds for form in WAITS for seconds in re.findall(form, text)]
    return [f"{name} waits for {seconds} s" for seconds in waits if int(seconds) < 30]


def tokens_of_a_module_last(name: str, text: str) -> list[str]:
    """A token that is made while a module is imported outlives the run of the whole suite."""
    made = re.findall(r"^\w+ = .*\.(?:mint|good)\((?!.*(?:exp|lifetime)=).*$", text, re.MULTILINE)
    return [f"{name}: {line} ends within a quarter of an hour" for line in made]


def rules_are_told(name: str, text: str) -> list[str]:
    """Every test says in its docstring what rule it proves."""
    if len(re.findall(r"def\s+test_", text)) == len(DOCUMENTED.findall(text)):
        return []
    tests = [n for n in statements(parsed(text)) if isinstance(n, ast.FunctionDef)]
    return [
        f"{name} {test.name} has no docstring"
        for test in tests
        if test.name.startswith("test_") and not ast.get_docstring(test)
    ]


def parts_are_asked_for_by_the_kit(name: str, text: str) -> list[str]:
    """A test that lacks its part says so by the kit's `skip` or `part`, which fail on a build
    machine. What is no part has a comment `# no part:` above."""
    found = re.findall(r"^(.*)\n.*pytest\.(?:skip|importorskip)\(", f"\n{text}", re.MULTILINE)
    skips = [line for line in found if "# no part:" not in line]
    return [f"{name} skips after {line!r}" for line in skips if name != "kit/parts.py"]


def programs_are_asked_for_by_the_kit(name: str, text: str) -> list[str]:
    """A program that a machine may lack is asked for by the kit's `program`, which skips."""
    found = re.findall(r"""[\[(]\s*["'](bash|curl|git|nginx|node|npm|openssl)["'],""", text)
    return [f"{name} runs {program}" for program in found]


Law = Callable[[str, str], list[str]]
PLANTED: dict[Law, str] = {
    says_why_it_looks_inside: "def test_x(store):\n    assert store._rows == 1",
    patches_no_path: "import sys\nsys.path.insert(0, '.')",
    encodes_in_one_place: "token = jwt.encode({}, 'key')",
    answers_are_of_one_class: "class Answer(NamedTuple):\n    status: int",
    waits_for_long: "thread.join(5)",
    tokens_of_a_module_last: "GOOD = MINTER.mint('ada')",
    parts_are_asked_for_by_the_kit: "def test_x():\n    pytest.importorskip('flask')",
    programs_are_asked_for_by_the_kit: "subprocess.run(['git', 'init'])",
    rules_are_told: "def test_x():\n    assert True",
}
OTHER_FORMS: list[tuple[Law, str]] = [
    (says_why_it_looks_inside, "def test_x(patch):\n    patch.setattr('package.module._NAME', 1)"),
    (waits_for_long, "deadline = time.monotonic() + 20"),
    (waits_for_long, "subprocess.run(['curl', address], timeout=9)"),
    (parts_are_asked_for_by_the_kit, "if not find_spec('flask'):\n    pytest.skip('no Flask')"),
]


@pytest.mark.parametrize("law", PLANTED, ids=lambda law: law.__name__)
def test_the_tests_keep_the_law(law: Law) -> None:
    """In every file of the tests."""
    files = {file.relative_to(TESTS).as_posix(): file for file in TESTS.rglob("*.py")}
    del files["test_layout.py"]  # it holds the planted faults
    assert [fault for name, file in files.items() for fault in law(name, file.read_text())] == []


@pytest.mark.parametrize(
    ("law", "source"),
    [*PLANTED.items(), *OTHER_FORMS],
    ids=[*(law.__name__ for law in PLANTED), "dotted name", "deadline", "subprocess", "skip"],
)
def test_a_planted_fault_turns_its_law_red(law: Law, source: str) -> None:
    """A law that no fault can break would prove nothing."""
    assert law("test_x.py", source)


def test_a_docstring_of_another_function_is_not_the_tests() -> None:
    """Neither a helper below a test nor the next test speaks for it."""
    bare, told = "def test_x() -> None:\n    f()\n\n", '() -> None:\n    """Do."""\n\n'
    assert rules_are_told("test_x.py", f"def f{told}{bare}") == [
        "test_x.py test_x has no docstring"
    ]
    for below in (f"def f{told}", f"def test_y{told}", f"def test_y{told}{bare}"):
        assert rules_are_told("test_x.py", bare + below)
    assert rules_are_told("test_x.py", f"def test_y{told}def f{told}") == []


def test_every_folder_is_a_package() -> None:
    """So that two files may have one name, and `tests.` finds them all."""
    folders = {file.parent for file in TESTS.rglob("*.py")} - {TESTS / "typing"}
    assert not [folder for folder in folders if not Path(folder, "__init__.py").exists()]
