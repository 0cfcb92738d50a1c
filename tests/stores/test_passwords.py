"""Hashes of passwords: equal time, no exceptions, bounded work."""

import hashlib
import logging
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing, suppress
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.security import generate_password_hash

from jwt_middleware.errors import ConfigurationError, StoreUnavailable
from jwt_middleware.stores import (
    SQLStore,
    check_password,
    hash_checks,
    hash_password,
    hashing_slots,
    version_of,
)
from jwt_middleware.stores.passwords import PasswordHasher
from tests.kit.passwords import follow_work, forget_what_is_learned
from tests.kit.scripts import run
from tests.kit.waiting import BOUND, PATIENCE, wait_for

from .conftest import cheap_scrypt
from .test_conformance import BAD_METHODS, BAD_PASSWORDS, DAMAGED, JSON_VALUES, by_value

CHEAP = "scrypt:1024:8:1"
"""A method whose cost others are compared with: some here cost more, some less."""

NO_HASHES = [*JSON_VALUES[1:], b"scrypt:1024:8:1$salt$00", "\udce4", "$$",
    "scrypt:1024:8:1$\udce4$" + "0" * 128,
             "scrypt:" + "9" * 9999 + ":8:1$salt$" + "0" * 128,
             "scrypt:1048576:64:64$salt$" + "0" * 128,
             "pbkdf2:nothing:1$salt$" + "0" * 64,
             "pbkdf2:sha256:99999999999$salt$" + "0" * 64, *DAMAGED.values()]  # fmt: skip
NO_PASSWORDS = [
    *JSON_VALUES,
    b"wonderland",
    "\udce4",
    "a" * 1025,
    "ä" * 513,
    "a" * 20_000_000,
    "x\0",
]


@pytest.fixture(autouse=True)
def nothing_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has checked no password yet."""
    forget_what_is_learned(monkeypatch)


Work = list[tuple[str, int]]


def count_hashes(monkeypatch: pytest.MonkeyPatch, scrypt: Any) -> Work:
    """What every hash from here on costs, with this in the place of `hashlib.scrypt`."""
    made: Work = []
    pbkdf2 = hashlib.pbkdf2_hmac

    def count_scrypt(password: bytes, **options: Any) -> bytes:
        made.append(("scrypt", options["n"] * options["r"] * options["p"]))
        return bytes(scrypt(password, **options))

    def count_pbkdf2(name: str, password: bytes, salt: bytes, rounds: int) -> bytes:
        if salt:  # not the probe for a digest that this machine has
            made.append(("pbkdf2", rounds))
        return pbkdf2(name, password, salt, rounds)

    monkeypatch.setattr("hashlib.scrypt", count_scrypt)
    monkeypatch.setattr("hashlib.pbkdf2_hmac", count_pbkdf2)
    return made


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """What every hash from here on costs: ("scrypt", n * r * p) or ("pbkdf2", rounds). The CPU
    clock of a thread follows this work, so that nothing else on the machine disturbs it."""
    counted = count_hashes(monkeypatch, hashlib.scrypt)
    seconds = {"scrypt": 3e-7, "pbkdf2": 6e-7}  # of one unit
    follow_work(monkeypatch, counted, lambda one: seconds[one[0]] * one[1])
    return counted


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Work:
    """The same where nothing is timed: scrypt is counted, and a cheap hash made in its place."""
    return count_hashes(monkeypatch, cheap_scrypt)


def test_a_password_is_checked() -> None:
    """`check_password` takes every hash that werkzeug makes."""
    for method in (CHEAP, "pbkdf2:sha256:1000", "pbkdf2:sha3_512:10", "pbkdf2:md5:10"):
        stored = generate_password_hash("wonderland", method)
        assert check_password(stored, "wonderland", unknown=method) is True
        assert check_password(stored, "Wonderland", unknown=method) is False


def test_the_default_method(hashes: list[object]) -> None:
    """A hash costs what OWASP's ASVS asks for, and building a hasher costs nothing."""
    hasher = PasswordHasher()
    assert not hashes
    stored = hasher.hash("wonderland")
    assert stored.startswith("scrypt:131072:8:1$")
    assert hasher.check(stored, "wonderland")
    assert hashes == [(131072, 8, 1)] * 2


def test_an_unknown_name_costs_a_hash(hashes: list[object]) -> None:
    """None costs what a hasher's own hashes cost."""
    assert PasswordHasher("scrypt:2048:8:1").check(None, "wonderland") is False
    assert hashes == [(2048, 8, 1)]


