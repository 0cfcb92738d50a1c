"""`KeyServer`: an issuer on loopback that publishes its keys, and can fail to."""

import json
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from .._options import got, require
from ..errors import ConfigurationError
from ..trust.key_document import check_algorithm
from ..trust.keys import Key, KeySet
from ..trust.provider import Provider
from .tokens import Tokens, signed_token

_JWKS, _METADATA = "/jwks.json", "/.well-known/openid-configuration"


class KeyServer:
    """Serves a JWKS document at `url` (RFC 7517 section 5) within its `with` block, and mints the
    tokens of its `issuer`.

    `RemoteKeySet(server.url)` fetches the keys; `Provider.discover(server.issuer,
    audience=server.audience)` finds them (OpenID Connect Discovery 1.0 section 4). Like this it is
    an issuer without a quirk. To imitate a real issuer:

    - `issuer`: the name in its tokens and in its metadata, such as
      `https://idp.example/realms/shop`. None means its own address. `Provider.discover(issuer,
      metadata_url=server.metadata_url, ...)` then finds the keys.
    - `jwks_uri`: what the metadata names as the URL of the keys, which are served at its path. None
      means `url`.
    - `audience`: the `aud` of its tokens.
    - `algorithm`: that of its keys.
    - `key_members`: members of each published key, such as `{"issuer": "https://..."}`; None as
      the value leaves a member out, such as `{"alg": None}`.
    - `authorization`: the `Authorization` header without which every answer is 401, as Kubernetes
      has it. It may be changed later. None means that everybody may ask.
    - `tls`: the `ssl.SSLContext` of a server. The own address is https then.

    Put further documents, such as those of other tenants, into `documents`, by their path. A value
    that cannot be used raises `ConfigurationError`.
    """

    def __init__(
        self,
        *,
        issuer: str | None = None,
        jwks_uri: str | None = None,
        audience: str = "test",
        algorithm: str = "ES256",
        key_members: Mapping[str, Any] = {},
        authorization: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        paths = [_path_of("issuer", issuer), _path_of("jwks_uri", jwks_uri)]
        is_mapping = isinstance(key_members, Mapping)
        require(is_mapping, f"key_members must be a mapping, got {got(key_members)}")
        is_text = isinstance(audience, str) and audience
        require(is_text, f"audience must be a string that is not empty, got {got(audience)}")
        require(algorithm is not None, "algorithm must be one of public keys, got None")
        check_algorithm(algorithm)
        self._algorithm = algorithm
        self._key, self._next_key = Key.generate(algorithm), Key.generate(algorithm)
        self._key_members = dict(key_members)
        self.audience = audience
        self.authorization = authorization
        self.documents: dict[str, Any] = {}
        self._may_answer = threading.Event()
        self.recover()
        self._server = _Server(self, tls)
        address = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}"
        self.issuer = address if issuer is None else issuer
        self._metadata_path = paths[0].rstrip("/") + _METADATA
        self.metadata_url = address + self._metadata_path
        self._jwks_path = paths[1] or _JWKS
        self.url = address + self._jwks_path
        self._jwks_uri = self.url if jwks_uri is None else jwks_uri

    @property
    def jwks(self) -> dict[str, Any]:
        """The JWKS document that is served now."""
        keys = [one.to_jwk() | self._key_members for one in (self._key, self._next_key)]
        return {"keys": [{n: v for n, v in key.items() if v is not None} for key in keys]}

    def rotate(self) -> None:
        """Sign with the next key from now on, which is already published, and publish the one after
        it.

        The former signing key is not published any more. After two rotations, a client that fetched
        the keys before does not know either of the new keys. A `RemoteKeySet` looks for an unknown
        key at once, if it did not look for another one within 30 s.
        """
        self._key, self._next_key = self._next_key, Key.generate(self._algorithm)

    def fail(self, status: int = 503) -> None:
        """Answer every request with this status from now on."""
        self._status = status
        self._may_answer.set()

    def hang(self) -> None:
        """Do not answer requests until `recover` or `fail`."""
        self._may_answer.clear()

    def recover(self) -> None:
        """Answer correctly from now on."""
        self.fail(200)

    def token(self, subject: str = "ada", **how: Any) -> str:
        """Return a valid token of this issuer. The other arguments are those of `Tokens.good`."""
        provider = Provider(issuer=self.issuer, audience=self.audience, keys=KeySet([self._key]))
        return Tokens([provider], self._key).good(subject, **how)

    def sign(self, claims: Mapping[str, Any], header: Mapping[str, Any] = {}) -> str:
        """Return a token with exactly these claims. The members of `header` are added to `alg` and
        `kid`, or replace them; None leaves one out."""
        usual = {"alg": self._key.algorithm, "kid": self._key.id, **header}
        return signed_token(
            {name: value for name, value in usual.items() if value is not None},
            dict(claims),
            self._key,
        )

    def _answer(self, path: str, authorization: str | None) -> tuple[int, bytes]:
        self._may_answer.wait()
        if self.authorization not in (None, authorization):
            return 401, b""
        metadata = {"issuer": self.issuer, "jwks_uri": self._jwks_uri}
        served = {self._metadata_path: metadata, self._jwks_path: self.jwks, **self.documents}
        if path not in served:
            return 404, b""
        return self._status, json.dumps(served[path]).encode()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._may_answer.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, keys: KeyServer, tls: ssl.SSLContext | None) -> None:
        self.keys = keys
        self.tls = tls
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        # In the thread of the request, since a handshake may take any time.
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with suppress(OSError):
            request.getpeername()  # fails after a reset, as in `trust.fetch`
            with self.tls.wrap_socket(request, server_side=True) as connection:
                super().finish_request(connection, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        status, body = self.server.keys._answer(self.path, self.headers["Authorization"])
        with suppress(OSError):  # the client has gone, as it should after a timeout
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *_: Any) -> None:
        """Print nothing."""


def _path_of(name: str, url: str | None) -> str:
    """Return the path of a URL, or an empty string for None."""
    if url is None:
        return ""
    try:
        parts = urlsplit(url)
    except (ValueError, AttributeError, TypeError):
        parts = urlsplit("")
    is_url = isinstance(url, str) and parts.scheme in ("http", "https") and parts.netloc
    if not is_url or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{name} must be an http or https URL without query and fragment, or None, "
            f"got {got(url)}"
        )
    return parts.path
