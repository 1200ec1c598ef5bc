"""When a process that ended is started again: after 1, 2, 4 ... 60 seconds, and never if that cannot help.

Standard library only: the guardian of a store imports it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RestartRule:
    """How long to wait before the next start. After a process ran for `steady_seconds`, the delays start again."""

    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    steady_seconds: float = 60.0
    most_in_a_row: int | None = None
    """Give up after so many restarts that did not lead to a steady process; None: never."""

    def wait(self, ends_in_a_row: int) -> float | None:
        """Return the seconds before the next start, after so many ends in a row; None: do not start it again."""
        if self.most_in_a_row is not None and ends_in_a_row > self.most_in_a_row:
            return None
        return min(self.first_wait_seconds * 2.0 ** min(ends_in_a_row - 1, 10), self.longest_wait_seconds)


@dataclass
class Life:
    """How often a process has ended, and when it is started again."""

    rule: RestartRule = field(default_factory=RestartRule)
    deaths: int = 0
    in_a_row: int = 0
    started_at: float = 0.0
    start_at: float | None = None  # None while it runs, and when it is over
    is_over: bool = False

    @property
    def runs(self) -> bool:
        """Whether it was started, and its end was not noted."""
        return self.start_at is None and not self.is_over

    def start(self, now: float) -> None:
        """Note that it was started."""
        self.started_at, self.start_at, self.is_over = now, None, False

    def die(self, now: float, *, for_good: bool = False) -> float | None:
        """Note that it has ended. Return the seconds until it is started again; None if it never is.

        Args:
            now: The time (seconds).
            for_good: Whether the next start would fail in the same way.
        """
        self.deaths += 1
        self.in_a_row = 1 if now - self.started_at >= self.rule.steady_seconds else self.in_a_row + 1
        wait = None if for_good else self.rule.wait(self.in_a_row)
        self.is_over = wait is None
        self.start_at = None if wait is None else now + wait
        return wait

    def is_due(self, now: float) -> bool:
        """Whether to start it now."""
        return self.start_at is not None and now >= self.start_at
