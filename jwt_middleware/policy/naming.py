"""How a requirement is shown: in a rule, by `routes` and `explain`, and in the log."""

import inspect


def name_of(requirement: object) -> str:
    """Return the name of an owner's requirement. Do not use its repr, which might hold a secret."""
    name = getattr(requirement, "__qualname__", None)
    return name if isinstance(name, str) else type(requirement).__qualname__


def text_of(requirement: object) -> str:
    """Return a requirement as a rule shows it: a function or method by its name, without its
    address, which differs from run to run."""
    return name_of(requirement) if inspect.isroutine(requirement) else repr(requirement)
