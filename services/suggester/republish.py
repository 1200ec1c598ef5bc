"""Ring again for runs that still wait: the safety net under every lost message."""

from __future__ import annotations

import logging

from shared.domain.errors import NotFound, Unreadable
from shared.domain.run import WAITING
from shared.domain.sweep import SweepState
from shared.queues.doorbells import Doorbells
from shared.queues.names import RUN_QUEUES
from shared.store.store import Store

log = logging.getLogger(__name__)


def republish(store: Store, doorbells: Doorbells) -> None:
    """Ring once for every due run whose queue holds no message for it."""
    for name in store.sweeps.live():
        try:
            _ring_again(store, name)
        except (NotFound, Unreadable) as reason:  # of another version: the other sweeps are rung for
            log.warning("sweep %s: not rung for: %s", name, reason)
    for queue in RUN_QUEUES:
        due = store.runs.due(queue)
        for waiting in due[: max(len(due) - store.runs.messages(queue), 0)]:
            doorbells.ring_queue(queue, waiting.id)


def _ring_again(store: Store, sweep: str) -> None:
    if store.sweeps.get(sweep).state is not SweepState.PAUSED:
        for run in store.runs.in_states(sweep, WAITING):
            store.runs.ring_again(run)
