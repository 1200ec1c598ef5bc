"""Cancellations in every state of a run: the run ends once, in one state, and its slot is free again."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from pathlib import Path

import pytest

from shared.control.steer import cancel_run
from shared.domain.errors import Conflict, IllegalMove, NotFound
from shared.domain.run import FINISHED, RunState, run_id
from tests.chaos.rig import stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
RUNS = 24


def test_a_cancellation_at_any_moment_ends_a_run_once(tmp_path: Path) -> None:
    chance = random.Random(3)
    with stage(tmp_path, suggester=1, trainer=2, evaluator=1) as chaos:
        sweep = chaos.submit(f"budget.max_runs={RUNS}", "parallelism=4", evaluated=True, step_seconds=0.03)
        chaos.keep_alive()

        def strike() -> bool:
            for number in range(1, RUNS + 1):
                if chance.random() < 0.03:
                    with suppress(NotFound, IllegalMove, Conflict):
                        cancel_run(chaos.store, run_id(sweep.name, number))
            return chaos.store.sweeps.get(sweep.name).is_finished

        chaos.fleet.wait_until(strike, seconds=120)

        runs = chaos.fleet.runs(sweep)
        ends = [run.state for run in runs]
        assert all(state in FINISHED for state in ends)
        assert ends.count(RunState.CANCELLED) >= 2
        assert ends.count(RunState.OBSERVED) >= 1
        assert chaos.store.client.zcard("leases") == 0
        chaos.fleet.check(sweep)

        after = chaos.submit("sweep_run=after", "budget.max_runs=2", "parallelism=2", step_seconds=0.01)
        started_at = time.monotonic()
        chaos.wait_until_finished(after, seconds=30)
        assert time.monotonic() - started_at < 20, "the places are free"
