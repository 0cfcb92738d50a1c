"""What comes back from a server or an app, and how a server is called."""

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple, Self

from tests.kit.waiting import PATIENCE


class Answer(NamedTuple):
    """Status, 0 where the connection ended without an answer; headers by lower-case names; body,
    the value where it is JSON, or its bytes."""

    status: int = 0
    headers: Mapping[str, str] = {}
    body: Any = b""

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> Self:
        """Build it from what a client library has read."""
        lower = {name.lower(): value for name, value in headers.items()}
        is_json = body and lower.get("content-type", "").partition(";")[0].endswith("json")
        return cls(status, lower, json.loads(body) if is_json else body)

    @classmethod
    def read(cls, response: http.client.HTTPResponse) -> Self:
        """Build it from the standard library's response."""
        return cls.of(response.status, dict(response.getheaders()), response.read())

    @property
    def refusal(self) -> tuple[int, str | None]:
        """Status and challenge."""
        return self.status, self.headers.get("www-authenticate")


def call(
    url: str,
    fields: object = None,
    *,
    token: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes | str | None = None,
    source: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """GET, or POST the body or the fields as JSON, over a connection of its own, from the address
    `source` if there is one.

    A bound port is taken for a minute after its connection, also for other servers. So thousands of
    requests would run out of ports.
    """
    headers = {"Content-Type": "application/json", **(headers or {})}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    body = body if fields is None else json.dumps(fields)
    kind: Any = http.client.HTTPSConnection if tls else http.client.HTTPConnection
    how: dict[str, Any] = {"context": tls} if tls else {}
    how |= {"source_address": (source, 0)} if source else {}
    _, _, netloc, *rest = url.split("/", 3)
    with closing(kind(netloc, timeout=PATIENCE, **how)) as connection:
        connection.request("GET" if body is None else "POST", "/" + "".join(rest), body, headers)
        return Answer.read(connection.getresponse())


def sign_in(address: str, name: str, password: str, **how: Any) -> Answer:
    """Sign in at the login app below `/auth`."""
    return call(f"{address}/auth/token", {"username": name, "password": password}, **how)


def exchange(
    port: int, target: bytes, *lines: bytes, method: bytes = b"GET", body: bytes = b""
) -> Answer:
    """Send a request line and header lines as they are to a port of loopback."""
    lines = (b"Host: localhost", b"Connection: close", *lines)
    if body:
        lines = (*lines, b"Content-Length: %d" % len(body))
    head = b"\r\n".join([method + b" " + target + b" HTTP/1.1", *lines, b"", b""])
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
            connection.sendall(head + body)
            return received(connection, method.decode("latin-1").upper())
    except OSError:
        return Answer()


def received(connection: socket.socket, method: str = "GET") -> Answer:
    """Return the answer that comes over a connection, be it none."""
    try:
        with closing(http.client.HTTPResponse(connection, method=method)) as response:
            response.begin()
            return Answer.read(response)
    except (OSError, http.client.HTTPException):
        return Answer()
