"""How the tests call an example: by WebTest or by curl."""

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_string
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from webtest import TestApp

from jwt_middleware.stores import MemoryStore
from jwt_middleware.testing import assert_protected, trusting
from tests.kit.answers import Answer
from tests.kit.parts import program

PASSWORD = "analytical engine"


@dataclass(frozen=True)
class Example:
    """The guarded path and another spelling of it, an open path, where and as whom to sign in, who
    is then calling."""

    guarded: str = "/api/me"
    hostile: str = "//api/me"
    open: str = "/"
    login: str = "/auth/token"
    username: str = "ada"
    caller: Mapping[str, Any] = field(default_factory=lambda: {"id": "1"})


EXAMPLES = {
    "quickstart": Example(),
    "flask_app": Example(open="/api/health", caller={"id": "1", "scopes": ["admin"]}),
    "bottle_app": Example(open="/news"),
    "tutorial": Example(
        "/protected", "//protected", "/health", "/token", "test", {"id": 1, "username": "test"}
    ),
    "django_app": Example(login="", caller={"id": "ada"}),
    "django_rest_app": Example(login="", caller={"id": "ada", "name": "ada"}),
    "pyramid_app": Example(),
    "falcon_app": Example(),
    "flask_views": Example(),
    "bottle_views": Example(),
    "django_views": Example(login="", caller={"id": "ada"}),
    "pyramid_views": Example(),
    "falcon_views": Example(),
    "cherrypy_app": Example(),
    "fastapi_app": Example(),
    "mounted_app": Example(),
    "several_providers": Example(caller={"id": "1", "issuer": "https://example.com"}),
    "personal_tokens": Example(),
    "pages_flask": Example(),
    "dpop_flask": Example(),
    "scopes": Example(open="/api/news"),
    "cross_origin": Example(),
    "readiness": Example(open="/readyz"),
    "opentelemetry_flask": Example(),
    "remote_keys": Example(login="", caller={"id": "ada"}),
    "api_service": Example(login=""),
    "from_flask_jwt_extended": Example(login="", caller={"id": "ada"}),
}
"""All but `auth_service`, which guards nothing, and `mcp_flask`, which only answers POST and has a
walk of its own (test_mcp.py). Without a login of their own they only verify."""


Call = Callable[..., Answer]
"""`call(path, token, fields)`: a GET, or a POST of the fields as JSON."""


def webtest_call(application: Any) -> Call:
    """Calls of an application in this process, which may also name headers and the method."""
    client = TestApp(application)

    def call(
        path: str, token: str = "", fields: object = None, method: str = "GET", **headers: str
    ) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        posted = {
            "method": "POST",
            "body": json.dumps(fields).encode(),
            "content_type": "application/json",
        }
        options = posted if fields else {"method": method}
        answer = client.request(
            f"http://localhost{path}", headers=sent, expect_errors=True, **options
        )
        return Answer.of(answer.status_int, _joined(answer.headers.items()), answer.body)

    return call


def _joined(lines: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers, those of one name as one (RFC 9110 section 5.3)."""
    found: dict[str, str] = {}
    for name, value in lines:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def curl_call(address: str) -> Call:
    """Calls of a server by curl."""

    def call(path: str, token: str = "", fields: object = None) -> Answer:
        command = [
            program("curl"),
            "--silent",
            "--include",
            "--path-as-is",
            "--max-time",
            "60",
            address + path,
        ]
        command += ["--header", f"Authorization: Bearer {token}"] if token else []
        command += (
            ["--header", "Content-Type: application/json", "--data", json.dumps(fields)]
            if fields
            else []
        )
        done = subprocess.run(command, check=True, capture_output=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        status, _, headers = head.decode().partition("\n")
        lines = _joined(message_from_string(headers).items())
        return Answer.of(int(status.split()[1]), lines, body)

    return call


def sign_in(
    call: Call, path: str = "/auth/token", username: str = "ada", password: str = PASSWORD
) -> Answer:
    """Sign in by name and password."""
    return call(path, fields={"username": username, "password": password})


class Walk(NamedTuple):
    """The answers of an example."""

    missing: Answer
    hostile: Answer
    open: Answer
    granted: Answer


def walk(name: str, call: Call, token: str | None = None) -> Walk:
    """Call an example without a token, by another spelling, on its open path, and with a token."""
    example = EXAMPLES[name]
    token = token or sign_in(call, example.login, example.username).body["token"]
    return Walk(
        call(example.guarded),
        call(example.hostile),
        call(example.open),
        call(example.guarded, token),
    )


@contextmanager
def loading(environ: Mapping[str, str], folder: Path) -> Iterator[Callable[[str], Any]]:
    """Imports examples into this process, which stands in the folder; their passwords cost
    little."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setitem(MemoryStore.__init__.__kwdefaults__, "password_method", "scrypt:1024:1:1")
        for name, value in environ.items():
            patch.setenv(name, value)
        for name in [name for name in sys.modules if name.startswith("examples.")]:
            del sys.modules[name]  # made in another environment
        yield lambda name: import_module(f"examples.{name}")


def attack(name: str, application: Any) -> None:
    """Let the test kit look for a way in: other spellings, forged headers, bad tokens."""
    example = EXAMPLES[name]
    assert_protected(application, example.guarded, subject=str(example.caller["id"]), type="access")


def alone(name: str, environ: Mapping[str, str], folder: Path) -> Walk:
    """Walk and attack in a process of its own, which this must be: Django can be configured once in
    each."""
    os.environ.update(environ)
    os.chdir(folder)
    warnings.simplefilter("error")
    application = import_module(f"examples.{name}").application
    attack(name, application)
    with trusting(application) as tokens:
        return walk(name, webtest_call(application), tokens.good("ada"))
