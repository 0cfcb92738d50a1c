"""The laws of the package's shape (docs/architecture.md), each a function from modules to faults.

`tests/test_architecture.py` holds the package to them, and shows each red on a planted fault.
"""

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = "jwt_middleware"
RINGS = {"wire", "trust", "policy"}
SEE_MANY_RINGS = {"middleware", "decision", "events", "views", "flask", "bottle"}
SEE_MANY_RINGS |= {"settings", "inspection", "metrics", ""}
APART = {"cli", "login", "stores", "testing", "pytest_plugin"}
TAKE_ENVIRON = {"middleware", "decision", "events", "identity", "views", "flask", "bottle"}
TAKE_ENVIRON |= {"metrics", "inspection", "wire", "testing", "cli", "policy.paths", "policy.rules"}
TAKE_ENVIRON |= {"login.app", "login.routes"}
READ_OS_ENVIRON = {"settings", "cli", "trust.fetch"}
HASHING = {"stores.passwords", "stores.hash_checks"}
ONLY_IN = {
    "jwt": {"trust.keys", "trust.jws", "login.minter"},
    "cryptography": {"trust.key_material"},
    "werkzeug": {"wire", "login", "testing", "flask", *HASHING},
    "argon2": {"stores.other_hashes"},
    "bcrypt": {"stores.other_hashes"},
    "sqlalchemy": {"stores.sql"},
    "psycopg": {"stores.sql"},
    "redis": {"stores.redis"},
    "limits": {"login.throttle"},
    "click": {"cli"},
    "flask": {"cli", "flask"},
    "bottle": {"bottle"},
    "gunicorn": {"cli"},
    "pytest": {"pytest_plugin"},
    "django": {"testing"},
    "webtest": {"testing"},
    "prometheus_client": {"metrics"},
}
MAX_WIDTH, MAX_MODULE, MAX_FUNCTION, NINE_IN_TEN = 100, 300, 40, 20

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A module: its dotted name within the package, and its file."""

    name: str
    path: Path
    siblings: frozenset[str] = frozenset()

    @property
    def top(self) -> str:
        """The first part of its name."""
        return self.name.partition(".")[0]

    @cached_property
    def text(self) -> str:
        """Its source."""
        return self.path.read_text()

    @cached_property
    def tree(self) -> ast.Module:
        """Its source as a tree."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree, which most laws look at."""
        return list(ast.walk(self.tree))

    @cached_property
    def functions(self) -> list[Function]:
        """Every function and method."""
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def imports(self) -> set[str]:
        """What it imports, as absolute dotted names."""
        return self._imported(self.nodes)

    @cached_property
    def imports_at_import(self) -> set[str]:
        """The same without what only functions and types need."""
        return self._imported(_run_at_import(self.tree.body))

    def _imported(self, nodes: Iterable[ast.AST]) -> set[str]:
        return {name for node in nodes for name in self._targets(node)}

    def _targets(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = [PACKAGE, *filter(None, self.name.split("."))]
            above = len(here) - node.level + (self.path.stem == "__init__")
            parts = here[:above] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)

    def own_imports(self, *, at_import: bool = False) -> set[str]:
        """The package's modules that it imports; `from . import x` may name a thing instead."""
        imported = self.imports_at_import if at_import else self.imports
        names = {name for name in imported if _is_ours(name)}
        inside = {name.removeprefix(PACKAGE).lstrip(".") for name in names}
        return {self._module_named(name) for name in inside} - {self.name}

    def _module_named(self, name: str) -> str:
        while name and name not in self.siblings:
            name = name.rpartition(".")[0]
        return name

    def foreign_imports(self) -> set[str]:
        """The top names of everything else."""
        return {name.partition(".")[0] for name in self.imports if not _is_ours(name)}

    def is_in(self, places: set[str]) -> bool:
        """Whether it is one of these modules, or below one."""
        return any(self.name == place or self.name.startswith(f"{place}.") for place in places)


def modules_in(root: Path) -> list[Module]:
    """The modules of a package's folder."""
    names = {path: _name_of(path, root) for path in sorted(root.rglob("*.py"))}
    return [Module(name, path, frozenset(names.values())) for path, name in names.items()]


def _name_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == PACKAGE


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


Modules = Sequence[Module]
Law = Callable[[Modules], list[str]]


def rings_are_strangers(modules: Modules) -> list[str]:
    """wire, trust and policy never import one another; only the hall sees several."""
    faults = []
    for module in modules:
        rings = {name.partition(".")[0] for name in module.own_imports()} & RINGS
        if module.top in RINGS and rings - {module.top}:
            faults.append(f"{module.name} imports {rings - {module.top}}")
        elif module.top not in RINGS | APART | SEE_MANY_RINGS and len(rings) > 1:
            faults.append(f"{module.name} sees {rings}")
    return faults


def the_core_stands_alone(modules: Modules) -> list[str]:
    """The core never imports login, stores, testing or cli; login no policy and no middleware."""
    faults = []
    for module in modules:
        heads = {name.partition(".")[0] for name in module.own_imports()}
        forbidden = set() if module.top in APART | {"settings", "metrics"} else APART
        if module.top == "login":
            forbidden = {"policy", "middleware", "cli"}
        elif module.top == "stores":
            forbidden = {"middleware", "login", "cli"}
        faults += [f"{module.name} imports {head}" for head in heads & forbidden]
    return faults


