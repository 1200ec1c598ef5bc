"""Notify again about runs that still wait: the safety net under every lost message."""

from __future__ import annotations

import logging

from shared.domain.errors import NotFound, Unreadable
from shared.domain.run import WAITING
from shared.domain.sweep import SweepState
from shared.queues.names import RUN_QUEUES
from shared.queues.notifications import Notifications
from shared.store.store import Store

log = logging.getLogger(__name__)


def republish(store: Store, notifications: Notifications) -> None:
    """Notify once for every due run whose queue holds no message for it."""
    for name in store.sweeps.live():
        try:
            _mark_due(store, name)
        except (NotFound, Unreadable) as reason:  # of another version: the other sweeps are notified about
            log.warning("sweep %s: not notified about: %s", name, reason)
    for queue in RUN_QUEUES:
        due = store.runs.due(queue)
        for waiting in due[: max(len(due) - store.runs.messages(queue), 0)]:
            notifications.notify_queue(queue, waiting.id)


def _mark_due(store: Store, sweep: str) -> None:
    if store.sweeps.get(sweep).state is not SweepState.PAUSED:
        for run in store.runs.in_states(sweep, WAITING):
            store.runs.mark_due(run)
