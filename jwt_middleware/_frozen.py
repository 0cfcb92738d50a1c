"""`Frozen`: the base of small values that no public class needs to be.

A frozen dataclass compiles its methods anew, which takes half a millisecond of every import for
each class. A class with this base has the same ones, written once. Public values stay dataclasses,
for `replace` and for type checkers.
"""

from dataclasses import FrozenInstanceError
from typing import NoReturn


class Frozen:
    """A value of its `__slots__`: set when it is made, compared, hashed and shown by them."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, *values: object) -> None:
        """Take the values in the order of the slots. `ValueError` for too few or too many."""
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __setstate__(self, state: tuple[None, dict[str, object]]) -> None:
        # `copy` and `pickle` make an object without values, and set them here.
        for name, value in state[1].items():
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        pairs = zip(self.__slots__, self._values(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)
