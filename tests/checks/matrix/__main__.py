"""Print how many spellings of a protected path get through which guard: `python -m
tests.checks.matrix`, or send random hostile requests: `python -m tests.checks.matrix --random
20000`."""

import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.kit.answers import exchange
from tests.kit.checking import Progress, followed, parser, sum_up, tell

from . import guards
from .apps import APPS, MISSING, SERVED
from .differential import Differential
from .guards import leaks
from .open import DOORS
from .servers import SERVERS, served, targets
from .spellings import FORGED, LOOK_ALIKES, METHODS, MOUNTS, SPELLINGS

_GUARDS = {
    "no guard": guards.none,
    "by text": guards.by_text,
    "by segment": guards.by_segment,
    "ours": guards.ours(*guards.UNDER_API),
    "ours, all but public": guards.ours(*guards.ALL_BUT_PUBLIC),
}
_SHOWN_LEAKS = 5  # of each app


def _row(name: str, *cells: object) -> None:
    tell(f"{name:28}" + "".join(f"{cell!s:>22}" for cell in cells))


def frameworks() -> int:
    """Count in process: every app behind every guard."""
    tell(
        f"{len(SPELLINGS)} spellings x {len(METHODS)} methods x {len(APPS)} apps; "
        f"{len(LOOK_ALIKES)} look-alikes, {len(FORGED)} forged headers, {len(MOUNTS)} mounts\n"
    )
    _row("reach a protected handler", *_GUARDS)
    found = 0
    for name, build in followed("apps", APPS.items()):
        counts = {label: len(leaks(build(), guard)) for label, guard in _GUARDS.items()}
        _row(name, *counts.values())
        found += sum(count for label, count in counts.items() if label.startswith("ours"))
    for name, module in MISSING.items():
        _row(name, f"{module} is not installed")
    tell(f"\nnot to be seen from outside, and closed by their owners' rules: {', '.join(DOORS)}")
    return found


def servers() -> int:
    """Count over sockets: every server with the frameworks in it, the sloppy app left out."""
    requested = targets(*SPELLINGS)
    tell(f"\n{len(requested)} request targets x {len(SERVERS)} servers x {len(SERVED) - 1} apps\n")
    _row(
        "reach a protected handler",
        "refused by the server",
        "no guard",
        "by text",
        "ours",
        "ours, all but public",
    )
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in followed("servers", SERVERS):
            with served(name, Path(folder)) as server:
                answers = [exchange(server.port, target, b"X-Try: 1") for target in requested]
            tried = [
                json.loads(answer.headers["x-tried"])["leaks"]
                for answer in answers
                if "x-tried" in answer.headers
            ]
            leaked = [
                sum(leak[guard] not in ([], ["plain, sloppy"]) for leak in tried)
                for guard in (tried[0] if tried else ())
            ]
            _row(name, len(answers) - len(tried), *leaked)
            found += sum(leaked[2:])  # those of our two guards
    return found


def hostile_requests(count: int, seed: int) -> bool:
    """Send random requests to every app, print what leaks, and tell whether nothing did."""
    differential = Differential()
    found: Counter[str] = Counter()
    progress = Progress("random requests", count)
    for number in range(seed, seed + count):
        for leak in differential.leaks(number):
            found[leak.app] += 1
            if found[leak.app] <= _SHOWN_LEAKS:
                tell(f"LEAK seed {number}: {leak}")
        progress.step()
    sum_up(
        f"{count} random requests from seed {seed} x {len(APPS)} apps x 2 rule tables: "
        f"{differential.shown} times a bare app showed its secret, {found.total()} leaks"
    )
    return not found


def main() -> int:
    options = parser("matrix", __doc__)
    options.add_argument("--random", type=int, metavar="N", help="send N random hostile requests")
    options.add_argument("--seed", type=int, help="the number of the first (default: any)")
    chosen = options.parse_args()
    if chosen.random is not None:
        seed = random.randrange(10**9) if chosen.seed is None else chosen.seed
        return 0 if hostile_requests(chosen.random, seed) else 1
    found = frameworks() + servers()
    sum_up(f"{len(APPS)} apps and {len(SERVERS)} servers, {found} leaks behind our guards")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
