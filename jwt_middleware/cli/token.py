"""`jwt-middleware token`: shows the contents of a token, and whether it is accepted."""

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from ..errors import ConfigurationError, InvalidToken, Refusal
from ..middleware import JWTMiddleware
from ..trust import jws
from ..trust.keys import ALGORITHMS, Key, KeySet
from ..trust.provider import Provider
from ..trust.verifier import Verifier
from ..wire.credentials import extract
from .app_option import load_middlewares
from .token_input import read_token

_DATES = ("exp", "nbf", "iat", "auth_time", "updated_at")
_UNITS = {"day": 86_400, "hour": 3600, "minute": 60, "second": 1}


@click.group()
def token() -> None:
    """Show the contents of a token, and whether it is accepted.

    \b
      jwt-middleware token inspect --app examples.flask_app < token
    """


@token.command("inspect")
@click.option(
    "--app",
    "middlewares",
    callback=load_middlewares,
    metavar="MODULE[:ATTRIBUTE]",
    help="Verify the token as the JWTMiddleware in this WSGI app does. Name the app as for "
    'gunicorn; the attribute is "application" by default.',
)
@click.option(
    "--key",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Verify the token with this key: a PEM, a JWK, a JWKS, or a secret.",
)
@click.option(
    "--algorithm",
    type=click.Choice(ALGORITHMS),
    help="The algorithm of a PEM (default for RSA: RS256) or a secret (default: HS256).",
)
@click.option("--issuer", metavar="TEXT", help='With --key: the "iss" that the token must have.')
@click.option(
    "--audience",
    metavar="TEXT",
    multiple=True,
    help='With --key: the "aud" that the token must have. Repeat it for several.',
)
def _inspect(
    middlewares: Sequence[JWTMiddleware],
    file: Path | None,
    algorithm: str | None,
    issuer: str | None,
    audience: tuple[str, ...],
) -> None:
    """Show the header and the claims of a token, and whether it is accepted.

    The command reads the token from stdin, so that it stays out of the shell's history. It ignores
    "Bearer " before the token.

    \b
      jwt-middleware token inspect < token
      jwt-middleware token inspect --app examples.flask_app < token
      jwt-middleware token inspect --key jwks.json --issuer https://idp.example/ < token

    Without --app and --key nothing is verified, and anybody can write a token with any contents.

    The exit code is 0 for an accepted token, 1 for a refused or malformed one, and 2 for misuse. A
    refusal shows the reason that the app sends and logs. Only --app looks up revocations. The rule
    of a path may ask for more than a good token: "jwt-middleware explain" tells.
    """
    if (middlewares and file) or (not file and (algorithm or issuer or audience)):
        raise click.UsageError("give --app, or --key with its options, or neither")
    keys = file and _read_keys(file, algorithm)
    text = read_token()
    claims = _show(text)
    if middlewares:
        _conclude([_refusal(one.verifier, text, one.max_token_bytes) for one in middlewares])
    elif keys:
        verifier = Verifier([_provider(keys, claims, issuer, audience)])
        unasked = ["issuer"] * (not issuer) + ["audience"] * (not audience) + ["revocation"]
        _conclude([_refusal(verifier, text)], f" (not checked: {', '.join(unasked)})")
    else:
        click.echo("not verified: use --app or --key")


def _read_keys(file: Path, algorithm: str | None) -> KeySet:
    content = file.read_bytes()
    try:
        if b"-----BEGIN" in content:
            return KeySet([Key.from_pem(content, algorithm=algorithm)])
        if content.lstrip().startswith(b"{") and _is_text(content):
            document = json.loads(content)
            return (
                KeySet.from_jwks(document)
                if "keys" in document
                else KeySet([Key.from_jwk(document)])
            )
        return KeySet(_secrets(content, algorithm or "HS256"))
    except (ConfigurationError, ValueError, RecursionError) as error:
        raise click.BadParameter(f"{file} contains no key: {error}", param_hint="--key") from None


def _is_text(content: bytes) -> bool:
    """Tell JSON from a secret of random bytes, of which one in 256 starts with a brace."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _secrets(content: bytes, algorithm: str) -> list[Key]:
    """An app may have read the line break at the end of the file as part of the secret. A random
    secret may end with the byte of a line break, and be too short without it."""
    whole = Key.from_secret(content, algorithm=algorithm)
    bare = content.rstrip(b"\r\n")
    if bare == content:
        return [whole]
    try:
        return [whole, Key.from_secret(bare, algorithm=algorithm)]
    except ConfigurationError:
        return [whole]


def _show(text: str) -> dict[str, Any]:
    """Print the header and the claims, and return the claims. The output is printable ASCII, so
    that a token cannot send control characters to the terminal."""
    try:
        parsed = jws.parse(text)
        claims = jws.parse_object(parsed.payload)
    except InvalidToken:
        form = "three parts of base64url separated by dots, the first two JSON objects"
        raise click.ClickException(f"the input is not a well-formed JWT: {form}") from None
    for title, members in (("header", parsed.header), ("claims", claims)):
        click.echo(title)
        for name, value in members.items():
            click.echo(f"  {json.dumps(name)[1:-1]:<9} {json.dumps(value)}{_in_words(name, value)}")
    return claims


def _in_words(name: str, value: object) -> str:
    if name not in _DATES or not isinstance(value, (int, float)) or isinstance(value, bool):
        return ""
    try:
        date = datetime.fromtimestamp(value, UTC)
    except (OSError, OverflowError, ValueError):  # The calendar ends with the year 9999.
        return ""
    left = value - time.time()
    words = f"in {_span(left)}" if left > 0 else f"{'expired ' * (name == 'exp')}{_span(-left)} ago"
    return f"  {date:%Y-%m-%d %H:%M:%S} UTC, {words}"


def _span(seconds: float) -> str:
    unit, size = next(
        (unit, size) for unit, size in _UNITS.items() if seconds >= 2 * size or size == 1
    )
    count = int(seconds // size)
    return f"{count} {unit}{'s' * (count != 1)}"


def _provider(
    keys: KeySet, claims: dict[str, Any], issuer: str | None, audience: tuple[str, ...]
) -> Provider:
    """Return the provider that the options describe. For an option that is absent, trust the
    token's own claim."""
    issuer = issuer or _texts(claims.get("iss"))[0]
    return Provider(
        issuer=issuer,
        audience=audience or ("aud" in claims and _texts(claims["aud"])) or None,
        keys=keys,
    )


def _texts(value: object) -> tuple[str, ...]:
    """Return the strings of a claim. Replace any value that a provider cannot have by "-", which
    matches no accepted token."""
    values = value if isinstance(value, list) and value else [value]
    return tuple(
        text if isinstance(text, str) and text.isprintable() and text else "-" for text in values
    )


def _refusal(verifier: Verifier, text: str, max_bytes: int = 8192) -> Refusal | None:
    try:
        credentials = extract({"HTTP_AUTHORIZATION": f"Bearer {text}"}, max_bytes)
        verifier.identify(credentials.token if credentials else "")
    except Refusal as refusal:
        return refusal
    return None


def _conclude(refusals: list[Refusal | None], unasked: str = "") -> None:
    """Print "good" if one verifier accepts the token. Otherwise print the reasons and exit with
    1."""
    if None in refusals:
        click.echo(f"good{unasked}")
        return
    for line in dict.fromkeys(
        f"refused ({one.reason}): {one.description}" for one in refusals if one
    ):
        click.echo(line)
    sys.exit(1)
