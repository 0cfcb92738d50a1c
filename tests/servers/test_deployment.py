"""The deployment of `examples/`: gunicorn.conf.py and nginx.conf as they stand, a reload under
load, two machines."""

import os
import re
import signal
import ssl
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redis

from jwt_middleware import Key
from jwt_middleware.trust import key_folder
from tests.kit import ROOT
from tests.kit.answers import Answer, call
from tests.kit.waiting import wait_for
from tests.servers.machines import (
    EXAMPLES,
    PASSWORD,
    Load,
    Machine,
    machine,
    nginx,
    prepare,
    sign_in,
)

pytestmark = pytest.mark.needs_servers

REQUESTS = 5000


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The configuration on loopback, with nothing before it."""
    folder = tmp_path_factory.mktemp("example")
    with machine(folder, prepare(folder)) as served:
        yield served


# ---------------------------------------------------------------- examples/gunicorn.conf.py


def test_the_access_log_shows_who_called_and_why_somebody_was_refused(example: Machine) -> None:
    """A line has the verified user and no reason, or no user and the reason."""
    token = sign_in(example.address).body["token"]
    assert call(f"{example.address}/api/mine", token=token).body["subject"] == "1"
    assert call(f"{example.address}/api/none").status == 401
    assert (
        call(f"{example.address}/api/forged", token=token[:-9] + "AAAAAAAAA").body["reason"]
        == "signature"
    )
    example.says(r' gunicorn\.access 127\.0\.0\.1 1 "GET /api/mine HTTP/1\.1" 200 - \d+ms')
    example.says(r' gunicorn\.access 127\.0\.0\.1 - "GET /api/none HTTP/1\.1" 401 missing \d+ms')
    example.says(
        r' gunicorn\.access 127\.0\.0\.1 - "GET /api/forged HTTP/1\.1" 401 signature \d+ms'
    )


def test_what_the_middleware_logs_at_INFO_is_shown_once(example: Machine) -> None:  # noqa: N802
    """A refusal has its line, and so has a sign-in that fails."""
    call(f"{example.address}/api/once")
    example.says(r" INFO jwt_middleware refused GET /api/once: missing address=\"127\.0\.0\.1\"$")
    assert len(re.findall(r"refused GET /api/once", example.log)) == 1
    sign_in(example.address, "wrong")
    example.says(r" INFO jwt_middleware\.login failure")


def test_no_token_and_no_password_is_in_any_line(example: Machine) -> None:
    """Whatever a client does with its secrets, in headers, bodies or queries, the log has none of
    them."""
    tokens = sign_in(example.address).body
    secrets = [tokens["token"], tokens["refresh_token"], PASSWORD]
    for secret in secrets:
        call(
            f"{example.address}/api/query?access_token={secret.replace(' ', '+')}",
            token=tokens["token"],
        )
        call(f"{example.address}/api/query?a=b", {"token": secret}, token=f"{secret[:-1]}\u00e9")
        call(
            f"{example.address}/auth/token",
            {"grant_type": "refresh_token", "refresh_token": secret},
        )
        call(f"{example.address}/auth/revoke", {"token": secret})
    call(f"{example.address}/last")
    example.says(r"GET /last HTTP")
    wait_for(lambda: example.log.count("/api/query?... HTTP/1.1") == 6)
    signatures = [secret.replace(" ", "+")[-12:] for secret in secrets]
    assert not [secret for secret in (*secrets, *signatures) if secret in example.log]


def test_a_client_on_loopback_cannot_set_SCRIPT_NAME(example: Machine) -> None:  # noqa: N802
    """Nor PATH_INFO nor REMOTE_USER: what it says of them is dropped."""
    forged = {
        "SCRIPT_NAME": "/open",
        "PATH_INFO": "/open/y",
        "REMOTE_USER": "1",
        "AUTH_TYPE": "Bearer",
    }
    seen = call(f"{example.address}/open/x", headers=forged).body
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"], seen["subject"]) == ("", "/open/x", None)


def test_tokens_up_to_8192_bytes_pass_and_longer_ones_are_told_so(example: Machine) -> None:
    """A token of 9 kB is refused by the middleware with its reason, one of 17 kB by gunicorn; the
    worker goes on."""
    assert call(f"{example.address}/api", token=example.token(8192)).body["subject"] == "1"
    assert call(f"{example.address}/api", token=example.token(9000)).body["reason"] == "too_large"
    assert call(f"{example.address}/api", token=example.token(17_000)).status == 431
    assert call(f"{example.address}/api", token=example.token(8192)).status == 200


def test_an_example_runs_with_it(tmp_path: Path) -> None:
    """The Flask example in two workers."""
    env = {"target": "examples.flask_app", "JWT_SECRET": "s" * 32}
    with machine(tmp_path, f"sqlite:///{tmp_path}/auth.db", **env) as served:
        assert call(f"{served.address}/api/me").status == 401
        served.says(r'"GET /api/me HTTP/1.1" 401 missing')


# ---------------------------------------------------------------- a reload under load


def rotate(keys: Path) -> None:
    """Publish a new key, and let it sign at once."""
    key_folder.publish(keys, new := Key.generate("EdDSA"))
    key_folder.activate(keys, str(new.id))


def test_reloads_and_a_new_key_under_load_cost_nobody_a_request(tmp_path: Path) -> None:
    """Three new releases by SIGHUP, each with a new key, during 5,000 requests on fresh
    connections: each is a 200."""
    with machine(tmp_path, prepare(tmp_path)) as served:
        with Load(served.address, sign_in(served.address).body["token"]) as load:
            for release in range(1, 4):
                (tmp_path / "release").write_text(str(release))
                os.kill(served.master, signal.SIGHUP)
                wait_for(lambda release=release: served.log.count("Worker exiting") >= 2 * release)
                rotate(tmp_path / "keys")
                load.tokens.append(sign_in(served.address).body["token"])
            wait_for(lambda: len(load.answers) >= REQUESTS)
        assert call(f"{served.address}/now").body["release"] == "3"
    assert not [answer for answer in load.answers if answer]


def check(folder: Path, source: str, **env: str) -> int:
    """Have gunicorn check the configuration and this module, which lies in the folder; return its
    exit code."""
    (folder / "wsgi.py").write_text(source)
    env = {**os.environ, "PYTHONPATH": str(ROOT), **env}
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--check-config",
        "-c",
        EXAMPLES / "gunicorn.conf.py",
        "wsgi",
    ]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True).returncode


def test_a_release_that_does_not_load_is_found_before_the_reload(tmp_path: Path) -> None:
    """`--check-config` loads the app, and fails where a SIGHUP would end gunicorn."""
    assert check(tmp_path, "application = print") == 0
    assert check(tmp_path, "import a_module_that_is_not_there") == 1


def test_the_app_of_the_page_loads(tmp_path: Path) -> None:
    """The code in docs/how-to/deployment.md, as it stands but for the folder of the keys."""
    prepare(tmp_path)
    (tmp_path / "example.py").write_text("app = print")
    (tmp_path / "redis-url").write_text("redis://:secret@127.0.0.1/1\n")
    (tmp_path / "database-url").write_text("postgresql://example:secret@127.0.0.1/example\n")
    source = re.findall(
        r"^```python\n(.*?)^```$",
        (ROOT / "docs/how-to/deployment.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )[0]
    source = source.replace("/var/lib/example/keys", str(tmp_path / "keys"))
    assert check(tmp_path, source, CREDENTIALS_DIRECTORY=str(tmp_path)) == 0


# ---------------------------------------------------------------- examples/nginx.conf


class Site(NamedTuple):
    """nginx in front of a machine. `tls` trusts its certificate."""

    address: str
    machine: Machine
    tls: ssl.SSLContext

    def call(self, path: str, fields: object = None, **how: Any) -> Answer:
        """Call by https."""
        return call(self.address + path, fields, tls=self.tls, **how)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The two examples together, over a socket."""
    folder = tmp_path_factory.mktemp("site")
    options = ("--bind", f"unix:{folder}/gunicorn.sock")
    with (
        machine(folder, prepare(folder), *options, BEHIND_PROXY="1") as served,
        nginx(folder) as (address, tls),
    ):
        yield Site(address, served, tls)


