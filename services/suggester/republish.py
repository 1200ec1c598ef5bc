"""Notify workers again about runs that still wait, in case a message was lost."""

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
    """Send a notification for each due run that has no message in its queue."""
    for name in store.sweeps.live():
        try:
            _mark_due(store, name)
        except (NotFound, Unreadable) as reason:  # another version wrote it: the other sweeps are processed
            log.warning("sweep %s: workers cannot be notified about its runs: %s", name, reason)
    for queue in RUN_QUEUES:
        due = store.runs.due(queue)
        for waiting in due[: max(len(due) - store.runs.messages(queue), 0)]:
            notifications.notify_queue(queue, waiting.id)


def _mark_due(store: Store, sweep: str) -> None:
    if store.sweeps.get(sweep).state is not SweepState.PAUSED:
        for run in store.runs.in_states(sweep, WAITING):
            store.runs.mark_due(run)
