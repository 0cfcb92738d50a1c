"""A process that forks while its requests to a server hang."""

import os
import subprocess
import sys
import textwrap

from tests.kit import ROOT
from tests.kit.fault_server import FaultServer, hang, well
from tests.kit.waiting import PATIENCE, wait_for


def fork_amid(requests: int, server: FaultServer, script: str) -> str:
    """Run a script that starts so many requests to the server's URL, its argument, and forks once
    it can read a line. Return what it prints. The server hangs until then, and answers after."""
    server.behaviour = hang
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), server.url]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environ, **pipes) as parent:
        wait_for(lambda: len(server.requests) == requests)
        server.behaviour = well
        return parent.communicate("go\n", timeout=PATIENCE)[0]