def test_the_whole_way_behind_nginx(site: Site) -> None:
    """401, a token, 200; the app sees https and the host that was asked for."""
    assert site.call("/api").headers["www-authenticate"] == 'Bearer realm="api"'
    token = sign_in(site.address, tls=site.tls).body["token"]
    seen = site.call("/api", token=token).body
    assert (seen["subject"], f"{seen['wsgi.url_scheme']}://{seen['HTTP_HOST']}") == (
        "1",
        site.address,
    )


def test_nginx_logs_no_query(site: Site) -> None:
    """A token that somebody puts there is in neither log."""
    site.call("/api/query?access_token=secret")
    for log in ("access.log", "gunicorn.log"):
        wait_for(lambda file=site.machine.folder / log: "GET /api/query" in file.read_text())
        assert "secret" not in (site.machine.folder / log).read_text()


def test_only_its_owner_and_group_may_use_the_socket(site: Site) -> None:
    """Whoever reaches gunicorn past nginx may claim any address."""
    assert stat.S_IMODE((site.machine.folder / "gunicorn.sock").stat().st_mode) == 0o770


def test_a_megabyte_without_a_token_reads_its_401(site: Site) -> None:
    """A POST to the very limit is refused by the middleware, not by a 502; one byte more by
    nginx."""
    for _ in range(5):
        refused = site.call("/api", body=bytes(1024 * 1024))
        assert (refused.status, refused.body["reason"]) == (401, "missing")
    assert site.call("/api", body=bytes(1024 * 1024 + 1)).status == 413


