"""The command `jwt-middleware`: keys and users, by hand."""

import sys

from .._packages import require_package


def main() -> None:
    """Run the command with `sys.argv`; it exits with 0 when all is well, 1 when it failed and 2
    when misused."""
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
