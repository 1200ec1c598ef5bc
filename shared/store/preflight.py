"""Check the settings of a Redis server: could it lose work?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import redis

OLDEST = (6, 2)
PINGS = 15
SLOW_SECONDS = 0.05
NEARLY_FULL = 0.9
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def examine_server(client: redis.Redis, url: str) -> Iterator[str]:
    """Yield a sentence with the exact remedy for each setting that could lose work. Nothing if all is well."""
    yield from judge_server(
        client.info(), url, has_password=bool(client.connection_pool.connection_kwargs.get("password"))
    )


def judge_server(info: Mapping[str, Any], url: str, *, has_password: bool) -> Iterator[str]:
    """Yield these sentences for an answer of `INFO`."""
    set_it = f"{command_line(url)} config set"
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        yield f"version {version} is too old: install Redis {OLDEST[0]}.{OLDEST[1]} or newer"
    if info.get("cluster_enabled"):
        yield "this is a cluster, which cannot change several keys in one step: use a single primary"
    if str(info.get("role", "master")) != "master":
        yield "this is a replica: point REDIS_URL at the primary"
    if not int(info.get("aof_enabled", 0)):
        kept = _and_keep(info, url)
        yield f"append-only file is off: a restart loses committed changes: {set_it} appendonly yes{kept}"
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        kept = _and_keep(info, url)
        yield f"maxmemory-policy is {policy}: it may drop records: {set_it} maxmemory-policy noeviction{kept}"
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if most and used > NEARLY_FULL * most:
        yield f"{used / 1e6:.0f} MB of {most / 1e6:.0f} MB of memory are used: {set_it} maxmemory {2 * most}"
    for name in ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"):
        if info.get(name, "ok") != "ok":
            yield f"{name} is {info[name]}: free disk space, or fix its folder; the log of the server says which"
    parts = urlsplit(url)
    if parts.scheme == "redis" and not has_password and (parts.hostname or "localhost") not in LOOPBACK:
        yield "other machines can connect without a password: set requirepass, and use it in every REDIS_URL"


def latency(client: redis.Redis) -> float:
    """Return the median time of a few pings, in seconds."""
    seconds = []
    for _ in range(PINGS):
        begun = time.perf_counter()
        client.ping()
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


def command_line(url: str) -> str:
    """Return the command line for this server; it asks for a password and does not show it."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"redis-cli -s {parts.path}"
    asks = " --askpass" if parts.password or "password=" in parts.query else ""
    tls = " --tls" if parts.scheme == "rediss" else ""
    return f"redis-cli -h {parts.hostname or 'localhost'} -p {parts.port or 6379}{tls}{asks}"


def _and_keep(info: Mapping[str, Any], url: str) -> str:
    """Return what makes a setting permanent, in the server's own file if it has one."""
    return f" && {command_line(url)} config rewrite" if info.get("config_file") else ", and in what starts it"
