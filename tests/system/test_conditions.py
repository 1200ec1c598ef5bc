"""A sweep of a conditional space on a fleet of plain workers, from its file to its result."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from services.suggester.replay import Replayed, replay
from shared.config.compose import compose
from shared.config.searched import space_of
from shared.control.observations import as_csv
from shared.control.submit import submit
from shared.domain.parameter import key_of
from shared.domain.run import Run, RunState

if TYPE_CHECKING:
    from tests.fleet import Fleet

pytestmark = pytest.mark.slow
TRAINER = "{kind: noop, steps: 2, step_seconds: 0, optimizer: {type: adam, beta1: 0.7, momentum: 0.1, nesterov: false}}"
SPACE = """
protein: {num_random_samples: 4}
parameters:
  trainer:
    optimizer:
      type: {distribution: categorical, values: [adam, sgd]}
      beta1: {distribution: logit_normal, min: 0.5, max: 0.999, when: {trainer.optimizer.type: adam}}
      momentum: {distribution: uniform, min: 0, max: 0.99, when: {trainer.optimizer.type: [sgd]}}
      nesterov: {distribution: categorical, values: [true, false], when: {trainer.optimizer.type: sgd}}
"""
OF_ADAM, OF_SGD = ["type", "beta1"], ["type", "momentum", "nesterov"]


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """Return a folder with the sweep `mine`, and a trainer with a value for every key."""
    for group, text in (("sweep", SPACE), ("trainer", TRAINER)):
        (tmp_path / "configs" / group).mkdir(parents=True)
        (tmp_path / "configs" / group / "mine.yaml").write_text(text)
    return tmp_path / "configs"


@pytest.mark.parametrize(("method", "runs"), [("bayes", 9), ("grid", 6)])
def test_a_conditional_sweep_runs_to_its_end_and_its_log_its_files_and_its_replay_agree(
    fleet: Fleet, configs: Path, tmp_path: Path, method: str, runs: int
) -> None:
    overrides = ["trainer=mine", "sim=none", f"sweep.method={method}", "sweep.grid_points=2", "budget.max_runs=9"]
    job = compose("mine", overrides, config_dir=configs, data_dir=tmp_path).job
    sweep = submit(fleet.store, job).sweep

    fleet.start("suggester", "trainer")
    fleet.wait_until_finished(sweep)

    made = fleet.runs(sweep)
    assert [run.state for run in made] == [RunState.OBSERVED] * runs
    assert len({key_of(run.params) for run in made}) == runs
    assert all(space_of(job).validate(run.params) == run.params for run in made)
    assert {tuple(ending(path) for path in run.params) for run in made} == {tuple(OF_ADAM), tuple(OF_SGD)}
    for run in made:
        own = {"type": "adam", "beta1": 0.7, "momentum": 0.1, "nesterov": False}
        assert trained_with(tmp_path, run) == own | {ending(path): value for path, value in run.params.items()}
    rows = list(csv.DictReader(io.StringIO(as_csv(made))))
    assert {row["trainer.optimizer.beta1"] for row in rows if row["trainer.optimizer.type"] == "sgd"} == {""}
    log = fleet.store.sweeps.whole_log(sweep.name)
    assert list(replay(fleet.store.sweeps.get(sweep.name), log)) == [Replayed(n + 1) for n in range(runs)]
    fleet.check(sweep)


def ending(path: str) -> str:
    return path.rpartition(".")[2]


def trained_with(data_dir: Path, run: Run) -> dict[str, Any]:
    folder = data_dir / "sweep" / run.sweep / "runs" / run.id
    written = yaml.safe_load((folder / "train_config_overrides.yaml").read_text())
    return dict(written["trainer"]["optimizer"])
