"""Callables for `JWTMiddleware(certificate=...)`, which find the client certificate of a request.

`wire.certificates` says which server and proxy each of them is for, and what a proxy must do.
"""

from .wire.certificates import (
    CertificateOf,
    client_cert_header,
    escaped_cert_header,
    ssl_client_cert,
    uwsgi_client_cert,
)

__all__ = [
    "CertificateOf",
    "client_cert_header",
    "escaped_cert_header",
    "ssl_client_cert",
    "uwsgi_client_cert",
]
