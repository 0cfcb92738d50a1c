"""The ready-made callables for client certificates, and what counts as one."""

from base64 import b64encode
from typing import Any
from urllib.parse import quote

import pytest

from jwt_middleware import ConfigurationError
from jwt_middleware.errors import Unavailable
from jwt_middleware.wire.certificates import (
    certificate_in,
    client_cert_header,
    escaped_cert_header,
    ssl_client_cert,
    uwsgi_client_cert,
)

DER = b"\x30\x82\x01\x00" + bytes(range(256))
BASE64 = b64encode(DER).decode()
LINES = "\n".join(BASE64[at : at + 64] for at in range(0, len(BASE64), 64))
PEM = f"-----BEGIN CERTIFICATE-----\n{LINES}\n-----END CERTIFICATE-----\n"

FORMS: dict[str, tuple[Any, dict[str, str]]] = {
    "mod_ssl": (ssl_client_cert, {"SSL_CLIENT_CERT": PEM}),
    "uWSGI": (uwsgi_client_cert, {"HTTPS_CC": PEM}),
    "nginx": (escaped_cert_header("X-Cert"), {"HTTP_X_CERT": quote(PEM, safe="")}),
    "RFC 9440": (client_cert_header, {"HTTP_CLIENT_CERT": f":{BASE64}:"}),
    "RFC 9440 with blanks": (client_cert_header, {"HTTP_CLIENT_CERT": f" :{BASE64}: "}),
}


@pytest.mark.parametrize(("read", "environ"), FORMS.values(), ids=FORMS)
def test_each_form(read: Any, environ: dict[str, str]) -> None:
    """What the server or the proxy hands over becomes the DER, and nothing without it."""
    assert certificate_in(environ, read) == DER
    assert certificate_in({}, read) is None
    assert certificate_in(dict.fromkeys(environ, ""), read) is None


GIVEN: dict[str, tuple[Any, bytes | None]] = {
    "DER": (DER, DER),
    "PEM": (PEM, DER),
    "PEM bytes": (PEM.encode(), DER),
    "carriage returns": (PEM.replace("\n", "\r\n"), DER),
    "tabs of an old nginx": (PEM.replace("\n", "\n\t"), DER),
    "text before and after": (f"Bag Attributes\n{PEM}more", DER),
    "a chain": (PEM + PEM.replace("MI", "MH", 1), DER),
    "on one line": (PEM.replace("\n", " "), DER),
    "base64 alone": (BASE64, None),
    "a key": (PEM.replace("CERTIFICATE", "PRIVATE KEY"), None),
    "a cut PEM": (PEM[:100], None),
    "broken base64": (PEM.replace(LINES[:2], "M"), None),
    "an empty PEM": ("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", None),
    "bytes that are neither": (b"\xff\xfe", None),
    "nothing": (None, None),
    "a number": (7, None),
    "huge": (PEM + "x" * 70_000, None),
}


@pytest.mark.parametrize(("given", "found"), GIVEN.values(), ids=GIVEN)
def test_what_counts_as_a_certificate(given: Any, found: bytes | None) -> None:
    """PEM or DER; anything else is no certificate."""
    assert certificate_in({}, lambda environ: given) == found


@pytest.mark.parametrize(
    "value",
    [
        "",
        ":",
        "::",
        BASE64,
        f":{BASE64}",
        f":{BASE64}:;a=1",
        f":{BASE64}:, :{BASE64}:",
        ":a:",
        ":é:",
    ],
    ids=["empty", "colon", "colons", "bare", "open", "parameter", "two", "short", "foreign"],
)
def test_a_malformed_byte_sequence(value: str) -> None:
    """RFC 8941 section 3.3.5 is read strictly."""
    assert client_cert_header({"HTTP_CLIENT_CERT": value}) is None


@pytest.mark.parametrize("name", ["", "a b", "X_Cert", None, 7, "X-Cert:"])
def test_a_bad_name_of_a_header(name: Any) -> None:
    """It is told at once; an underscore would stand for another header too."""
    with pytest.raises(ConfigurationError, match="escaped_cert_header"):
        escaped_cert_header(name)


def test_a_callable_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    """The fault is ours: 503, and the class of the error in the log."""

    def broken(environ: Any) -> bytes:
        raise RuntimeError("secret")

    with pytest.raises(Unavailable):
        certificate_in({}, broken)
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text