def test_the_limits_for_tokens_fit_together(site: Site) -> None:
    """nginx passes on what gunicorn takes; what is too large for both it refuses itself."""
    assert site.call("/api", token=site.machine.token(8192)).status == 200
    assert site.call("/api", token=site.machine.token(9000)).body["reason"] == "too_large"
    assert site.call("/api", token=site.machine.token(17_000)).status == 400


def test_health_is_for_those_who_watch(site: Site) -> None:
    """200 for a listed address, 403 for another."""
    assert site.call("/auth/health").body == {"status": "ok"}
    assert site.call("/auth/health", source="127.0.0.2").status == 403


INSIDE = (
    "/readyz",
    "/metrics",
    "/metrics/",
    "/metrics/x",
    "//metrics",
    "/%6detrics",
    "/metrics%2Fx",
    "/x/../readyz",
    "/auth//health",
    "/auth/health/",
    "/readyz?x",
)
OUTSIDE = ("/api", "/api/readyz", "/metricsx", "/auth/healthy", "/auth/login")


@pytest.mark.parametrize("path", INSIDE)
def test_what_watches_is_closed_to_the_outside(site: Site, path: str) -> None:
    """Readiness and metrics, by any spelling and with all below them, are 403 for an address that
    is not listed. A listed one gets the answer of the app."""
    assert site.call(path, source="127.0.0.2").status == 403
    assert site.call(path).status != 403


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_is_beside_them_is_open(site: Site, path: str) -> None:
    """Paths that only look like them, and the API, go to the app."""
    assert site.call(path, source="127.0.0.2").status != 403


def test_the_throttle_counts_by_the_real_address(site: Site) -> None:
    """Five failures shut a name out from their address, whatever X-Forwarded-For it writes, and
    from no other."""
    name, source = uuid.uuid4().hex, "127.0.0.3"

    def fails(source: str, **headers: str) -> int:
        return sign_in(
            site.address, "wrong", name=name, tls=site.tls, source=source, headers=headers
        ).status

    assert [fails(source) for _ in range(5)] == [401] * 5
    forged = [
        {"X-Forwarded-For": f"203.0.113.{last}", "Forwarded": f"for=203.0.113.{last}"}
        for last in range(3)
    ]
    assert [fails(source, **headers) for headers in forged] == [429] * 3
    assert fails("127.0.0.1") == 401
    site.machine.says(rf'{source} - "POST /auth/token HTTP/1\.1" 429')


# ---------------------------------------------------------------- two machines


@pytest.fixture
def two(tmp_path: Path, postgresql_url: str, redis_url: str) -> Iterator[tuple[str, str]]:
    """The addresses of two machines with the same keys, over one PostgreSQL, its log and counters
    in one Valkey."""
    prepare(tmp_path, postgresql_url)
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        (folder / "keys").symlink_to(tmp_path / "keys")
    first, second = (
        machine(
            folder,
            postgresql_url,
            "--bind",
            f"127.0.0.{last}:0",
            REDIS_URL=redis_url,
            WEB_CONCURRENCY="1",
        )
        for last, folder in enumerate(folders, 1)
    )
    with first as a, second as b:
        yield a.address, b.address


def test_a_login_on_one_machine_is_good_on_the_other(two: tuple[str, str]) -> None:
    """The token opens the other one, and the session is refreshed there."""
    here, there = two
    assert "127.0.0.2" in there
    tokens = sign_in(here).body
    assert call(f"{there}/api", token=tokens["token"]).body["subject"] == "1"
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refreshed = call(f"{there}/auth/token", fields).body
    assert call(f"{here}/api", token=refreshed["token"]).status == 200


def test_a_logout_on_one_machine_is_known_to_the_other_within_2_seconds(
    two: tuple[str, str], redis_url: str
) -> None:
    """The access token is refused as revoked there too, and the session is over; the log of it is
    in Valkey."""
    here, there = two
    tokens = sign_in(here).body
    assert call(f"{there}/api", token=tokens["token"]).status == 200
    assert call(f"{here}/auth/revoke", {"token": tokens["refresh_token"]}).status == 200
    time.sleep(2)
    assert call(f"{there}/api", token=tokens["token"]).body["reason"] == "revoked"
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert call(f"{there}/auth/token", fields).body["error"] == "invalid_grant"
    with redis.Redis.from_url(redis_url) as client:
        assert client.exists("{jwt_middleware}:revoked")


def test_both_machines_count_the_same_failures(two: tuple[str, str]) -> None:
    """Three here and two there are five: then both refuse, even the right password."""
    here, there = two
    assert [sign_in(address, "wrong").status for address in (here, there, here, there, here)] == [
        401
    ] * 5
    assert [sign_in(address).status for address in two] == [429, 429]