METHODS = [
    "scrypt:1024:8:1",
    "scrypt:4096:16:2",
    "scrypt:1024:1:8",
    "scrypt:32768:8:1",
    "pbkdf2:sha256:1000",
    "pbkdf2:sha512:7",
    "pbkdf2:md5:10",
]


@pytest.mark.parametrize("method", METHODS)
def test_the_table_has_this_method(method: str, counted: Work) -> None:
    """A known name, an unknown one and a damaged hash cost exactly one hash of the table's method,
    from the first call on."""
    stored = generate_password_hash("wonderland", method)
    costs = []
    for stored_hash in (None, stored, stored[:-1], "x", stored, None):
        counted.clear()
        assert check_password(stored_hash, "wrong", unknown=method) is False
        costs.append(list(counted))
    assert costs == [costs[0]] * 6
    assert len(costs[0]) == 1


@pytest.mark.parametrize("method", ["scrypt:32768:8:1", "scrypt:1024:8:1", "scrypt:2048:4:3"])
def test_an_older_hash_in_the_table(method: str, counted: Work) -> None:
    """A wrong password for a cheaper hash costs as much work as an unknown name, by default ours;
    the right one costs its own hash alone."""
    stored = generate_password_hash("wonderland", method)
    totals = []
    for stored_hash in (stored, None, stored):
        counted.clear()
        assert check_password(stored_hash, "wrong") is False
        totals.append(sum(units for _, units in counted))
    assert totals == [pytest.approx(131072 * 8, rel=1 / 32)] * 3
    counted.clear()
    assert check_password(stored, "wonderland") is True
    assert len(counted) == 1


def test_an_older_pbkdf2_hash_in_the_table(work: Work) -> None:
    """Fewer rounds are made up for by rounds."""
    stored = generate_password_hash("wonderland", "pbkdf2:sha256:1000")
    work.clear()
    check_password(stored, "wrong", unknown="pbkdf2:sha256:5000")
    assert work == [("pbkdf2", 1000), ("pbkdf2", 4000)]


def test_a_hash_of_another_kind(work: Work) -> None:
    """A cheap pbkdf2 hash beside scrypt is padded by about the whole of scrypt, and the other way
    round, from the first call on."""
    stored = generate_password_hash("wonderland", "pbkdf2:sha256:10")
    work.clear()
    check_password(stored, "wrong", unknown="scrypt:16384:8:1")
    kind, total = work[1][0], sum(units for _, units in work[1:])
    assert (work[0], kind) == (("pbkdf2", 10), "scrypt")
    assert 0.7 * 16384 * 8 <= total <= 16384 * 8
    stored = generate_password_hash("wonderland", "scrypt:128:1:1")
    work.clear()
    check_password(stored, "wrong", unknown="pbkdf2:sha256:50000")
    assert work[0][0] == "scrypt"
    assert 35_000 <= sum(units for _, units in work[1:]) <= 50_000


def test_a_costlier_hash_in_the_table(work: Work, caplog: pytest.LogCaptureFixture) -> None:
    """What unknown names cost cannot be known before, so one WARNING names the option, and without
    it unknown names cost as much from then on."""
    stored = generate_password_hash("wonderland", "scrypt:4096:8:1")
    hasher = PasswordHasher(CHEAP)
    for _ in range(3):
        assert hasher.check(stored, "wrong") is False
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("jwt_middleware.login", logging.WARNING)
    assert "unknown='scrypt:4096:8:1'" in record.getMessage()
    work.clear()
    assert hasher.check(None, "wrong") is False
    assert hasher.check(hasher.hash("x"), "wrong") is False
    assert work == [("scrypt", units * 8) for units in (4096, 1024, 1024, 2048, 1024)]


COSTLIER = ["scrypt:4096:8:1", "scrypt:1024:8:3", "pbkdf2:sha256:200000"]


