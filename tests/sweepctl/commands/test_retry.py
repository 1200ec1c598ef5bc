"""What `sweepctl retry` prints."""

from __future__ import annotations

from pathlib import Path

from shared.store.store import Store
from tests.shared.control.conftest import advance
from tests.shared.control.scenarios import Begin, begin
from tests.sweepctl.conftest import Sweepctl
from tests.sweepctl.test_check import join

__all__ = ["advance", "begin"]


def test_retry_names_the_workers_that_are_missing(
    store: Store, begin: Begin, sweepctl: Sweepctl, tmp_path: Path
) -> None:
    begin()
    nobody = sweepctl("retry", "s.r.2", REDIS_URL=store.url)
    join(store, "suggester", "suggest", "results", data_dir=tmp_path)
    join(store, "trainer", "gpu", data_dir=tmp_path)
    everybody = sweepctl("retry", "s.r.3", REDIS_URL=store.url)

    assert "no trainer is running: run `sweepctl up`" in nobody.stdout.splitlines()[-1]
    assert everybody.stdout.splitlines() == [
        "run s.r.3 is queued again, from step 5",
        "its workers start as soon as a slot is free",
    ]
