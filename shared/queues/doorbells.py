"""Rings: a lost one is rung again by the tick, a second one finds nothing to do."""

from __future__ import annotations

import logging

from celery import Celery
from kombu.exceptions import OperationalError

from shared.domain.run import EVAL_QUEUE, Run
from shared.queues import names

log = logging.getLogger(__name__)


class Doorbells:
    """Wakes workers. Never raises: the due set in the store is the safety net."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def ring(self, run: Run) -> None:
        """Wake a worker for a run that waits, or the suggester for one that is over."""
        queue = run.due_queue
        if queue is not None:
            self.ring_queue(queue, run.id)
        elif run.is_finished:
            self._send(names.OBSERVE_RUN, run.id, names.RESULTS)

    def ring_queue(self, queue: str, run_id: str) -> None:
        """Wake a worker of `queue` for the run."""
        self._send(names.EVALUATE_RUN if queue == EVAL_QUEUE else names.TRAIN_RUN, run_id, queue)

    def ring_sweep(self, sweep: str) -> None:
        """Wake the suggester for a sweep."""
        self._send(names.ADVANCE_SWEEP, sweep, names.SUGGEST)

    def _send(self, task: str, argument: str, queue: str) -> None:
        try:
            self._app.send_task(task, args=[argument], queue=queue, retry=False)
        except (OperationalError, OSError) as reason:
            log.warning("no doorbell for %s: %s", argument, reason)
