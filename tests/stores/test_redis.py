"""`RedisLog` against a real Valkey: what it builds, what can go wrong, and an `SQLStore` whose log
it is."""

import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
import redis
import redis.crc
import sqlalchemy as sa

from jwt_middleware.errors import ConfigurationError, StoreUnavailable
from jwt_middleware.stores import RedisLog, SQLStore
from jwt_middleware.stores import redis as redis_log
from jwt_middleware.trust.revocation import Revocation, RevocationList
from tests.kit.engines import Valkey
from tests.kit.forking import APPS
from tests.kit.inside import client_of, database_of, log_beside
from tests.kit.passwords import CHEAP
from tests.kit.scripts import run
from tests.kit.waiting import BOUND, seconds_until_unavailable

from .conftest import entries_of, is_revoked, new_session

CALLS: dict[str, Callable[[RedisLog], object]] = {
    "ping": lambda log: log.ping(),
    "revoke": lambda log: log.revoke(token_id="a", expires_at=4e9),
    "read all": lambda log: list(log.read_revocations(None).entries),
    "read on": lambda log: log.read_revocations((b"1-1", "jti\n\na")),
    "increment": lambda log: log.increment("k", 60),
    "count": lambda log: log.count("k"),
}


@pytest.fixture
def server(valkey_of_its_own: Valkey) -> Valkey:
    """A server for this test alone."""
    return valkey_of_its_own


# -----------------------------------------------------------------------------------------------
# building


@pytest.mark.parametrize(
    "what",
    [
        "",
        "localhost",
        "localhost:6379",
        "http://:hunter2@host",
        "redis://:hunter2@host:port",
        "redis://:hunter2@host?timeout=9",
        None,
        5,
        b"redis://host",
    ],
    ids=ascii,
)
def test_what_is_no_log(what: Any) -> None:
    """Anything but a URL of Redis is refused while building with the right forms, and is not
    repeated."""
    with pytest.raises(ConfigurationError, match=r"RedisLog\('redis://") as caught:
        RedisLog(what)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "what", [[], "redis://host", object(), redis.Redis()], ids=lambda what: type(what).__name__
)
def test_what_is_no_log_of_a_store(what: Any) -> None:
    """A store whose log is to be elsewhere takes a `RedisLog`, and says so."""
    with pytest.raises(ConfigurationError, match=r"log=RedisLog\("):
        SQLStore("sqlite:///auth.db", log=what)


