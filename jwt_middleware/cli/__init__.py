"""The command `jwt-middleware`: keys and users, by hand."""

import sys


def main() -> None:
    """Run the command with `sys.argv`; it exits with 0 when all is well, 1 when it failed and 2
    when misused."""
    try:
        from .root import root
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.exit("jwt-middleware needs click: pip install 'wsgi-jwt-middleware[login]'")
    root(prog_name="jwt-middleware")
