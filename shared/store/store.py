"""The store: runs, sweeps and the fleet over one connection."""

from __future__ import annotations

from dataclasses import dataclass

import redis

from shared.store.connection import connect, is_private, masked, plain_errors
from shared.store.fleet import Fleet
from shared.store.ledger import Ledger
from shared.store.run_store import RunStore
from shared.store.sweep_store import SweepStore


@dataclass(frozen=True)
class Store:
    """The parts of the store that share one connection."""

    url: str
    client: redis.Redis
    runs: RunStore
    sweeps: SweepStore
    fleet: Fleet

    @property
    def place(self) -> str:
        """The URL without its password."""
        return masked(self.url)

    @property
    def is_private(self) -> bool:
        """Whether it is reached through a socket of this machine, as the private one of a folder is."""
        return is_private(self.url)

    def ping(self) -> None:
        """Raise StoreUnreachable or StoreDenied if the server does not answer."""
        with plain_errors(self.url):
            self.client.ping()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


def open_store(url: str, *, client: redis.Redis | None = None) -> Store:
    """Return the store at `url`, without a connection yet."""
    client = client or connect(url)
    ledger = Ledger(client, url)
    return Store(url, client, RunStore(client, url, ledger), SweepStore(client, url, ledger), Fleet(client, url))
