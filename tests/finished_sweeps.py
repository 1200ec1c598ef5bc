"""Sweeps with finished runs that are quick to write down."""

from __future__ import annotations

import math
import random
from typing import Any

from shared.config.compose import compose
from shared.config.frozen import from_plain, to_plain
from shared.config.searched import space_of
from shared.domain.run import EarlyStop, Failure, Prediction, Run, RunState, run_id
from shared.domain.sweep import Goal, Limits, Sweep

NASTY = "<script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'>"
LINK = '<a href="https://example.org/">adam</a> & ${jndi} "quoted"'
SPACE: dict[str, Any] = {
    "trainer": {
        "gamma": {"distribution": "logit_normal", "min": 0.8, "max": 0.9999},
        "width": {"distribution": "uniform_pow2", "min": 16, "max": 1024},
        "layers": {"distribution": "int_uniform", "min": 1, "max": 6},
        "dropout": {"distribution": "uniform", "min": 0, "max": 0.5},
        "optimizer": {
            "type": {"distribution": "categorical", "values": ["sgd", LINK]},
            "learning_rate": {"distribution": "log_normal", "min": 1e-5, "max": 1e-1},
            "momentum": {"distribution": "uniform", "min": 0.5, "max": 0.99, "when": {"trainer.optimizer.type": "sgd"}},
        },
    }
}
START = 1_700_000_000.0


def a_sweep_of(runs: int, *, goal: Goal = "maximize") -> Sweep:
    """Return a sweep over SPACE."""
    job = compose("quick", ["sweep_run=s", "trainer=noop", "sim=none"]).job
    config = {**to_plain(job), "sweep": {**to_plain(job)["sweep"], "parameters": SPACE, "goal": goal}}
    return Sweep(
        version=1,
        name="s",
        goal=goal,
        queue="gpu",
        limits=Limits(max_runs=runs),
        config=config,
        config_hash="",
        created_at=START,
        created=runs,
        memory={"noise": [4.0, 20.0]},
    )


def some_runs(sweep: Sweep, many: int) -> list[Run]:
    """Return runs that are over: every 11th failed, every 13th stopped early, the others scored."""
    space, draw = space_of(from_plain(sweep.config)), random.Random(0)
    sign = 1.0 if sweep.goal == "maximize" else -1.0
    runs = []
    for number in range(1, many + 1):
        params = space.decode([draw.random() for _ in space.paths])
        worth = -((math.log10(float(params["trainer.optimizer.learning_rate"])) + 3) ** 2)
        score = sign * (100 + 20 * worth + draw.gauss(0, 3))
        prediction = Prediction(
            source="local", score=score + draw.gauss(0, 5), score_std=5.0, cost=9.0, log_cost_std=0.1
        )
        changes: dict[str, Any] = {"state": RunState.OBSERVED, "score": score, "cost": 10 * draw.random() + 0.1}
        if number % 11 == 0:
            failure = Failure(kind="user code", message=f"ValueError: {NASTY} in layer {number % 2}")
            changes = {"state": RunState.FAILED, "failure": failure, "cost": 1.0}
        elif number % 13 == 0:
            changes["early_stop"] = EarlyStop(step=10, score=score, cost=2.0, of_steps=64, why="worse than the others")
        runs.append(
            Run(
                version=5,
                id=run_id("s", number),
                sweep="s",
                number=number,
                queue="gpu",
                params=params,
                prediction=prediction,
                attempt=1,
                steps=64,
                **changes,
            )
        )
    return runs
