"""Lets tests hunt mutants: `python -m tests.checks.mutation [MODULE ...]`, 20 minutes of a core.

A mutant is a module with one small change, made by mutmut: another operator, number, text or
argument. The quick suite must kill it, or `equivalents.toml` must say why it changes nothing.
"""

import sys

from tests.checks.mutation.modules import COVERED, MODULES
from tests.checks.mutation.mutants import FIGURES, Mutant, equivalents, mutants_of
from tests.kit.checking import Progress, followed, parser, sum_up, tell


def main() -> int:
    """Print the mutants that survive, a row for each module and the summary; return whether
    anything is wrong."""
    words = parser("mutation", __doc__)
    words.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(MODULES)}")
    words.add_argument("--workers", type=int, default=2, help="mutants at once")
    words.add_argument("--seconds", type=float, default=60.0, help="of tests for a mutant at most")
    words.add_argument("--match", default="", help="only the mutants of lines with this text")
    chosen = words.parse_args()
    if unknown := set(chosen.modules) - set(MODULES):
        words.error(f"a module must be one of {', '.join(MODULES)}, got {', '.join(unknown)}")
    modules = chosen.modules or COVERED
    mutants = {
        module: [mutant for mutant in mutants_of(module) if chosen.match in mutant.before]
        for module in followed("modules mutated", modules)
    }
    listed = {module: equivalents(module) for module in modules}
    asked = [m for module in modules for m in mutants[module] if m.key not in listed[module]]
    survivors, fault = hunt(asked, chosen.workers, chosen.seconds)
    outdated = []
    for module in modules:
        counts = counted(module, mutants[module], listed[module], survivors)
        tell("{}: {} mutants, {} killed, {} equivalent, {} survive".format(module, *counts))
        if not chosen.match and FIGURES.get(module) != counts[:3]:
            outdated.append("| `{}` | {} | {} | {} |".format(module, *counts))
    made = sum(map(len, mutants.values()))
    killed = len(asked) - len(survivors)
    stale = [] if chosen.match else _stale(mutants, listed)
    for key in stale:
        tell(f"listed, but not a mutant any more: {' | '.join(key)}")
    for line in outdated:
        tell(f"the table of tests/checks/mutation must say: {line}")
    left = ", ".join(module for module in MODULES if module not in modules)
    sum_up(
        f"{made} mutants, {killed} killed, {made - len(asked)} equivalent, "
        f"{len(survivors)} survive, {len(stale)} reasons and {len(outdated)} figures are stale"
        + (f"; {fault}" if fault else "")
        + (f"; not covered: {left}" if left else "")
    )
    return bool(survivors or stale or outdated or fault)


def hunt(asked: list[Mutant], workers: int, seconds: float) -> tuple[list[Mutant], str]:
    """Run the tests, and return the survivors, and what is wrong with the tests themselves."""
    from tests.checks.mutation.bench import run  # pytest and the package, which take a second

    progress = Progress("mutants", len(asked))

    def told(survivor: str) -> None:
        progress.step()
        if survivor:
            tell(f"survives: {survivor}")

    bench = run(asked, workers, seconds, told)
    for mutant in bench.spent:
        tell(f"killed by its time: {mutant}")
    return bench.survivors, bench.fault


def counted(
    module: str,
    mutants: list[Mutant],
    listed: dict[tuple[str, str, str, str], str],
    survivors: list[Mutant],
) -> tuple[int, int, int, int]:
    """Return how many mutants a module has, and how many are killed, equivalent and alive."""
    equivalent = sum(mutant.key in listed for mutant in mutants)
    alive = sum(mutant.module == module for mutant in survivors)
    return len(mutants), len(mutants) - equivalent - alive, equivalent, alive


def _stale(
    mutants: dict[str, list[Mutant]], listed: dict[str, dict[tuple[str, str, str, str], str]]
) -> list[tuple[str, str, str, str]]:
    made = {mutant.key for of_module in mutants.values() for mutant in of_module}
    return [key for of_module in listed.values() for key in of_module if key not in made]


if __name__ == "__main__":
    sys.exit(main())
