"""The check of a server's settings: each finding ends with the command that fixes it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.store.preflight import command_line, examine_server, judge_server, latency
from shared.store.store import Store
from tests.fleet import tcp_server

URL = "redis://:secret@far.example:6380/0"


@pytest.fixture
def fit(store: Store) -> dict[str, Any]:
    return dict(store.client.info())


def test_the_embedded_server_is_fit_and_near(store: Store) -> None:
    assert list(examine_server(store.client, store.url)) == []
    assert 0 < latency(store.client) < 1


def test_a_server_that_forgets_or_evicts_is_reported_with_the_remedy(store: Store) -> None:
    store.client.config_set("appendonly", "no")
    store.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = list(examine_server(store.client, store.url))
    finally:
        store.client.config_set("appendonly", "yes")
        store.client.config_set("maxmemory-policy", "noeviction")

    socket = store.url.removeprefix("unix://").partition("?")[0]
    assert found == [
        "append-only file is off: a restart loses committed changes: "
        f"redis-cli -s {socket} config set appendonly yes, and in what starts it",
        "maxmemory-policy is allkeys-lru: it may drop records: "
        f"redis-cli -s {socket} config set maxmemory-policy noeviction, and in what starts it",
    ]


def test_a_replica_and_a_server_that_is_nearly_full_are_reported(tmp_path_factory: pytest.TempPathFactory) -> None:
    with tcp_server(tmp_path_factory.mktemp("redis")) as store:
        store.client.config_set("maxmemory", "1")
        (full,) = examine_server(store.client, store.url)
        store.client.config_set("maxmemory", "0")
        store.client.replicaof("127.0.0.1", "1")
        (replica,) = examine_server(store.client, store.url)

    port = store.url.rpartition(":")[2].partition("/")[0]
    assert f"of memory are used: redis-cli -h 127.0.0.1 -p {port} --askpass config set maxmemory 2" in full
    assert replica == "this is a replica: point REDIS_URL at the primary"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"redis_version": "6.0.9"}, "version 6.0.9 is too old: install Redis 6.2 or newer"),
        (
            {"cluster_enabled": 1},
            "this is a cluster, which cannot change several keys in one step: use a single primary",
        ),
        (
            {"aof_last_write_status": "err"},
            "aof_last_write_status is err: free disk space, or fix its folder; the log of the server says which",
        ),
        (
            {"rdb_last_bgsave_status": "err"},
            "rdb_last_bgsave_status is err: free disk space, or fix its folder; the log of the server says which",
        ),
        (
            {"aof_enabled": 0, "config_file": "/etc/redis.conf"},
            "append-only file is off: a restart loses committed changes: "
            "redis-cli -h far.example -p 6380 --askpass config set appendonly yes"
            " && redis-cli -h far.example -p 6380 --askpass config rewrite",
        ),
    ],
)
def test_what_its_info_tells_is_judged(fit: dict[str, Any], changed: dict[str, Any], sentence: str) -> None:
    assert list(judge_server(fit, URL, has_password=True)) == []

    assert list(judge_server(fit | changed, URL, has_password=True)) == [sentence]


@pytest.mark.parametrize(
    ("url", "is_open"),
    [("redis://far.example:6379/0", True), ("rediss://far.example/0", False), ("redis://127.0.0.1/0", False)],
)
def test_a_server_that_is_open_to_all_is_reported(fit: dict[str, Any], url: str, is_open: bool) -> None:
    found = list(judge_server(fit, url, has_password=False))

    finding = "other machines can connect without a password: set requirepass, and use it in every REDIS_URL"
    assert found == ([finding] if is_open else [])


def test_no_command_shows_a_password() -> None:
    assert command_line(URL) == "redis-cli -h far.example -p 6380 --askpass"
    assert command_line("rediss://far.example") == "redis-cli -h far.example -p 6379 --tls"
