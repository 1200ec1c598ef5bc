"""Ring again for runs that still wait: the safety net under every lost message."""

from __future__ import annotations

from shared.domain.run import WAITING
from shared.domain.sweep import SweepState
from shared.queues.doorbells import Doorbells
from shared.queues.names import RUN_QUEUES
from shared.store.store import Store


def republish(store: Store, doorbells: Doorbells) -> None:
    """Ring once for every due run whose queue holds no message for it."""
    for name in store.sweeps.live():
        if store.sweeps.get(name).state is not SweepState.PAUSED:
            for run in store.runs.in_states(name, WAITING):
                store.runs.ring_again(run)
    for queue in RUN_QUEUES:
        due = store.runs.due(queue)
        for waiting in due[: max(len(due) - store.runs.messages(queue), 0)]:
            doorbells.ring_queue(queue, waiting.id)
