"""Run a benchmark; each module says at its head what it prints, and how long it takes."""

import sys
import time
from importlib import import_module

from tests.kit.checking import parser, sum_up

NAMES = ("compare", "throughput", "cache_memory", "faults", "sessions")


def main() -> None:
    """Run the one that is named."""
    words = parser("benchmarks", __doc__)
    words.add_argument("name", choices=NAMES)
    words.add_argument("number", nargs="?", help="the rounds of compare, the rows of sessions")
    chosen = words.parse_args()
    sys.argv[1:] = [chosen.number] if chosen.number else []
    started = time.perf_counter()
    came = import_module(f"tests.checks.benchmarks.{chosen.name}").main()
    sum_up(f"{chosen.name}: {came}, in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
