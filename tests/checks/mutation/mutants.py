"""The mutants of a module, as mutmut makes them, and the table of those that change nothing."""

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from tests.kit import ROOT

PACKAGE = ROOT / "jwt_middleware"
TABLE = Path(__file__).with_name("equivalents.toml")
FIGURES = {
    module: tuple(map(int, counts))
    for module, *counts in re.findall(
        r"\| `(\S+)` \| (\d+) \| (\d+) \| (\d+) \|", sys.modules[__package__].__doc__ or ""
    )
}
"""How many mutants each module had at its last run, and how many were killed and equivalent."""

# mutmut leaves a function with a decorator alone, since it replaces functions while they run.
# Here they are compiled anew, so the decorators of functions are hidden from it as comments.
_DECORATOR = re.compile(r"^( *)@(?!dataclass)", re.MULTILINE)
_HIDDEN = "#hidden @"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change. `where` is the function or method, or empty outside of all."""

    module: str
    where: str
    before: str
    after: str
    source: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What the table knows it by; line numbers are not part of it."""
        return self.module, self.where, self.before, self.after

    @property
    def import_name(self) -> str:
        """The name under which the module is imported."""
        return f"jwt_middleware.{self.module.replace('/', '.')}"

    def __str__(self) -> str:
        return f"{self.module} {self.where or 'module'}: {self.before}  ->  {self.after}"


def path_of(module: str) -> Path:
    """Return the file of a module such as `trust/jws`."""
    return PACKAGE / f"{module}.py"


def mutants_of(module: str) -> list[Mutant]:
    """Return every mutant that mutmut makes of a module and that can be compiled."""
    text = path_of(module).read_text()
    made = [_mutant(module, text, where, source) for where, source in sources(text)]
    return [mutant for mutant in made if mutant is not None]


def sources(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name of the mutated function and the mutated text, for each mutation."""
    from libcst import ClassDef, FunctionDef
    from mutmut.mutation.file_mutation import create_mutations

    tree, mutations, *_ = create_mutations("", _DECORATOR.sub(rf"\1{_HIDDEN}", text))
    # A node is looked for in its own statement, and that statement alone is written anew: for the
    # whole tree this takes minutes.
    codes = [tree.code_for_node(statement) for statement in tree.body]
    begin, end = tree.code.split("".join(codes))
    home = {}
    for number, statement in enumerate(tree.body):
        parts = statement.body.body if isinstance(statement, ClassDef) else [statement]
        for part in parts:
            names = [s.name.value for s in (statement, part) if isinstance(s, ClassDef)]
            names += [part.name.value] if isinstance(part, FunctionDef) else []
            place = number, part, ".".join(names) if isinstance(part, FunctionDef) else ""
            home.update(dict.fromkeys(map(id, _nodes(part)), place))
    for mutation in mutations:
        number, part, where = home[id(mutation.original_node)]
        mutated = part.deep_replace(mutation.original_node, mutation.mutated_node)
        statement = tree.body[number]
        if part is not statement:
            inner = [mutated if one is part else one for one in statement.body.body]
            mutated = statement.with_changes(body=statement.body.with_changes(body=inner))
        written = [*codes[:number], tree.code_for_node(mutated), *codes[number + 1 :]]
        yield where, "".join([begin, *written, end]).replace(_HIDDEN, "@")


def _nodes(node: object) -> Iterator[object]:
    yield node
    for child in node.children:  # type: ignore[attr-defined]
        yield from _nodes(child)


def _mutant(module: str, text: str, where: str, source: str) -> Mutant | None:
    try:
        compile(source, module, "exec", dont_inherit=True)
    except SyntaxError:
        return None
    diff = list(unified_diff(text.splitlines(), source.splitlines(), n=0, lineterm=""))[2:]
    before, after = (_joined(diff, sign) for sign in "-+")
    return Mutant(module, where, before, after, source)


def _joined(diff: list[str], sign: str) -> str:
    return " ".join(line[1:].strip() for line in diff if line.startswith(sign))


def equivalents(module: str) -> dict[tuple[str, str, str, str], str]:
    """Return the mutants of a module that change nothing, with the reason, from the table."""
    return {
        (module, entry["where"], entry["before"], after): entry["why"]
        for entry in tomllib.loads(TABLE.read_text()).get(module, [])
        for after in entry["after"]
    }