@pytest.mark.parametrize("method", COSTLIER)
def test_the_first_login_of_a_worker(
    method: str, sqlite_url: str, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    """Where `password_method` was lowered, an unknown and a disabled name cost as much as a known
    one whose hash is older, from the first login of a worker on."""
    with closing(SQLStore(sqlite_url, password_method=method)) as before:
        for name in ("ann", "eve"):
            before.add_user(name, "wonderland")
        before.disable_user("eve")
    costs = []
    for name in ("bob", "ann", "eve"):
        with closing(SQLStore(sqlite_url, password_method=CHEAP)) as worker:
            work.clear()
            assert worker.authenticate(name, "wrong") is None
            costs.append(sum(units for _, units in work))
    assert costs == [pytest.approx(costs[0], rel=1 / 32)] * 3
    assert len(caplog.records) == 1


@pytest.mark.parametrize("method", ["scrypt:1024:1:1", "pbkdf2:sha256:10", CHEAP])
@pytest.mark.parametrize("password", ["wonderland", "wrong"])
def test_a_disabled_user_costs_what_nobody_costs(
    method: str, password: str, sqlite_url: str, work: Work
) -> None:
    """Not even the right password, whose cheaper hash is never padded, shows that the name
    exists."""
    with closing(SQLStore(sqlite_url, password_method=method)) as before:
        before.add_user("eve", "wonderland")
        before.disable_user("eve")
    with closing(SQLStore(sqlite_url, password_method=CHEAP)) as store:
        store.authenticate("bob", "so that the table was seen")
        work.clear()
        assert store.authenticate("eve", password) is None
        assert work == [("scrypt", 1024 * 8)]


def test_the_table_is_looked_at_once(sqlite_url: str) -> None:
    """The look costs one query in the life of a worker; one that failed is made up for."""
    looks: list[object] = []
    hasher = PasswordHasher(CHEAP)

    def hashes() -> list[str]:
        looks.append(len(looks))
        if len(looks) == 1:
            raise StoreUnavailable("on a Monday")
        return ["damaged", "scrypt:4096:8:1$salt$", "x$y"]

    with pytest.raises(StoreUnavailable):
        hasher.expect(hashes)
    for _ in range(3):
        hasher.expect(hashes)
    assert looks == [0, 1]


def test_hashes_of_ours(counted: Work) -> None:
    """`hash_password` makes what an unknown name costs, so that a table of them needs no option."""
    stored = hash_password("wonderland")
    assert check_password(stored, "wrong") is False
    assert check_password(None, "wrong") is False
    assert check_password(stored, "wonderland") is True
    assert stored.startswith("scrypt:131072:8:1$")
    assert counted == [("scrypt", 131072 * 8)] * 4


@pytest.mark.parametrize("password", BAD_PASSWORDS, ids=by_value)
def test_a_password_that_is_not_hashed(password: Any) -> None:
    """`hash_password` refuses what a store refuses, and does not repeat it."""
    with pytest.raises(ConfigurationError, match="password must") as caught:
        hash_password(password)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "unknown", [method for method in BAD_METHODS if method is not None], ids=by_value
)
@pytest.mark.parametrize("stored", [None, "x"])
def test_an_unknown_that_is_no_method(stored: str | None, unknown: Any) -> None:
    """A slip in the option shows at the first call, for a known name and for an unknown one."""
    with pytest.raises(ConfigurationError, match="unknown must be scrypt:n:r:p"):
        check_password(stored, "wonderland", unknown=unknown)


@given(
    text=st.one_of(
        st.text(),
        st.from_regex(r"(scrypt|pbkdf2)(:[\w-]{1,12}){1,3}"),
        st.integers(),
        st.binary(),
        st.lists(st.text()),
    )
)
def test_any_method_is_read_or_refused(text: Any) -> None:
    """Nothing but `ConfigurationError` comes out of the constructor."""
    with suppress(ConfigurationError):
        assert PasswordHasher(text).method == text


HOSTILE = [
    "scrypt:1073741824:8:1",
    "scrypt:1048576:8:1",
    "scrypt:2:4194304:1",
    "scrypt:2:1:4194304",
    "scrypt:131072:8:9",
    "scrypt:1048576:64:64",
    "scrypt:65536:8:64",
    "scrypt:9999999999:9999999999:9999999999",
    "scrypt:0:8:1",
    "scrypt:1:8:1",
    "scrypt:1024:0:1",
    "scrypt:65536:1:1",
    "scrypt:16:1:1",
    "scrypt:1024:8:-1",
    "pbkdf2:sha256:99999999",
    "pbkdf2:sha256:0",
    "pbkdf2:shake_128:1000",
    "pbkdf2:" + "s" * 10_000 + ":1",
]


