"""A whole sweep file of W&B: its score, its search, its limits, and what is left of it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.config.wandb_sweep import Imported, convert_sweep
from shared.domain.errors import ConfigError


def converted(**changes: Any) -> Imported:
    written = {
        "program": "train.py",
        "method": "bayes",
        "run_cap": 50,
        "metric": {"name": "val/loss", "goal": "minimize"},
        "parameters": {"lr": {"min": 0.0, "max": 1.0}},
    }
    return convert_sweep({key: value for key, value in (written | changes).items() if value is not None})


def test_a_sweep_becomes_a_sweep_its_trainer_and_a_budget() -> None:
    assert converted() == Imported(
        sweep={
            "metric": "val/loss",
            "goal": "minimize",
            "method": "bayes",
            "parameters": {"trainer": {"lr": {"distribution": "uniform", "min": 0.0, "max": 1.0}}},
        },
        trainer={"kind": "command", "command": ["python", "train.py", "{args}"]},
        overrides=("budget.max_runs=50",),
        notes=(),
    )


def test_a_metric_without_a_goal_is_minimized() -> None:
    assert converted(metric={"name": "loss"}).sweep["goal"] == "minimize"


def test_a_target_becomes_the_score_that_ends_the_sweep() -> None:
    assert converted(metric={"name": "loss", "target": 0.125}).overrides == (
        "budget.target_score=0.125",
        "budget.max_runs=50",
    )


def test_without_a_cap_a_note_says_that_there_is_one_here() -> None:
    one = converted(run_cap=None)

    assert one.overrides == ()
    assert "here budget.max_runs is 12 unless you set it" in one.notes[0]


def test_a_grid_without_a_cap_ends_with_its_last_combination() -> None:
    assert converted(method="grid", run_cap=None).overrides == ("budget.max_runs=null",)


def test_nested_and_dotted_parameters_are_sections_below_the_trainer() -> None:
    one = converted(parameters={"opt": {"parameters": {"lr": {"value": 1}}}, "net.width": {"value": 2}})

    assert set(one.sweep["parameters"]["trainer"]) == {"opt", "net"}
    assert set(one.sweep["parameters"]["trainer"]["net"]) == {"width"}
    assert "--opt.name=value; wandb.config is the same" in one.notes[0]


def test_steps_are_constraints_of_the_sweep() -> None:
    spec = {"distribution": "q_uniform", "min": 8, "max": 64, "q": 8}

    assert converted(parameters={"batch": spec}).sweep["constraints"] == ["trainer.batch % 8 == 0"]


def test_hyperband_is_left_out_and_the_note_names_what_ends_runs_early_here() -> None:
    (note,) = converted(early_terminate={"type": "hyperband", "min_iter": 3}).notes

    assert note.startswith("early_terminate: ")
    assert "add sweep.early_stop_quantile=0.2 to stop runs early" in note


def test_project_and_entity_become_a_hint() -> None:
    (note,) = converted(project="p", entity="me").notes

    assert note.endswith("add wandb=online wandb.entity=me wandb.project=p")


def test_every_other_key_is_left_out_with_a_note_of_its_own() -> None:
    one = converted(job="j", fuzz=1, description="d", name="n", metric={"name": "loss", "impute": "worst"})

    assert [note.partition(":")[0] for note in one.notes] == ["metric.impute", "job", "'fuzz'"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metric": None}, "metric is null: expected the name and the goal of a score"),
        ({"metric": {"name": "loss", "goal": "minimise"}}, "expected minimize or maximize (did you mean minimize?)"),
        ({"method": "custom"}, "method is 'custom': expected one of bayes, random, grid"),
        ({"parameters": None}, "parameters is null: expected parameters with their distributions"),
        ({"parameters": {"kind": {"value": 1}}}, "kind: a trainer has a key of its own with this name"),
        ({"parameters": {"a": {"value": 1}, "a.b": {"value": 1}}}, "a: written twice"),
    ],
)
def test_what_cannot_be_carried_over_is_refused_with_its_key(changes: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        converted(**changes)

    assert said in str(caught.value)
