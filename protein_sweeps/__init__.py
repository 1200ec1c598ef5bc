"""Hyperparameter sweeps for people who train on GPUs.

A sweep of a function:

    import protein_sweeps as ps

    def train(run: ps.TrainingRun) -> float:
        return (run.params["x"] - 0.3) ** 2

    result = ps.sweep(train, {"x": ps.uniform(0, 1)}, goal="minimize", max_runs=20)
    print(result.best.params, result.best.score)

The names for training code (`TrainingRun`, `Stop`, the distributions) need only the standard library. The others are
loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protein_sweeps.run import Stop, StopReason, TrainingRun
from protein_sweeps.space import (
    Distribution,
    Space,
    choice,
    constant,
    int_uniform,
    log_uniform,
    logit_uniform,
    pow2,
    uniform,
)

if TYPE_CHECKING:
    from protein_sweeps._results import RunResult, SweepEvent, SweepResult
    from protein_sweeps._sweeps import Sweep, load_sweep, sweep
    from services.suggester.protein import Protein, Suggestion
    from shared.domain.errors import (
        ConfigError,
        Conflict,
        NotFound,
        StoreDenied,
        StoreUnreachable,
        SweepError,
    )
    from shared.domain.search_space import SearchSpace

__all__ = [
    "ConfigError",
    "Conflict",
    "Distribution",
    "NotFound",
    "Protein",
    "RunResult",
    "SearchSpace",
    "Space",
    "Stop",
    "StopReason",
    "StoreDenied",
    "StoreUnreachable",
    "Suggestion",
    "Sweep",
    "SweepError",
    "SweepEvent",
    "SweepResult",
    "TrainingRun",
    "choice",
    "constant",
    "int_uniform",
    "load_sweep",
    "log_uniform",
    "logit_uniform",
    "pow2",
    "sweep",
    "uniform",
]

_PLACES = {
    "protein_sweeps._results": ("RunResult", "SweepEvent", "SweepResult"),
    "protein_sweeps._sweeps": ("Sweep", "load_sweep", "sweep"),
    "services.suggester.protein": ("Protein", "Suggestion"),
    "shared.domain.errors": (
        "ConfigError",
        "Conflict",
        "NotFound",
        "StoreDenied",
        "StoreUnreachable",
        "SweepError",
    ),
    "shared.domain.search_space": ("SearchSpace",),
}


def __getattr__(name: str) -> Any:
    for module, names in _PLACES.items():
        if name in names:
            from protein_sweeps._packages import import_own

            value = getattr(import_own(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
