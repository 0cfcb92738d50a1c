"""The command `jwt-middleware`: makes keys, manages users, inspects tokens and runs the demo."""

import sys

from .._packages import require_package


def main() -> None:
    """Run the command with `sys.argv`. Exit with 0 on success, 1 on failure and 2 on misuse."""
    try:
        require_package(
            "click",
            "core",
            lack="jwt-middleware needs click",
            install="wsgi-jwt-middleware[login]",
        )
    except ImportError as error:
        sys.exit(str(error))
    from .root import root

    root(prog_name="jwt-middleware")
