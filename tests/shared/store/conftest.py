"""A store on the real server, and the same on fakeredis."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest

from shared.store.store import Store, open_store


@pytest.fixture(params=["server", "fakeredis"])
def each_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Yield an empty store: one on the real server, then one on fakeredis."""
    if request.param == "server":
        yield request.getfixturevalue("store")
        return
    client = fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)
    yield open_store("redis://fake", client=client)
    client.close()