def test_nothing_shows_the_password_of_the_server(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the repr nor an error shows a secret of the URL."""
    caplog.set_level("DEBUG")
    log = RedisLog("redis://ann:hunter2@127.0.0.1:1/0")
    with pytest.raises(StoreUnavailable) as caught:
        log.ping()
    for shown in (repr(log), str(caught.value), str(caught.value.__cause__), caplog.text):
        assert "hunter2" not in shown


def test_building_needs_no_server() -> None:
    """A log is built without a server being there, and says at once that it cannot answer."""
    log = RedisLog("redis://127.0.0.1:1/0")
    for call in CALLS.values():
        assert seconds_until_unavailable(lambda call=call: call(log)) < BOUND


def test_redis_py_is_missing() -> None:
    """Without redis-py the error is one line that names the extra; the rest of the stores goes
    on."""
    script = """if True:
        import sys
        sys.modules["redis"] = None
        from jwt_middleware.stores import MemoryStore
        try:
            from jwt_middleware.stores import RedisLog
        except ImportError as error:
            print(error)
    """
    assert run(script) == "RedisLog needs redis-py: pip install 'wsgi-jwt-middleware[redis]'\n"


def test_an_sql_store_needs_no_redis_py() -> None:
    """Who keeps the log in the database has not loaded redis-py."""
    script = "import sys; from jwt_middleware.stores import SQLStore; print('redis' in sys.modules)"
    assert run(script, after=APPS) == "False\n"


@pytest.mark.parametrize("decode", [False, True], ids=["bytes", "texts"])
def test_a_client_of_the_owners(redis_url: str, decode: bool) -> None:
    """A client may be passed, whatever it makes of answers; the processes of a URL's log share
    it."""
    with redis.Redis.from_url(redis_url, decode_responses=decode) as client:
        log, other = RedisLog(client), RedisLog(redis_url)
        other.revoke(token_id="\u2603", expires_at=4e9)
        first = log.read_revocations(None)
        assert [entry.key for entry in first.entries] == ["jti\n\n\u2603"]
        other.revoke(token_id="b", expires_at=5e9)
        page = log.read_revocations(first.cursor)
        assert list(page.entries) == [Revocation("jti\n\nb", 5e9 + 300)]
        assert other.increment("k", 60) == log.count("k")[0] == 1
        other.close()


# -------------------------------------------------------------------------------------------------
# keys and pages


NO_PREFIX = [
    "",
    " ",
    "a b",
    "a\n",
    "a\0",
    "{a}:",
    "a{",
    "}",
    "\ud800",
    "a" * 201,
    None,
    5,
    b"a:",
    ["a"],
]


@pytest.mark.parametrize("prefix", NO_PREFIX, ids=ascii)
def test_what_is_no_prefix(prefix: Any) -> None:
    """What could not begin a key, or would put the keys into several slots, is refused while
    building."""
    with pytest.raises(ConfigurationError, match=r"^prefix must be "):
        RedisLog("redis://host", prefix=prefix)


PREFIXES = ["shop:", "shop", "a", "a:b:", "sh*p?[x]:", "\u2603:", "jwt_middleware", "x" * 199]


@pytest.mark.parametrize("prefix", PREFIXES, ids=ascii)
def test_a_prefix(redis_url: str, valkey_store: RedisLog, prefix: str) -> None:
    """All keys of a log begin with its prefix as it is, so that an ACL can name them, and are in
    one slot of a cluster; no other prefix sees them."""
    logs = [
        RedisLog(redis_url, prefix=prefix),
        RedisLog(redis_url, prefix=prefix + "2"),
        valkey_store,
    ]
    with redis.Redis.from_url(redis_url) as client:
        before = set(client.keys())
        for number, log in enumerate(logs):
            log.revoke(token_id=str(number), expires_at=4e9)
            assert log.increment("k", 60) == 1
        assert [list(entries_of(log)) for log in logs] == [[f"jti\n\n{n}"] for n in range(3)]
        ours = [key for key in set(client.keys()) - before if not key.startswith(b"{")]
        assert len(ours) == 6
        assert all(key.startswith(prefix.encode()) for key in ours)
        with_two = [key for key in ours if key.startswith(f"{prefix}2".encode())]
        for keys in (with_two, set(ours) - set(with_two)):
            assert len({redis.crc.key_slot(key) for key in keys}) == 1
        client.delete(*ours)
    for log in logs[:2]:
        log.close()


def test_the_default_prefix(redis_url: str, valkey_store: RedisLog) -> None:
    """Its keys are those of earlier releases: an upgrade loses no revocation, and may go machine by
    machine."""
    named = RedisLog(redis_url, prefix="jwt_middleware:")
    named.revoke(token_id="a", expires_at=4e9)
    named.increment("k", 60)
    assert list(entries_of(valkey_store)) == ["jti\n\na"]
    with redis.Redis.from_url(redis_url) as client:
        names = ("count:k", "feed", "revoked")
        assert sorted(client.keys("*jwt_middleware*")) == [
            f"{{jwt_middleware}}:{name}".encode() for name in names
        ]
    named.close()


CLUSTER_URLS = {
    "no host": "redis+cluster://",
    "an empty host": "redis+cluster://a:7000,,b:7000",
    "a port that is none": "redis+cluster://:hunter2@a:7000,b:port",
    "a database": "redis+cluster://:hunter2@a:7000/1",
    "a database as an option": "redis+cluster://:hunter2@a:7000/?db=3",
    "an unknown option": "rediss+cluster://:hunter2@a:7000/?ssl_ca_cert=x",
    "another scheme": "http+cluster://:hunter2@a:7000",
    "a socket": "unix+cluster:///path",
}


@pytest.mark.parametrize("url", CLUSTER_URLS.values(), ids=CLUSTER_URLS)
def test_what_names_no_cluster(url: str) -> None:
    """A URL of a cluster is checked while building as any other is."""
    with pytest.raises(ConfigurationError, match=r"RedisLog\('redis\+cluster://") as caught:
        RedisLog(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://ann:hunter2@127.0.0.1:1,127.0.0.1:2/0",
        "redis+cluster://127.0.0.1:1",
        "rediss+cluster://[::1]:1,127.0.0.1:2/?ssl_cert_reqs=none",
    ],
)
def test_the_url_of_a_cluster(url: str) -> None:
    """One node or several, with a login and options; no error shows the password."""
    log = RedisLog(url)
    with pytest.raises(StoreUnavailable) as caught:
        log.ping()
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__} {log!r}"


SAME, RISING = [4e9] * 10, [4e9 + n for n in range(10)]


@pytest.mark.parametrize(
    "expiries", [SAME, RISING, SAME[:5] + RISING], ids=["same", "rising", "both"]
)
@pytest.mark.parametrize("size", [1, 3, 10])
def test_pages(
    valkey_store: RedisLog, monkeypatch: pytest.MonkeyPatch, size: int, expiries: list[float]
) -> None:
    """Page by page each entry comes once, also where many expire at the same moment."""
    # inside: a limit of our own, since ten thousand entries take long
    monkeypatch.setattr(redis_log, "_PAGE", size)
    for number, expires_at in enumerate(expiries):
        valkey_store.revoke(token_id=str(number), expires_at=expires_at)
    entries = list(valkey_store.read_revocations(None).entries)
    assert len(entries) == len(expiries)
    assert {one.key: one.expires_at for one in entries} == {
        f"jti\n\n{number}": expires_at + 300 for number, expires_at in enumerate(expiries)
    }


def prolong(log: RedisLog, key: str) -> None:
    """Revoke a token again until later."""
    log.revoke(token_id=key.rpartition("\n")[2], expires_at=4.5e9)


def delete(log: RedisLog, key: str) -> None:
    """Take an entry away, as an expired one is."""
    client_of(log).zrem("{jwt_middleware}:revoked", key)


@pytest.mark.parametrize("change", [prolong, delete])
@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("expiries", [SAME, RISING], ids=["same", "rising"])
def test_pages_of_a_log_that_changes(
    valkey_store: RedisLog,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[RedisLog, str], None],
    size: int,
    expiries: list[float],
) -> None:
    """When an entry that was read moves or goes between two pages, no other one is left out."""
    # inside: a limit of our own, since ten thousand entries take long
    monkeypatch.setattr(redis_log, "_PAGE", size)
    for number, expires_at in enumerate(expiries):
        valkey_store.revoke(token_id=str(number), expires_at=expires_at)
    seen: list[str] = []
    for entry in valkey_store.read_revocations(None).entries:
        seen.append(entry.key)
        if len(seen) in (1, 2, 3, 6):
            change(valkey_store, entry.key)
    assert set(seen) == {f"jti\n\n{number}" for number in range(10)}


@pytest.mark.parametrize("damaged", ["feed", "revoked"])
def test_nothing_is_half_appended(valkey_store: RedisLog, damaged: str) -> None:
    """Where one of the two keys is of another kind, the other one is left as it was."""
    whole = "revoked" if damaged == "feed" else "feed"
    client = client_of(valkey_store)
    client.rpush(f"{{jwt_middleware}}:{damaged}", "x")
    with pytest.raises(StoreUnavailable):
        valkey_store.revoke(token_id="a", expires_at=4e9)
    assert not client.exists(f"{{jwt_middleware}}:{whole}")


def test_a_server_that_cannot_write(server: Valkey, redis_url: str) -> None:
    """A replica answers, and takes no revocation: it is not healthy."""
    log = RedisLog(server.url)
    log.ping()
    with redis.Redis.from_url(server.url) as client:
        client.replicaof("127.0.0.1", 1)
    with pytest.raises(StoreUnavailable):
        log.ping()
    log.close()


# -------------------------------------------------------------------------------------------------
# faults


def test_a_server_that_says_nothing() -> None:
    """An address that takes connections and never answers is given up within two seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        log = RedisLog(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        assert seconds_until_unavailable(log.ping) < BOUND


def test_a_server_that_restarts(server: Valkey) -> None:
    """No call fails because of connections to a server that was killed and is back, with what it
    was told."""
    log = RedisLog(server.url)
    log.revoke(token_id="a", expires_at=4e9)
    cursor = log.read_revocations(None).cursor
    assert log.increment("k", 60) == 1
    server.kill()
    for call in CALLS.values():
        assert seconds_until_unavailable(lambda call=call: call(log)) < BOUND
    server.start()
    assert log.increment("k", 60) == 2
    server.kill()
    server.start()
    log.revoke(token_id="b", expires_at=4e9)
    page = log.read_revocations(cursor)
    assert [entry.key for entry in page.entries] == ["jti\n\nb"]
    log.close()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of the server in /proc")
def test_a_server_that_hangs(server: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that stops in the middle is given up for each call, and works again when it goes
    on."""
    # inside: a limit of our own, so that no test waits for the real one
    assert redis_log._TIMEOUT == 1
    monkeypatch.setattr(redis_log, "_TIMEOUT", 0.1)
    log = RedisLog(server.url)
    log.increment("k", 60)
    server.signal_all(signal.SIGSTOP)
    try:
        for call in CALLS.values():
            assert seconds_until_unavailable(lambda call=call: call(log)) < BOUND
    finally:
        server.signal_all(signal.SIGCONT)
    assert log.count("k")[0] >= 1
    log.close()


def test_a_server_that_lost_everything(redis_url: str, valkey_store: RedisLog) -> None:
    """Who has read a log that was emptied reads again from its start."""
    valkey_store.revoke(token_id="a", expires_at=4e9)
    cursor = valkey_store.read_revocations(None).cursor
    client_of(valkey_store).delete("{jwt_middleware}:feed", "{jwt_middleware}:revoked")
    assert list(valkey_store.read_revocations(cursor).entries) == []
    valkey_store.revoke(token_id="b", expires_at=4e9)
    page = valkey_store.read_revocations(cursor)
    assert [entry.key for entry in page.entries] == ["jti\n\nb"]


def test_keys_of_another_kind(valkey_store: RedisLog) -> None:
    """Where something else stands under our keys it is an outage and left alone."""
    for key in ("feed", "revoked", "count:k"):
        client_of(valkey_store).rpush(f"{{jwt_middleware}}:{key}", "x")
    for name, call in CALLS.items():
        if name != "ping":
            seconds_until_unavailable(lambda call=call: call(valkey_store))


def test_the_feed_is_bounded(valkey_store: RedisLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was appended last is kept twice, up to a length; who is further behind reads all."""
    # inside: a limit of our own, so that no test waits for the real one
    monkeypatch.setattr(redis_log, "_FEED_LENGTH", 100)
    valkey_store.revoke(token_id="first", expires_at=4e9)
    cursor = valkey_store.read_revocations(None).cursor
    for n in range(400):
        valkey_store.revoke(token_id=str(n), expires_at=4e9)
    assert client_of(valkey_store).xlen("{jwt_middleware}:feed") <= 200
    page = valkey_store.read_revocations(cursor)
    assert len(list(page.entries)) == 401


def test_an_entry_is_only_prolonged(valkey_store: RedisLog) -> None:
    """To revoke a token again with an earlier expiry does not make it good again earlier."""
    for expires_at in (4e9, 3e9):
        valkey_store.revoke(token_id="a", expires_at=expires_at)
    assert entries_of(valkey_store) == {"jti\n\na": 4e9 + 300}


# ----------------------------------------------------------------------------- a store with its log
# elsewhere


def split(url: str, server: Valkey) -> SQLStore:
    """A store with its log in that server."""
    return SQLStore(url, log=RedisLog(server.url), password_method=CHEAP)


def test_without_its_log_no_session_ends(sqlite_url: str, server: Valkey) -> None:
    """When the log is away nothing half is done: no session has ended, no user is changed, and both
    are tried again."""
    store = split(sqlite_url, server)
    ann = store.add_user("ann", "wonderland")
    session = new_session(str(ann.id))
    store.add_session(session)
    server.kill()
    for call in (
        lambda: store.end_session(session),
        lambda: store.end_sessions(str(ann.id)),
        lambda: store.set_password("ann", "looking-glass"),
        lambda: store.disable_user("ann"),
        lambda: store.remove_user("ann"),
        store.ping,
    ):
        seconds_until_unavailable(call)
    assert store.authenticate("ann", "wonderland") == ann
    assert store.find_session(session.name_hash) == session
    server.start()
    assert entries_of(store) == {}
    store.set_password("ann", "looking-glass")
    assert store.find_session(session.name_hash) is None
    assert is_revoked(RevocationList(store), sid=session.sid)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of the server in /proc")
def test_who_waits_for_the_log_keeps_nobody_waiting(sqlite_url: str, server: Valkey) -> None:
    """While a log that hangs is asked to end a session, the file of the others is free."""
    store = split(sqlite_url, server)
    session = new_session()
    store.add_session(session)
    server.signal_all(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(1) as threads:
            ending = threads.submit(store.end_session, session)
            time.sleep(0.2)
            with closing(sqlite3.connect(str(store.path), timeout=0)) as other:
                other.execute("BEGIN IMMEDIATE")
            assert not ending.done()
            with pytest.raises(StoreUnavailable):
                ending.result()
    finally:
        server.signal_all(signal.SIGCONT)


def test_what_fails_after_the_log_refuses(split_store: SQLStore) -> None:
    """When the row of a session cannot go its tokens are refused already, the call fails, and the
    next one ends it."""
    session = new_session()
    split_store.add_session(session)
    with database_of(split_store).transaction(write=True) as connection:
        keep = (
            "CREATE TRIGGER keep BEFORE DELETE ON jwt_middleware_session BEGIN SELECT "
            "RAISE(ABORT, 'kept'); END"
        )
        connection.execute(sa.text(keep))
    with pytest.raises(StoreUnavailable):
        split_store.end_session(session)
    assert split_store.find_session(session.name_hash) == session
    assert is_revoked(RevocationList(split_store), sid=session.sid)
    with database_of(split_store).transaction(write=True) as connection:
        connection.execute(sa.text("DROP TRIGGER keep"))
    split_store.end_session(session)
    assert split_store.find_session(session.name_hash) is None


def test_a_split_store_keeps_nothing_twice(split_store: SQLStore) -> None:
    """Log and counters are where they are asked to be, and read from there by the store as by the
    log itself."""
    session = new_session()
    split_store.add_session(session)
    split_store.end_session(session)
    split_store.revoke(token_id="a", expires_at=4e9)
    assert split_store.increment("k", 60) == 1
    with database_of(split_store).transaction() as connection:
        for table in ("revocation", "counter", "session"):
            assert connection.exec_driver_sql(f"SELECT * FROM jwt_middleware_{table}").all() == []
    assert log_beside(split_store) is not None
    assert entries_of(split_store) == entries_of(log_beside(split_store))
    assert split_store.count("k")[0] == log_beside(split_store).count("k")[0] == 1


def test_a_log_that_was_used_before_a_fork(redis_url: str) -> None:
    """Parent and children go on with connections of their own: each reads the answers to its own
    questions."""
    script = f"""if True:
        import os
        from jwt_middleware.stores import RedisLog
        log = RedisLog({redis_url!r})
        log.ping()
        for n in range(4):
            if n == 3 or not os.fork():
                right = [log.increment(f"k{{n}}", 60) for _ in range(100)] == list(range(1, 101))
                n == 3 or os._exit(0 if right else 1)
        print(right, [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(3)])
    """
    assert run(script, after=APPS) == "True [0, 0, 0]\n"
