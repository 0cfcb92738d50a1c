"""Run a benchmark: `python -m tests.checks.benchmarks compare|throughput|cache_memory|faults|
sessions [ARGUMENT]`, each of which says at its head what it prints."""

import sys
from importlib import import_module

_NAMES = ("compare", "throughput", "cache_memory", "faults", "sessions")

if __name__ == "__main__":
    _, *names = sys.argv
    if not names or names[0] not in _NAMES:
        sys.exit(__doc__)
    del sys.argv[1]
    import_module(f"tests.checks.benchmarks.{names[0]}").main()