def environ_has_its_places(modules: Modules) -> list[str]:
    """A parameter named `environ` appears only where requests are known, so trust knows none."""
    return [
        f"{module.name}.{function.name} takes an environ"
        for module in modules
        for function in module.functions
        if not module.is_in(TAKE_ENVIRON) and "environ" in _parameters(function)
    ]


def _parameters(function: Function) -> set[str]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {argument.arg for argument in every}


def what_is_private_is_read_at_home(modules: Modules) -> list[str]:
    """No module reads a `_private` name of another module's object."""
    return [fault for module in modules for fault in _foreign_private_reads(module)]


def _foreign_private_reads(module: Module) -> Iterator[str]:
    nodes = module.nodes
    own = {node.name for node in nodes if isinstance(node, Function | ast.ClassDef)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and is_own(node):
            own.add(node.attr)
        elif isinstance(node, ast.AnnAssign):
            own.add(ast.unparse(node.target))
    of_named_tuples = {"_replace", "_asdict", "_fields", "_mapping"}
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            is_dunder = node.attr.startswith("__")
            is_known = is_own(node) or node.attr in own or node.attr in of_named_tuples
            if not (is_dunder or is_known):
                yield f"{module.name} reads {ast.unparse(node)}"


def is_own(node: ast.Attribute) -> bool:
    """Whether it is an attribute of `self` or `cls`."""
    return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}


def third_parties_have_their_place(modules: Modules) -> list[str]:
    """Each library is imported in the modules that are about it, and any other nowhere."""
    faults = []
    for module in modules:
        for name in module.foreign_imports() - sys.stdlib_module_names:
            if name not in ONLY_IN or not module.is_in(ONLY_IN[name]):
                faults.append(f"{module.name} imports {name}")
    return faults


def options_are_arguments(modules: Modules) -> list[str]:
    """Nothing reads `os.environ` but `settings`, `cli` and `trust.fetch` (proxy variables)."""
    read = {f"os.{name}" for name in ("environ", "environb", "getenv", "getenvb")}
    faults = []
    for module in modules:
        if not module.is_in(READ_OS_ENVIRON):
            attributes = {
                f"{ast.unparse(n.value)}.{n.attr}"
                for n in module.nodes
                if isinstance(n, ast.Attribute) and f"os.{n.attr}" in read
            }
            faults += [
                f"{module.name} reads {name}" for name in (attributes | module.imports) & read
            ]
    return faults


def no_import_cycle(modules: Modules) -> list[str]:
    """Modules can be imported in some order, each after those that it needs."""
    graph = {m.name: m.own_imports(at_import=True) - {""} for m in modules if m.name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"an import cycle: {' -> '.join(error.args[1])}"]
    return []


def things_are_short(modules: Modules) -> list[str]:
    """Width 100, modules of 300 lines, functions of 40, nine in ten of 20. Totals have no limit."""
    faults, lengths = [], []
    for module in modules:
        lines = module.text.splitlines()
        if len(lines) > MAX_MODULE or any(len(line) > MAX_WIDTH for line in lines):
            faults.append(f"{module.name} has {len(lines)} lines, or one that is too wide")
        for function in module.functions:
            lengths.append(_length(function))
            if lengths[-1] > MAX_FUNCTION:
                faults.append(f"{module.name}.{function.name} has {lengths[-1]} lines")
    if sorted(lengths)[len(lengths) * 9 // 10 :][:1] > [NINE_IN_TEN]:
        faults.append(f"more than one function in ten has over {NINE_IN_TEN} lines")
    return faults


def _length(function: Function) -> int:
    """The lines of a function without its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def what_is_public_is_documented(modules: Modules) -> list[str]:
    """Modules, and public classes, functions and methods, have a docstring."""
    return [
        f"{module.name} {name} has no docstring"
        for module in modules
        for name, node in [("", module.tree), *((node.name, node) for node in _public(module.tree))]
        if not ast.get_docstring(node)
    ]


def _public(tree: ast.Module | ast.ClassDef) -> Iterator[Function | ast.ClassDef]:
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


def words_have_one_meaning(modules: Modules) -> list[str]:
    """No name that stands for another thing is used, nor a module for all that is left over."""
    faults = []
    for module in modules:
        names = set(module.name.split(".")) & {"utils", "helpers", "common", "misc"}
        nodes = module.nodes
        bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
        bound |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        names |= bound & {"user_info", "jwt", "env"}
        faults += [f"{module.name} uses the name {name}" for name in names]
    return faults


LAWS: tuple[Law, ...] = (
    rings_are_strangers,
    the_core_stands_alone,
    environ_has_its_places,
    what_is_private_is_read_at_home,
    third_parties_have_their_place,
    options_are_arguments,
    no_import_cycle,
    things_are_short,
    what_is_public_is_documented,
    words_have_one_meaning,
)
