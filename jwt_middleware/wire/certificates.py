"""The client certificate of a request, for tokens that are bound to one (RFC 8705 section 3).

A WSGI app does not see TLS: the server or a proxy has checked that the client has the key of its
certificate. Each of these is a callable for `JWTMiddleware(certificate=...)`:

| callable | for | reads |
|---|---|---|
| `ssl_client_cert` | mod_ssl with `SSLOptions +ExportCertData` | `SSL_CLIENT_CERT` |
| `uwsgi_client_cert` | uWSGI's own https with `https-export-cert` | `HTTPS_CC` |
| `escaped_cert_header(name)` | nginx: `proxy_set_header NAME $ssl_client_escaped_cert;` | `NAME` |
| `client_cert_header` | a proxy of RFC 9440 | `Client-Cert: :base64:` |

**Anybody can send a header.** The last two are safe only if every request comes through a proxy
that removes or overwrites the header. Without that proxy, a thief sends the certificate of the
victim, which is public, along with the stolen token.
"""

import logging
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from urllib.parse import unquote

from .._options import got, require
from ..errors import Unavailable

__all__ = [
    "CertificateOf",
    "certificate_in",
    "client_cert_header",
    "escaped_cert_header",
    "ssl_client_cert",
    "uwsgi_client_cert",
]

CertificateOf: TypeAlias = Callable[[Mapping[str, Any]], bytes | str | None]
"""Returns the client certificate of a request as PEM or DER, or None without one."""

_log = logging.getLogger("jwt_middleware")

_MAX_CERTIFICATE = 65_536  # characters: far more than a certificate, and less than a header may be
_PEM = re.compile(
    r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----", re.ASCII
)
_BYTE_SEQUENCE = re.compile(r":([A-Za-z0-9+/=]+):")  # RFC 8941 section 3.3.5
_NAME = r"[!#$%&'*+.^`|~0-9A-Za-z-]+"


def ssl_client_cert(environ: Mapping[str, Any]) -> str | None:
    """Return the PEM in `SSL_CLIENT_CERT`, which mod_ssl and servers like it set."""
    return environ.get("SSL_CLIENT_CERT") or None


def uwsgi_client_cert(environ: Mapping[str, Any]) -> str | None:
    """Return the certificate in `HTTPS_CC`, which uWSGI sets with `https-export-cert`."""
    return environ.get("HTTPS_CC") or None


def client_cert_header(environ: Mapping[str, Any]) -> bytes | None:
    """Return the certificate in the header `Client-Cert`, a Byte Sequence (RFC 9440 section 2.2).

    Only behind a proxy that removes the header of clients. A malformed value counts as no
    certificate.
    """
    found = _BYTE_SEQUENCE.fullmatch(str(environ.get("HTTP_CLIENT_CERT") or "").strip(" \t"))
    return None if found is None else _decoded(found[1])


def escaped_cert_header(name: str) -> CertificateOf:
    """Return a callable for a header with a percent-encoded PEM, as nginx makes it of
    `$ssl_client_escaped_cert`.

    Only behind a proxy that sets the header at every request. Raise `ConfigurationError` unless it
    is the name of a header.
    """
    require(
        isinstance(name, str) and re.fullmatch(_NAME, name),
        "escaped_cert_header must be called with the name of a header, "
        f"got {got(name)}; escaped_cert_header('X-SSL-Client-Cert')",
    )
    key = "HTTP_" + name.upper().replace("-", "_")

    def escaped_cert(environ: Mapping[str, Any]) -> str | None:
        return unquote(str(environ.get(key) or "")) or None

    return escaped_cert


def certificate_in(environ: Mapping[str, Any], certificate: CertificateOf) -> bytes | None:
    """Return the certificate of a request in DER. Anything but one certificate counts as none.

    Raise `Unavailable` if the owner's callable fails.
    """
    try:
        found: Any = certificate(environ)
    except Exception as error:
        # Log the class alone, since the message of a foreign error could quote the request.
        _log.error("certificate raised %s", type(error).__name__)
        raise Unavailable("requirement_failed") from None
    if isinstance(found, bytes) and found[:1] == b"\x30":  # DER: a SEQUENCE
        return found
    if isinstance(found, bytes):
        found = found.decode("ascii", "replace")
    if not isinstance(found, str) or len(found) > _MAX_CERTIFICATE:
        return None
    # The first certificate is that of the client, any other one belongs to its chain.
    pem = _PEM.search(found)
    return None if pem is None else _decoded("".join(pem[1].split()))


def _decoded(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True) or None
    except ValueError:
        return None
