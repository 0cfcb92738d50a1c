"""Connects to PostgreSQL with psycopg, and gives every call a deadline."""

import socket
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DisconnectionError

from ..._options import require
from ...errors import ConfigurationError
from . import engines
from .silence import Silence

_MARGIN = 0.5
"""Seconds after the server's own timeout until a statement is given up. On a server that works, its
error comes first, and says more."""


def engine_for(url: sa.URL) -> sa.Engine:
    """Return an engine with a pool that uses psycopg.

    A connection has begun a transaction when the pool hands it out: see `_begin`.
    """
    require(url.drivername in ("postgresql", "postgresql+psycopg"), engines.USAGE)
    url = url.set(
        drivername="postgresql+psycopg",
        query={"connect_timeout": str(engines.TIMEOUT), **url.query},
    )
    try:
        # psycopg begins no transaction then, but ends the one that `_begin` has begun.
        engine = sa.create_engine(
            url, isolation_level="AUTOCOMMIT", pool_timeout=engines.TIMEOUT, hide_parameters=True
        )
    except ImportError:
        raise ConfigurationError(
            "PostgreSQL needs psycopg: pip install 'wsgi-jwt-middleware[postgres]'"
        ) from None
    except (ArgumentError, TypeError, ValueError):  # An option in the URL is at fault.
        raise ConfigurationError(engines.USAGE) from None
    silence = Silence()
    silence.listen(engine)
    connection_class = _connection_class(silence)

    def connect(dialect: Any, record: Any, args: Sequence[Any], options: Mapping[str, Any]) -> Any:
        silence.check()
        return _connect(connection_class, silence, args, options)

    def begin(connection: Any, record: Any, proxy: object) -> None:
        silence.check()
        _begin(connection, record)

    sa.event.listen(engine, "do_connect", connect)
    sa.event.listen(engine, "checkout", begin)
    return engine


def _begin(connection: Any, record: Any) -> None:
    """Begin a transaction whose statements have a timeout. Have a connection that the server has
    closed replaced by a new one.

    One message does all of that, where a ping, BEGIN and SET would wait for three answers. The
    timeout is not an option of the connection, since PgBouncer refuses those.
    """
    import psycopg

    try:
        connection.begin(f"SET LOCAL statement_timeout = '{engines.TIMEOUT}s'")
    except psycopg.Error as error:
        if connection.closed and record.info.get(engines.IS_BEGUN):  # it has worked before
            raise DisconnectionError from error
        raise
    record.info[engines.IS_BEGUN] = True


def _connect(
    connection_class: Any, silence: Silence, args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Return a connection. A host with several addresses, as localhost has, is given up when one of
    them does not answer: psycopg would wait for each.

    The connection prepares no statements on the server. PgBouncer in transaction mode gives each
    transaction another server connection, where a prepared statement is missing or exists already.
    """
    import psycopg

    addresses = _addresses(options)
    for address in addresses:
        more = {"prepare_threshold": None, **({} if address is None else {"hostaddr": address})}
        try:
            return connection_class.connect(*args, **{**options, **more})
        except psycopg.errors.ConnectionTimeout:
            silence.found()
            raise
        except psycopg.OperationalError:
            if address == addresses[-1]:
                raise
    raise AssertionError("there is at least one address")


def _addresses(options: Mapping[str, Any]) -> Sequence[str | None]:
    """Return the addresses of the host in a URL, or None for what libpq has to find out."""
    host = options.get("host")
    is_name = isinstance(host, str) and host != "" and not set(host) & set("/,@")
    if is_name and "hostaddr" not in options:
        with suppress(OSError, UnicodeError):  # psycopg says what is wrong
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(each[4][0]) for each in found)) or [None]
    return [None]


def _connection_class(silence: Silence) -> Any:
    """Return a class of connections that give up when the server or the network stops answering.

    The server's `statement_timeout` cannot do that.
    """
    import psycopg

    class ConnectionWithDeadline(psycopg.Connection[Any]):
        is_beginning = False

        def begin(self, setting: str) -> None:
            self.is_beginning = True
            try:
                self.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED; {setting}".encode())
            finally:
                self.is_beginning = False

        def wait(self, gen: Generator[Any, Any, Any], *args: Any, **options: Any) -> Any:
            # No lock delays the beginning of a transaction, so the server's timeout is not awaited.
            seconds = engines.TIMEOUT + (0 if self.is_beginning else _MARGIN)
            deadline = time.monotonic() + seconds
            return super().wait(self._until(deadline, gen), *args, **options)

        def _until(
            self, deadline: float, gen: Generator[Any, Any, Any]
        ) -> Generator[Any, Any, Any]:
            try:
                ready = yield next(gen)
                while time.monotonic() < deadline:
                    ready = yield gen.send(ready)
            except StopIteration as done:
                return done.value
            # A late answer must not look like the answer to another statement.
            self.pgconn.finish()
            silence.found()
            raise TimeoutError("the server has stopped answering")

    return ConnectionWithDeadline
