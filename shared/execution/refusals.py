"""What one worker has refused: each reason is logged once, and the latest of each sweep is announced."""

from __future__ import annotations

import threading

from shared.domain.refusal import Refusal

MOST_SWEEPS = 100
MOST_KNOWN = 1000


class Refusals:
    """The refusals of one worker process. Its slots, which are threads, share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: dict[str, tuple[str, Refusal]] = {}  # sweep -> the run that was refused, and why
        self._known: set[tuple[str, Refusal]] = set()

    def add(self, sweep: str, run: str, refusal: Refusal) -> bool:
        """Note why a run of a sweep was refused; return whether this reason is new for the sweep."""
        with self._lock:
            self._latest.pop(sweep, None)
            self._latest[sweep] = (run, refusal)
            if len(self._latest) > MOST_SWEEPS:
                del self._latest[next(iter(self._latest))]
            if (sweep, refusal) in self._known:
                return False
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known.add((sweep, refusal))
            return True

    def withdraw(self, sweep: str, run: str) -> None:
        """Forget the latest refusal of a sweep if it was for `run`: this worker can take the run now."""
        with self._lock:
            if self._latest.get(sweep, ("", None))[0] == run:
                del self._latest[sweep]

    def latest(self) -> dict[str, Refusal]:
        """Return the latest refusal of each sweep."""
        with self._lock:
            return {sweep: refusal for sweep, (_, refusal) in self._latest.items()}
