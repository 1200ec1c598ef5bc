"""`sweepctl import wandb`: a file of W&B's becomes two of ours that load, or nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.config.compose import compose
from tests.sweepctl.conftest import Sweepctl

SWEEP = """\
program: train.py
method: bayes
run_cap: 20
metric:
  name: loss
  goal: minimize
parameters:
  lr:
    distribution: log_uniform_values
    min: 1e-5
    max: 0.1
  layers:
    parameters:
      width:
        values: [16, 32]
early_terminate: {type: hyperband, min_iter: 3}
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return a sweep file of W&B's."""
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    return tmp_path / "sweep.yaml"


def test_it_writes_a_sweep_that_loads_and_names_the_command_that_runs_it(
    sweepctl: Sweepctl, written: Path, tmp_path: Path
) -> None:
    ended = sweepctl("import", "wandb", "sweep.yaml", "-o", "configs/sweep/mine.yaml")

    job: Any = compose("mine", ["budget.max_runs=20"]).job
    assert ended.stdout.splitlines() == [
        "wrote configs/sweep/mine.yaml, configs/trainer/mine.yaml",
        "next  sweepctl run mine budget.max_runs=20",
    ]
    assert (job.sweep.metric, job.sweep.goal, job.is_evaluated) == ("loss", "minimize", False)
    assert list(job.trainer.command) == ["python", "train.py", "{args}"]
    assert job.sweep.parameters["trainer"]["lr"] == {"distribution": "log_normal", "min": 1e-5, "max": 0.1}
    assert job.sweep.parameters["trainer"]["layers"]["width"]["values"] == [16, 32]


def test_each_thing_that_is_not_carried_over_is_a_line_of_its_own(sweepctl: Sweepctl, written: Path) -> None:
    reported = sweepctl("import", "wandb", "sweep.yaml").stderr.splitlines()

    assert [line.split(":")[1].strip() for line in reported] == ["layers", "early_terminate"]


def test_the_sweep_is_called_as_the_file_unless_another_name_is_given(sweepctl: Sweepctl, written: Path) -> None:
    done = json.loads(sweepctl("import", "wandb", "sweep.yaml", "--json").stdout)

    assert done["sweep"] == "configs/sweep/sweep.yaml"
    assert done["command"] == "sweepctl run sweep budget.max_runs=20"
    assert len(done["notes"]) == 2


def test_a_sweep_in_another_folder_of_configs_is_run_with_that_folder(sweepctl: Sweepctl, written: Path) -> None:
    ended = sweepctl("import", "wandb", "sweep.yaml", "-o", "other/sweep/mine.yaml")

    assert "next  sweepctl run mine --config-dir other budget.max_runs=20" in ended.stdout


def test_an_existing_file_is_overwritten_by_force_alone(sweepctl: Sweepctl, written: Path, tmp_path: Path) -> None:
    trainer = tmp_path / "configs/trainer/sweep.yaml"
    trainer.parent.mkdir(parents=True)
    trainer.write_text("mine")

    refused = sweepctl("import", "wandb", "sweep.yaml")
    left = trainer.read_text()
    forced = sweepctl("import", "wandb", "sweep.yaml", "--force")

    assert (refused.returncode, left) == (6, "mine")
    assert "configs/trainer/sweep.yaml exists, and nothing is overwritten" in refused.stderr
    assert forced.returncode == 0
    assert "kind: command" in trainer.read_text()


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("min: 1e-5", "min: 1", "sweep.yaml:10: lr.min is 1: expected less than max"),
        ("values: [16, 32]", "values: []", "sweep.yaml:15: layers.width.values is []: expected a list"),
        ("method: bayes", "method: buyes", "sweep.yaml:2: method is 'buyes'"),
        ("goal: minimize", "goal: less", "sweep.yaml:6: metric.goal is 'less'"),
        ("program: train.py", "name: x", "sweep.yaml:1: program: missing"),
        ("max: 0.1", "max: 017", "sweep.yaml:11: parameters.lr.max: 017 would be read as an octal number"),
        ("distribution: log_uniform_values", "distribution: beta", "sweep.yaml:9: lr.distribution is 'beta'"),
        ("values: [16, 32]", "values: ['${x}']", "error: the converted sweep/sweep.yaml:13: "),
    ],
)
def test_a_fault_is_one_line_with_its_place_and_nothing_is_written(
    sweepctl: Sweepctl, written: Path, tmp_path: Path, line: str, instead: str, said: str
) -> None:
    written.write_text(SWEEP.replace(line, instead))

    ended = sweepctl("import", "wandb", "sweep.yaml")

    assert ended.returncode == 2
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert not (tmp_path / "configs").exists()
