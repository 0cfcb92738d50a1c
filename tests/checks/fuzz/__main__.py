"""Fuzzes with atheris: `python -m tests.checks.fuzz header|token|environ|logout|proof
[-max_total_time=300 ...]`.

The options are those of libFuzzer. It starts from the corpus and from what earlier runs found,
which a folder among the temporary files keeps; it stops at the first broken law. libFuzzer prints
the progress and, at the end, one line with the number of runs. Printed too is
every input that took longer than all before it, the least of five rounds counting.
"""

import sys
import tempfile
import time
import warnings
from pathlib import Path

from tests.kit.checking import parser

_slowest = 0.0


def main() -> None:
    """Fuzz one target until libFuzzer ends the process."""
    warnings.simplefilter("ignore")
    words = parser("fuzz", __doc__)
    words.add_argument("target", choices=("header", "token", "environ", "logout", "proof"))
    chosen, options = words.parse_known_args()
    import atheris

    with atheris.instrument_imports(include=["jwt_middleware"]):
        from tests.checks.fuzz import targets
    name = chosen.target
    folder = Path(tempfile.gettempdir(), f"jwt-middleware-fuzz-{name}")
    folder.mkdir(exist_ok=True)
    for number, seed in enumerate(targets.seeds(name)):
        (folder / str(number)).write_bytes(seed)

    def taken_by(data: bytes) -> float:
        started = time.perf_counter()
        targets.TARGETS[name](data)
        return time.perf_counter() - started

    def timed(data: bytes) -> None:
        global _slowest
        taken = taken_by(data)
        if (
            taken > _slowest
            and (taken := min(taken, *(taken_by(data) for _ in range(4)))) > _slowest
        ):
            _slowest = taken
            print(
                f"slowest so far: {taken * 1000:.2f} ms, {len(data)} bytes: {data[:100]!r}",
                file=sys.stderr,
            )

    atheris.Setup(
        [
            sys.argv[0],
            "-max_len=12000",
            "-timeout=5",
            f"-artifact_prefix={folder}/",
            *options,
            str(folder),
        ],
        timed,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
