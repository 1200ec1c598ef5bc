"""Conditions in a sweep file: decided where they can be, located where they are wrong, kept in the frozen config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.config.compose import Composed
from shared.config.frozen import changed_keys, config_hash, from_plain, run_config, to_plain, to_yaml
from shared.config.searched import space_of

Compose = Callable[..., Composed]
Refusal = Callable[..., str]
Write = Callable[[str, str], Path]

MINE = """\
parameters:
  trainer:
    optimizer:
      type: {distribution: categorical, values: [adam, sgd]}
      beta1: {distribution: logit_normal, min: 0.5, max: 0.999, when: {trainer.optimizer.type: adam}}
      momentum:
        distribution: uniform
        min: 0
        max: 0.99
        when:
          trainer.optimizer.type: [sgd]
"""
OPEN = ("trainer=noop", "sim=none")


@pytest.fixture
def mine(composed: Compose, write: Write) -> Compose:
    """Compose the sweep `mine` for a trainer that takes every key."""
    write("configs/sweep/mine.yaml", MINE)
    return lambda *overrides, **options: composed("mine", *OPEN, *overrides, **options)


def test_a_conditional_space_composes_and_comes_back_from_its_frozen_form(mine: Compose) -> None:
    job = mine().job

    space = space_of(from_plain(to_plain(job)))

    assert mine().notes == ()
    assert space.centre() == {"trainer.optimizer.type": "adam", "trainer.optimizer.beta1": pytest.approx(0.7495)}
    assert "when:\n            trainer.optimizer.type:\n            - sgd\n" in to_yaml(job)


def test_what_is_inactive_keeps_the_configs_own_value(mine: Compose) -> None:
    job = mine("+trainer.optimizer={nesterov: true}").job
    sgd = space_of(job).completed({"trainer.optimizer.type": "sgd"})

    assert run_config(job, sgd)["trainer"]["optimizer"] == {"nesterov": True, "type": "sgd", "momentum": 0.495}


def test_conditions_are_part_of_what_a_sweep_is(mine: Compose, composed: Compose, write: Write) -> None:
    with_them = mine().job
    write("configs/sweep/mine.yaml", MINE.replace("[sgd]", "sgd"))
    written_otherwise = mine().job

    assert config_hash(with_them) != config_hash(written_otherwise)
    assert [str(change) for change in changed_keys(with_them, written_otherwise)] == [
        "sweep.parameters.trainer.optimizer.momentum.when.trainer.optimizer.type: ['sgd'] -> 'sgd'"
    ]


def test_a_pinned_parent_decides_for_its_children(mine: Compose) -> None:
    result = mine("+trainer.optimizer.type=adam", pin=True)

    assert result.notes == (
        "trainer.optimizer.type is pinned, so it is not searched",
        "trainer.optimizer.momentum: not searched, because it is never active: trainer.optimizer.type is 'adam'",
    )
    assert space_of(result.job).paths == ("trainer.optimizer.beta1",)
    assert not space_of(result.job).is_conditional


def test_a_default_that_no_file_writes_decides_too(composed: Compose, write: Write) -> None:
    write("configs/trainer/bare.yaml", "kind: ppo\nnum_envs: 8\n")
    leaf = "{distribution: uniform, min: 0.5, max: 0.9, when: {trainer.anneal_learning_rate: WHICH}}"
    text = f"parameters:\n  trainer.ppo.gamma: {leaf}\n  trainer.ppo.gae_lambda: {leaf.replace('WHICH', 'false')}\n"
    write("configs/sweep/mine.yaml", text.replace("WHICH", "true"))

    result = composed("mine", "trainer=bare")

    assert space_of(result.job).paths == ("trainer.ppo.gae_lambda",)
    assert result.notes == (
        "trainer.ppo.gamma: not searched, because it is never active: trainer.anneal_learning_rate is false",
    )


def test_a_key_that_is_never_active_may_be_set_and_a_searched_one_may_not(
    composed: Compose, refusal: Refusal, write: Write
) -> None:
    leaf = "{distribution: uniform, min: 0, max: 1, when: {trainer.kind: "
    write("configs/sweep/mine.yaml", f"parameters: {{trainer: {{x: {leaf}ppo}}}}, y: {leaf}noop}}}}}}}}\n")

    assert composed("mine", *OPEN, "+trainer.x=3").job.model_dump()["trainer"]["x"] == 3
    assert "trainer.y: the sweep searches this key" in refusal("mine", *OPEN, "+trainer.y=3")


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("{trainer.optimizer.tpye: sgd}", "momentum.when: unknown key trainer.optimizer.tpye (did you mean"),
        ("{trainer.optimizer.type: sdg}", "momentum.when.trainer.optimizer.type is 'sdg': expected one of"),
        ("{trainer.optimizer.beta1: 0.9}", "momentum.when: trainer.optimizer.beta1 has the distribution logit_normal"),
        ("{trainer.optimizer.momentum: 1}", "momentum.when: trainer.optimizer.momentum has the distribution uniform"),
        ("{sweep.metric: reward}", "momentum.when: unknown key sweep.metric"),
        ("sgd", "momentum.when is 'sgd': expected keys and values"),
    ],
)
def test_a_condition_that_cannot_be_is_refused_with_file_and_line(
    refusal: Refusal, write: Write, when: str, sentence: str
) -> None:
    write("configs/sweep/mine.yaml", MINE.replace("when:\n          trainer.optimizer.type: [sgd]", f"when: {when}"))

    assert refusal("mine", *OPEN).startswith(f"configs/sweep/mine.yaml:10: trainer.optimizer.{sentence}")


def test_a_circle_is_refused_with_file_and_line(refusal: Refusal, write: Write) -> None:
    leaf = "{{distribution: categorical, values: [1, 2], when: {{trainer.{}: 1}}}}"
    write("configs/sweep/mine.yaml", f"parameters:\n  trainer:\n    a: {leaf.format('b')}\n    b: {leaf.format('a')}\n")

    message = refusal("mine", *OPEN)

    assert message.startswith(("configs/sweep/mine.yaml:3: trainer.a.when: ", "configs/sweep/mine.yaml:4: trainer.b."))
    assert "depends on itself (" in message


def test_when_everything_that_is_left_is_inactive_nothing_can_be_searched(refusal: Refusal, write: Write) -> None:
    leaf = "{distribution: uniform, min: 0, max: 1, when: {trainer.kind: ppo}}"
    write("configs/sweep/mine.yaml", f"parameters: {{trainer: {{x: {leaf}}}}}\n")

    assert refusal("mine", *OPEN) == (
        "configs/sweep/mine.yaml:1: trainer.x.when: never true, because trainer.kind is 'noop', and nothing else is "
        "searched; change the condition, or search another parameter"
    )


def test_a_conditional_parameter_is_tried_on_its_trainer_where_it_is_active(composed: Compose, write: Write) -> None:
    write(
        "configs/sweep/mine.yaml",
        """\
        parameters:
          trainer:
            num_envs: {distribution: categorical, values: [64, 60]}
            batch_size: {distribution: categorical, values: [1200, 1230], when: {trainer.num_envs: 60}}
        """,
    )

    assert composed("mine").notes == (
        "some runs will fail, for example with trainer.batch_size=1230: trainer.batch_size is 1230: "
        "expected a multiple of num_envs (60); use for example 1200",
    )
