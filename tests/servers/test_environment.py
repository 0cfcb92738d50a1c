"""The page on environment variables: gunicorn serves its code with its variables and nothing
else."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from jwt_middleware import Key, KeySet, Provider
from jwt_middleware.stores import SQLStore
from jwt_middleware.testing import KeyServer
from jwt_middleware.trust.key_folder import publish
from jwt_middleware.trust.verifier import Verifier
from tests.kit import ROOT
from tests.kit.answers import call, sign_in
from tests.kit.certificates import authority
from tests.kit.pages import DOCS, blocks
from tests.kit.passwords import CHEAP
from tests.kit.serving import gunicorn, running
from tests.kit.tokens import issued
from tests.kit.waiting import PATIENCE, wait_for

pytestmark = pytest.mark.needs_servers

PAGE = DOCS / "how-to/environment.md"
CONFIG, DEPLOYMENT, LOGIN = (yaml.safe_load(text) for text in blocks(PAGE, "yaml"))
_APP = """
from flask import Flask, jsonify, request
from jwt_middleware import Identity

app = Flask(__name__)

@app.get("/", defaults={"path": ""})
@app.get("/<path:path>")
def answer(path):
    caller = Identity.from_environ(request.environ)
    return jsonify(caller and [caller.subject, caller.issuer])
"""
_KUBERNETES = {
    "JWT_MIDDLEWARE_SERVICE_HOST": "10.96.0.7",
    "JWT_MIDDLEWARE_SERVICE_PORT": "8000",
    "JWT_MIDDLEWARE_PORT": "tcp://10.96.0.7:8000",
    "JWT_MIDDLEWARE_PORT_8000_TCP": "tcp://10.96.0.7:8000",
    "JWT_MIDDLEWARE_PORT_8000_TCP_ADDR": "10.96.0.7",
}
PASSWORD = "analytical engine"


def site(folder: Path, number: int) -> Path:
    """Write the Flask app and the page's file beside it."""
    (folder / "example.py").write_text(_APP)
    (folder / "wsgi.py").write_text(blocks(PAGE, "python")[number])
    return folder


@pytest.fixture
def server() -> Iterator[KeyServer]:
    """Where the keys of both issuers are, in place of Keycloak and the cluster."""
    with KeyServer() as server:
        yield server


def variables(folder: Path, server: KeyServer) -> dict[str, str]:
    """The variables of the page, with the files and the URLs of this machine, and Kubernetes'."""
    ca_file, _ = authority(folder)
    (folder / "token").write_text("of-the-pod")
    return {
        **CONFIG["data"],
        **_KUBERNETES,
        "JWT_MIDDLEWARE_STAFF_JWKS_URL": server.url,
        "JWT_MIDDLEWARE_CLUSTER_JWKS_URL": server.url,
        "JWT_MIDDLEWARE_CLUSTER_CA_FILE": str(ca_file),
        "JWT_MIDDLEWARE_CLUSTER_BEARER_TOKEN_FILE": str(folder / "token"),
    }


def token_of(server: KeyServer, provider: str, **claims: Any) -> str:
    """A token of one of the page's issuers."""
    usual = {"iss": CONFIG["data"][f"JWT_MIDDLEWARE_{provider}_ISSUER"], "aud": "example-api"}
    key = server._key  # inside: the key that the server publishes signs for both issuers
    return issued(
        key.signing_key, algorithm=key.algorithm, headers={"kid": key.id}, **usual | claims
    )


def test_the_variables_of_the_page_guard_a_flask_app(tmp_path: Path, server: KeyServer) -> None:
    """Two issuers, a nested claim, and a path for each issuer, without a line of code for them."""
    env = variables(tmp_path, server)
    staff = token_of(server, "STAFF", sub="ada")
    pod = {"kubernetes.io": {"namespace": "shop"}}
    job = token_of(server, "CLUSTER", sub="job", **pod)
    admin = token_of(server, "STAFF", sub="eve", realm_access={"roles": ["admin"]})
    with gunicorn("wsgi:app", cwd=site(tmp_path, 0), env=env) as address:
        expected = {
            "/livez": [200, 200, 200, 200],
            "/": [401, 200, 200, 200],
            "/livez/x": [401, 200, 200, 200],
            "/admin": [401, 403, 200, 403],
            "/jobs": [401, 401, 401, 200],
        }
        for path, statuses in expected.items():
            found = [call(address + path, token=given).status for given in ("", staff, admin, job)]
            assert found == statuses, path
        stranger = token_of(server, "CLUSTER", sub="job", **{"kubernetes.io": {"namespace": "x"}})
        assert call(f"{address}/jobs", token=stranger).status == 403
        assert call(address, token=job).body == ["job", env["JWT_MIDDLEWARE_CLUSTER_ISSUER"]]


