"""What is written behind a command, and what a person sees when it cannot be meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.config.compose import Composed
from shared.config.schema import PpoTrainer

Compose = Callable[..., Composed]
Refusal = Callable[..., str]


def trainer_of(composed: Composed) -> Any:
    return composed.job.trainer


def test_values_groups_and_presets_are_distinguished(composed: Compose) -> None:
    result = composed(None, "sweep_run=x", "trainer.total_timesteps=1000000", "+hardware=macbook", "sweep=full")

    assert (result.job.sweep_run, result.sweep, result.job.device) == ("x", "full", "cpu")
    assert trainer_of(result).total_timesteps == 1_000_000


def test_a_preset_needs_no_plus(composed: Compose) -> None:
    assert composed("quick", "hardware=cpu").job.queue == "cpu"


def test_the_last_of_two_choices_counts(composed: Compose) -> None:
    assert composed("quick", "wandb=off", "wandb=offline", "seed=1", "seed=2").job.wandb.mode == "offline"
    assert composed("quick", "wandb=off", "wandb=offline", "seed=1", "seed=2").job.seed == 2


@pytest.mark.parametrize(("text", "value"), [("1e6", 1_000_000), ("1_000", 1000), ("5", 5)])
def test_a_whole_number_may_be_written_in_several_ways(composed: Compose, text: str, value: int) -> None:
    assert trainer_of(composed("quick", f"trainer.total_timesteps={text}")).total_timesteps == value


def test_lists_mappings_and_removals_are_hydras(composed: Compose) -> None:
    trainer = trainer_of(
        composed("quick", "trainer.hidden_sizes=[32,32]", "trainer.env_kwargs={a: 1}", "~trainer.update_epochs")
    )

    assert (trainer.hidden_sizes, trainer.env_kwargs, trainer.update_epochs) == (
        (32, 32),
        {"a": 1},
        PpoTrainer().update_epochs,
    )


def test_a_sweep_named_twice_is_refused(refusal: Refusal) -> None:
    assert (
        refusal("quick", "sweep=full") == "command line: two names of a sweep: 'quick' and sweep=full; keep one of them"
    )


def test_run_and_sweep_run_together_are_refused(composed: Compose, refusal: Refusal) -> None:
    assert composed("quick", "run=mine").job.sweep_run == "mine"
    assert refusal("quick", "run=a", "sweep_run=a") == (
        "command line: run='a' and sweep_run='a' both set the name of the sweep; keep one of them"
    )


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        (
            "trainer.optimizer.lerning_rate=1",
            "command line: trainer.optimizer.lerning_rate: unknown key (did you mean learning_rate?); "
            "expected one of type, learning_rate, beta1, beta2, eps",
        ),
        ("trainr.num_envs=1", "command line: trainr: unknown key (did you mean trainer?); expected one of sweep_run, "),
        ("sweep.golf=maximize", "command line: sweep.golf: unknown key (did you mean goal?)"),
        ("trainer.num_envs=abc", "command line: trainer.num_envs is 'abc': expected a whole number"),
        ("trainer.num_envs='64'", "command line: trainer.num_envs is '64': expected a whole number; remove the quotes"),
        ("trainer.num_envs=017", "command line: trainer.num_envs is '017': expected a whole number; remove the quotes"),
        ("trainer.num_envs=1.5", "command line: trainer.num_envs is 1.5: expected a whole number"),
        ("trainer.num_envs=null", "command line: trainer.num_envs is null: expected a whole number"),
        ("trainer.env=3", "command line: trainer.env is 3: expected a text; put quotes around it"),
        ("trainer.normalize_rewards=yes", "command line: trainer.normalize_rewards is 'yes': expected true or false"),
        ("trainer.hidden_sizes=[64,a]", "command line: trainer.hidden_sizes.1 is 'a': expected a whole number"),
        ("trainer.ppo=adam", "command line: trainer.ppo is 'adam': expected keys and values"),
        ("trainer.ppo.gamma=1.5", "command line: trainer.ppo.gamma is 1.5: expected 1 or less"),
        (
            "trainer.kind=pp",
            "command line: trainer.kind is 'pp': expected one of ppo, function, command, ask, noop (did you mean ppo?)",
        ),
        ("device=gpu", "command line: device is 'gpu': expected 'auto', 'cpu' or 'cuda'"),
        ("sweep.goal=maximise", "command line: sweep.goal is 'maximise': expected 'maximize' or 'minimize' (did you"),
        (
            "sweep.goal=max",
            "command line: sweep.goal is 'max': expected 'maximize' or 'minimize' (did you mean maximize?)",
        ),
        ("max_runs=3", "command line: max_runs: unknown key (did you mean budget.max_runs?)"),
        ("learning_rate=3", "command line: learning_rate: unknown key (did you mean trainer.optimizer.learning_rate?)"),
        (
            "sweep.metric={name: accuracy, goal: maximize}",
            "command line: sweep.metric is {'goal': 'maximize', 'name': 'accuracy'}: expected a text; write "
            "metric: accuracy and goal: maximize, or convert a sweep file of W&B with `sweepctl import wandb FILE`",
        ),
        ("budget.max_cost=inf", "command line: budget.max_cost is inf: expected a finite number"),
        ("budget.max_runs=0", "command line: budget.max_runs is 0: expected 1 or more"),
        ("~budget.max_run", "command line: ~budget.max_run: no such key to remove"),
        ("=3", "command line: got '=3'; expected key=value"),
        ("seed=1e300", "command line: seed is "),
        ("full", "command line: got 'full'; expected key=value, for example trainer.num_envs=32"),
        ("seed=1,2", "command line: seed: several values; expected one value; write a list as seed=[a,b]"),
        ("sim=null", "command line: got 'sim=null'; expected the name of a config: sim=none, sim=sweep_eval"),
        (
            "~trainer",
            "command line: got '~trainer'; expected the name of a config: trainer=command, trainer=function, ",
        ),
        ("wandb=of", "wandb=of: no such config (did you mean off?); expected one of off, offline, online in "),
        ("wandb=../off", "wandb='../off': no such config"),
        ("hydra.run.dir=x", "command line: hydra.run.dir: Hydra's own settings have no effect here; remove it"),
        ("hydra/launcher=x", "command line: 'hydra/launcher': Hydra's own settings have no effect here"),
        ("nothing@here=x", "command line: nothing@here: 'nothing' is not a config group"),
        (
            "trainer.env=${nope}",
            "command line: trainer.env: Interpolation key 'nope' not found; write the value itself",
        ),
    ],
)
def test_an_override_that_cannot_be_used_is_explained(refusal: Refusal, override: str, sentence: str) -> None:
    assert refusal("quick", override).startswith(sentence)


@pytest.mark.parametrize("value", ["$(reboot)", "`id`", "a; rm -rf ~", "a | b > c", "%s{0}", "'; DROP TABLE runs"])
def test_shell_metacharacters_are_data(composed: Compose, refusal: Refusal, value: str) -> None:
    quoted = '"' + value + '"'

    assert trainer_of(composed("quick", f"trainer.env={quoted}")).env == value
    assert composed("quick", f"wandb.name={quoted}").job.wandb.name == value


def test_a_value_that_hydra_cannot_read_is_not_repeated_but_should_be_quoted(refusal: Refusal) -> None:
    assert refusal("quick", "trainer.env=$(cat x)") == (
        "command line: trainer.env: cannot be read; put quotes around the value, and quotes for the shell around "
        "those: trainer.env=\"'...'\""
    )


def test_a_searched_key_cannot_be_overridden(refusal: Refusal) -> None:
    sentence = (
        "command line: trainer.optimizer.learning_rate: the sweep searches this key, so each suggestion would replace "
        "your value; remove it, or fix it with --pin"
    )

    assert refusal("quick", "trainer.optimizer.learning_rate=0.1") == sentence
    assert refusal("quick", "+trainer.optimizer={learning_rate: 0.1}") == sentence
    assert refusal("quick", "~trainer.optimizer") == sentence


def test_a_pinned_key_is_fixed_and_no_longer_searched(composed: Compose) -> None:
    result = composed("full", "trainer.optimizer.learning_rate=0.1", "trainer.ppo.gamma=0.9", pin=True)

    assert (trainer_of(result).optimizer.learning_rate, trainer_of(result).ppo.gamma) == (0.1, 0.9)
    assert "learning_rate" not in result.job.sweep.parameters["trainer"]["optimizer"]
    assert "gamma" not in result.job.sweep.parameters["trainer"]["ppo"]
    assert set(result.notes) == {
        "trainer.optimizer.learning_rate is pinned, so it is not searched",
        "trainer.ppo.gamma is pinned, so it is not searched",
    }


def test_not_every_key_can_be_pinned(refusal: Refusal) -> None:
    assert refusal("quick", "trainer.optimizer.learning_rate=0.1", pin=True) == (
        "command line: every searched key is pinned, so nothing is left to search; pin fewer keys"
    )


def test_a_new_key_of_ones_own_training_needs_a_plus(composed: Compose, refusal: Refusal) -> None:
    own = ("trainer=function", "trainer.function=my_package.my_module:train")

    assert refusal("quick", *own, "trainer.width=3") == (
        "command line: trainer.width: unknown key; write +trainer.width=... to add a key of your own"
    )
    assert trainer_of(composed("quick", *own, "+trainer.width=3")).width == 3


def test_a_preset_may_set_what_is_searched(composed: Compose) -> None:
    assert composed("full", "+hardware=macbook").job.sweep.parameters["trainer"]["update_epochs"]["min"] == 1
