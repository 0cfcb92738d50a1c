"""The container of `examples/container`, without a container engine.

What is executed: each step of the Dockerfile, into an empty folder, and its CMD, as its USER, with
what compose.yaml grants (a read-only root, tmpfs, secrets as files, no capabilities) by bubblewrap
on a real PostgreSQL; then its probes. The Python and the system's libraries are those of this
machine, in place of the image that FROM names. What is not executed: an engine's own reading of the
two files, their network, volumes and limits of memory.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from sqlalchemy import make_url

from jwt_middleware.stores import SQLStore
from jwt_middleware.stores.hashing_slots import MAX_CONCURRENT_HASHES, MAX_WAITING_CHECKS
from tests.kit import ROOT
from tests.kit.answers import call
from tests.kit.engines import PostgreSQL
from tests.kit.environments import build_wheel
from tests.kit.parts import program, skip
from tests.kit.passwords import CHEAP
from tests.kit.serving import free_port, started
from tests.kit.waiting import wait_for

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_engines, pytest.mark.needs_time]

EXAMPLE = ROOT / "examples" / "container"
PASSWORD = "correct horse battery staple"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc")


class Image(NamedTuple):
    """What the Dockerfile comes to."""

    root: Path
    """The folders that its steps have filled: venv and app."""
    environ: dict[str, str]
    folder: str
    user: str
    command: list[str]


def instructions() -> list[tuple[str, str]]:
    """The steps of the Dockerfile, in their order."""
    text = (EXAMPLE / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def compose() -> dict[str, Any]:
    """What compose.yaml says."""
    found = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())
    assert isinstance(found, dict)
    return found


def inside(root: Path, *options: str) -> list[str]:
    """The words before a command that sees the system's folders, Python's, and those of the root at
    their places, and writes where the options say."""
    words = [
        program("bwrap"),
        "--die-with-parent",
        "--unshare-pid",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
    ]
    for folder in SYSTEM:
        if Path(folder).is_symlink():
            words += ["--symlink", os.readlink(folder), folder]
        elif Path(folder).exists():
            words += ["--ro-bind", folder, folder]
    for parent in reversed(Path(sys.base_prefix).parents[:-1]):
        if str(parent) not in SYSTEM:
            words += ["--perms", "0755", "--dir", str(parent)]  # else root alone could enter it
    if not sys.base_prefix.startswith("/usr"):
        words += ["--ro-bind", sys.base_prefix, sys.base_prefix]
    words += ["--perms", "0755", "--dir", "/run"]
    return [*words, *options]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image, built step by step into an empty folder."""
    root = tmp_path_factory.mktemp("image")
    wheels = tmp_path_factory.mktemp("wheels")
    wheel = build_wheel(wheels)
    probe = subprocess.run([*inside(root), "true"], capture_output=True, text=True)
    if probe.returncode:
        skip(f"nothing can be mounted here: {probe.stderr}")
    environ: dict[str, str] = {}
    folder, user, command = "/", "", []
    for word, rest in instructions():
        if word == "RUN":
            run(root, wheel, rest)
        elif word == "COPY":
            *names, target = rest.split()
            (root / target.strip("/")).mkdir(exist_ok=True)
            for name in names:
                shutil.copy(EXAMPLE / name, root / target.strip("/"))
        elif word == "ENV":
            environ |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        elif word == "WORKDIR":
            folder = rest
        elif word == "USER":
            user = rest
        elif word == "CMD":
            command = json.loads(rest)
        else:
            assert word in ("FROM", "EXPOSE"), word
    return Image(root, environ, folder, user, command)


