"""`DiscoveredKeySet`: finds the keys of an issuer through its published metadata.

It reads one of two documents: OpenID Connect Discovery 1.0 section 4, else RFC 8414 section 3.
"""

from typing import Any
from urllib.parse import urlsplit

from .._options import got, require
from ..errors import ConfigurationError
from .encoding import parse_document
from .fetch import checked_url, get, is_https
from .remote_keys import RemoteKeySet


class DiscoveredKeySet(RemoteKeySet):
    """The keys of an issuer, at the URL in the issuer's published metadata.

    The metadata is read at each fetch, so the URL of the keys may change. The document's `issuer`
    must equal the issuer that was asked (RFC 8414 section 3.3). Its `jwks_uri` must be an https
    URL, unless the issuer itself is asked by http.
    """

    def __init__(
        self, issuer: str, *, fresh_for: float = 600, stale_for: float = 86_400, timeout: float = 3
    ) -> None:
        checked_url(issuer, name="issuer")
        # The URL of the metadata only uses the issuer's path (OpenID Connect Discovery 1.0 section
        # 3, RFC 8414 section 2).
        require("?" not in issuer, "issuer must be an https URL without query and fragment")
        super().__init__(issuer, fresh_for=fresh_for, stale_for=stale_for, timeout=timeout)

    def locate(self, deadline: float) -> str:
        """Return the `jwks_uri` of the issuer's metadata."""
        metadata = self._metadata(deadline)
        issuer = metadata.get("issuer")
        if issuer != self.url and issuer in (self.url + "/", self.url.removesuffix("/")):
            raise ConfigurationError(
                f"its issuer calls itself {issuer!r}; only the final slash differs"
            )
        require(issuer == self.url, "the document found there belongs to another issuer")
        jwks_uri = checked_url(metadata.get("jwks_uri"), name="jwks_uri")
        # An attacker who can change an issuer's metadata must not reach services of this machine.
        require(
            is_https(jwks_uri) or not is_https(self.url),
            f"jwks_uri must be an https URL, since the issuer is asked by https, got "
            f"{got(jwks_uri.partition('?')[0])}",
        )
        return jwks_uri

    def _metadata(self, deadline: float) -> dict[str, Any]:
        issuer = urlsplit(self.url)
        origin, path = f"{issuer.scheme}://{issuer.netloc}", issuer.path.rstrip("/")
        try:
            return _object_at(f"{origin}{path}/.well-known/openid-configuration", deadline)
        except ValueError:  # not a 200, or not JSON: some servers answer with their front page
            return _object_at(f"{origin}/.well-known/oauth-authorization-server{path}", deadline)


def _object_at(url: str, deadline: float) -> dict[str, Any]:
    body, _ = get(url, deadline)
    try:
        return parse_document(body)
    except ValueError:
        raise ConfigurationError("the metadata is not strict JSON") from None
