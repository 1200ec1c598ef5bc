"""A suggestion of the optimizer, and the memory that the next suggestion needs."""

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

    Attributes:
        params: The parameters, by dotted path. Inactive parameters are left out.
        predicted_score: The predicted score, in the unit of the observed scores; None while there is no fit.
        predicted_cost: The predicted cost (median), in the unit of the observed costs; None while there is no fit.
        predicted_score_std: The standard deviation of the predicted score.
        predicted_log_cost_std: The standard deviation of the natural logarithm of the cost.
        source: How it was found: `centre`, `sobol`, `uniform`, `local`, `refined`, `feasible` (no score is known yet),
            `cheapest` (no candidate is predicted to cost less than the cap), `replicate` (the best configuration again,
            because noise hides how good it is), `resample`, `repeat` (the space is exhausted), `random`, `grid`,
            `optuna-tpe` or `optuna-gp`.
        reasons: The terms of its rank, log_improvement + log_success - cost_weight x log_cost, as far as they are
            known; for a replicate log_gain_again and log_gain_new; empty if nothing was ranked.
        memory: Plain data that `Protein.remember` takes to continue the search after this suggestion.

    Example:
        ```python
        suggestion = optimizer.suggest()
        print(suggestion.params, suggestion.predicted_score, suggestion.source)
        ```
    """

    params: Params
    predicted_score: float | None = None
    predicted_cost: float | None = None
    predicted_score_std: float | None = None
    predicted_log_cost_std: float | None = None
    source: str = "random"
    reasons: Mapping[str, float] = field(default_factory=dict)
    memory: Mapping[str, Any] = field(default_factory=dict)
