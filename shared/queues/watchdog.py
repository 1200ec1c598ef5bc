"""Notices that this worker no longer gets messages, although Redis answers and messages wait.

A half-open connection, or a consumer that was lost inside Celery, leaves a worker running without messages. The process
cannot repair that itself: it ends, and its service manager starts another one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from celery.signals import task_received

from shared.queues.lifecycle import Lifecycle

DEAF = 70  # the exit code: EX_SOFTWARE of sysexits.h
MOST_LOOK_SECONDS = 10.0


class Watchdog:
    """Decides by regular checks of the queues whether this worker is deaf: it no longer gets messages."""

    def __init__(self, seconds: float, *, now: float) -> None:
        self._seconds = seconds
        self._heard_at = self._looked_at = now

    def hear(self, now: float) -> None:
        """Note that a message has arrived."""
        self._heard_at = now

    def is_deaf(self, *, waiting: int, has_room: bool, now: float) -> bool:
        """Whether `waiting` messages waited too long although the worker has room for them. Call it often."""
        slept = now - self._looked_at > self._seconds / 2  # then no message could arrive
        if slept or not waiting or not has_room:
            self._heard_at = now
        self._looked_at = now
        return now - self._heard_at > self._seconds


def watch_queues(lifecycle: Lifecycle, waiting: Callable[[], int], *, slots: int, seconds: float) -> None:
    """End this worker when it was deaf for `seconds`. `waiting` returns the number of messages in its queues."""
    watchdog = Watchdog(seconds, now=time.monotonic())

    def look_for_deafness() -> None:
        found = waiting()  # raises if Redis does not answer, which is another fault
        if watchdog.is_deaf(waiting=found, has_room=lifecycle.tasks < slots, now=time.monotonic()):
            why = f"{found} message(s) wait and Redis answers, but no message arrived here for {seconds:g} s; ending"
            lifecycle.end(why, DEAF)

    task_received.connect(lambda **_: watchdog.hear(time.monotonic()), weak=False)
    lifecycle.every(min(seconds / 4, MOST_LOOK_SECONDS), look_for_deafness)