def test_the_deployment_of_the_page(tmp_path: Path, server: KeyServer) -> None:
    """It starts the page's file with the file beside it and the page's variables. Each of its
    probes gets 200 under the page's rules, and a refusal says why, without the query."""
    (container,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"configMapRef": CONFIG["metadata"]}]
    program, *options, app = container["command"]
    assert (program, options, app) == ("gunicorn", ["-c", "gunicorn.conf.py"], "wsgi:app")
    shutil.copy(ROOT / "examples/container/gunicorn.conf.py", tmp_path)
    probes = [container[kind]["httpGet"]["path"] for kind in ("livenessProbe", "readinessProbe")]
    env, said = variables(tmp_path, server), tmp_path / "gunicorn.log"
    with gunicorn(app, *options, cwd=site(tmp_path, 0), env=env) as address:
        assert [call(address + path).status for path in probes] == [200, 200]
        assert call(f"{address}/x?token=hush").status == 401
        wait_for(lambda: "refused GET /x: missing" in said.read_text())
        wait_for(lambda: '"GET /x?... HTTP/1.1" 401 missing' in said.read_text())
        assert "hush" not in said.read_text()


def test_metrics_beside_the_variables(tmp_path: Path, server: KeyServer) -> None:
    """The page's file counts what the page's variables decide."""
    serve = """
from prometheus_client import make_wsgi_app
from werkzeug.middleware.dispatcher import DispatcherMiddleware
app = DispatcherMiddleware(app, {"/metrics": make_wsgi_app()})
"""
    file = site(tmp_path, 1) / "wsgi.py"
    file.write_text(file.read_text() + serve)
    with gunicorn("wsgi:app", cwd=tmp_path, env=variables(tmp_path, server)) as address:
        assert call(f"{address}/x").status == 401
        line = 'jwt_middleware_decisions_total{outcome="refused",reason="missing",rule="/"} 1.0'
        assert line in str(call(f"{address}/metrics").body)


def test_a_mistake_ends_the_start_with_its_name(tmp_path: Path, server: KeyServer) -> None:
    """Each message of the page is the one that the start ends with."""
    (messages,) = blocks(PAGE, "text")
    slips = {
        "AUDIENCES": "x",
        "STAFF_LEEWAY": "5s",
        "RULES": "/, /admin admin",
    }
    command = [sys.executable, "-m", "gunicorn", "--check-config", "wsgi:app"]
    for message, (name, text) in zip(messages.splitlines(), slips.items(), strict=True):
        env = {**variables(tmp_path, server), f"JWT_MIDDLEWARE_{name}": text}
        run = subprocess.run(
            command,
            cwd=site(tmp_path, 0),
            env={**os.environ, "PYTHONPATH": str(ROOT), **env},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert run.returncode
        parts = [re.escape(part) for part in message.split("...")]
        assert re.search(".*".join(parts), run.stderr), run.stderr


@pytest.fixture
def login_env(tmp_path: Path) -> dict[str, str]:
    """The variables of the page's login app, with a database and keys in files."""
    publish(tmp_path / "keys", Key.generate())
    url = f"sqlite:///{tmp_path}/auth.db"
    (tmp_path / "url").write_text(url + "\n")
    store = SQLStore(url, password_method=CHEAP)
    store.add_user("ada", PASSWORD)
    store.close()
    files = {"KEY_FOLDER": tmp_path / "keys", "DATABASE_URL_FILE": tmp_path / "url"}
    return {**LOGIN, **{f"JWT_MIDDLEWARE_{name}": str(file) for name, file in files.items()}}


def test_the_login_app_of_the_page(tmp_path: Path, login_env: dict[str, str]) -> None:
    """In front of the app: sign in, call, log out."""
    with gunicorn("wsgi:app", cwd=site(tmp_path, 2), env=login_env) as address:
        assert call(f"{address}/x").status == 401
        to_page = call(f"{address}/x", headers={"Sec-Fetch-Mode": "navigate"})
        assert (to_page.status, to_page.headers["location"]) == (303, "/auth/login?next=/x")
        token = sign_in(address, "ada", PASSWORD).body["token"]
        assert call(f"{address}/x", token=token).body == ["1", LOGIN["JWT_MIDDLEWARE_ISSUER"]]
        assert call(f"{address}/auth/revoke", {"token": token}).status == 200
        time.sleep(1.1)
        assert call(f"{address}/x", token=token).status == 401


def test_the_login_app_alone(tmp_path: Path, login_env: dict[str, str]) -> None:
    """The page's command serves it without code, and its keys verify its tokens."""
    (command,) = blocks(PAGE, "sh")
    program, *arguments = shlex.split(command)
    words = [str(Path(sys.executable).parent / program), "--bind", "127.0.0.1:0", *arguments]
    with running(words, cwd=tmp_path, env={**os.environ, **login_env}) as address:
        fields = {"username": "ada", "password": PASSWORD}
        token = call(f"{address}/token", fields).body["token"]
        (key,) = call(f"{address}/.well-known/jwks.json").body["keys"]
    terms = {"issuer": LOGIN["JWT_MIDDLEWARE_ISSUER"], "audience": "example-api"}
    provider = Provider(keys=KeySet([Key.from_jwk(key)]), **terms)
    assert Verifier([provider]).identify(token).subject == "1"
