"""A job as plain data: it comes back as it went, is recognised by its hash, and is shown as YAML."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from shared.config import frozen
from shared.config.compose import Composed
from shared.config.files import installed_dir
from shared.config.frozen import changed_keys, config_hash, from_plain, job_of, run_config, to_plain, to_yaml
from shared.config.schema import SweepJob
from shared.domain.errors import ConfigError
from shared.domain.sweep import Sweep

if TYPE_CHECKING:
    from tests.conftest import ASweep

Compose = Callable[..., Composed]
Write = Callable[[str, str], Path]


SIZES = ("trainer.num_envs=64", "trainer.batch_size=4096")


@pytest.fixture
def job(composed: Compose) -> SweepJob:
    return composed("full", *SIZES).job


def stored(job: SweepJob) -> SweepJob:
    return from_plain(json.loads(json.dumps(to_plain(job))))


def test_a_stored_job_comes_back_as_it_was(job: SweepJob) -> None:
    assert stored(job) == job
    assert config_hash(stored(job)) == config_hash(job)


def test_the_order_of_the_searched_keys_is_kept(job: SweepJob) -> None:
    written = yaml.safe_load((installed_dir() / "sweep" / "full.yaml").read_text())["parameters"]["trainer"]

    kept = stored(job).sweep.parameters["trainer"]

    assert list(kept) == list(written)
    assert list(kept["optimizer"]) == list(written["optimizer"])


def test_a_job_cannot_be_changed(job: SweepJob) -> None:
    with pytest.raises(ValueError, match="frozen"):
        job.seed = 1  # type: ignore[misc]


def test_a_stored_config_of_another_version_is_refused(job: SweepJob) -> None:
    plain = to_plain(job) | {"look_behind": 1}

    with pytest.raises(ConfigError, match="the stored config was written by another version: look_behind: unknown key"):
        from_plain(plain)


# ------------------------------------------------------------------------------------------------ of a sweep


def read_again(sweep: Sweep) -> Sweep:
    return Sweep.model_validate_json(sweep.model_dump_json())


def test_the_job_of_a_sweep_is_parsed_once_however_often_its_record_is_read(job: SweepJob, a_sweep: ASweep) -> None:
    sweep = a_sweep(config=to_plain(job))

    first = job_of(sweep)

    assert first == job
    assert job_of(read_again(sweep)) is first
    assert job_of(sweep.move("paused")) is first


def test_a_sweep_that_was_moved_or_is_another_one_of_that_name_has_a_job_of_its_own(
    job: SweepJob, a_sweep: ASweep
) -> None:
    sweep = a_sweep(config=to_plain(job))
    first = job_of(sweep)

    moved = job_of(a_sweep(config=to_plain(job) | {"runs_dir": "/elsewhere"}))
    another = job_of(a_sweep(config=to_plain(job), created_at=9.0))

    assert (moved.runs_dir, another, another is first) == ("/elsewhere", job, False)


def test_a_config_of_another_version_is_refused_each_time(job: SweepJob, a_sweep: ASweep) -> None:
    sweep = a_sweep(config=to_plain(job) | {"look_behind": 1})

    for _ in range(2):
        with pytest.raises(ConfigError, match="look_behind: unknown key"):
            job_of(sweep)


def test_the_jobs_of_the_latest_sweeps_alone_are_kept(
    job: SweepJob, a_sweep: ASweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "_MOST_JOBS", 2)
    sweeps = [a_sweep(name=name, config=to_plain(job)) for name in "abc"]

    first, second, third = map(job_of, sweeps)

    assert [job_of(sweeps[2]), job_of(sweeps[1])] == [third, second]
    assert job_of(sweeps[1]) is second
    assert job_of(sweeps[0]) is not first


def test_what_commands_show_of_a_config_is_read_without_parsing_it(job: SweepJob, a_sweep: ASweep) -> None:
    sweep = a_sweep(config=to_plain(job))

    assert (sweep.metric, sweep.cost_kind, sweep.runs_dir) == (job.sweep.metric, job.cost, job.runs_dir)
    assert (sweep.is_evaluated, sweep.is_tracked) == (job.is_evaluated, job.wandb.mode != "off")


# ------------------------------------------------------------------------------------------------ hashed


def a_job(**values: object) -> SweepJob:
    learning_rate = {"distribution": "log_normal", "min": 1e-4, "max": 1e-3}
    plain = {
        "sweep_run": "x",
        "runs_dir": "runs",
        "trainer": {"kind": "noop"},
        "sim": {},
        "sweep": {"parameters": {"trainer.learning_rate": learning_rate}},
    }
    return SweepJob.model_validate(plain | values)


def test_the_hash_of_a_job_is_the_same_in_every_process_and_version() -> None:
    assert config_hash(a_job()) == "f64d80d7e90413ae9b4006170461505881b462819b352f44ea677449f983e6c0"


def test_a_default_that_is_written_down_changes_no_hash() -> None:
    assert config_hash(a_job(trainer={"kind": "noop", "steps": 3}, seed=0)) == config_hash(a_job())


def test_trainers_of_two_kinds_have_two_hashes() -> None:
    assert config_hash(a_job(trainer={"kind": "ppo"})) != config_hash(a_job())


@pytest.mark.parametrize(
    "override",
    ["sweep_run=other", "data_dir=/elsewhere", "runs_dir=s3://bucket/runs", "wandb=offline", "wandb.group=mine"],
)
def test_name_folder_and_tracker_are_not_part_of_the_hash(composed: Compose, job: SweepJob, override: str) -> None:
    other = composed("full", *SIZES, override).job

    assert config_hash(other) == config_hash(job)
    assert changed_keys(job, other) == []


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("trainer.num_envs=32", "trainer.num_envs: 64 -> 32"),
        ("budget.max_cost=5", "budget.max_cost: null -> 5"),
        ("sweep.parameters.trainer.ppo.gamma.max=0.9999", "sweep.parameters.trainer.ppo.gamma.max: 0.999 -> 0.9999"),
        ("+trainer.env_kwargs.a=1", "trainer.env_kwargs.a: not set -> 1"),
        ("~sweep.parameters.trainer.ppo.gamma.scale", "sweep.parameters.trainer.ppo.gamma.scale: 0.3 -> not set"),
    ],
)
def test_any_other_difference_changes_the_hash_and_is_named(
    composed: Compose, job: SweepJob, override: str, line: str
) -> None:
    other = composed("full", *SIZES, override).job

    assert config_hash(other) != config_hash(job)
    assert line in [str(change) for change in changed_keys(job, other)]


def test_the_hash_knows_neither_the_order_of_keys_nor_how_a_number_is_written(composed: Compose, write: Write) -> None:
    space = "parameters:\n  trainer.update_epochs: {%s}\n"
    write("configs/sweep/one.yaml", space % "distribution: int_uniform, min: 1, max: 16")
    write("configs/sweep/other.yaml", space % "max: 16.0, min: 1e0, distribution: int_uniform")

    one, other = composed("one").job, composed("other").job

    assert config_hash(one) == config_hash(other)
    assert changed_keys(one, other) == []


def test_a_run_is_the_job_with_the_suggested_values_in_it(job: SweepJob) -> None:
    config = run_config(job, {"trainer.ppo.gamma": 0.9, "trainer.update_epochs": 7})

    assert (config["trainer"]["ppo"]["gamma"], config["trainer"]["update_epochs"]) == (0.9, 7)
    assert config["trainer"]["ppo"]["gae_lambda"] == job.trainer.model_dump()["ppo"]["gae_lambda"]
    assert job.trainer.model_dump()["ppo"]["gamma"] != 0.9


def test_a_suggested_value_may_open_a_section_of_ones_own_trainer(composed: Compose) -> None:
    config = run_config(composed("quick", "trainer=noop").job, {"trainer.optimizer.learning_rate": 0.5})

    assert config["trainer"]["optimizer"] == {"learning_rate": 0.5}


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"trainer.ppo.gamma": 2.0}, "suggested values: trainer.ppo.gamma is 2: expected 1 or less"),
        ({"trainer.ppo.gama": 0.5}, "trainer.ppo.gama: unknown key (did you mean gamma?)"),
        ({"trainer.num_envs": 60}, "batch_size is 4096: expected a multiple of num_envs (60); use for example 4080"),
        ({"sim.num_episodes": 1}, "sim.num_episodes: a suggestion can only set keys below `trainer`"),
    ],
)
def test_suggested_values_that_do_not_fit_are_refused(job: SweepJob, params: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run_config(job, params)

    assert sentence in str(caught.value)


def test_the_yaml_that_is_shown_composes_to_the_same_job(composed: Compose, write: Write) -> None:
    job = composed("full", "sweep_run=1e3", "wandb.name='017'", "wandb.group='no'", "wandb.entity='1e-4'").job

    write("configs/sweep_job.yaml", "defaults: [_self_, {sweep: nothing}]\n" + to_yaml(job))
    write("configs/sweep/nothing.yaml", "{}\n")

    assert composed("nothing").job == job


def test_the_yaml_has_the_keys_of_sweep_job(job: SweepJob) -> None:
    shown = yaml.safe_load(to_yaml(job))
    written = yaml.safe_load((installed_dir() / "sweep_job.yaml").read_text())

    assert set(written) - {"defaults"} <= set(shown)
    assert {"trainer", "sim", "sweep", "wandb"} <= set(shown)


def test_a_secret_that_got_into_a_stored_job_is_not_shown(job: SweepJob) -> None:
    old = job.model_copy(update={"runs_dir": "s3://key:hunter2@bucket/runs"})

    assert "hunter2" not in to_yaml(old)
