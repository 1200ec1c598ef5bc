"""How much each parameter of a sweep matters for its score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Importance:
    """Total-order Sobol indices by dotted path, from `runs` runs with a score.

    `indices` is empty while `runs` is less than `wanted`, or when all scores are equal. `explained` is the share of the
    variance of left-out scores that the surrogate predicts: at most 1, and below 0 when it predicts worse than their
    mean. `missing` is the reason when nothing was computed.
    """

    runs: int = 0
    wanted: int = 0
    explained: float | None = None
    indices: Mapping[str, float] = field(default_factory=dict)
    missing: str | None = None
