"""Which store a command or a worker uses: one rule for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal

from shared.domain.errors import StoreUnreachable
from shared.local import private_store
from shared.store.store import Store, open_store

DEFAULT_URL = "redis://127.0.0.1:6379/0"
Purpose = Literal["start", "look", "join"]


@contextmanager
def locate(data_dir: Path, *, redis_url: str | None, purpose: Purpose) -> Iterator[str]:
    """Yield the URL of the store. A private server is held until the block ends.

    1. `redis_url`, else REDIS_URL; 2. the private server of `data_dir`, if it runs; 3. with the purpose "start": that
    server, which is started; with "look": the same, if it has files; 4. a server at this machine's usual port.
    """
    url = redis_url or os.environ.get("REDIS_URL")
    if url:
        yield url
        return
    held = private_store.attach(data_dir)
    if held is None and (purpose == "start" or (purpose == "look" and private_store.has_files(data_dir))):
        held = private_store.start(data_dir)
    if held is None:
        yield DEFAULT_URL
        return
    with held:
        yield held.url


def join(data_dir: Path) -> AbstractContextManager[str]:
    """Return the URL of the store that a worker with this data folder joins, as a context."""
    return locate(data_dir, redis_url=None, purpose="join")


@contextmanager
def located_store(data_dir: Path, *, redis_url: str | None, purpose: Purpose) -> Iterator[Store]:
    """Yield the store that `locate` finds, once it has answered. Raises StoreUnreachable, StoreDenied or Conflict."""
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
        if private_store.has_files(data_dir):
            raise StoreUnreachable(
                f"nothing runs in {data_dir}; start its workers with `sweepctl up`, or set REDIS_URL"
            ) from error
        raise StoreUnreachable(
            f"no sweep was run in {data_dir}, and no Redis answers at {DEFAULT_URL}; "
            "start a sweep here with `sweepctl run quick`, or workers with `sweepctl up`, or set REDIS_URL"
        ) from error
