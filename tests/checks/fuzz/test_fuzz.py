"""A short and repeatable round of the fuzz targets; `python -m tests.checks.fuzz` goes on for as
long as one likes."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest

from tests.checks.fuzz import proofs, targets
from tests.checks.fuzz.fuzzer import Outcome
from tests.kit.clock import stopped
from tests.kit.parts import examples
from tests.kit.tokens import NOW


def mutations(name: str, count: int) -> Iterator[bytes]:
    """Seeds of the target with bytes changed, cut out, doubled, and spliced with another seed."""
    choose = random.Random(20250101)
    seeds = list(targets.seeds(name))
    for _ in range(count):
        data = choose.choice(seeds)
        for _ in range(choose.randrange(4)):
            at, to = sorted(choose.choices(range(len(data) + 1), k=2))
            change = choose.randrange(4)
            if change == 0:
                data = data[:at] + bytes([choose.randrange(256)]) + data[at + 1 :]
            elif change == 1:
                data = data[:at] + data[to:]
            elif change == 2:
                data = data[:to] + data[at:]
            else:
                data = data[:at] + choose.choice(seeds)[at:]
        yield data


def go_through(name: str, count: int) -> None:
    """Give a target nothing, little, its seeds, and mutations of them."""
    little = (b"", b"\0", b"\1", b"\xff" * 10)
    for data in chain(little, targets.seeds(name), mutations(name, examples(count))):
        targets.TARGETS[name](data)


def counted(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The statuses of the answers that a module gets from now on."""
    statuses: Counter[str] = Counter()
    answer = module.answer

    def counting(text: str) -> str:
        status = answer(text)
        statuses[status] += 1
        return str(status)

    monkeypatch.setattr(module, "answer", counting)
    return statuses


def test_every_environ_is_answered() -> None:
    """No exception, no status over 499, no malformed header, whatever the environ holds."""
    go_through("environ", 1000)


def test_every_logout_token_is_answered() -> None:
    """No exception, no status but 200 and 400, and nothing is revoked that the token does not
    name."""
    with stopped("time", NOW):
        go_through("logout", 1000)


def test_every_proof_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception, no status but 200 and 401, nobody let in who did not sign the request; both
    occur."""
    statuses = counted(proofs, monkeypatch)
    go_through("proof", 1000)
    assert set(statuses) == {"200", "401"}


@pytest.mark.parametrize("name", ["header", "token"])
def test_no_law_is_broken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception, no status but 200, 400, 401, nothing unprintable, nobody let in whom PyJWT
    would not; all occur."""
    statuses = counted(targets, monkeypatch)
    go_through(name, 2000)
    assert set(statuses) == {"200", "400", "401"}


def test_every_target_can_be_named() -> None:
    """The command takes each target that there is."""
    source = (Path(__file__).parent / "__main__.py").read_text()
    (choices,) = re.findall(r"choices=\((.+)\)\)", source)
    assert sorted(re.findall(r'"(\w+)"', choices)) == sorted(targets.TARGETS)


@pytest.mark.parametrize(
    ("said", "code", "came"),
    [
        (
            [
                "#5\tNEW cov: 3\n",
                "slowest so far: 0.50 ms, 2 bytes: b'..'\n",
                "Done 90 runs in 2 s",
            ],
            0,
            "90 inputs, the slowest 0.50 ms; no law broken",
        ),
        (
            ["#512\tpulse\n", "==1== Test unit written to /tmp/f/crash-1\n"],
            77,
            "512 inputs; ended with 77 by the input in /tmp/f/crash-1",
        ),
        (
            ["#9\tNEW\n", "== libFuzzer: run interrupted; exiting\n"],
            72,
            "9 inputs; ended with 72, interrupted",
        ),
        (
            ["ModuleNotFoundError: No module named 'atheris'\n"],
            1,
            "no count of inputs; ended with 1",
        ),
    ],
    ids=["all well", "a broken law", "interrupted", "not started"],
)
def test_the_summary_says_what_came_of_it(said: list[str], code: int, came: str) -> None:
    """How many inputs were tried, the slowest, and where the one is that broke a law."""
    outcome = Outcome()
    for line in said:
        outcome.read(line)
    assert outcome.said(code) == came
