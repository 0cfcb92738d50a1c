"""`RevocationList` in forked processes and under gevent, each in a fresh interpreter."""

import subprocess
import sys

import pytest

from tests.kit import ROOT
from tests.kit.parts import part

pytestmark = pytest.mark.needs_servers

FORKED = """
import os, signal, threading
from tests.kit.logs import ListLog
from jwt_middleware import InvalidToken, RevocationList
from jwt_middleware.trust.revocation import revocation_keys

log = ListLog()
revocations = RevocationList(log, max_staleness=0)
keys = revocation_keys("https://idp.example", "t1", None)
log.gate.clear()
threading.Thread(target=revocations.check, args=((),), daemon=True).start()
log.is_entered.wait(60)  # a thread of the parent is inside a read, and holds what there is to hold
log.revoke("https://idp.example", jti="t1", expires_at=4e9)

child = os.fork()
if child == 0:
    signal.alarm(60)
    log.gate = threading.Event()
    log.gate.set()
    try:
        revocations.check(keys)
    except InvalidToken:
        os._exit(7)
    os._exit(1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

GEVENT = """
from gevent import monkey; monkey.patch_all()
import gevent
from tests.kit.clock import stopped
from jwt_middleware import RevocationList
from jwt_middleware.trust.revocation import RevocationPage

class Log:
    begun = ended = 0
    def read_revocations(self, cursor):
        self.begun += 1
        gevent.sleep(0.05)
        self.ended += 1
        return RevocationPage(1, [])

ticks = 0

def tick():
    global ticks
    while True:
        ticks += 1
        gevent.sleep(0.001)

log = Log()
revocations = RevocationList(log, max_staleness=1)
with stopped("monotonic") as clock:
    gevent.spawn(tick)
    waiting = [gevent.spawn(revocations.check, ()) for _ in range(50)]
    gevent.joinall(waiting, timeout=60, raise_error=True)
    assert (log.begun, log.ended) == (1, 1)  # one read for all
    assert ticks > 3  # and the hub went on meanwhile
    clock.now += 0.6
    for _ in range(50):
        revocations.check(())
    gevent.sleep(0)
    assert (log.begun, log.ended) == (2, 1)  # a read in the background held nobody up
    gevent.sleep(0.1)
    assert (log.begun, log.ended) == (2, 2)
print("done")
"""

PRELOADED = """
import os, signal
from tests.kit.logs import ListLog
from jwt_middleware import RevocationList
from jwt_middleware.trust.revocation import RevocationPage

class Log:
    def read_revocations(self, cursor):
        pause()
        return RevocationPage(1, [])

pause = lambda: None
revocations = RevocationList(Log(), max_staleness=0)
revocations.check(())  # built and used before the fork, with the locks of a world without gevent

child = os.fork()
if child == 0:
    signal.alarm(60)
    from gevent import monkey; monkey.patch_all()
    import gevent
    pause = lambda: gevent.sleep(0.01)
    waiting = [gevent.spawn(revocations.check, ()) for _ in range(5)]
    gevent.joinall(waiting, raise_error=True)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def run(code: str) -> str:
    """What the code prints in an interpreter of its own."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_child_waits_for_no_thread_of_its_parent() -> None:
    """A fork in the middle of a read copies a held lock; the child reads for itself and refuses
    what is revoked."""
    assert run(FORKED) == "7"


def test_greenlets_wait_without_blocking_the_others() -> None:
    """Fifty greenlets share one read, the hub goes on meanwhile, and a read in the background holds
    nobody up."""
    assert run(GEVENT) == "done"


def test_a_list_built_before_the_fork_serves_greenlets_after_it() -> None:
    """gunicorn with `preload_app` and gevent workers: the app is loaded first, and patched in the
    worker."""
    part("gevent")
    assert run(PRELOADED) == "7"
