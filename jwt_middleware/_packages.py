"""Checks that an import finds the intended package.

A file of the owner's named `jwt.py` or `redis.py` may come first on the path, or a foreign
distribution with the same import name. The import then fails with an AttributeError that names
neither.
"""

import importlib
import importlib.util


def require_package(name: str, part: str, *, lack: str, install: str) -> None:
    """Raise `ImportError` unless the package `name` is installed and has the submodule `part`.

    The message begins with `lack`, such as "RedisLog needs redis-py". `install` is the argument for
    `pip install`.
    """
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # A module that was added to `sys.modules` by hand has no spec.
        return
    if spec is None:
        raise ImportError(f"{lack}: pip install '{install}'", name=name)
    cause = None
    if spec.submodule_search_locations is not None:  # Do not run a single file of the owner's.
        try:
            importlib.import_module(f"{name}.{part}")
            return
        except (AttributeError, ImportError) as error:
            if isinstance(error, ModuleNotFoundError) and f"{error.name}.".split(".")[0] != name:
                raise  # This is the right package, but one of its dependencies is missing.
            cause = error
    found = spec.origin or ", ".join(spec.submodule_search_locations or ())
    raise ImportError(
        f"{lack}: another package has the name {name}, in {found}; "
        f"rename that file or uninstall its distribution, then run "
        f"pip install --force-reinstall '{install}'",
        name=name,
        path=found,
    ) from cause
