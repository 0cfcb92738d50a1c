"""`Frozen` behaves as a frozen dataclass with slots does, which it stands for."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from jwt_middleware._frozen import Frozen


class Point(Frozen):
    """A value of two fields."""

    __slots__ = ("x", "y")
    x: int
    y: object


class Other(Frozen):
    """Another class with the same fields."""

    __slots__ = ("x", "y")


@dataclass(frozen=True, slots=True)
class Model:
    """What `Point` would be."""

    x: int
    y: object


CASES: dict[str, Callable[[Any], object]] = {
    "read": lambda made: (made(1, 2).x, made(1, 2).y),
    "equal": lambda made: made(1, "a") == made(1, "a"),
    "unequal in the first": lambda made: made(1, "a") == made(2, "a"),
    "unequal in the second": lambda made: made(1, "a") == made(1, "b"),
    "differs": lambda made: made(1, "a") != made(1, "a"),
    "not its values": lambda made: made(1, "a") == (1, "a"),
    "not of another class": lambda made: made(1, 2) == Other(1, 2),
    "in a set": lambda made: len({made(1, 2), made(1, 2), made(2, 1)}),
    "hashed as its values": lambda made: hash(made(1, 2)) == hash((1, 2)),
    "cannot be hashed": lambda made: hash(made(1, [])),
    "assigned": lambda made: setattr(made(1, 2), "x", 3),
    "deleted": lambda made: delattr(made(1, 2), "x"),
    "copied": lambda made: copy.copy(made(1, 2)) == made(1, 2),
    "copied deep": lambda made: copy.deepcopy(made(1, [2])) == made(1, [2]),
    "pickled": lambda made: pickle.loads(pickle.dumps(made(1, [2]))) == made(1, [2]),
    "shown": lambda made: repr(made(1, "a")).partition("(")[1:],
    "without a dictionary": lambda made: hasattr(made(1, 2), "__dict__"),
}


def _outcome(case: Callable[[Any], object], made: type) -> object:
    try:
        return case(made)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_does_what_a_frozen_dataclass_does(case: Callable[[Any], object]) -> None:
    """Whatever is asked of a value has the same outcome: a result, or an error."""
    assert _outcome(case, Point) == _outcome(case, Model)


@pytest.mark.parametrize("values", [(), (1,), (1, 2, 3)], ids=["none", "too few", "too many"])
def test_it_takes_a_value_for_each_field(values: tuple[int, ...]) -> None:
    """No value is made with a field that is missing, or dropped."""
    with pytest.raises(TypeError, match="Point takes x, y"):
        Point(*values)


def test_it_takes_no_other_field() -> None:
    """Nothing can be hung on a value, which a dataclass of Python 3.11 refuses in other words."""
    with pytest.raises(AttributeError, match="cannot assign to field 'z'"):
        Point(1, 2).z = 3  # type: ignore[attr-defined]
