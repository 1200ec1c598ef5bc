"""Processes that die do not change the suggestions of Protein."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chaos.rig import stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
POINTS = "before:suggested,after:suggested,lost:suggested,before:claimed,after:claimed,before:checkpointed"
RUNS = 9


def suggestions(folder: Path, points: str) -> list[dict[str, Any]]:
    folder.mkdir()
    with stage(folder, suggester=1, trainer=1) as chaos:
        chaos.environment |= {"CHAOS": points, "SWEEP_SLOTS": "1"}
        mine = [f"budget.max_runs={RUNS}", "parallelism=1", "look_ahead=0", "seed=5"]
        sweep = chaos.submit("sweep_run=same", *mine, step_seconds=0.001)
        assert chaos.wait_until_finished(sweep, seconds=120).observed == RUNS
        struck = {path.name for path in (folder / "struck").iterdir()}
        assert struck == set(filter(None, points.split(",")))
        return [dict(run.params) for run in chaos.fleet.runs(sweep)]


def test_the_suggestions_of_a_sweep_are_the_same_with_and_without_deaths_of_processes(
    tmp_path: Path,
) -> None:
    assert suggestions(tmp_path / "chaos", POINTS) == suggestions(tmp_path / "calm", "")
