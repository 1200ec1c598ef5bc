"""What a tracker is told about a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class TrackedRun:
    """One run as the store has it now. `outcome` is set once it is over: score, cost and the rest."""

    id: str
    attempt: int
    params: Mapping[str, Any]
    config: Mapping[str, Any]
    metric: str
    curve: Sequence[tuple[int, float]]
    outcome: Mapping[str, Any] | None = None
    failed: bool = False


class Tracker(Protocol):
    """Shows runs to people. Told again and again about the same run, it adds what is new."""

    def update(self, run: TrackedRun) -> None:
        """Take in how a run stands."""

    def close(self) -> None:
        """Write out everything."""
