"""What a dry run finds in the search space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.control.check_space import examine_space
from shared.control.findings import Finding

if TYPE_CHECKING:
    from tests.conftest import AJob

FUNCTION = ("trainer=function", "trainer.function=m:train")


def uniform(low: float, high: float, **more: str) -> str:
    rest = "".join(f", {key}: {value}" for key, value in more.items())
    return f"{{distribution: uniform, min: {low}, max: {high}{rest}}}"


def searching(**parameters: str) -> str:
    """Return the override that searches these keys below `trainer`, and nothing else."""
    inner = ", ".join(f"{key}: {text}" for key, text in parameters.items())
    return f"sweep.parameters={{trainer: {{{inner}}}}}"


def found(job_of: AJob, *overrides: str) -> dict[str, Finding]:
    return {finding.topic: finding for finding in examine_space(job_of(*overrides))}


def test_a_slip_in_a_searched_key_is_found_with_the_key_that_was_meant(a_job: AJob) -> None:
    space = searching(lerning_rate=uniform(0, 1))

    finding = found(a_job, *FUNCTION, "+trainer.learning_rate=0.1", space)["space"]

    assert finding.verdict == "fail"
    assert finding.text.startswith(
        "trainer.lerning_rate is searched, but the config has trainer.learning_rate, which would keep its value"
    )


@pytest.mark.parametrize(
    ("config", "searched"),
    [
        ("+trainer.learning_rate=0.1", "momentum"),
        ("+trainer.layer_1=0.1", "layer_2"),
    ],
)
def test_keys_of_the_config_and_keys_of_the_sweeps_own_are_well(a_job: AJob, config: str, searched: str) -> None:
    assert found(a_job, *FUNCTION, config, searching(**{searched: uniform(0, 1)}))["space"].verdict == "ok"


def test_two_searched_keys_of_similar_names_are_no_slips_of_each_other(a_job: AJob) -> None:
    space = searching(beta_one=uniform(0, 1), beta_on=uniform(0, 1))

    finding = found(a_job, *FUNCTION, space)["space"]

    assert finding.verdict == "ok"
    assert finding.text.startswith("3 searched; only set by the sweep, not in the config: ")
    assert finding.text.endswith("trainer.beta_one, trainer.beta_on")


def test_a_key_that_the_trainer_has_is_well(a_job: AJob) -> None:
    space = searching(steps="{distribution: int_uniform, min: 1, max: 9}")

    finding = found(a_job, "trainer=noop", "~sweep.parameters.trainer.optimizer", space)["space"]

    assert (finding.verdict, finding.text) == ("ok", "1 searched")


@pytest.mark.parametrize(("bound", "verdict"), [(0.9, "ok"), (0.05, "warn")])
def test_constraints_that_leave_little_are_a_warning(a_job: AJob, bound: float, verdict: str) -> None:
    constraint = f"sweep.constraints=['trainer.x < {bound}']"

    finding = found(a_job, *FUNCTION, searching(x=uniform(0, 1)), constraint)["feasible"]

    assert finding.verdict == verdict
    assert ("loosen sweep.constraints" in finding.text) == (verdict == "warn")


def test_configurations_that_the_trainer_refuses_are_reported_with_its_reason(a_job: AJob) -> None:
    sizes = {"num_envs": "{distribution: int_uniform, min: 8, max: 64}"}
    finding = found(a_job, "trainer=ppo", "sim=sweep_eval", searching(**sizes))["feasible"]

    assert finding.verdict == "warn"
    assert "is refused by the trainer, and such runs fail at once: " in finding.text
    assert "expected a multiple of num_envs" in finding.text


def test_a_space_of_which_the_trainer_takes_nothing_fails(a_job: AJob) -> None:
    sizes = searching(batch_size="{distribution: int_uniform, min: 33, max: 63}")

    finding = found(a_job, "trainer=ppo", "sim=sweep_eval", sizes)["feasible"]

    assert finding.verdict == "fail"
    assert finding.text.startswith("none of 1000 configurations can be trained: ")


def test_a_parameter_that_is_seldom_active_is_a_warning(a_job: AJob) -> None:
    space = searching(
        kind_of="{distribution: int_uniform, min: 1, max: 20}", x=uniform(0, 1, when="{trainer.kind_of: 7}")
    )

    reported = [finding for finding in examine_space(a_job(*FUNCTION, space)) if finding.verdict == "warn"]

    assert [finding.text.partition(" % ")[0].partition(" is active in ")[0] for finding in reported] == ["trainer.x"]
