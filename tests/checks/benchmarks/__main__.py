"""Run a benchmark: compare and throughput take four minutes, faults ten, cache_memory seconds,
sessions twenty minutes, or eight with 0 rows."""

import time
from importlib import import_module

from tests.kit.checking import parser, sum_up

NUMBERED = {"compare": "rounds", "sessions": "rows"}
NAMES = ("compare", "throughput", "cache_memory", "faults", "sessions")


def main() -> None:
    """Run the one that is named."""
    words = parser("benchmarks", __doc__)
    words.add_argument("name", choices=NAMES)
    words.add_argument("number", nargs="?", type=int, help="rounds of compare, rows of sessions")
    chosen = words.parse_args()
    if chosen.number is not None and chosen.name not in NUMBERED:
        words.error(f"{chosen.name} takes no number")
    numbers = [] if chosen.number is None else [chosen.number]
    started = time.perf_counter()
    came = import_module(f"tests.checks.benchmarks.{chosen.name}").main(*numbers)
    sum_up(f"{chosen.name}: {came}, in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