def run(root: Path, wheel: Path, command: str) -> None:
    """Run a step in the root, where it may write as an engine's builder may."""
    (root / "venv").mkdir(exist_ok=True)
    options = ["--bind", str(root / "venv"), "/venv", "--tmpfs", "/tmp"]
    options += ["--ro-bind", str(wheel.parent), str(wheel.parent)]
    path = f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin"
    environ = {**os.environ, "PATH": path, "PYTHONPATH": ""}
    environ["PIP_FIND_LINKS"] = f"{os.environ.get('PIP_FIND_LINKS', '')} {wheel.parent}"
    extra = [word for each in find_links() for word in ("--ro-bind", each, each)]
    done = subprocess.run(
        [*inside(root, *options, *extra), "sh", "-c", command],
        env=environ,
        capture_output=True,
        text=True,
    )
    if done.returncode and "pip install" in command and os.environ.get("CI") != "true":
        skip(f"nothing can be installed here: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr


def find_links() -> list[str]:
    """The folders of this machine from which pip installs."""
    words = os.environ.get("PIP_FIND_LINKS", "").split()
    return [word for word in words if Path(word).is_dir()]


class Container(NamedTuple):
    """A running container."""

    address: str
    pids: list[int]
    """gunicorn's processes."""
    inside: list[str]
    """The words before a command in a container like it."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """A PostgreSQL of this module's own, since it is killed."""
    server = PostgreSQL()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def container(
    image: Image, server: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Container]:
    """The CMD, as compose.yaml has it run."""
    folder = tmp_path_factory.mktemp("container")
    store = SQLStore(server.url, password_method=CHEAP)
    store.add_user("ada", PASSWORD)
    store.close()
    service = compose()["services"]["app"]
    user, _, group = service["user"].partition(":")
    secrets = write_secrets(folder, service, server, int(user))
    socket = str(make_url(server.url).query["host"])
    Path(socket).chmod(0o755)  # it stands for the network, which every user may use
    port = free_port()
    config = (image.root / "app" / "gunicorn.conf.py").read_text()
    assert "0.0.0.0:8000" in config
    mounted = folder / "gunicorn.conf.py"  # the port alone is another one: 8000 may be in use here
    mounted.write_text(config.replace("0.0.0.0:8000", f"127.0.0.1:{port}"))
    options = ["--ro-bind", str(image.root / "venv"), "/venv"]
    options += ["--ro-bind", str(image.root / "app"), "/app"]
    options += ["--ro-bind", str(mounted), "/app/gunicorn.conf.py"]
    options += ["--ro-bind", str(secrets), "/run/secrets", "--chdir", image.folder]
    options += ["--perms", "1777", "--tmpfs", "/dev/shm"]
    for each in service["tmpfs"]:
        options += ["--perms", "1777", "--tmpfs", each.partition(":")[0]]
    for parent in reversed(Path(socket).parents):  # otherwise they are for root alone
        options += ["--perms", "0755", "--dir", str(parent)] if parent.parent.name else []
    options += ["--bind", socket, socket]
    if service["read_only"]:
        options += ["--remount-ro", "/"]
    words = [*inside(image.root, *options), *as_user(user, group)]
    environ = {**image.environ, **service["environment"], "PYTHONPATH": "", "HOME": "/"}
    address = f"http://127.0.0.1:{port}"
    log = folder / "log"

    def is_up() -> bool:
        with suppress(OSError):  # it listens before a worker is there
            return "Listening at" in log.read_text() and call(f"{address}/readyz").status == 200
        return False

    with started([*words, *image.command], log, is_up, env=environ):
        yield Container(address, pids_with(mounted), words)


def pids_with(file: Path) -> list[int]:
    """The processes that see this file as their configuration: gunicorn and its workers."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if "gunicorn" in (process / "cmdline").read_text() and "python" in os.readlink(
                process / "exe"
            ):
                config = process / "root" / "app" / "gunicorn.conf.py"
                found += [int(process.name)] if config.samefile(file) else []
    return found


def as_user(user: str, group: str) -> list[str]:
    """The words that make a command run as another user, without any capability."""
    if os.geteuid() != 0:
        return ["--unshare-user", "--uid", user, "--gid", group, "--cap-drop", "ALL"]
    setpriv = program("setpriv")
    drop = [setpriv, f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs"]
    caps = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*caps, *drop, "--inh-caps=-all"]


def write_secrets(folder: Path, service: dict[str, Any], server: PostgreSQL, user: int) -> Path:
    """Write the files that compose.yaml names, for the user of the container alone."""
    values = {"database-url": server.url, "jwt-secret": "0123456789abcdef" * 4}
    assert set(service["secrets"]) == set(values)
    secrets = folder / "secrets"
    secrets.mkdir()
    for name, value in values.items():
        path = secrets / name
        path.write_text(value + "\n")
        path.chmod(0o400)
        if os.geteuid() == 0:
            os.chown(path, user, user)
    return secrets


# ------------------------------------------------------------------------------------------------
# what the two files say


def test_the_files_agree() -> None:
    """The app runs as one user without rights in both, its secrets are files and nothing else, and
    its memory holds the passwords that its workers check at once."""
    whole = compose()
    service = whole["services"]["app"]
    assert dict(instructions())["USER"] == service["user"]
    assert int(service["user"].partition(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    named = {name for each in whole["services"].values() for name in each.get("secrets", ())}
    assert {name: list(each) for name, each in whole["secrets"].items()} == {
        name: ["file"] for name in named
    }
    workers = int(service["environment"]["WEB_CONCURRENCY"])
    passwords = workers * MAX_CONCURRENT_HASHES * 128
    assert int(service["mem_limit"].removesuffix("m")) >= passwords + workers * 100
    text = (EXAMPLE / "gunicorn.conf.py").read_text()
    threads = int(text.partition("WEB_THREADS")[2].partition(")")[0].strip('", '))
    assert threads > MAX_CONCURRENT_HASHES + MAX_WAITING_CHECKS  # so that some are left for others


def test_the_variant_from_a_clone_is_a_file() -> None:
    """Before a release, the comments of the Dockerfile and the option that they name make one that
    installs from a wheel in the folder: the name is that of a wheel, and pip knows the option."""
    text = (EXAMPLE / "Dockerfile").read_text()
    (copied,) = re.findall(r"^# (COPY .+)$", text, re.MULTILINE)
    (option,) = re.findall(r"to the next line: (.+)$", text, re.MULTILINE)
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    wheel = config["metadata"]["name"].replace("-", "_")
    assert copied.split() == ["COPY", f"{wheel}-*.whl", f"{option.split()[1]}/"]
    assert text.index(copied) < text.index("RUN /venv/bin/pip install")
    known = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--help"], capture_output=True, text=True
    )
    assert option.split()[0] in known.stdout


def test_the_page_shows_the_files() -> None:
    """The page of the documentation has the two files as they stand here."""
    page = (ROOT / "docs" / "how-to" / "deployment.md").read_text()
    for name in ("Dockerfile", "compose.yaml", "app.py", "gunicorn.conf.py"):
        assert f"../../examples/container/{name}" in page


# ------------------------------------------------------------------------------------------------
# what runs


def test_it_signs_in(container: Container) -> None:
    """A login, a protected path and a logout."""
    fields = {"username": "ada", "password": PASSWORD}
    answer = call(f"{container.address}/auth/token", fields)
    assert answer.status == 200, answer
    token = answer.body["access_token"]
    me = f"{container.address}/api/me"
    assert call(me).status == 401
    assert call(me, token=token).body == {"id": str(answer.body["user_id"])}
    assert call(f"{container.address}/auth/revoke", {"token": token}).status == 200
    wait_for(lambda: call(me, token=token).status == 401)


def test_nobody_may_write(container: Container) -> None:
    """No process is root or may become it, and nothing can be written but what compose.yaml and an
    engine's /dev grant."""
    assert len(container.pids) == 1 + int(
        compose()["services"]["app"]["environment"]["WEB_CONCURRENCY"]
    )
    for pid in container.pids:
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
        assert status["NoNewPrivs"] == "1"
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        if os.geteuid() == 0:
            assert status["Uid"].split() == ["10001"] * 4
            assert status["Gid"].split() == ["10001"] * 4
    mounts = [
        line.split()
        for line in Path(f"/proc/{container.pids[0]}/mountinfo").read_text().splitlines()
    ]
    writable = {fields[4] for fields in mounts if "rw" in fields[5].split(",")}
    granted = {each.partition(":")[0] for each in compose()["services"]["app"]["tmpfs"]}
    others = {each for each in writable if not each.startswith(("/dev", "/proc"))}
    others = {each for each in others if not Path(each).name.startswith("jm-")}  # the database
    assert others == granted
    done = subprocess.run(
        [
            *container.inside,
            "sh",
            "-c",
            "touch /app/x /venv/x /run/secrets/x /x /etc/x; touch /tmp/x && echo yes",
        ],
        capture_output=True,
        text=True,
    )
    assert done.stderr.count("Read-only file system") + done.stderr.count("Permission denied") == 5
    assert done.stdout == "yes\n"


def test_its_secrets_are_files_alone(container: Container) -> None:
    """No environment of a process has one, nor its command line, nor the image."""
    for pid in container.pids:
        for name in ("environ", "cmdline"):
            assert b"0123456789abcdef" not in Path(f"/proc/{pid}/{name}").read_bytes()


def test_its_probes(container: Container, server: PostgreSQL) -> None:
    """Alive, healthy and ready; without its database alive and not healthy; and healthy again."""
    (_, *check) = compose()["services"]["app"]["healthcheck"]["test"]
    check[-1] = check[-1].replace("http://127.0.0.1:8000", container.address)
    checked = [*container.inside, *check]
    environ = {**os.environ, "PATH": f"/venv/bin:{os.environ['PATH']}", "PYTHONPATH": ""}

    def statuses() -> list[int]:
        return [
            call(f"{container.address}/{path}").status
            for path in ("livez", "readyz", "auth/health")
        ]

    assert statuses() == [200, 200, 200]
    assert subprocess.run(checked, env=environ, capture_output=True).returncode == 0
    server.kill()
    try:
        # The known revocations are good for two minutes more, so that it stays ready.
        assert statuses() == [200, 200, 503]
    finally:
        server.start()
    wait_for(lambda: statuses() == [200, 200, 200])
