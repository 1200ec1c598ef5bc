"""Small spaces and a small problem for the tests of Protein."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import services.suggester.protein  # noqa: F401 (before any test imports gpytorch, whose import warns)
from shared.domain.search_space import Params, SearchSpace

Outcome = tuple[float | None, float, bool]  # score, cost, failed

MIXED: dict[str, Any] = {
    "trainer": {
        "rate": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1, "mean": 1e-3},
        "batch": {"distribution": "uniform_pow2", "min": 48, "max": 1000},
        "epochs": {"distribution": "int_uniform", "min": 1, "max": 8, "mean": 2},
        "gamma": {"distribution": "logit_normal", "min": 0.8, "max": 0.999},
        "steps": {"distribution": "log_normal", "min": 1e6, "max": 1e8},
        "optimizer": {"distribution": "categorical", "values": ["adam", "muon", "sgd"]},
        "anneal": {"distribution": "categorical", "values": [True, False]},
        "device": {"distribution": "categorical", "values": ["cpu"]},
    }
}


@pytest.fixture
def line() -> SearchSpace:
    """One number from 0 to 1."""
    return SearchSpace.from_config({"x": {"distribution": "uniform", "min": 0, "max": 1}})


@pytest.fixture
def mixed() -> SearchSpace:
    """A parameter of every kind, one of them a constant."""
    return SearchSpace.from_config(MIXED)


@pytest.fixture
def six() -> SearchSpace:
    """Six configurations in all."""
    return SearchSpace.from_config(
        {
            "n": {"distribution": "int_uniform", "min": 1, "max": 3},
            "kind": {"distribution": "categorical", "values": ["a", "b"]},
        }
    )


@pytest.fixture
def outcome() -> Callable[[Params], Outcome]:
    """On `mixed`: a rate that suits the batch, more steps help and cost, and a corner where runs diverge."""

    def run(params: Params) -> Outcome:
        rate, steps = math.log10(float(params["trainer.rate"])), math.log10(float(params["trainer.steps"]))
        epochs, batch = int(params["trainer.epochs"]), math.log2(float(params["trainer.batch"]))
        cost = 10 ** (steps - 6) * (1 + 0.3 * epochs)
        if rate > -2 and epochs > 3:
            return None, 0.3 * cost, True
        misfit = (rate + 3 - 0.2 * (batch - 7)) ** 2 + 0.5 * (params["trainer.optimizer"] != "muon")
        return 10 * math.exp(-misfit - 0.1 * abs(epochs - 3)) * (steps - 5), cost, False

    return run
