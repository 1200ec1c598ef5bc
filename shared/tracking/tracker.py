"""The interface of a tracker, and what it gets of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class TrackedRun:
    """One run as the store has it now. `outcome` is set when it is over: score, cost and more."""

    id: str
    attempt: int
    params: Mapping[str, Any]
    config: Mapping[str, Any]
    metric: str
    curve: Sequence[tuple[int, float]]
    outcome: Mapping[str, Any] | None = None
    failed: bool = False


class Tracker(Protocol):
    """Shows runs to people. Updated repeatedly with the same run, it adds only what is new."""

    def update(self, run: TrackedRun) -> None:
        """Add what is new of a run."""

    def close(self) -> None:
        """Write everything that is still in memory."""
