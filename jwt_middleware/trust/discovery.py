"""`DiscoveredKeySet`: finds the keys of an issuer through its published metadata; `TenantKeySets`
does so for each of many issuers.

It reads one of two documents: OpenID Connect Discovery 1.0 section 4, else RFC 8414 section 3.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from .._options import got, require
from ..errors import ConfigurationError
from ..issuer_template import IssuerTemplate, is_template
from .encoding import parse_document
from .fetch import Fetch
from .keys import Key
from .remote_keys import RemoteKeySet
from .urls import is_https, shown_url


class DiscoveredKeySet(RemoteKeySet):
    """The keys of an issuer, at the URL in the issuer's published metadata.

    The metadata is read at each fetch, so the URL of the keys may change. The document's `issuer`
    must equal the issuer that was asked (RFC 8414 section 3.3). Its `jwks_uri` must be an https
    URL, unless the metadata itself is asked by http, or `Fetch(allow_http=...)` names its host.

    - `metadata_url`: the URL of the metadata, if it is not derived from the issuer. The issuer is
      then only compared, so it may be any string without a query and a fragment.
    """

    def __init__(
        self,
        issuer: str,
        *,
        metadata_url: str | None = None,
        algorithm: str | None = None,
        fetch: Fetch = Fetch(),  # noqa: B008 - a frozen value
        fresh_for: float = 600,
        stale_for: float = 86_400,
    ) -> None:
        self._metadata_url = metadata_url
        super().__init__(
            issuer, algorithm=algorithm, fetch=fetch, fresh_for=fresh_for, stale_for=stale_for
        )

    def check_urls(self) -> None:
        """Raise `ConfigurationError` unless the metadata may be asked for."""
        issuer: object = self.url
        # Its metadata's URL only uses its path (OpenID Connect Discovery 1.0 section 3, RFC 8414
        # section 2).
        is_plain = isinstance(issuer, str) and issuer and not re.search("[?#]", issuer)
        shown = got(re.split("[?#]", issuer)[0]) if isinstance(issuer, str) else got(issuer)
        require(
            is_plain, f"issuer must be an https URL without query and fragment, got one of {shown}"
        )
        if self._metadata_url is None:
            self.checked(issuer, name="issuer")
        else:
            self.checked(self._metadata_url, name="metadata_url")

    def locate(self, deadline: float) -> str:
        """Return the `jwks_uri` of the issuer's metadata."""
        url, metadata = self._metadata(deadline)
        try:
            return self._jwks_uri(metadata, url)
        except ConfigurationError as error:
            raise ConfigurationError(f"{shown_url(url)}: {error}") from None

    def _jwks_uri(self, metadata: dict[str, Any], metadata_url: str) -> str:
        issuer = metadata.get("issuer")
        if issuer != self.url and issuer in (self.url + "/", self.url.removesuffix("/")):
            raise ConfigurationError(
                f"its issuer calls itself {issuer!r}; only the final slash differs"
            )
        require(issuer == self.url, "the document found there belongs to another issuer")
        jwks_uri = self.checked(metadata.get("jwks_uri"), name="jwks_uri")
        # An attacker who can change an issuer's metadata must not reach services of this machine.
        is_allowed = urlsplit(jwks_uri).hostname in self.fetch_options.allow_http
        require(
            is_https(jwks_uri) or not is_https(metadata_url) or is_allowed,
            f"jwks_uri must be an https URL, since the metadata is asked for by https, got "
            f"{shown_url(jwks_uri)}",
        )
        return jwks_uri

    def _metadata(self, deadline: float) -> tuple[str, dict[str, Any]]:
        """Return the URL of the metadata, and the metadata."""
        if self._metadata_url is not None:
            return self._metadata_url, self._object_at(self._metadata_url, deadline)
        issuer = urlsplit(self.url)
        origin, path = f"{issuer.scheme}://{issuer.netloc}", issuer.path.rstrip("/")
        usual = f"{origin}{path}/.well-known/openid-configuration"
        other = f"{origin}/.well-known/oauth-authorization-server{path}"
        try:
            return usual, self._object_at(usual, deadline)
        except ConfigurationError as first:
            if isinstance(first.__cause__, OSError):  # the host does not answer at all
                raise
            # Not a 200, or not JSON: some servers answer with their front page. If both fail, the
            # log names both, since either may be the one that should have answered.
            try:
                return other, self._object_at(other, deadline)
            except ConfigurationError as second:
                raise ConfigurationError(f"{first}; {second}") from None

    def _object_at(self, url: str, deadline: float) -> dict[str, Any]:
        body, _ = self.answer_of(url, deadline)
        try:
            return parse_document(body)
        except ValueError:
            shown = shown_url(url)
            raise ConfigurationError(f"{shown}: the answer is not strict JSON") from None


class TenantKeySets:
    """The keys of many tenants: one `DiscoveredKeySet` for each issuer, made when its first token
    comes. `trust.tenants` caches them within a bound."""

    generation = 0

    def __init__(
        self,
        template: IssuerTemplate,
        *,
        metadata_url: str | None = None,
        algorithm: str | None = None,
        fetch: Fetch = Fetch(),  # noqa: B008 - a frozen value
    ) -> None:
        self._template = template
        self._metadata_url = metadata_url
        self._how: dict[str, Any] = {"algorithm": algorithm, "fetch": fetch}
        if metadata_url is not None:
            is_url = isinstance(metadata_url, str) and f"{{{template.name}}}" in metadata_url
            require(
                is_url, f"metadata_url must have {{{template.name}}} too, got {got(metadata_url)}"
            )
            IssuerTemplate(metadata_url, name="metadata_url")
        # With any tenant, so that a fault is reported while building.
        self.for_tenant(f"{template.before}tenant{template.after}", "tenant")

    def find(self, kid: str | None) -> tuple[Key, ...]:
        """Return an empty tuple, since each key belongs to a tenant."""
        return ()

    def for_tenant(self, issuer: str, tenant: str) -> DiscoveredKeySet:
        """Return new keys for the issuer of a tenant, which are not fetched yet."""
        url = self._metadata_url and self._template.fill(self._metadata_url, tenant)
        return DiscoveredKeySet(issuer, metadata_url=url, **self._how)

    def __repr__(self) -> str:
        shown = f"{self._template.before}{{{self._template.name}}}{self._template.after}"
        return f"TenantKeySets({shown!r})"


def discovered_keys(
    issuer: str,
    *,
    metadata_url: str | None = None,
    algorithm: str | None = None,
    fetch: Fetch | None = None,
) -> DiscoveredKeySet | TenantKeySets:
    """Return the keys of an issuer, or those of the tenants of a template."""
    how: dict[str, Any] = {"metadata_url": metadata_url, "algorithm": algorithm}
    how["fetch"] = Fetch() if fetch is None else fetch
    if is_template(issuer):
        return TenantKeySets(IssuerTemplate(issuer), **how)
    return DiscoveredKeySet(issuer, **how)
