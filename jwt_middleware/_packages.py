"""Whether the package that an import finds is the one that was meant.

A file of the owner's named `jwt.py` or `redis.py`, or a foreign distribution with the same import
name, comes first on the path. The import then fails with an AttributeError that names neither.
"""

import importlib
import importlib.util


def require_package(name: str, part: str, *, lack: str, install: str) -> None:
    """Return if the package `name` is there and has the submodule `part`, else raise `ImportError`.

    The message begins with `lack`, such as "RedisLog needs redis-py"; `install` is what
    `pip install` must be given.
    """
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # A module that was put into `sys.modules` by hand has no spec.
        return
    if spec is None:
        raise ImportError(f"{lack}: pip install '{install}'", name=name)
    cause = None
    if spec.submodule_search_locations is not None:  # A file of the owner's is not even run.
        try:
            importlib.import_module(f"{name}.{part}")
            return
        except (AttributeError, ImportError) as error:
            if isinstance(error, ModuleNotFoundError) and f"{error.name}.".split(".")[0] != name:
                raise  # The right package, but one that it needs is missing.
            cause = error
    found = spec.origin or ", ".join(spec.submodule_search_locations or ())
    raise ImportError(
        f"{lack}: another package has the name {name}, in {found}; "
        f"rename that file or uninstall what brought it, then run "
        f"pip install --force-reinstall '{install}'",
        name=name,
        path=found,
    ) from cause
