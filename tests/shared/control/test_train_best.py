"""The best configuration as a rollout of its own: one point, nothing searched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.config.compose import compose
from shared.control.submit import submit
from shared.control.train_best import best_job, places_of
from shared.domain.errors import ConfigError
from shared.domain.run import Checkpoint, Run
from shared.domain.sweep import Sweep
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import ARun

BRANCHES = """
metric: reward
constraints: ["trainer.batch_size % trainer.minibatch_size == 0"]
protein: {cost_param: trainer.total_timesteps}
early_stop_quantile: 0.2
parameters:
  trainer:
    total_timesteps: {distribution: int_uniform, min: 10000, max: 50000}
    minibatch_size: {distribution: uniform_pow2, min: 128, max: 512}
    normalize_rewards: {distribution: categorical, values: [true, false]}
    ppo:
      vf_clip_coef: {distribution: uniform, min: 0.1, max: 0.3, when: {trainer.normalize_rewards: true}}
"""
BEST = {"trainer.total_timesteps": 30000, "trainer.minibatch_size": 256, "trainer.normalize_rewards": False}


@pytest.fixture
def sweep(store: Store, tmp_path: Path) -> Sweep:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "mine.yaml").write_text(BRANCHES)
    overrides = ["sweep_run=s", "budget.max_hours=1", "budget.max_cost=9", "parallelism=4"]
    return submit(store, compose("mine", overrides, data_dir=tmp_path, config_dir=tmp_path).job).sweep


@pytest.fixture
def best(a_run: ARun) -> Run:
    return a_run(params=BEST)


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("trainer.total_timestep=5", "command line: trainer.total_timestep: unknown key (did you mean"),
        ("trainer.num_envs=7", "trainer.batch_size is 2048: expected a multiple of num_envs (7)"),
        ("trainer=noop", "command line: trainer=noop: the config of sweep s is used; remove it"),
        ("sweep_run=../x", "sweep_run is '../x'"),
    ],
)
def test_what_cannot_be_trained_is_refused(sweep: Sweep, best: Run, override: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        best_job(sweep, best, [override])

    assert problem in str(caught.value)


def test_the_places_of_its_checkpoint_and_its_log_are_shown(sweep: Sweep, a_run: ARun, tmp_path: Path) -> None:
    job = best_job(sweep, a_run(params=BEST), ["sweep_run=long"])
    folder = tmp_path / "sweep" / "long" / "runs" / "long.r.1"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "train.1.log").touch()
    checkpoint = Checkpoint(step=9, path="9.a1", sha256="x")

    places = places_of(job, a_run(sweep="long", id="long.r.1", attempt=1, checkpoints=(checkpoint,)))

    assert places == {
        "folder": str(folder),
        "checkpoint_folder": str(folder / "checkpoints" / "9.a1"),
        "log_file": str(folder / "logs" / "train.1.log"),
    }
    assert places_of(job, a_run(id="long.r.2"))["checkpoint_folder"] is None
