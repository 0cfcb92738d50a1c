"""`BearerFile`: a request header with the token in a file, which may be replaced at any time."""

import re
from collections.abc import Mapping
from pathlib import Path

from .._frozen import Frozen
from .._options import got
from ..errors import ConfigurationError
from ..trust.fetch import Fetch


class BearerFile(Frozen):
    """Returns request headers with the token that a file contains: `Authorization: Bearer TOKEN`.

    The file is read at each fetch, since Kubernetes replaces the token of a service account every
    hour. A file that cannot be read raises `ConfigurationError`: while building, and at a fetch.

    - `headers`: further headers.
    """

    __slots__ = ("headers", "path")
    headers: tuple[tuple[str, str], ...]
    path: str

    def __init__(self, path: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(tuple((headers or {}).items()), path)
        Fetch(headers=self())

    def __call__(self) -> dict[str, str]:
        """Return the headers with the token as it is now."""
        try:
            token = Path(self.path).read_text().strip()
        except (OSError, ValueError) as error:
            cause = type(error).__name__
            raise ConfigurationError(f"the file {got(self.path)} cannot be read: {cause}") from None
        # Checked here, so that the message names the file. It never shows the token.
        if not re.fullmatch("[!-~]+", token):
            raise ConfigurationError(
                f"the file {got(self.path)} must contain one token of printable ASCII"
            )
        return {**dict(self.headers), "Authorization": f"Bearer {token}"}

    def __repr__(self) -> str:
        return f"BearerFile({self.path!r})"
