"""How a function uses a name: whether it may call what the name stands for."""

import dis
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from ..middleware import JWTMiddleware

_SILENT = frozenset(("CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL"))
"""Instructions that may stand between a name and its attribute."""


_LOCAL = ("LOAD_CLOSURE", "LOAD_FAST")
"""How instructions begin that load a local variable, which is another thing of the same name."""


def passes_on(part: Any, name: str, value: Any) -> bool:
    """Return whether a function or object may call a value that it knows by a name.

    A readiness probe asks `guarded.ready()`. It would look like a wrapper of the guarded app, and
    its own answer like one behind the guard. So a middleware of which nothing but such attributes
    is used is not called. A value that no code names may be called in a way that is not seen here.
    """
    if not isinstance(value, JWTMiddleware):
        return True
    found = {attribute for code in _codes_of(part) for attribute in _attributes(code, name)}
    return not found or None in found or "__call__" in found


def globals_in(code: CodeType) -> set[str]:
    """Return the globals that code loads. An attribute may have the name of one: `self.app` is not
    the app of the module."""
    steps = dis.get_instructions(code)
    return {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}


def _codes_of(part: Any) -> Iterator[CodeType]:
    """Yield the code of a function, or of the methods of an object, with all that is defined
    inside."""
    functions = [part] if isinstance(part, FunctionType) else _methods(type(part))
    waiting = [function.__code__ for function in functions]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _methods(kind: type) -> list[FunctionType]:
    return [
        value
        for each in kind.__mro__
        for value in vars(each).values()
        if isinstance(value, FunctionType)
    ]


def _attributes(code: CodeType, name: str) -> Iterator[str | None]:
    """Yield the attribute that is taken each time when a name is loaded; None if the value itself
    is used."""
    if name not in (*code.co_names, *code.co_freevars, *code.co_cellvars, *code.co_consts):
        return  # most functions, of which an app has a hundred, never load it
    steps = [step for step in dis.get_instructions(code) if step.opname not in _SILENT]
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        is_load = step.opname.startswith("LOAD_") and not step.opname.startswith(_LOCAL)
        if step.argval != name or not is_load:
            continue
        if following is not None and following.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            yield following.argval
        else:
            yield None
