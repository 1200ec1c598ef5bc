"""When a part of the local stack that died is started again: ever later, and never not at all."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 1.0, 60.0
STEADY_SECONDS = 60.0
"""A part that lived so long begins anew."""


def wait_before_start(deaths_in_a_row: int) -> float:
    """Return the seconds before a part is started again: 1, 2, 4 ... up to 60."""
    return min(FIRST_WAIT_SECONDS * 2.0 ** min(deaths_in_a_row - 1, 10), LONGEST_WAIT_SECONDS)


@dataclass
class Life:
    """How often a part has died, and when it may start again. A part that lived for a minute begins anew."""

    deaths: int = 0
    in_a_row: int = 0
    started_at: float = 0.0
    start_at: float | None = None  # None while it runs

    def start(self, now: float) -> None:
        """Note that it was started."""
        self.started_at, self.start_at = now, None

    def die(self, now: float) -> float:
        """Note that it was found dead; return the seconds until it may start again."""
        self.deaths += 1
        self.in_a_row = 1 if now - self.started_at >= STEADY_SECONDS else self.in_a_row + 1
        wait = wait_before_start(self.in_a_row)
        self.start_at = now + wait
        return wait

    def is_due(self, now: float) -> bool:
        """Whether it is to be started now."""
        return self.start_at is not None and now >= self.start_at
