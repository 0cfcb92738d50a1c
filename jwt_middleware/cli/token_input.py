"""Reads a token from stdin, never from an argument, since other users can read the command line."""

import sys

import click

_MAX_BYTES = 64 * 1024


def read_token(*, is_optional: bool = False) -> str:
    """Return the token from stdin or from a prompt. "Bearer " before it is ignored.

    Raise `UsageError` without a token. With `is_optional`, return `""` instead, without a prompt.
    """
    if sys.stdin.isatty():
        text = "" if is_optional else click.prompt("Token", hide_input=True, err=True)
    else:
        text = sys.stdin.buffer.read(_MAX_BYTES + 1).decode(errors="replace")
    if len(text) > _MAX_BYTES:
        raise click.ClickException("the input is not a token: it is larger than 64 KiB")
    scheme, _, rest = text.strip().partition(" ")
    text = rest.strip() if scheme.lower() == "bearer" else text.strip()
    if not text and not is_optional:
        raise click.UsageError("there is no token on stdin")
    return text
