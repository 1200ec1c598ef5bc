"""A sweep that is restored from its folder, and continues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.suggester.advance_sweep import Suggester
from services.suggester.replay import Replayed, replay
from shared.control.audit import audit_sweep
from shared.control.restore import restore
from shared.store.store import Store
from tests.shared.control.scenarios import Lose, lose

if TYPE_CHECKING:
    from tests.conftest import AWorker

__all__ = ["lose"]


def another_suggester(store: Store, a_worker: AWorker) -> Suggester:
    """Return a suggester that knows nothing of the sweep from before it was lost."""
    return Suggester(store, a_worker("suggester", "suggest").notifications)


def test_the_sweep_continues_as_if_nothing_had_happened(store: Store, lose: Lose, a_worker: AWorker) -> None:
    folder = lose()
    store.client.flushall()

    restore(store, folder)

    sweep = store.sweeps.get("s")
    assert (sweep.created, sweep.observed, sweep.failed, sweep.spent) == (4, 2, 1, 5.0)
    assert (sweep.best and sweep.best.run, sweep.state) == (3, "running")
    assert (sweep.leader and sweep.leader.runs) == (3,)
    assert audit_sweep(store, "s").problems == []
    another_suggester(store, a_worker).advance("s")
    assert store.sweeps.get("s").created == 5
    tried = [tuple(run.params.values()) for run in store.runs.all("s")]
    assert len(set(tried)) == 5, "it knows what was tried"


def test_the_suggestions_of_a_restored_sweep_are_replayed_from_the_first_new_one_on(
    store: Store, lose: Lose, a_worker: AWorker
) -> None:
    folder = lose()
    store.client.flushall()
    restore(store, folder)
    another_suggester(store, a_worker).advance("s")

    made = list(replay(store.sweeps.get("s"), store.sweeps.whole_log("s")))

    assert made == [*(Replayed(number, is_recorded=False) for number in range(1, 5)), Replayed(5)]
