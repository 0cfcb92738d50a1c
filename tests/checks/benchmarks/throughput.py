"""Requests per second through gunicorn (gthread, one worker), driven by `wrk`: bare, ours,
Flask-JWT-Extended.

All apps live in one worker and take turns of a second, so that each round compares them under the
same memory layout and the same noise of the machine; the ratio is the median of the rounds' ratios.
"""

import re
import shutil
import statistics
import subprocess
import tempfile
from contextlib import ExitStack
from operator import truediv
from pathlib import Path
from typing import Any

from tests.kit.checking import followed, tell
from tests.kit.serving import gunicorn

_ROUNDS = 25
_NAMES = ("unprotected", "guarded", "Flask bare", "Flask-JWT-Extended")


def application() -> Any:
    """What the worker loads: all apps, each under its place in `_NAMES` as the query."""
    from tests.checks.benchmarks import compare

    apps = [compare.bare, compare.guarded(), *map(compare.flask_apps().get, _NAMES[2:])]
    by_query = {str(place): app for place, app in enumerate(apps)}
    return lambda environ, start_response: by_query[environ["QUERY_STRING"]](
        environ, start_response
    )


def main() -> str:
    """Print for one thread and for four the median of the rounds, and the ratio to the unprotected
    app; return ours."""
    if not shutil.which("wrk"):
        tell("\nno wrk here: no requests per second")
        return "no requests per second for want of wrk"
    ours = []
    for threads in (1, 4):
        rates = _rates(threads)
        tell(f"\n{f'requests per second, {threads} thread(s), median of {_ROUNDS} rounds':52}")
        for name, base in zip(
            _NAMES, ("unprotected", "unprotected", "Flask bare", "Flask bare"), strict=True
        ):
            ratio = statistics.median(map(truediv, rates[name], rates[base]))
            tell(f"{name:42} {statistics.median(rates[name]):9.0f} {ratio:9.3f} of {base}")
            if name == "guarded":
                ours.append(f"{ratio:.3f} of the unprotected app's with {threads} thread(s)")
    return f"requests per second {', '.join(ours)}"


def _rates(threads: int) -> dict[str, list[float]]:
    from tests.checks.benchmarks import compare

    options = ("-k", "gthread", "--threads", str(threads), "--log-level", "info")
    rates: dict[str, list[float]] = {name: [] for name in _NAMES}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = stack.enter_context(
            gunicorn("tests.checks.benchmarks.throughput:application()", *options, cwd=folder)
        )
        for turn in followed(f"rounds with {threads} thread(s)", range(_ROUNDS + 1)):
            for place, name in enumerate(_NAMES):
                rate = _rate(f"{address}/api/users/me?{place}", compare.token())
                if turn:  # the first round warms up
                    rates[name].append(rate)
    return rates


def _rate(url: str, token: str) -> float:
    run = ["wrk", "-t1", "-c4", "-d1s", "-H", f"Authorization: Bearer {token}", url]
    printed = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in printed, printed
    return float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])  # type: ignore[index]
