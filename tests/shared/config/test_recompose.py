"""A frozen job, composed again: other values, other configs of a few groups, everything else as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.config.compose import recompose
from shared.config.frozen import changed_keys
from shared.config.schema import SweepJob
from shared.domain.errors import ConfigError
from tests.shared.config.conftest import Compose, Write


@pytest.fixture
def job(write: Write, composed: Compose) -> SweepJob:
    """A job of another environment and another seed; and a suite that is not the default one."""
    write("configs/sim/hard.yaml", "num_episodes: 7\nsimulations:\n  it: {env: '${trainer.env}'}\n")
    return composed("quick", "trainer.env=Acrobot-v1", "seed=3", data_dir=Path("/data")).job


def test_without_overrides_it_is_the_same_under_another_name(job: SweepJob) -> None:
    other = recompose(job, [], sweep_run="other")

    assert changed_keys(job, other) == []
    assert (other.sweep_run, other.runs_dir) == ("other", "/data/sweep/other/runs")


def test_values_are_set_and_the_name_that_is_written_is_the_one_that_counts(job: SweepJob) -> None:
    other = recompose(job, ["seed=4", "run=mine"], sweep_run="other", data_dir=Path("/elsewhere"))

    assert [str(change) for change in changed_keys(job, other)] == ["seed: 3 -> 4"]
    assert (other.sweep_run, other.runs_dir) == ("mine", "/elsewhere/sweep/mine/runs")


def test_a_suite_follows_what_the_job_trains(job: SweepJob) -> None:
    other = recompose(job, ["sim=hard", "sim.seed=5"], sweep_run="other")

    assert (other.sim.num_episodes, other.sim.seed, list(other.sim.simulations)) == (7, 5, ["it"])
    assert other.sim.simulations["it"].env == "Acrobot-v1"


def test_a_hardware_preset_and_a_tracker_can_be_changed(job: SweepJob) -> None:
    other = recompose(job, ["+hardware=cpu", "wandb=offline"], sweep_run="other")

    assert (other.device, other.queue, other.wandb.mode) == ("cpu", "cpu", "offline")
    assert other.trainer == job.trainer


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("sweep=full", "command line: sweep=full: the config of sweep quick-20260102-123045 is used; remove it"),
        ("trainer=noop", "command line: trainer=noop: the config of sweep"),
        ("sim=soft", "sim=soft: no such config"),
        ("seed=x", "command line: seed is 'x': expected a whole number"),
        ("trainer.num_env=3", "command line: trainer.num_env: unknown key (did you mean num_envs?)"),
        ("wandb.api_key=hunter2", "command line: wandb.api_key: looks like a secret"),
        ("data_dir=/x", "data_dir: written twice, as --data-dir and as data_dir=; keep one of them"),
    ],
)
def test_what_cannot_be_used_is_one_line(job: SweepJob, override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        recompose(job, [override], sweep_run="other", data_dir=Path("/data"))

    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_error_for_a_fault_in_a_chosen_file_has_its_line(job: SweepJob, write: Write) -> None:
    write("configs/sim/bad.yaml", "name: bad\nnum_episodes: many\n")

    with pytest.raises(ConfigError, match=r"configs/sim/bad\.yaml:2: sim\.num_episodes is 'many'"):
        recompose(job, ["sim=bad"], sweep_run="other")
