"""Keeps the metrics of a command out of the folder of the workers.

prometheus_client's multiprocess mode writes files named by process id into the folder of
`PROMETHEUS_MULTIPROC_DIR`. A command that imports the owner's app, such as `routes`, would leave
its own there, and nobody marks it as dead.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["own_metrics_folder"]

_VARIABLES = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")
"""prometheus_client's own names; it still reads the old one."""


@contextmanager
def own_metrics_folder() -> Iterator[None]:
    """Replace the folder in the variables, if one is set, by one that is removed at the end.

    Without the variables, an app that makes a `MultiProcessCollector` could not be imported.
    """
    named = [name for name in _VARIABLES if name in os.environ]
    if not named:
        yield
        return
    own, process = tempfile.mkdtemp(prefix="jwt-middleware-"), os.getpid()
    os.environ.update(dict.fromkeys(named, own))
    try:
        yield
    finally:
        if os.getpid() == process:  # not a worker of the demo, which ends before the others
            # Windows does not remove files that are mapped into memory.
            shutil.rmtree(own, ignore_errors=True)
