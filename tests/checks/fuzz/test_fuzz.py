"""A short and repeatable round of the fuzz targets; `python -m tests.checks.fuzz` goes on for as
long as one likes."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checks.fuzz import proofs, targets
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


def test_every_environ_is_answered() -> None:
    """No exception, no status over 499, no malformed header, whatever the environ holds."""
    for data in (b"", b"\0", *targets.seeds("environ"), *mutations("environ", examples(1000))):
        targets.TARGETS["environ"](data)


def test_every_logout_token_is_answered() -> None:
    """No exception, no status but 200 and 400, and nothing is revoked that the token does not
    name."""
    with stopped("time", NOW):
        for data in (b"", b"\1", *targets.seeds("logout"), *mutations("logout", examples(1000))):
            targets.TARGETS["logout"](data)


def test_every_proof_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception, no status but 200 and 401, nobody let in who did not sign the request; both
    occur."""
    statuses: Counter[str] = Counter()
    answer = proofs.answer

    def counting(text: str) -> str:
        status = answer(text)
        statuses[status] += 1
        return status

    monkeypatch.setattr(proofs, "answer", counting)
    for data in (b"", b"\0", *targets.seeds("proof"), *mutations("proof", examples(1000))):
        targets.TARGETS["proof"](data)
    assert set(statuses) == {"200", "401"}


@pytest.mark.parametrize("name", ["header", "token"])
def test_no_law_is_broken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No exception, no status but 200, 400, 401, nothing unprintable, nobody let in whom PyJWT
    would not; all occur."""
    statuses: Counter[str] = Counter()
    answer = targets.answer

    def counting(authorization: str) -> str:
        status = answer(authorization)
        statuses[status] += 1
        return status

    monkeypatch.setattr(targets, "answer", counting)
    for data in (b"", b"\0", b"\xff" * 10, *targets.seeds(name), *mutations(name, examples(2000))):
        targets.TARGETS[name](data)
    assert set(statuses) == {"200", "400", "401"}


def test_every_target_can_be_named() -> None:
    """The command takes each target that there is."""
    source = (Path(__file__).parent / "__main__.py").read_text()
    (choices,) = re.findall(r"choices=\((.+)\)\)", source)
    assert sorted(re.findall(r'"(\w+)"', choices)) == sorted(targets.TARGETS)
