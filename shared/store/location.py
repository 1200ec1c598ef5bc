"""Which store is meant: one rule for every command and every worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from shared.domain.errors import StoreUnreachable
from shared.store import embedded
from shared.store.store import Store, open_store

DEFAULT_URL = "redis://127.0.0.1:6379/0"
Purpose = Literal["start", "look", "join"]


@contextmanager
def locate(data_dir: Path, *, redis_url: str | None, purpose: Purpose) -> Iterator[str]:
    """Yield the URL of the store, kept alive meanwhile if it is an embedded one.

    1. `redis_url`, else REDIS_URL; 2. the embedded server of `data_dir`, if it runs; 3. to "start": that server,
    started; to "look": likewise, if its files exist; 4. a server on this machine's usual port.
    """
    url = redis_url or os.environ.get("REDIS_URL")
    if url:
        yield url
        return
    held = embedded.attach(data_dir)
    if held is None and (purpose == "start" or (purpose == "look" and embedded.has_files(data_dir))):
        held = embedded.start(data_dir)
    if held is None:
        yield DEFAULT_URL
        return
    with held:
        yield held.url


@contextmanager
def located_store(data_dir: Path, *, redis_url: str | None, purpose: Purpose) -> Iterator[Store]:
    """Yield the store that is meant, known to answer. Raises StoreUnreachable, StoreDenied or Conflict."""
    with locate(data_dir, redis_url=redis_url, purpose=purpose) as url:
        store = open_store(url)
        try:
            _ping(store, data_dir, usual=url == DEFAULT_URL and not redis_url and not os.environ.get("REDIS_URL"))
            yield store
        finally:
            store.close()


def _ping(store: Store, data_dir: Path, *, usual: bool) -> None:
    try:
        store.ping()
    except StoreUnreachable as error:
        if not usual:
            raise
        if embedded.has_files(data_dir):
            raise StoreUnreachable(
                f"nothing runs in {data_dir}: start its workers with `sweepctl up`, or set REDIS_URL"
            ) from error
        raise StoreUnreachable(
            f"no sweep was run in {data_dir}, and no Redis answers at {DEFAULT_URL}: "
            "start a sweep here with `sweepctl run quick`, or workers with `sweepctl up`, or set REDIS_URL"
        ) from error
