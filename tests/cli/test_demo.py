"""The demo, as its user meets it: what it prints works when pasted, and what cannot be is one clear
line."""

import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kit.parts import program
from tests.kit.scripts import paste
from tests.kit.serving import free_port
from tests.kit.waiting import PATIENCE

from .conftest import COMMAND

pytestmark = pytest.mark.needs_servers

_COMMAND = [*COMMAND, "demo"]


@contextmanager
def demo(folder: Path, *options: str) -> Iterator[str]:
    """Run the demo and yield what it has printed when it is ready."""
    command = [*_COMMAND, "--bind", "127.0.0.1:0", "--folder", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    printed = ""
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        for line in process.stdout or ():
            printed += line
            if "Ctrl-C" in line:
                break
        watchdog.cancel()
        yield printed
    finally:
        watchdog.cancel()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed


def pasted(printed: str) -> str:
    """Run the three curl lines in a shell of their own and return what they print."""
    lines = re.findall(r"^(?:curl|TOKEN=).*$", printed, re.MULTILINE)
    assert len(lines) == 3
    return paste("\n".join(lines)).stdout


def refused(*options: str) -> str:
    """Run a demo that cannot start and return its one line."""
    run = subprocess.run([*_COMMAND, *options], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    return run.stderr


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["each worker loads", "preload"])
def test_the_curl_lines_work_when_pasted(
    database: str, preload: tuple[str, ...], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The first line is answered 401, the third 200 with the caller, on SQLite and on
    PostgreSQL."""
    options = (
        () if database == "sqlite" else ("--database", request.getfixturevalue("postgresql_url"))
    )
    with demo(tmp_path, *preload, *options) as printed:
        assert re.findall(r"^HTTP/1.1 (\d+)", answers := pasted(printed), re.MULTILINE) == [
            "401",
            "200",
        ]
    assert '"id":"1"' in answers


def test_the_page_is_at_the_printed_address(tmp_path: Path) -> None:
    """The address that is printed shows the login page."""
    with demo(tmp_path) as printed:
        page = re.search(r"http\S+/auth/login", printed)
        assert page
        html = subprocess.run(
            [program("curl"), "-s", page[0]], capture_output=True, text=True, timeout=PATIENCE
        ).stdout
    assert "<form" in html


def test_the_folder_is_reused_and_private(tmp_path: Path) -> None:
    """A second start finds the secret and the user again; secret and database are readable by their
    owner only."""
    folder = tmp_path / "demo"
    with demo(folder) as first:
        secret = (folder / "secret").read_text()
    with demo(folder) as second:
        assert '"id":"1"' in pasted(second)
    assert (folder / "secret").read_text() == secret
    assert str(folder) in first
    assert str(folder) in second
    assert {file.stat().st_mode & 0o777 for file in (folder / "secret", folder / "auth.db")} == {
        0o600
    }


@pytest.mark.parametrize("reader", ["reads the welcome", "reads nothing", "reads both streams"])
def test_the_reader_of_the_output_goes_away(reader: str, tmp_path: Path) -> None:
    """The demo goes on answering without a word, as in `jwt-middleware demo | head`, and ends as it
    would have."""
    address = f"127.0.0.1:{free_port()}"
    errors = (tmp_path / "errors").open("w+")
    merged = subprocess.STDOUT if reader == "reads both streams" else errors
    process = subprocess.Popen(
        [*_COMMAND, "--bind", address, "--folder", str(tmp_path / "demo")],
        stdout=subprocess.PIPE,
        stderr=merged,
        text=True,
    )
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    assert process.stdout
    if reader != "reads nothing":
        while "Ctrl-C" not in process.stdout.readline():
            assert process.poll() is None
    process.stdout.close()
    curl = [
        program("curl"),
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        f"http://{address}/api/me",
    ]
    retry = ["--retry", "60", "--retry-connrefused", "--retry-delay", "1"]
    codes = [subprocess.run([*curl, *retry], capture_output=True, text=True, timeout=PATIENCE)]
    codes += [subprocess.run(curl, capture_output=True, text=True) for _ in range(8)]
    # curl ends with the last byte, a moment before the worker does. The closed connection is the
    # worker's last act, so that no request is cut off by what follows.
    with socket.create_connection(("127.0.0.1", int(address.split(":")[1]))) as last:
        last.sendall(b"GET /api/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while last.recv(65_536):
            pass
    process.send_signal(signal.SIGINT)
    code = process.wait(PATIENCE)
    watchdog.cancel()
    errors.seek(0)
    assert ([answer.stdout for answer in codes], code, errors.read()) == (["401"] * 9, 0, "")
    errors.close()


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    """A port that somebody listens on is named in one line, and the exit code is not 0."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused("--bind", f"127.0.0.1:{port}", "--folder", str(tmp_path))
    assert line == (
        f"Error: cannot listen on 127.0.0.1:{port}: Address already in use; --bind names another\n"
    )


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """A folder that cannot be made is named in one line, and the exit code is not 0."""
    (tmp_path / "file").touch()
    line = refused("--bind", "127.0.0.1:0", "--folder", str(tmp_path / "file"))
    assert line == f"Error: {tmp_path / 'file'}: File exists\n"


@pytest.mark.parametrize("bind", ["8000", "127.0.0.1:http", "127.0.0.1:99999", ""])
def test_a_malformed_bind_shows_the_right_form(bind: str, tmp_path: Path) -> None:
    """What is not HOST:PORT is a usage error that shows the form."""
    assert "HOST:PORT, such as 127.0.0.1:8000" in refused("--bind", bind, "--folder", str(tmp_path))
