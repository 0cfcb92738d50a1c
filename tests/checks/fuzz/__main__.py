"""Fuzzes with atheris: `pip install atheris`, then `python -m tests.checks.fuzz
header|token|environ|logout|proof [-max_total_time=300 ...]`.

The options are those of libFuzzer, which prints the progress. It starts from the corpus and from
what earlier runs found, which a folder among the temporary files keeps; it stops at the first
broken law. Printed too is every input that took longer than all before it, the least of five
rounds counting.
"""

import argparse
import signal
import subprocess
import sys

from tests.checks.fuzz.fuzzer import Outcome
from tests.kit.checking import parser, sum_up


def main() -> int:
    """Fuzz one target in a process of its own, which libFuzzer ends, and say what came of it."""
    words = parser("fuzz", __doc__)
    words.add_argument("target", choices=("header", "token", "environ", "logout", "proof"))
    words.add_argument("options", nargs=argparse.REMAINDER, help="of libFuzzer")
    chosen = words.parse_args()
    command = [sys.executable, "-m", "tests.checks.fuzz.fuzzer", chosen.target, *chosen.options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as fuzzer:
        assert fuzzer.stderr is not None
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the fuzzer gets it too, and ends
        came = Outcome()
        for line in fuzzer.stderr:
            print(line, end="", file=sys.stderr, flush=True)
            came.read(line)
        code = fuzzer.wait()
    sum_up(f"{chosen.target}: {came.said(code)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
