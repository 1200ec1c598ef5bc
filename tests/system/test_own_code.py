"""A training function of the user, on a fleet of plain workers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.config.compose import compose
from shared.control.submit import submit
from shared.domain.run import RunState

if TYPE_CHECKING:
    from tests.fleet import Fleet

pytestmark = pytest.mark.slow
OWN_CODE = """
def train(run):
    print("training", run.id)
    for step in range(run.checkpoint_step + 1, 4):
        run.report(step=step, reward=step * run.params["trainer.size"])
    return {"score": run.params["trainer.size"]}
"""
SPACE = """
metric: reward
method: random
parameters:
  trainer:
    size: {distribution: uniform, min: 0, max: 1}
"""


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the user's code and config; the workers are started in it."""
    (tmp_path / "my_code.py").write_text(OWN_CODE)
    (tmp_path / "configs" / "sweep").mkdir(parents=True)
    (tmp_path / "configs" / "sweep" / "mine.yaml").write_text(SPACE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_worker_trains_a_function_in_its_folder_that_is_allowed(fleet: Fleet, own_folder: Path) -> None:
    function = ["trainer=function", "trainer.function=my_code:train", "sim=none", "budget.max_runs=2"]
    sweep = submit(fleet.store, compose("mine", function, data_dir=own_folder).job).sweep

    fleet.start("suggester")
    fleet.start("trainer", SWEEP_ALLOW="my_code.*")
    fleet.wait_until_finished(sweep)

    assert [run.state for run in fleet.runs(sweep)] == [RunState.OBSERVED] * 2
    log = own_folder / "sweep" / sweep.name / "runs" / f"{sweep.name}.r.1" / "logs" / "train.1.log"
    assert log.read_text() == f"training {sweep.name}.r.1\n"


def test_a_function_that_is_not_allowed_stays_in_the_queue_and_the_log_says_what_to_add(
    fleet: Fleet, own_folder: Path
) -> None:
    function = ["trainer=function", "trainer.function=my_code:train", "sim=none", "budget.max_runs=1"]
    sweep = submit(fleet.store, compose("mine", function, data_dir=own_folder).job).sweep

    fleet.start("suggester", "trainer")
    log = own_folder / "trainer.1.log"
    fleet.wait_until(lambda: "start the worker with SWEEP_ALLOW=my_code:train" in log.read_text())

    assert [run.state for run in fleet.runs(sweep)] == [RunState.QUEUED]
    assert fleet.runs(sweep)[0].attempt == 0
