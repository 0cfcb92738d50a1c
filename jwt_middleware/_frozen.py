"""`Frozen`: the base class of small private values.

A frozen dataclass compiles its methods for each class, which takes half a millisecond of every
import. Classes with this base share methods that do the same. Public values stay dataclasses, for
`replace` and for type checkers.
"""

from dataclasses import FrozenInstanceError
from operator import attrgetter
from typing import Any, ClassVar, NoReturn

set_field = object.__setattr__
"""Sets a field of a value under construction."""


class Frozen:
    """A value with the fields `__slots__`. They are set at construction, and used for comparison,
    hash and repr."""

    __slots__: tuple[str, ...] = ()
    _values: ClassVar["attrgetter[Any]"]

    def __init_subclass__(cls) -> None:
        # Views hash requirements at each request, and a loop over the fields would take three times
        # as long.
        cls._values = attrgetter(*cls.__slots__)

    def __init__(self, *values: object) -> None:
        """Take the values in the order of the slots. Raise `TypeError` for a wrong number."""
        if len(values) != len(self.__slots__):
            raise TypeError(f"{type(self).__name__} takes {', '.join(self.__slots__)}")
        # The number is checked above, since `strict` would double the time.
        for name, value in zip(self.__slots__, values):  # noqa: B905
            set_field(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __setstate__(self, state: tuple[None, dict[str, object]]) -> None:
        # `copy` and `pickle` create an object without values and set them here.
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
