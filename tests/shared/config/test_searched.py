"""The searched keys must exist in the trainer, and it must take every value that the sweep may choose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.config.compose import Composed

Compose = Callable[..., Composed]
Refusal = Callable[..., str]
Write = Callable[[str, str], Path]


@pytest.mark.parametrize(
    ("leaf", "sentence"),
    [
        ("{distribution: uniform, min: 2, max: 1}", "trainer.ppo.gamma.min is 2: expected less than max, which is 1"),
        ("{distribution: uniform, min: 1, max: 1}", "trainer.ppo.gamma.min is 1: expected less than max, which is 1"),
        ("{distribution: uniform, min: 0, max: 0.9, mean: 1}", "trainer.ppo.gamma.mean is 1: expected a number from 0"),
        ("{distribution: log_normal, min: 0, max: 0.9}", "trainer.ppo.gamma.min is 0: expected more than 0"),
        (
            "{distribution: logit_normal, min: -0.1, max: 0.9}",
            "trainer.ppo.gamma.min is -0.1: expected a number from 0",
        ),
        ("{distribution: uniform, min: 0, max: 0.9, scale: 0}", "trainer.ppo.gamma.scale is 0: expected more than 0"),
        (
            "{distribution: uniform, min: .nan, max: 0.9}",
            "sweep.parameters.trainer.ppo.gamma.min is nan: expected a finite",
        ),
        (
            "{distribution: uniform, min: 0, max: .inf}",
            "sweep.parameters.trainer.ppo.gamma.max is inf: expected a finite",
        ),
        (
            "{distribution: uniform_pow2, min: 5, max: 7}",
            "trainer.ppo.gamma is [5.0, 7.0]: expected a range with a power",
        ),
        ("{distribution: unifrom, min: 0, max: 1}", "trainer.ppo.gamma.distribution is 'unifrom': expected one of"),
        ("{min: 0, max: 1}", "trainer.ppo.gamma is "),
        ("0.9", "trainer.ppo.gamma is 0.9: expected keys and values, with the key distribution"),
    ],
)
def test_a_parameter_that_cannot_be_searched_is_located(
    refusal: Refusal, write: Write, leaf: str, sentence: str
) -> None:
    write("configs/sweep/mine.yaml", f"metric: reward\nparameters:\n  trainer:\n    ppo:\n      gamma: {leaf}\n")

    assert refusal("mine").startswith(f"configs/sweep/mine.yaml:5: {sentence}")


@pytest.mark.parametrize("space", ["parameters: {}", "parameters: null", "metric: reward"])
def test_a_sweep_without_parameters_is_refused(refusal: Refusal, write: Write, space: str) -> None:
    write("configs/sweep/mine.yaml", space)

    assert "expected at least one parameter to search, with a distribution" in refusal("mine")
    assert refusal("mine").startswith("configs/sweep/mine.yaml:1: sweep.parameters is ")


def one_parameter(path: str, leaf: str) -> str:
    return f"parameters:\n  {path}: {leaf}\n"


@pytest.mark.parametrize(
    ("path", "leaf", "sentence"),
    [
        (
            "trainer.ppo.gama",
            "{distribution: uniform, min: 0, max: 1}",
            "trainer.ppo.gama: unknown key of the trainer ppo (did you mean gamma?); expected one of gamma, ",
        ),
        (
            "trainer.pop.gamma",
            "{distribution: uniform, min: 0, max: 1}",
            "trainer.pop.gamma: unknown key of the trainer ppo (did you mean ppo?)",
        ),
        (
            "trainer.ppo",
            "{distribution: uniform, min: 0, max: 1}",
            "trainer.ppo: a section cannot be searched; search a key in it: gamma, ",
        ),
        ("trainer.kind", "{distribution: categorical, values: [ppo, noop]}", "trainer.kind: cannot be searched"),
        (
            "seed",
            "{distribution: int_uniform, min: 0, max: 9}",
            "seed: cannot be searched; search keys below `trainer` only",
        ),
        (
            "trainer.ppo.gamma",
            "{distribution: uniform, min: 0, max: 2}",
            "trainer.ppo.gamma: the sweep would set it to 2; expected 1 or less; narrow min and max",
        ),
        (
            "trainer.ppo.clip_coef",
            "{distribution: uniform, min: 0, max: 1}",
            "trainer.ppo.clip_coef: the sweep would set it to 0; expected more than 0",
        ),
        (
            "trainer.update_epochs",
            "{distribution: uniform, min: 1, max: 16}",
            "trainer.update_epochs: the sweep would set it to 7.21; expected a whole number; "
            "use int_uniform, or is_integer: true",
        ),
        (
            "trainer.env",
            "{distribution: categorical, values: [CartPole-v1, 3]}",
            "trainer.env: the sweep would set it to 3; expected a text",
        ),
    ],
)
def test_a_path_or_a_bound_that_the_trainer_does_not_take_is_refused(
    refusal: Refusal, write: Write, path: str, leaf: str, sentence: str
) -> None:
    write("configs/sweep/mine.yaml", one_parameter(path, leaf))

    assert refusal("mine").startswith(f"configs/sweep/mine.yaml:2: {sentence}")


@pytest.mark.parametrize(
    ("path", "leaf"),
    [
        ("trainer.update_epochs", "{distribution: log_normal, min: 1, max: 16, is_integer: true}"),
        ("trainer.minibatch_size", "{distribution: uniform_pow2, min: 256, max: 1024}"),
        ("trainer.env_kwargs.length", "{distribution: uniform, min: 0, max: 1}"),
        ("trainer.normalize_rewards", "{distribution: categorical, values: [true, false]}"),
    ],
)
def test_what_the_trainer_takes_may_be_searched(composed: Compose, write: Write, path: str, leaf: str) -> None:
    write("configs/sweep/mine.yaml", one_parameter(path, leaf))

    assert composed("mine").notes == ()


def test_any_key_of_an_open_trainer_may_be_searched(composed: Compose) -> None:
    assert composed("full", "trainer=noop").notes == ()


def test_notes_of_the_space_are_passed_on(composed: Compose, write: Write) -> None:
    write("configs/sweep/mine.yaml", one_parameter("trainer.ppo.gamma", "{distribution: categorical, values: [0.9]}"))

    assert composed("mine").notes == ("trainer.ppo.gamma: one value, 0.9: a constant",)


def test_values_that_do_not_fit_the_others_are_an_error(composed: Compose, write: Write) -> None:
    leaf = "{distribution: categorical, values: [64, 60]}"
    write("configs/sweep/mine.yaml", one_parameter("trainer.num_envs", leaf))

    assert composed("mine", "trainer.batch_size=4096").notes == (
        "some runs will fail, for example with trainer.num_envs=60: trainer.batch_size is 4096: "
        "expected a multiple of num_envs (60); use for example 4080",
    )
