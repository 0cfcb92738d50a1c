"""Options of the stores and of `RevocationList`: whatever is passed, a constructor builds or raises
`ConfigurationError`, with a message that names the option and shows no secret."""

import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

from jwt_middleware import RevocationList
from jwt_middleware.errors import ConfigurationError
from jwt_middleware.stores import MemoryStore, RedisLog, SQLStore

URL = "sqlite:////nowhere/auth.db"
SCHEMES = ["sqlite://", "postgresql://", "postgresql+psycopg://", "postgres://", "redis://",
           "rediss://", "unix://", "mysql://", "http://", ""]  # fmt: skip
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.text()),
    st.dictionaries(st.text(), st.text()),
    st.sampled_from([object(), object, SQLStore, RedisLog, MemoryStore, print, 10**400, -math.inf]),
    st.builds(lambda scheme, rest: scheme + rest, st.sampled_from(SCHEMES), st.text()),
    st.builds(
        lambda scheme, option, value: f"{scheme}host/0?{option}={value}",
        st.sampled_from(SCHEMES),
        st.sampled_from(["plugin", "mode", "uri", "timeout", "db", "protocol", "sslmode",
                         "connect_timeout", "decode_responses", "retry", "client_name",
                         "ssl_cert_reqs", "max_connections", "encoding", "health_check_interval"]),
        st.text(),
    ),
)  # fmt: skip
BUILT: dict[str, Callable[[Any], object]] = {
    "SQLStore url_or_engine": lambda value: SQLStore(value),
    "SQLStore log": lambda value: SQLStore(URL, log=value),
    "RedisLog url_or_client": lambda value: RedisLog(value),
    "RevocationList log": lambda value: RevocationList(value),
    "RevocationList max_staleness": lambda value: RevocationList(
        MemoryStore(), max_staleness=value
    ),
    "RevocationList max_outage": lambda value: RevocationList(MemoryStore(), max_outage=value),
}


@pytest.mark.parametrize("build", BUILT.values(), ids=BUILT)
@given(value=ODD)
@example(value="postgresql://host/name?plugin=x")
@example(value="redis://host?protocol=x")
@example(value="redis://host:port")
@example(value="sqlite:///\0")
@example(value="sqlite:///" + "\ud800")
def test_a_constructor_raises_configuration_error_alone(
    build: Callable[[Any], object], value: Any
) -> None:
    """Values of every wrong type and range: nothing but `ConfigurationError` comes out."""
    with suppress(ConfigurationError):
        build(value)


@given(
    drivername=st.sampled_from(["sqlite", "postgresql", "postgresql+psycopg", "postgres", "mysql"]),
    query=st.dictionaries(st.sampled_from(["plugin", "mode", "uri", "host"]), st.text()),
    database=st.none() | st.text(),
    host=st.none() | st.text(),
)
def test_any_url_object(drivername: str, query: Any, database: Any, host: Any) -> None:
    """An SQLAlchemy URL whose parts are of any form is taken, or is a `ConfigurationError`."""
    url = sa.URL.create(drivername, host=host, database=database, query=query)
    with suppress(ConfigurationError):
        SQLStore(url)


MESSAGES: dict[str, tuple[Callable[[], object], str]] = {
    "no store": (lambda: SQLStore(5), "an SQLite, PostgreSQL, MySQL or MariaDB URL"),  # type: ignore[arg-type]
    "memory": (lambda: SQLStore("sqlite://"), "url_or_engine must name a file"),
    "a path": (lambda: SQLStore(Path("auth.db")), "SQLStore('sqlite:///auth.db')"),  # type: ignore[arg-type]
    "a log's URL": (
        lambda: SQLStore(URL, log="redis://:hunter2@h"),  # type: ignore[arg-type]
        "log must be a RedisLog, got str",
    ),
    "a log's class": (lambda: SQLStore(URL, log=RedisLog), "log must be a RedisLog, got type"),  # type: ignore[arg-type]
    "a store as a log": (
        lambda: SQLStore(URL, log=MemoryStore()),  # type: ignore[arg-type]
        "log must be a RedisLog, got MemoryStore",
    ),
    "no client": (lambda: RedisLog("http://:hunter2@h"), "url_or_client must be a Redis URL"),
    "no log": (lambda: RevocationList(URL), "log must be a store with a revocation log, got str"),  # type: ignore[arg-type]
    "a class": (
        lambda: RevocationList(MemoryStore),  # type: ignore[arg-type]
        "log must be a store with a revocation log, got ABCMeta",
    ),
    "no number": (
        lambda: RevocationList(MemoryStore(), max_staleness="1"),  # type: ignore[arg-type]
        "max_staleness must be",
    ),
    "nan": (lambda: RevocationList(MemoryStore(), max_staleness=math.nan), "got nan"),
    "infinity": (lambda: RevocationList(MemoryStore(), max_outage=math.inf), "max_outage must be"),
    "no time": (lambda: RevocationList(MemoryStore(), max_staleness=None), "got None"),  # type: ignore[arg-type]
    "True": (lambda: RevocationList(MemoryStore(), max_outage=True), "max_outage must be"),
    "past": (lambda: RevocationList(MemoryStore(), max_outage=-1), "got -1"),
    "too far": (lambda: RevocationList(MemoryStore(), max_outage=10**5000), "got an object of int"),
}  # fmt: skip


@pytest.mark.parametrize(("build", "said"), MESSAGES.values(), ids=MESSAGES)
def test_a_message_names_the_option(build: Callable[[], object], said: str) -> None:
    """It says which option must be what, and what was given if that cannot be a secret."""
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
