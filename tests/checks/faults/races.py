"""Many at once: fifty refreshes of one token, and every worker's word on a token that was used
again."""

import hashlib
import threading
import time
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa

from jwt_middleware.stores.sql.schema import sessions
from tests.kit.waiting import wait_for

from .site import WORKERS, Site, sid_of, worker_of

AT_ONCE = 50


def secret_hash(refresh_token: str) -> bytes:
    """What the store has of a refresh token's secret."""
    return hashlib.sha256(urlsafe_b64decode(refresh_token)[16:]).digest()


def refresh_at_once(site: Site) -> int:
    """Refresh one token many times at once: all get the one successor. Return how many workers took
    part."""
    tokens = site.new_session()
    gate = threading.Barrier(AT_ONCE)

    def refresh(_: int) -> Any:
        gate.wait()
        return site.refresh(tokens["refresh_token"])

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(refresh, range(AT_ONCE)))
    assert {answer.status for answer in answers} == {200}
    (successor,) = {answer.body["refresh_token"] for answer in answers}
    (kept,) = site.rows(sa.select(sessions).where(sessions.c.sid == sid_of(tokens)))
    assert kept.secret_hash == secret_hash(successor)
    assert kept.previous_hash == secret_hash(tokens["refresh_token"]), "more than one generation"
    return len({worker_of(answer) for answer in answers})


def reuse_after_grace(site: Site, grace: float) -> float:
    """Use a token again after the grace; return the seconds until no worker takes the session's
    access token."""
    first = site.new_session()
    second = site.refresh(first["refresh_token"]).body
    assert (
        site.refresh(first["refresh_token"]).body["refresh_token"] == second["refresh_token"]
    )  # within the grace
    third = site.refresh(second["refresh_token"]).body
    after_grace = time.monotonic() + grace
    while time.monotonic() < after_grace:  # so that each worker has just read the log
        wait_for_all(site, third["token"], 200)
    assert site.refresh(first["refresh_token"]).status == 400
    ended_at = time.monotonic()
    wait_for_all(site, third["token"], 401)
    took = time.monotonic() - ended_at
    wait_for_all(site, third["token"], 401)  # nobody goes back
    assert site.refresh(third["refresh_token"]).status == 400
    return took


def wait_for_all(site: Site, token: str, status: int) -> list[int]:
    """Return the workers when each one's last answer to the token has this status."""
    last: dict[int, int] = {}
    with ThreadPoolExecutor(8) as threads:

        def is_known_everywhere() -> bool:
            for answer in threads.map(site.read, [token] * 8):
                last[worker_of(answer)] = answer.status
            return list(last.values()) == [status] * WORKERS

        wait_for(is_known_everywhere, say=lambda: str(last))
    return list(last)
