"""Four gunicorn workers over a PostgreSQL behind a real PgBouncer in transaction mode."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.checks.faults.site import PASSWORD, THREADS, Site, served
from tests.kit.engines import PgBouncer

pytestmark = [pytest.mark.needs_servers, pytest.mark.needs_engines]

SIGN_INS = 60
REFRESHES_OF_EACH = 3


@pytest.fixture
def pooler(postgresql_server: str) -> Iterator[PgBouncer]:
    """A PgBouncer with fewer connections than the workers have."""
    pooler = PgBouncer(postgresql_server, connections=3)
    yield pooler
    pooler.remove()


def statuses_of(site: Site, name: str) -> list[int]:
    """What a sign-in and the refreshes after it are answered with."""
    answer = site.sign_in(name, PASSWORD)
    statuses = [answer.status]
    for _ in range(REFRESHES_OF_EACH):
        if answer.status == 200:
            answer = site.refresh(answer.body["refresh_token"])
            statuses.append(answer.status)
    return statuses


def test_sign_ins_and_refreshes(pooler: PgBouncer, tmp_path: Path) -> None:
    """No statement of one connection is missed, or met twice, by a transaction on another: every
    sign-in and every refresh is answered."""
    with served(tmp_path, pooler.url, options=THREADS) as site:
        names = [site.new_user() for _ in range(5)] * (SIGN_INS // 5)
        with ThreadPoolExecutor(4) as clients:
            counts = Counter(
                status
                for statuses in clients.map(lambda name: statuses_of(site, name), names)
                for status in statuses
            )
    assert counts == {200: SIGN_INS * (1 + REFRESHES_OF_EACH)}
