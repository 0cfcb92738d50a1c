"""Lets tests hunt mutants: `python -m tests.checks.mutation [MODULE ...]`, about an hour.

A mutant is a module with one small change, made by mutmut: another operator, number, text or
argument. The quick suite must kill it, or `equivalents.toml` must say why it changes nothing.
"""

import sys

from tests.checks.mutation.modules import COVERED, MODULES
from tests.checks.mutation.mutants import Mutant, equivalents, mutants_of
from tests.kit.checking import Progress, followed, parser, sum_up


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
    for module in modules:
        print(row(module, mutants[module], listed[module], survivors))
    made = sum(map(len, mutants.values()))
    killed = len(asked) - len(survivors)
    stale = [] if chosen.match else _stale(mutants, listed)
    for key in stale:
        print(f"listed, but not a mutant any more: {' | '.join(key)}")
    left = ", ".join(module for module in MODULES if module not in modules)
    sum_up(
        f"{made} mutants, {killed} killed, {made - len(asked)} equivalent, "
        f"{len(survivors)} survive, {len(stale)} rows of the table are stale"
        + (f"; {fault}" if fault else "")
        + (f"; not covered: {left}" if left else "")
    )
    return bool(survivors or stale or fault)


def hunt(asked: list[Mutant], workers: int, seconds: float) -> tuple[list[Mutant], str]:
    """Run the tests, and return the survivors, and what is wrong with the tests themselves."""
    from tests.checks.mutation.bench import run  # pytest and the package, which take a second

    progress = Progress("mutants", len(asked))

    def told(survivor: str) -> None:
        progress.step()
        if survivor:
            print(f"survives: {survivor}", flush=True)

    bench = run(asked, workers, seconds, told)
    for mutant in bench.spent:
        print(f"killed by its time: {mutant}")
    return bench.survivors, bench.fault


def row(
    module: str,
    mutants: list[Mutant],
    listed: dict[tuple[str, str, str, str], str],
    survivors: list[Mutant],
) -> str:
    """Say what became of the mutants of a module."""
    equivalent = sum(mutant.key in listed for mutant in mutants)
    alive = sum(mutant.module == module for mutant in survivors)
    killed = len(mutants) - equivalent - alive
    counts = f"{killed} killed, {equivalent} equivalent, {alive} survive"
    return f"{module}: {len(mutants)} mutants, {counts}"


def _stale(
    mutants: dict[str, list[Mutant]], listed: dict[str, dict[tuple[str, str, str, str], str]]
) -> list[tuple[str, str, str, str]]:
    made = {mutant.key for of_module in mutants.values() for mutant in of_module}
    return [key for of_module in listed.values() for key in of_module if key not in made]


if __name__ == "__main__":
    sys.exit(main())
