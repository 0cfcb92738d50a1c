"""Hashes of passwords: equal time, no exceptions, bounded work."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.security import generate_password_hash

from jwt_middleware.errors import StoreUnavailable
from jwt_middleware.stores import check_password, passwords
from jwt_middleware.stores.passwords import PasswordHasher

from .conftest import CHEAP, run
from .test_conformance import DAMAGED, JSON_VALUES, by_value

NO_HASHES = [*JSON_VALUES[1:], b"scrypt:1024:8:1$salt$00", "\udce4", "$$", "scrypt:1024:8:1$\udce4$" + "0" * 128,
             "scrypt:" + "9" * 9999 + ":8:1$salt$" + "0" * 128, "scrypt:1048576:64:64$salt$" + "0" * 128,
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
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in which the hash that last was good is a cheap one."""
    monkeypatch.setattr(passwords, "_usual_method", CHEAP)


def test_a_password_is_checked() -> None:
    """`check_password` takes every hash that werkzeug makes."""
    for method in (CHEAP, "pbkdf2:sha256:1000", "pbkdf2:sha3_512:10", "pbkdf2:md5:10"):
        stored = generate_password_hash("wonderland", method)
        assert check_password(stored, "wonderland") is True
        assert check_password(stored, "Wonderland") is False


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
    assert hashes == [(2048, 8, 1)] * 2  # one of them for trying the method


def test_an_unknown_name_costs_what_the_others_cost(
    monkeypatch: pytest.MonkeyPatch, hashes: list[object]
) -> None:
    """`check_password` gives None the cost of the owner's hashes as soon as one was good, at first
    the default."""
    assert (
        run("from jwt_middleware.stores import passwords; print(passwords._usual_method)")
        == "scrypt:131072:8:1\n"
    )
    monkeypatch.setattr(passwords, "_usual_method", "scrypt:4096:8:1")
    stored = generate_password_hash("wonderland", "scrypt:2048:8:1")
    hashes.clear()
    for stored_hash, password in [
        (None, "x"),
        (stored, "x"),
        (None, "x"),
        (stored, "wonderland"),
        (None, "x"),
    ]:
        check_password(stored_hash, password)
    assert hashes == [(n, 8, 1) for n in (4096, 2048, 4096, 2048, 2048)]


@pytest.mark.parametrize("stored", NO_HASHES, ids=by_value)
def test_nothing_stored_raises(
    stored: Any, hashes: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    """Anything but a hash is False after the cost of one, with one warning that repeats nothing of
    it."""
    assert check_password(stored, "wonderland") is False
    assert hashes[-1] == (1024, 8, 1)
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


def test_a_renewal_is_due() -> None:
    """A hash is outdated when its method or one of its parameters is another one than the
    hasher's."""
    hasher = PasswordHasher(CHEAP)
    assert not hasher.outdated(hasher.hash("x"))
    for method in ("scrypt:2048:8:1", "scrypt:1024:8:2", "pbkdf2:sha256:1000"):
        assert hasher.outdated(generate_password_hash("x", method))


def test_two_hashes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never are more than two hashes made at the same time, however many threads ask."""
    running, most = [], []

    def slow(*arguments: object) -> bool:
        running.append(1)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()
        return True

    monkeypatch.setattr(passwords, "check_password_hash", slow)
    stored = generate_password_hash("x", CHEAP)
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: check_password(stored, "x"), range(16)))
    assert max(most) == 2


def test_a_third_hash_waits_and_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gets no turn within two seconds is told that the store is busy, and later ones get their
    turn again."""
    assert passwords._PATIENCE == 2
    monkeypatch.setattr(passwords, "_PATIENCE", 0.05)
    end = threading.Event()
    monkeypatch.setattr(passwords, "check_password_hash", lambda *arguments: end.wait(10))
    with ThreadPoolExecutor(2) as threads:
        busy = [threads.submit(check_password, None, "x") for _ in range(2)]
        while passwords._turns._value:  # type: ignore[attr-defined]
            time.sleep(0.001)
        for call in (lambda: check_password(None, "x"), lambda: PasswordHasher().hash("x")):
            with pytest.raises(StoreUnavailable, match="too many passwords"):
                call()
        end.set()
        assert [work.result() for work in busy] == [False, False]
    assert check_password(None, "x") is False


def test_a_forked_process_has_its_own_turns() -> None:
    """A child that is forked while both turns are taken gets turns of its own."""
    script = """if True:
        import os
        from jwt_middleware.stores import passwords
        passwords._PATIENCE = 0.1
        hasher = passwords.PasswordHasher("scrypt:1024:8:1")
        with passwords._turn(), passwords._turn():
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
        for call in (lambda: passwords.check_password(stored, "x"), lambda: passwords.check_password(None, "x"),
                     lambda: hasher.hash("x")):
            try:
                call()
            except StoreUnavailable as error:
                print(error)
    """
    assert run(script) == "no password can be hashed here now\n" * 3


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
