"""Notices that this worker no longer gets messages, although Redis answers and messages wait.

A half-open connection, or a consumer that was lost inside Celery, leaves a worker running without messages. The process
cannot repair that itself: it ends, and its service manager starts another one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from celery.signals import task_received

from shared.queues.lifecycle import Lifecycle

NO_MESSAGES = 70  # the exit code: EX_SOFTWARE of sysexits.h
MOST_LOOK_SECONDS = 10.0


class Watchdog:
    """Decides by regular checks of the queues whether messages no longer arrive at this worker."""

    def __init__(self, seconds: float, *, now: float) -> None:
        self._seconds = seconds
        self._received_at = self._looked_at = now

    def note_message(self, now: float) -> None:
        """Note that a message has arrived."""
        self._received_at = now

    def gets_no_messages(self, *, waiting: int, has_room: bool, now: float) -> bool:
        """Whether `waiting` messages waited too long although the worker has room for them. Call it often."""
        slept = now - self._looked_at > self._seconds / 2  # then no message could arrive
        if slept or not waiting or not has_room:
            self._received_at = now
        self._looked_at = now
        return now - self._received_at > self._seconds


def watch_queues(lifecycle: Lifecycle, waiting: Callable[[], int], *, slots: int, seconds: float) -> None:
    """End this worker if no message arrives for `seconds`. `waiting` returns the number of messages in its queues."""
    watchdog = Watchdog(seconds, now=time.monotonic())

    def check() -> None:
        found = waiting()  # raises if Redis does not answer, which is another fault
        if watchdog.gets_no_messages(waiting=found, has_room=lifecycle.tasks < slots, now=time.monotonic()):
            why = f"{found} message(s) wait and Redis answers, but no message arrived here for {seconds:g} s; ending"
            lifecycle.end(why, NO_MESSAGES)

    task_received.connect(lambda **_: watchdog.note_message(time.monotonic()), weak=False)
    lifecycle.every(min(seconds / 4, MOST_LOOK_SECONDS), check)
