"""The workers that run now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.control.workers import LiveWorker, running_workers
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ASweep


def test_a_worker_with_other_code_is_noted_for_each_sweep_that_is_not_over(store: Store, a_sweep: ASweep) -> None:
    store.sweeps.create(a_sweep())
    differs = {"s": "another commit", "over": "another commit"}
    usual = {"id": "t@h:1", "service": "trainer", "host": "h", "pid": 1, "queues": ("gpu",), "slots": 1, "version": "1"}
    store.fleet.announce(LiveWorker.model_validate({**usual, "differs": differs}))

    found = running_workers(store)

    assert [worker.id for worker in found.workers] == ["t@h:1"]
    assert found.notes == ("t@h:1 has other code than sweep s: another commit",)
    assert found.is_private
    assert found.to_json()[0]["queues"] == ("gpu",)
