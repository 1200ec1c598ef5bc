"""What a worker does besides its tasks: actions at its start, at its end and on timers; and the flag of its end."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from celery import Celery, bootsteps
from celery.signals import task_postrun, task_prerun, worker_shutting_down

from shared.domain.errors import StoreReplaced, SweepError

END_SECONDS = 30.0

log = logging.getLogger(__name__)
Action = Callable[[], None]


class Lifecycle:
    """Collects the actions of one worker process. `shutdown` is set as soon as the worker is to end."""

    def __init__(self, app: Celery) -> None:
        self.shutdown = threading.Event()
        self._at_start: list[Action] = []
        self._at_end: list[Action] = []
        self._timers: list[tuple[float, Action]] = []
        self._threads: list[threading.Thread] = []
        self._tasks: set[str] = set()
        lifecycle = self

        class LifecycleStep(bootsteps.StartStopStep):  # type: ignore[misc]
            """Runs the actions in the worker's main thread, before its pool starts and after it has ended."""

            name = "sweep lifecycle"
            requires = ("celery.worker.components:Timer",)

            def start(self, parent: Any) -> None:
                lifecycle._start()

            def close(self, parent: Any) -> None:
                lifecycle.shutdown.set()

            def stop(self, parent: Any) -> None:
                lifecycle._stop()

            terminate = stop

        app.steps["worker"].add(LifecycleStep)
        # Both are needed: SIGQUIT never sends this signal, and after SIGTERM Celery can wait for tasks before `close`.
        worker_shutting_down.connect(lambda **_: self.shutdown.set(), weak=False)
        task_prerun.connect(lambda task_id, **_: self._tasks.add(task_id), weak=False)
        task_postrun.connect(lambda task_id, **_: self._tasks.discard(task_id), weak=False)

    @property
    def tasks(self) -> int:
        """The number of tasks that run now."""
        return len(self._tasks)

    def at_start(self, action: Action) -> None:
        """Call `action` in the worker's main thread at its start."""
        self._at_start.append(action)

    def at_end(self, action: Action) -> None:
        """Call `action` when the worker's tasks have ended."""
        self._at_end.append(action)

    def every(self, seconds: float, action: Action) -> None:
        """Call `action` every `seconds` in a thread of its own."""
        self._timers.append((seconds, action))

    def end(self, why: str, exit_code: int) -> None:
        """End this process with `exit_code`, after its tasks had 30 seconds to release their runs.

        Call it from a timer. Celery has no exit code for this, and may be unable to end.
        """
        log.critical("%s", why)
        self.shutdown.set()
        deadline = time.monotonic() + END_SECONDS
        while self.tasks and time.monotonic() < deadline:
            time.sleep(0.1)
        for action in self._at_end:
            try:
                action()
            except Exception:
                log.exception("%s failed", getattr(action, "__name__", action))
        logging.shutdown()
        os._exit(exit_code)

    def _start(self) -> None:
        for action in self._at_start:
            action()
        for number, (seconds, action) in enumerate(self._timers):
            thread = threading.Thread(target=self._repeat, args=(seconds, action), name=f"every-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _stop(self) -> None:
        self.shutdown.set()
        for thread in self._threads:
            thread.join(timeout=2)
        for action in self._at_end:
            action()

    def _repeat(self, seconds: float, action: Action) -> None:
        while True:
            begun = time.monotonic()
            try:
                action()
            except StoreReplaced as reason:
                self.end(str(reason), reason.exit_code)
            except SweepError as reason:
                log.warning("%s: %s; retrying", getattr(action, "__name__", "a timer"), reason)
            except Exception:  # a timer must not end: recovery depends on it
                log.exception("%s failed; retrying", getattr(action, "__name__", action))
            if self.shutdown.wait(max(seconds - (time.monotonic() - begun), 0.0)):
                return
