"""Whether a server is fit to be trusted: each finding ends with the command that mends it."""

from __future__ import annotations

from shared.store.preflight import examine_server
from shared.store.store import Store


def test_the_embedded_server_is_fit(store: Store) -> None:
    assert list(examine_server(store.client)) == []


def test_a_server_that_forgets_or_evicts_is_told_with_the_remedy(store: Store) -> None:
    store.client.config_set("appendonly", "no")
    store.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = list(examine_server(store.client))
    finally:
        store.client.config_set("appendonly", "yes")
        store.client.config_set("maxmemory-policy", "noeviction")

    forgets, evicts = found
    assert forgets.endswith("redis-cli config set appendonly yes")
    assert evicts == (
        "maxmemory-policy is allkeys-lru: it may drop records: redis-cli config set maxmemory-policy noeviction"
    )
