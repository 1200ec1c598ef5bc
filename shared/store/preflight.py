"""Is this Redis fit to be trusted with days of work?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import redis

OLDEST = (6, 2)


def examine_server(client: redis.Redis) -> Iterator[str]:
    """Yield a sentence with the exact remedy for each setting that could lose work. Nothing when all is well."""
    info: dict[str, Any] = client.info()
    version = str(info.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        yield f"version {version} is too old: install Redis {OLDEST[0]}.{OLDEST[1]} or newer"
    if not int(info.get("aof_enabled", 0)):
        yield "append-only file is off: a restart loses acknowledged runs: redis-cli config set appendonly yes"
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        yield f"maxmemory-policy is {policy}: it may drop records: redis-cli config set maxmemory-policy noeviction"
    if str(info.get("role", "master")) != "master":
        yield "this is a replica: point REDIS_URL at the primary"