@pytest.mark.parametrize("method", HOSTILE, ids=lambda method: method[:40])
def test_hostile_costs(method: str, work: Work, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever can write into the table exhausts neither memory nor time: such a hash is False at
    the usual cost, with a WARNING, and no method for new hashes."""
    stored = f"{method}$salt$" + "0" * (128 if method.startswith("scrypt") else 64)
    assert check_password(stored, "wonderland", unknown=CHEAP) is False
    assert work == [("scrypt", 1024 * 8)]
    assert len(caplog.records) == 1
    with pytest.raises(ConfigurationError, match="password_method must be"):
        PasswordHasher(method)


def test_the_costliest_that_is_allowed() -> None:
    """Owners may choose four times our memory and eight times our work."""
    for method in ("scrypt:524288:8:1", "scrypt:131072:8:8", "pbkdf2:sha256:9999999"):
        assert PasswordHasher(method).method == method


def test_a_version_of_a_hash() -> None:
    """It is stable, differs between hashes, fits 63 bits, and is never 0 for a hash."""
    stored = [generate_password_hash("wonderland", CHEAP) for _ in range(20)]
    versions = [version_of(stored_hash) for stored_hash in stored]
    assert versions == [version_of(stored_hash) for stored_hash in stored]
    assert len(set(versions)) == 20
    assert all(0 < version < 2**63 for version in versions)
    assert version_of("x") == version_of(b"x") == 8557419226236897146
    assert version_of("\udce4") != version_of("?")


@pytest.mark.parametrize("empty", [None, "", b""], ids=repr)
def test_a_user_without_a_password(empty: Any) -> None:
    """Somebody who logs in some other way has version 0, until there is a password."""
    assert version_of(empty) == 0


@pytest.mark.parametrize(
    "value",
    [0, 5, 1.5, True, ["x"], ("x",), {"x": 1}, object()],
    ids=lambda value: type(value).__name__,
)
def test_a_version_of_nothing(value: Any) -> None:
    """A row where its hash belongs is a slip, and is told without its value."""
    with pytest.raises(
        ConfigurationError, match="stored_hash must be a string, bytes or None, got"
    ):
        version_of(value)


@given(one=st.text(), other=st.text())
def test_versions_differ(one: str, other: str) -> None:
    """Two hashes have two versions."""
    assert (version_of(one) == version_of(other)) == (one == other)


@pytest.mark.parametrize("stored", NO_HASHES, ids=by_value)
def test_nothing_stored_raises(
    stored: Any, hashes: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    """Anything but a hash is False after the cost of one, with one warning that repeats nothing of
    it."""
    assert check_password(stored, "wonderland", unknown=CHEAP) is False
    assert hashes == [(1024, 8, 1)]
    assert [record.name for record in caplog.records] == ["jwt_middleware.login"]
    assert "wonderland" not in caplog.text
    assert "0000" not in caplog.text


@pytest.mark.parametrize("password", NO_PASSWORDS, ids=by_value)
def test_no_password_raises(password: Any, hashes: list[object]) -> None:
    """Anything but a possible password is False at once, for a known name and for an unknown
    one."""
    stored = generate_password_hash("x", CHEAP)
    hashes.clear()
    assert check_password(stored, password) is False
    assert check_password(None, password) is False
    assert not hashes


def test_a_rehash_is_needed() -> None:
    """A hash needs a rehash when its method or one of its parameters is another one than the
    hasher's."""
    hasher = PasswordHasher(CHEAP)
    assert not hasher.needs_rehash(hasher.hash("x"))
    for method in ("scrypt:2048:8:1", "scrypt:1024:8:2", "pbkdf2:sha256:1000"):
        assert hasher.needs_rehash(generate_password_hash("x", method))


class Hashing:
    """Hashes that take until they are let go, and how many of them ran at once."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.end = threading.Event()
        self.running = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, *arguments: object) -> Any:
        """Stand for `check_password_hash` or `generate_password_hash`."""
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.begun.release()
        assert self.end.wait(PATIENCE)
        with self._lock:
            self.running -= 1
        return False


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hashing]:
    """Every hash waits for the test."""
    hashing = Hashing()
    monkeypatch.setattr(hash_checks, "check_password_hash", hashing)
    yield hashing
    hashing.end.set()


def start_checks(threads: ThreadPoolExecutor, hashing: Hashing, number: int) -> list[Future[bool]]:
    """Start this many checks, of which two hash when this returns and the others wait."""
    checks = [threads.submit(check_password, None, "x", unknown=CHEAP) for _ in range(number)]
    assert all(hashing.begun.acquire(timeout=PATIENCE) for _ in range(2))
    # inside: who waits for a slot is seen nowhere else
    wait_for(lambda: len(hashing_slots._slots._queue) == number - 2)
    return checks


def test_two_hash_and_two_wait(hashing: Hashing) -> None:
    """The fifth login is refused at once, and the first four are answered."""
    with ThreadPoolExecutor(4) as threads:
        checks = start_checks(threads, hashing, 4)
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(StoreUnavailable, match="too many passwords"):
                check_password(None, "x")
            with pytest.raises(StoreUnavailable, match="too many passwords"):
                PasswordHasher(CHEAP).rehash("x")
        assert time.monotonic() - began < BOUND
        hashing.end.set()
        assert [check.result(PATIENCE) for check in checks] == [False] * 4
    assert hashing.most == 2
    assert check_password(None, "x") is False


def test_a_flood_of_logins_holds_four_threads(hashing: Hashing) -> None:
    """Of sixteen logins at once twelve end before a single hash does, so the app has its
    threads."""
    with ThreadPoolExecutor(16) as threads:
        checks = [threads.submit(check_password, None, "x", unknown=CHEAP) for _ in range(16)]
        ended = list(islice(as_completed(checks, timeout=PATIENCE), 12))
        assert all(isinstance(check.exception(), StoreUnavailable) for check in ended)
        hashing.end.set()
        assert sum(check.exception() is None for check in checks) == 4
    assert hashing.most == 2


def test_a_new_password_waits_for_its_turn(
    hashing: Hashing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not a stranger's request, so it may wait, for the two seconds of a call to a store."""
    # inside: a limit of our own, so that no test waits for the real one
    assert hashing_slots._SLOT_TIMEOUT == 2
    monkeypatch.setattr(hashing_slots, "_SLOT_TIMEOUT", 0.05)
    with ThreadPoolExecutor(2) as threads:
        checks = start_checks(threads, hashing, 2)
        for call in (lambda: PasswordHasher(CHEAP).hash("x"), lambda: hash_password("x")):
            with pytest.raises(StoreUnavailable, match="too many passwords"):
                call()
        hashing.end.set()
        assert [check.result(PATIENCE) for check in checks] == [False] * 2
    assert PasswordHasher(CHEAP).hash("x")


def test_many_new_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen at once all get one, two at a time."""
    hasher = PasswordHasher(CHEAP)
    with ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(hasher.hash, ["x"] * 64))) == 64


def test_a_forked_process_has_its_own_slots() -> None:
    """A child that is forked while both slots are taken gets slots of its own."""
    script = """if True:
        import os
        from jwt_middleware.stores import hashing_slots, passwords
        hashing_slots._SLOT_TIMEOUT = 0.1
        hasher = passwords.PasswordHasher("scrypt:1024:8:1")
        with hashing_slots.hashing_slot(), hashing_slots.hashing_slot():
            if not os.fork():
                print(hasher.check(hasher.hash("x"), "x"), flush=True)
                os._exit(0)
            os.wait()
    """
    assert run(script) == "True\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
def test_memory_is_short() -> None:
    """When there is no memory for a hash, that is the machine's fault: neither a refusal nor a
    damaged hash."""
    script = """if True:
        import logging, resource
        from jwt_middleware.errors import StoreUnavailable
        from jwt_middleware.stores import passwords
        logging.basicConfig()
        resource.setrlimit(resource.RLIMIT_AS, (120 << 20, 120 << 20))
        stored = "scrypt:131072:8:1$salt$" + "0" * 128
        hasher = passwords.PasswordHasher()
        for call in (lambda: passwords.check_password(stored, "x"),
        lambda: passwords.check_password(None, "x"),
                     lambda: hasher.hash("x")):
            try:
                call()
            except StoreUnavailable as error:
                print(error)
    """
    assert run(script) == "cannot hash a password now: memory is short\n" * 3


def test_importing_stores_loads_no_database() -> None:
    """SQLAlchemy is loaded when `SQLStore` is asked for, and not before."""
    script = """if True:
        import sys
        from jwt_middleware.stores import MemoryStore, User, UserStore, check_password
        print("sqlalchemy" in sys.modules)
        from jwt_middleware.stores import SQLStore
        print("sqlalchemy" in sys.modules)
    """
    assert run(script) == "False\nTrue\n"


def test_sqlalchemy_is_missing() -> None:
    """Without SQLAlchemy the error is one line that names the extra."""
    script = """if True:
        import sys
        sys.modules["sqlalchemy"] = None
        try:
            from jwt_middleware.stores import SQLStore
        except ImportError as error:
            print(error)
    """
    assert run(script) == "SQLStore needs SQLAlchemy: pip install 'wsgi-jwt-middleware[login]'\n"
