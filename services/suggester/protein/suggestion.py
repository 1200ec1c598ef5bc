"""A suggestion of the optimizer, with the numbers that the next suggestion needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from shared.domain.search_space import Params

Memory = dict[str, Any]

BEGINNING: Final[Mapping[str, Any]] = MappingProxyType({"n": 0})
"""The memory before the first suggestion."""


@dataclass(frozen=True)
class Suggestion:
    """One configuration to run.

    Predictions are in the units of the observations; None without a fit. `predicted_cost` is the median.
    `source` says where it comes from: centre, sobol, uniform, local, refined, feasible (no score is known yet),
    cheapest (all candidates are predicted above the cap), replicate (the best configuration again, because of noise),
    resample, repeat (the space is exhausted), random, grid, optuna-tpe, optuna-gp.
    `predicted_log_cost_std` is the standard deviation of the log of the cost. `reasons` are the known terms of its
    rank, log_improvement + log_success - cost_weight x log_cost; for a replicate log_gain_again and log_gain_new,
    which `replicates.py` explains; empty if nothing was ranked.
    `memory` has plain numbers: with the same observations, `remember(memory)` continues the search from here.
    """

    params: Params
    predicted_score: float | None = None
    predicted_cost: float | None = None
    predicted_score_std: float | None = None
    predicted_log_cost_std: float | None = None
    source: str = "random"
    reasons: Mapping[str, float] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
