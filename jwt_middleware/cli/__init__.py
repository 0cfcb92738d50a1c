"""The command `jwt-middleware`: makes keys, manages users, inspects tokens and runs the demo."""

import sys
import threading
from os import _exit as end_process

from .._packages import require_package

_EXTRAS = {"users": "login", "tokens": "login", "demo": "demo"}
"""The extra of each command that needs more than click."""


def main() -> None:
    """Run the command with `sys.argv`. Exit with 0 on success, 1 on failure and 2 on misuse."""
    try:
        require_package(
            "click",
            "core",
            lack="jwt-middleware needs click",
            install=f"wsgi-jwt-middleware[{_extra_of(sys.argv[1:])}]",
        )
    except ImportError as error:
        sys.exit(str(error))
    from .metrics_folder import own_metrics_folder

    with own_metrics_folder():  # before the owner's app is imported
        from .root import root

        try:
            root(prog_name="jwt-middleware")
        except SystemExit as error:
            ending = error
        else:  # click always ends with an exit code
            return
    others = set(threading.enumerate()) - {threading.main_thread()}
    if not all(thread.daemon for thread in others):
        _end_at_once(ending.code)
    raise ending


def _extra_of(words: list[str]) -> str:
    """Return the smallest extra with which the command of these words runs."""
    command = next((word for word in words if not word.startswith("-")), "")
    return _EXTRAS.get(command, "cli")


def _end_at_once(code: object) -> None:
    """End the process without waiting for its threads: an app that was imported may have started
    some that never end, such as a scheduler's."""
    sys.stdout.flush()
    sys.stderr.flush()
    end_process(code if isinstance(code, int) else int(code is not None))
