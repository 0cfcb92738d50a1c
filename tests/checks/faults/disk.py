"""A full disk under an SQLite file: 503, an intact file, and all is well when there is room
again."""

import resource
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa

from jwt_middleware.stores.sql.schema import sessions
from tests.kit.parts import skip

from .races import wait_for_all
from .site import Site

_SIZE = 4 << 20
_TRIES = 60


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Make the folder a file system of a few MiB where that is allowed; yield whether it is one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(folder)]
    is_mounted = False
    with suppress(OSError):
        is_mounted = subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def balloon(folder: Path) -> Iterator[None]:
    """Leave no room on the file system of the folder."""
    with suppress(OSError), open(folder / "balloon", "wb", buffering=0) as file:
        for size in (4096, 1):
            with suppress(OSError):
                while file.write(bytes(size)):
                    pass
    yield
    (folder / "balloon").unlink()


@contextmanager
def no_growth(workers: Sequence[int], folder: Path) -> Iterator[None]:
    """Let no worker make a file longer than the longest one in the folder: where nothing can be
    mounted."""
    if not hasattr(resource, "prlimit"):
        skip("no file system can be mounted here, and the size of files cannot be limited")
    size = max(path.stat().st_size for path in folder.iterdir())
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    for worker in workers:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (size, limit[1]))
    yield
    for worker in workers:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, limit)


def fill(site: Site, folder: Path, is_mounted: bool) -> int:
    """Take all the room, and give it back. Return how many requests were answered 503."""
    kept, ending, name = site.new_session(), site.new_session(), site.new_user()
    workers = wait_for_all(site, kept["token"], 200)
    before = _count(site)
    with balloon(folder) if is_mounted else no_growth(workers, folder):
        answers = [site.sign_in(name) for _ in range(_TRIES)]
        good = [answer for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status != 200]
        for request in (site.refresh, site.revoke):
            refused += [request(ending["refresh_token"]) for _ in range(5)]
        assert {answer.status for answer in refused} == {503}, refused
        assert all("retry-after" in answer.headers for answer in refused)
        assert {site.read(kept["token"]).status for _ in range(20)} == {200}
        site.check_consistency()
    assert _count(site) == before + len(good), "half-written"
    assert site.sign_in(name).status == 200
    assert site.refresh(kept["refresh_token"]).status == 200
    assert site.revoke(ending["refresh_token"]).status == 200
    wait_for_all(site, ending["token"], 401)
    return len(refused)


def _count(site: Site) -> int:
    return int(site.rows(sa.select(sa.func.count()).select_from(sessions))[0][0])
