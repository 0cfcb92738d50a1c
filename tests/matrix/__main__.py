"""Print how many spellings of a protected path get through which guard: `python -m
tests.matrix`."""

import json
import sys
import tempfile
from pathlib import Path

from . import guards
from .apps import APPS
from .guards import leaks
from .servers import SERVERS, Server, exchange, targets
from .spellings import FORGED, LOOK_ALIKES, METHODS, MOUNTS, SPELLINGS

_GUARDS = {
    "no guard": guards.none,
    "by text": guards.by_text,
    "by segment": guards.by_segment,
    "ours": guards.ours(*guards.UNDER_API),
    "ours, all but public": guards.ours(*guards.ALL_BUT_PUBLIC),
}


def _row(name: str, *cells: object) -> None:
    print(f"{name:28}" + "".join(f"{cell!s:>22}" for cell in cells))


def frameworks() -> None:
    """Count in process: every app behind every guard."""
    print(
        f"{len(SPELLINGS)} spellings x {len(METHODS)} methods x {len(APPS)} apps; "
        f"{len(LOOK_ALIKES)} look-alikes, {len(FORGED)} forged headers, {len(MOUNTS)} mounts\n"
    )
    _row("reach a protected handler", *_GUARDS)
    for name, build in APPS.items():
        _row(name, *(len(leaks(build(), guard)) for guard in _GUARDS.values()))


def servers() -> None:
    """Count over sockets: every server with every framework in it, the sloppy app left out."""
    requested = targets(*SPELLINGS)
    print(f"\n{len(requested)} request targets x {len(SERVERS)} servers x {len(APPS) - 1} apps\n")
    _row(
        "reach a protected handler",
        "refused by the server",
        "no guard",
        "by text",
        "ours",
        "ours, all but public",
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in SERVERS:
            server = Server(name, Path(folder))
            try:
                server.wait()
                answers = [exchange(server.port, target, b"X-Try: 1") for target in requested]
            finally:
                server.stop()
            tried = [
                json.loads(answer.headers["x-tried"])["leaks"]
                for answer in answers
                if "x-tried" in answer.headers
            ]
            leaked = (
                sum(leak[guard] not in ([], ["plain, sloppy"]) for leak in tried)
                for guard in (tried[0] if tried else ())
            )
            _row(name, len(answers) - len(tried), *leaked)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    frameworks()
    servers()
