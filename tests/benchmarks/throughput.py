"""Requests per second through gunicorn (gthread, one worker), driven by `wrk`: bare, ours, Flask-JWT-Extended."""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from servers.serving import gunicorn  # noqa: E402

_ROUNDS = 7


def application_for(name: str) -> Any:
    """The app that a worker loads: `gunicorn "throughput:application_for('guarded')"`."""
    import compare

    return {"unprotected": lambda: compare.bare, "guarded": compare.guarded}.get(
        name, lambda: compare.flask_apps()[name]
    )()


def main() -> None:
    """Print the medians of alternating rounds, and the ratio to the unprotected app."""
    if not shutil.which("wrk"):
        print("\nno wrk here: no requests per second")
        return
    names = ("unprotected", "guarded", "Flask bare", "Flask-JWT-Extended")
    rates: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(_ROUNDS):
        for name in names:
            rates[name].append(_rate(name))
    print(f"\n{'requests per second, median of ' + str(_ROUNDS) + ' rounds':42}")
    for name in names:
        base = "Flask bare" if name.startswith("Flask") else "unprotected"
        median = statistics.median(rates[name])
        print(f"{name:42} {median:9.0f} {median / statistics.median(rates[base]):9.3f} of {base}")


def _rate(name: str) -> float:
    import compare

    options = ("-k", "gthread", "--threads", "4", "--log-level", "info")
    with tempfile.TemporaryDirectory() as folder:
        search = {"PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(__file__).parent}"}
        with gunicorn(f"throughput:application_for('{name}')", *options, cwd=Path(folder), env=search) as address:
            header = f"Authorization: Bearer {compare.token()}"
            url = f"{address}/api/users/me"
            subprocess.run(["wrk", "-t1", "-c4", "-d1s", "-H", header, url], check=True, capture_output=True)
            run = ["wrk", "-t1", "-c4", "-d3s", "-H", header, url]
            printed = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in printed, printed
    return float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])  # type: ignore[index]


if __name__ == "__main__":
    main()
