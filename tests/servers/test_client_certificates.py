"""Tokens that are bound to a client certificate, behind an nginx that asks for one (RFC 8705)."""

import http.client
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from tests.kit.answers import Answer
from tests.kit.parts import program
from tests.kit.serving import free_port, gunicorn, nginx
from tests.kit.tokens import b64, issued
from tests.kit.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.needs_servers

SECRET = "the secret of the served app, long enough"
_APP = f"""
from jwt_middleware import Identity, JWTMiddleware, Key, KeySet, Provider, Rule
from jwt_middleware.certificates import escaped_cert_header

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    caller = Identity.from_environ(environ)
    return [caller.subject.encode() if caller else b""]

provider = Provider(
    issuer="https://example.com",
    audience="example-api",
    keys=KeySet([Key.from_secret({SECRET!r})]),
)
application = JWTMiddleware(
    app,
    providers=[provider],
    rules=[Rule("/api")],
    certificate=escaped_cert_header("X-SSL-Client-Cert"),
)
"""
_SITE = """
server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    ssl_client_certificate {folder}/ca.pem;
    ssl_verify_client optional;
    location / {{
        proxy_pass {upstream};
        proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;
    }}
}}
"""


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run([program("openssl"), *words], cwd=folder, check=True, capture_output=True)


def _authority(folder: Path) -> None:
    """An authority in files, with a server and two clients."""
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _openssl(
        folder, "req", "-x509", *curve, "-subj", "/CN=CA", "-keyout", "ca.key", "-out", "ca.pem"
    )
    for name in ("server", "ada", "eve"):
        subject = "/CN=127.0.0.1" if name == "server" else f"/CN={name}"
        _openssl(
            folder, "req", *curve, "-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.csr"
        )
        _openssl(
            folder,
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "2", "-out", f"{name}.pem"),
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """The folder with the certificates, and the port of nginx."""
    folder = tmp_path_factory.mktemp("certificates")
    _authority(folder)
    (folder / "served.py").write_text(_APP)
    port = free_port()
    with gunicorn("served", cwd=folder) as address:
        site = _SITE.format(port=port, folder=folder, upstream=address)
        with nginx(folder, site):
            wait_for(lambda: _is_up(folder, port))
            yield folder, port


def _is_up(folder: Path, port: int) -> bool:
    try:
        return ask(folder, port, None, path="/up").status == 200
    except OSError:
        return False


def ask(
    folder: Path,
    port: int,
    client: str | None,
    token: str = "",
    path: str = "/api",
    headers: dict[str, str] | None = None,
) -> Answer:
    """Ask nginx over TLS, with the certificate of a client or without one."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.check_hostname = False
    if client is not None:
        context.load_cert_chain(folder / f"{client}.pem", folder / f"{client}.key")
    sent = {"Authorization": f"Bearer {token}", **(headers or {})} if token else {}
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=context)
    with closing(connection):
        connection.request("GET", path, headers=sent)
        return Answer.read(connection.getresponse())


def token_of(folder: Path, client: str) -> str:
    """A token that is bound to the certificate of a client, as its issuer makes it."""
    der = ssl.PEM_cert_to_DER_cert((folder / f"{client}.pem").read_text())
    confirmation = {"x5t#S256": b64(sha256(der).digest())}
    return issued(SECRET, iss="https://example.com", aud="example-api", cnf=confirmation)


def test_only_the_holder_of_the_certificate_passes(served: tuple[Path, int]) -> None:
    """The first time and the second; without a certificate, or with another, the token is worth
    nothing."""
    folder, port = served
    token = token_of(folder, "ada")
    for _ in range(2):
        assert ask(folder, port, "ada", token).body == b"ada"
        for thief in (None, "eve"):
            answer = ask(folder, port, thief, token)
            assert (answer.status, answer.body["reason"]) == (401, "proof")


def test_a_header_of_the_client_does_not_count(served: tuple[Path, int]) -> None:
    """nginx replaces it, with nothing where there is no certificate."""
    folder, port = served
    token = token_of(folder, "ada")
    pem = (folder / "ada.pem").read_text().replace("\n", "%0A").replace(" ", "%20")
    for thief in (None, "eve"):
        for name in ("X-SSL-Client-Cert", "x-ssl-client-cert", "X_SSL_Client_Cert"):
            answer = ask(folder, port, thief, token, headers={name: pem})
            assert (answer.status, answer.body["reason"]) == (401, "proof")


def test_an_unbound_token_needs_no_certificate(served: tuple[Path, int]) -> None:
    """Beside bound tokens."""
    folder, port = served
    token = issued(SECRET, iss="https://example.com", aud="example-api")
    for client in (None, "ada"):
        assert ask(folder, port, client, token).body == b"ada"
