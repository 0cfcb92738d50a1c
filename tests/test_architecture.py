"""The laws of the package's shape: who may import whom, how large things are, what is
documented."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "jwt_middleware"
PACKAGE = ROOT.name
RINGS = {"wire", "trust", "policy"}
SEE_MANY_RINGS = {"middleware", "decision", "events", "views", "flask", "bottle"}
SEE_MANY_RINGS |= {"settings", "inspection", "metrics"}
APART = {"cli", "login", "stores", "testing", "pytest_plugin"}
ONLY_IN = {
    "jwt": {"trust.keys", "trust.jws", "login.minter"},
    "werkzeug": {"wire", "login", "stores.passwords", "testing"},
    "sqlalchemy": {"stores.sql"},
    "psycopg": {"stores.sql"},
    "redis": {"stores.redis"},
    "limits": {"login.throttle"},
    "click": {"cli"},
    "flask": {"cli"},
    "gunicorn": {"cli"},
    "pytest": {"pytest_plugin"},
    "webtest": {"testing"},
}
MAY_READ_OS_ENVIRON = {"settings", "cli"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A module: its dotted name within the package, its lines, its tree, and whom it imports."""

    name: str
    path: Path

    @property
    def top(self) -> str:
        """The first part of its name."""
        return self.name.partition(".")[0]

    @property
    def text(self) -> str:
        """Its source."""
        return self.path.read_text()

    @property
    def tree(self) -> ast.Module:
        """Its source as a tree."""
        return ast.parse(self.text)

    @property
    def functions(self) -> list[Function]:
        """Every function and method."""
        return [node for node in ast.walk(self.tree) if isinstance(node, Function)]

    def imports(self, *, at_import: bool = False) -> set[str]:
        """What it imports, as absolute dotted names; `at_import` leaves out what only functions and
        types need."""
        nodes = _run_at_import(self.tree.body) if at_import else ast.walk(self.tree)
        return {name for node in nodes for name in self._targets(node)}

    def _targets(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = [PACKAGE, *filter(None, self.name.split("."))]
            above = len(here) - node.level + (self.path.stem == "__init__")
            base = ".".join(
                [*(here[:above] if node.level else []), *([node.module] if node.module else [])]
            )
            yield from (f"{base}.{alias.name}" for alias in node.names)

    def own_imports(self, *, at_import: bool = False) -> set[str]:
        """The package's modules that it imports; `from . import x` may name a thing instead of a
        module."""
        inside = {
            name.removeprefix(PACKAGE).lstrip(".")
            for name in self.imports(at_import=at_import)
            if _is_ours(name)
        }
        return {_module_named(name) for name in inside} - {self.name}

    def foreign_imports(self) -> set[str]:
        """The top names of everything else."""
        return {name.partition(".")[0] for name in self.imports() if not _is_ours(name)}


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == PACKAGE


def _module_named(name: str) -> str:
    while name not in NAMES:
        name = name.rpartition(".")[0]
    return name


def _run_at_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    for statement in body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            continue
        if isinstance(statement, Function):
            continue
        yield statement
        for _, value in ast.iter_fields(statement):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield from _run_at_import(value)


def _name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = [Module(_name_of(path), path) for path in sorted(ROOT.rglob("*.py"))]
NAMES = {module.name for module in MODULES}
each_module = pytest.mark.parametrize(
    "module", MODULES, ids=[module.name or PACKAGE for module in MODULES]
)


@each_module
def test_rings_do_not_import_one_another(module: Module) -> None:
    """wire, trust and policy are strangers; only the hall sees several."""
    rings = {name.partition(".")[0] for name in module.own_imports()} & RINGS
    if module.top in RINGS:
        assert rings <= {module.top}
    elif module.top not in APART | SEE_MANY_RINGS | {""}:
        assert len(rings) <= 1


@each_module
def test_the_core_stands_alone(module: Module) -> None:
    """The core never imports `login`, `stores` or `cli`."""
    if module.top not in APART | {"settings"}:
        assert not [name for name in module.own_imports() if name.partition(".")[0] in APART]


@each_module
def test_login_and_middleware_are_apart(module: Module) -> None:
    """`login` never imports `middleware`, so it can be served alone; stores import neither it nor
    the command."""
    if module.top == "login":
        assert not {"middleware", "cli"} & {name.partition(".")[0] for name in module.own_imports()}
    if module.top == "stores":
        assert not {"middleware", "login", "cli"} & {
            name.partition(".")[0] for name in module.own_imports()
        }


@each_module
def test_third_parties_have_their_place(module: Module) -> None:
    """Each library is imported in the modules that are about it, and any other library nowhere."""
    known = {*ONLY_IN, "cryptography", *sys.stdlib_module_names}
    for name in module.foreign_imports():
        assert name in known
        places = ONLY_IN.get(name, {module.name})
        assert any(
            module.name == place or module.name.startswith(place + ".") for place in places
        ), name


@each_module
def test_the_environment_of_the_process(module: Module) -> None:
    """Nothing reads `os.environ` but `settings` and `cli`: an option is an argument."""
    if module.top not in MAY_READ_OS_ENVIRON:
        read = {"environ", "environb", "getenv", "getenvb"}
        for node in ast.walk(module.tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "os"
            ):
                assert node.attr not in read
        assert not {f"os.{name}" for name in read} & module.imports()


def test_no_import_cycle() -> None:
    """Modules can be imported in some order, each after those that it needs."""
    graph = {
        module.name: module.own_imports(at_import=True) - {""} for module in MODULES if module.name
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"an import cycle: {' -> '.join(error.args[1])}")


@each_module
def test_modules_are_short(module: Module) -> None:
    """300 lines at most."""
    assert len(module.text.splitlines()) <= 300


def _length(function: Function) -> int:
    """The lines of a function without its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_functions_are_short() -> None:
    """Nine in ten within 20 lines, none over 40."""
    lengths = sorted(
        (_length(function), f"{module.name}.{function.name}")
        for module in MODULES
        for function in module.functions
    )
    assert lengths[-1][0] <= 40, lengths[-1]
    assert lengths[len(lengths) * 9 // 10][0] <= 20


@each_module
def test_everything_public_is_documented(module: Module) -> None:
    """Modules, and public classes, functions and methods, have a docstring."""
    bare = [node.name for node in _public(module.tree.body) if not ast.get_docstring(node)]
    assert ast.get_docstring(module.tree)
    assert not bare


def _public(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body)


@each_module
def test_no_word_of_the_field_is_misused(module: Module) -> None:
    """A word has one meaning: a name that stands for another is not used, nor a module for all that
    is left over."""
    assert not {"utils", "helpers", "common", "misc"} & set(module.name.split("."))
    names = {node.arg for node in ast.walk(module.tree) if isinstance(node, ast.arg)}
    names |= {
        node.id
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    assert not {"user_info", "jwt", "env"} & names


def _loaded_by(statement: str) -> set[str]:
    """The top names of the modules that a fresh interpreter has loaded after the statement."""
    script = (
        f"import sys; before = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT.parent, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()} - sys.stdlib_module_names


CORE = {PACKAGE, "werkzeug", "markupsafe", "jwt", "cryptography"}


def test_what_the_core_loads() -> None:
    """`import jwt_middleware` loads werkzeug, PyJWT with cryptography, and the standard library
    only."""
    loaded = _loaded_by(f"import {PACKAGE}")
    assert CORE - {"markupsafe"} <= loaded
    assert {name for name in loaded if not name.startswith("_")} <= CORE | {"cffi"}


def test_what_a_store_in_memory_loads() -> None:
    """Neither does the login app with a store in memory need SQLAlchemy, Flask or click."""
    loaded = _loaded_by(
        f"from {PACKAGE}.login import LoginApp; from {PACKAGE}.stores import MemoryStore"
    )
    assert not {"sqlalchemy", "click", "flask", "gunicorn", "psycopg", "redis"} & loaded


def test_the_core_does_not_load_the_rest() -> None:
    """An app that only accepts tokens pays for no store and no login."""
    script = f"import sys, {PACKAGE}; print(*(name for name in sys.modules if name.startswith('{PACKAGE}.')))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT.parent, check=True
    )
    assert not [name for name in done.stdout.split() if name.split(".")[1] in APART]


def test_every_public_name_is_there() -> None:
    """`__all__` names once what exists, and leaves out nothing that `__init__` imports."""
    public = importlib.import_module(PACKAGE).__all__
    imported = {
        alias.name
        for node in ast.walk(MODULES[0].tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert MODULES[0].name == ""
    assert len(set(public)) == len(public)
    assert set(public) == imported


@pytest.mark.parametrize(
    "name", [PACKAGE, *(f"{PACKAGE}.{part}" for part in ("login", "stores", "testing"))]
)
def test_every_public_name_is_typed(name: str) -> None:
    """`tests/typing/api.py` uses each of them, as the type checker of an owner would see it
    used."""
    tree = ast.parse((Path(__file__).parent / "typing" / "api.py").read_text())
    imports = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == name
    ]
    assert set(importlib.import_module(name).__all__) <= {
        alias.name for node in imports for alias in node.names
    }


@pytest.mark.parametrize(
    ("source", "imported"),
    [
        ("import os.path", {"os.path"}),
        ("from .errors import require", {f"{PACKAGE}.errors.require"}),
        ("from ..errors import require", {"errors.require"}),
        ("def f():\n    from .login import x", {f"{PACKAGE}.login.x"}),
    ],
)
def test_the_reading_of_imports(source: str, imported: set[str], tmp_path: Path) -> None:
    """What these laws rest on: relative imports, and those within functions, are seen."""
    path = tmp_path / "module.py"
    path.write_text(source)
    assert Module("module", path).imports() == imported
