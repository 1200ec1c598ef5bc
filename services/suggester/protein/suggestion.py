"""What the optimizer answers, and the numbers that the next answer needs."""

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

    Predictions are in the units that were observed, None while there is no fit. `predicted_cost` is the median.
    `source` is a word for where it comes from: centre, sobol, uniform, local, refined, feasible (no score is known
    yet), cheapest (nothing is predicted to keep below the cap), replicate (the best configuration once more, since
    noise hides how good it is), resample, repeat (the space is exhausted), random, grid,
    optuna-tpe, optuna-gp.
    `predicted_log_cost_std` is the standard deviation of the log of the cost. `reasons` are the terms of its rank:
    log_improvement + log_success - cost_weight x log_cost, as far as each is known; of a replicate log_gain_again and
    log_gain_new, which `replicates.py` explains; empty where nothing was ranked.
    `memory` holds plain numbers: handed to `remember`, with the same observations, the search goes on from here.
    """

    params: Params
    predicted_score: float | None = None
    predicted_cost: float | None = None
    predicted_score_std: float | None = None
    predicted_log_cost_std: float | None = None
    source: str = "random"
    reasons: Mapping[str, float] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
