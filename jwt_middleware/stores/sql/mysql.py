"""Connects to MySQL and MariaDB with PyMySQL, and gives every call a deadline."""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DisconnectionError

from ..._options import require
from ...errors import ConfigurationError
from .silence import Silence, is_timeout

_USAGE = (
    "url_or_engine must be a URL that PyMySQL can use: "
    "SQLStore('mysql://user:password@host/name'), with the options unix_socket, connect_timeout, "
    "read_timeout, write_timeout and ssl_..."
)

_WAITS = ("connect_timeout", "read_timeout", "write_timeout")
_SSL = ("ssl_ca", "ssl_capath", "ssl_cert", "ssl_cipher", "ssl_key", "ssl_check_hostname")


def engine_for(url: sa.URL, timeout: int) -> sa.Engine:
    """Return an engine with a pool. A call that takes more than `timeout` seconds fails."""
    require(url.drivername in ("mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"), _USAGE)
    require(all(_is_option(name, value) for name, value in url.query.items()), _USAGE)
    usual = {"charset": "utf8mb4", **dict.fromkeys(_WAITS, str(timeout))}
    url = url.set(drivername="mysql+pymysql", query={**usual, **url.query})
    try:
        engine = sa.create_engine(
            url,
            pool_timeout=timeout,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
        )
    except ImportError:
        raise ConfigurationError(
            "MySQL and MariaDB need PyMySQL: pip install 'wsgi-jwt-middleware[mysql]'"
        ) from None
    except (ArgumentError, TypeError, ValueError):  # An option in the URL is at fault.
        raise ConfigurationError(_USAGE) from None

    _listen(engine, timeout)
    return engine


def _listen(engine: sa.Engine, timeout: int) -> None:
    """Give every connection of the engine its limits, and every wait for the server an end."""
    silence = Silence()
    silence.listen(engine)

    def connect(dialect: Any, record: object, args: Sequence[Any], options: dict[str, Any]) -> Any:
        silence.check()
        try:
            return dialect.loaded_dbapi.connect(*args, **options)
        except dialect.loaded_dbapi.Error as error:
            if is_timeout(error):
                silence.found()
            raise

    def set_limits(connection: Any, record: object) -> None:
        _set_limits(connection, timeout)

    def ping(connection: Any, record: object, proxy: object) -> None:
        silence.check()
        _ping(connection, silence)

    sa.event.listen(engine, "do_connect", connect)
    sa.event.listen(engine, "connect", set_limits)
    sa.event.listen(engine, "checkout", ping)


def _is_option(name: str, value: object) -> bool:
    """Return whether PyMySQL understands an option of the URL. It looks at them when it connects,
    and then raises any error."""
    if not isinstance(value, str):  # The option occurs twice.
        return False
    if name in _WAITS:
        return re.fullmatch("[1-9][0-9]{0,2}", value) is not None
    return name in ("unix_socket", *_SSL) or (name, value) == ("charset", "utf8mb4")


def _set_limits(connection: Any, timeout: int) -> None:
    """Bound statements and waits for locks on the server. Refuse values that do not fit, which a
    server may be configured to cut."""
    is_mariadb = "MariaDB" in connection.get_server_info()
    limit = (
        f"max_statement_time = {timeout}"
        if is_mariadb
        else (f"max_execution_time = {timeout * 1000}")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET SESSION innodb_lock_wait_timeout = {timeout}, {limit}, "
            "sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"
        )


def _ping(connection: Any, silence: Silence) -> None:
    """Have a connection that the server has closed replaced by a new one.

    A server that has stopped answering is not asked again: that would take the timeout twice.
    """
    try:
        connection.ping(reconnect=False)
    except Exception as error:
        if is_timeout(error):
            silence.found()
            raise TimeoutError("the server has stopped answering") from error
        raise DisconnectionError from error
