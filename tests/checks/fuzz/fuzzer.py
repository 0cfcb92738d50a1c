"""The process that atheris fuzzes in, which libFuzzer ends, and how its output is read."""

import re
import sys
import tempfile
import time
import warnings
from pathlib import Path

_slowest = 0.0


def main() -> None:
    """Fuzz the target that is named first, with the options after it."""
    warnings.simplefilter("ignore")
    name, *options = sys.argv[1:]
    import atheris

    with atheris.instrument_imports(include=["jwt_middleware"]):
        from tests.checks.fuzz import targets
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


class Outcome:
    """What the lines of a run tell: how many inputs were tried, which took longest, and where the
    one is that broke a law."""

    def __init__(self) -> None:
        self._runs, self._slowest, self._broke = "no count of", "", ""

    def read(self, line: str) -> None:
        """Read the next line."""
        if found := re.match(r"Done (\d+) runs|#(\d+)\s", line):
            self._runs = found[1] or found[2]
        elif found := re.match(r"slowest so far: ([\d.]+ ms)", line):
            self._slowest = f", the slowest {found[1]}"
        elif found := re.search(r"Test unit written to (\S+)", line):
            self._broke = f" by the input in {found[1]}"
        elif "run interrupted" in line:
            self._broke = ", interrupted"

    def said(self, code: int) -> str:
        """Return what came of it, by the exit code too."""
        ended = f"ended with {code}{self._broke}" if code else "no law broken"
        return f"{self._runs} inputs{self._slowest}; {ended}"


if __name__ == "__main__":
    main()
