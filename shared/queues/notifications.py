"""Notifications: a lost one is sent again by the suggester's tick, and a repeated one has no effect."""

from __future__ import annotations

import logging
import time

from celery import Celery
from kombu.exceptions import OperationalError

from shared.domain.run import ASK_QUEUE, EVAL_QUEUE, Run
from shared.queues import names

log = logging.getLogger(__name__)
SHORTEST_SILENCE, LONGEST_SILENCE = 0.5, 8.0  # seconds after a notification that failed


class Notifications:
    """Wakes workers; without an `app`, none. Never raises: a run stays in the store's due set until it is claimed.

    After a notification that failed, none is sent for a while, longer each time: while the broker is away, each try
    costs the caller a second.
    """

    def __init__(self, app: Celery | None) -> None:
        self._app = app
        self._silence = 0.0
        self._silent_until = 0.0

    def notify(self, run: Run) -> None:
        """Wake a worker for a waiting run, or the suggester for a run that is over."""
        queue = run.due_queue
        if queue == ASK_QUEUE:
            return  # a program that asks for its runs needs no message
        if queue is not None:
            self.notify_queue(queue, run.id)
        elif run.is_finished:
            self._send(names.OBSERVE_RUN, run.id, names.RESULTS)

    def notify_queue(self, queue: str, run_id: str) -> None:
        """Wake a worker of `queue` for the run."""
        self._send(names.EVALUATE_RUN if queue == EVAL_QUEUE else names.TRAIN_RUN, run_id, queue)

    def notify_sweep(self, sweep: str) -> None:
        """Wake the suggester for a sweep."""
        self._send(names.ADVANCE_SWEEP, sweep, names.SUGGEST)

    def _send(self, task: str, argument: str, queue: str) -> None:
        if self._app is None or time.monotonic() < self._silent_until:
            return
        try:
            self._app.send_task(task, args=[argument], queue=queue, retry=False)
            self._silence = 0.0
        except (OperationalError, OSError) as reason:
            self._silence = min(max(2 * self._silence, SHORTEST_SILENCE), LONGEST_SILENCE)
            self._silent_until = time.monotonic() + self._silence
            log.warning("could not notify workers about %s; retrying in %g s: %s", argument, self._silence, reason)
