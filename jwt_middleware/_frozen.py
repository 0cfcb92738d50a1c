"""`Frozen`: the base of small values that no public class needs to be.

A frozen dataclass compiles its methods anew, which takes half a millisecond of every import for
each class. A class with this base has the same ones, written once. Public values stay dataclasses,
for `replace` and for type checkers.
"""

from dataclasses import FrozenInstanceError
from operator import attrgetter
from typing import Any, ClassVar, NoReturn

set_field = object.__setattr__
"""Sets a field of a value that is being made."""


class Frozen:
    """A value of its `__slots__`: set when it is made, compared, hashed and shown by them."""

    __slots__: tuple[str, ...] = ()
    _values: ClassVar["attrgetter[Any]"]

    def __init_subclass__(cls) -> None:
        # Views hash requirements at each request: a loop over the fields takes three times as long.
        cls._values = attrgetter(*cls.__slots__)

    def __init__(self, *values: object) -> None:
        """Take the values in the order of the slots. `TypeError` for too few or too many."""
        if len(values) != len(self.__slots__):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.__slots__)}")
        # Counted above: `strict` takes as long as the rest.
        for name, value in zip(self.__slots__, values):  # noqa: B905
            set_field(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __setstate__(self, state: tuple[None, dict[str, object]]) -> None:
        # `copy` and `pickle` make an object without values, and set them here.
        for name, value in state[1].items():
            set_field(self, name, value)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._values(self) == self._values(other))

    def __hash__(self) -> int:
        return hash(self._values(self))

    def __repr__(self) -> str:
        pairs = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({pairs})"
