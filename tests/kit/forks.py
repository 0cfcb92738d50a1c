"""The process that imports and forks; see `forking`. It does not load the package by itself, so
that a script can be the first to import it."""

import atexit
import gc
import importlib
import json
import os
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

NUMBER = struct.Struct("=i")
"""The id of a new process, then how it ended."""


def serve(number: int, modules: Sequence[str]) -> None:
    """Fork for each request on the socket, and run its script in the new process."""
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=number) as requests:
        while True:
            _, files, _, _ = socket.recv_fds(requests, 1, 4)
            if not files:
                return  # the tests are over
            if not (pid := os.fork()):
                break
            for file in files:
                os.close(file)
            requests.send(NUMBER.pack(pid))
            requests.send(NUMBER.pack(os.waitpid(pid, 0)[1]))
    with open(files[0]) as asked:
        asked.seek(0)
        request = json.load(asked)
    _become(request, files[1:])
    os._exit(_run(request["script"]))  # inside: Python's name for the end of a forked process


def _run(script: str) -> int:
    """Run the script as `__main__`, and return its exit code after all that its end calls.

    What an interpreter does beyond that, to clear away each module, takes longer than most
    scripts.
    """
    main = sys.modules["__main__"] = ModuleType("__main__")
    code: Any = 0
    try:
        exec(compile(script, "<string>", "exec"), vars(main))
    except SystemExit as ending:
        code = ending.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    # inside: as multiprocessing ends its processes, too
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    del sys.modules["__main__"], main
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code or 0) & 255


def _opened(number: int, mode: str, buffering: int = -1) -> Any:
    errors = "backslashreplace" if number == 2 else None
    return open(number, mode, buffering, errors=errors, closefd=False)


def _become(request: Mapping[str, Any], streams: Sequence[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = _opened(0, "r"), _opened(1, "w"), _opened(2, "w", 1)
    sys.argv = ["-c", *request["arguments"]]
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
