"""What the tests see of the package's insides, each with the reason why no public name will do."""

from typing import Any


def database_of(store: Any) -> Any:
    """The database of an SQL store: tests lock its tables, break its files and look at its rows
    behind the store's back, as an operator or another process might."""
    return store._database


def log_beside(store: Any) -> Any:
    """The log elsewhere of an SQL store, or None: what is there must not be in the database too."""
    return store._external_log


def client_of(log: Any) -> Any:
    """The client of a Redis log: tests delete and damage keys behind the log's back."""
    client = log._client
    if hasattr(client, "_clients"):  # of a cluster, that of the node with our keys
        log.ping()
        return client._clients[client._address]
    return client


def counts_of(store: Any) -> Any:
    """The counters of a store in memory: how many it holds is a promise about memory."""
    return store._counts


def proof_keys_of(dpop: Any) -> Any:
    """The cached keys of a `DPoP`: how many it holds is a promise about memory."""
    return dpop._keys
