from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from protein_sweeps.run import Stop
from services.trainer.ppo import train_ppo
from shared.domain.errors import ConfigError
from shared.rl.checkpoint import DamagedCheckpoint, load_checkpoint

pytestmark = pytest.mark.slow

MakeRun = Callable[..., Any]


def test_a_training_ends_with_a_checkpoint_at_or_after_its_last_step(a_run: MakeRun) -> None:
    run = a_run(total_timesteps=1000)

    result = train_ppo(run)

    assert result["steps"] == 1024
    assert run.saved[-1] == 1024
    assert load_checkpoint(run.path(1024)).step == 1024


def test_checkpoints_come_at_the_first_rollout_at_or_after_each_multiple_of_the_interval(a_run: MakeRun) -> None:
    run = a_run()  # rollouts of 128, an interval of 300

    train_ppo(run)

    assert run.saved == [384, 640, 1024]


def test_every_rollout_is_reported_with_its_reward_and_losses(a_run: MakeRun) -> None:
    run = a_run()

    result = train_ppo(run)

    assert list(run.reports) == list(range(128, 1025, 128))
    last = run.reports[1024]
    assert {"reward", "policy_loss", "value_loss", "entropy", "learning_rate", "steps_per_second"} <= set(last)
    assert 8 <= last["reward"] <= 500
    assert result == {"steps": 1024, **last}


@pytest.mark.parametrize(
    "trainer",
    [
        {},
        {"normalize_observations": True, "normalize_rewards": True, "anneal_learning_rate": True},
        {"env": "Pendulum-v1", "normalize_observations": True, "normalize_rewards": True},
    ],
    ids=["CartPole", "CartPole normalised and annealed", "Pendulum normalised"],
)
@pytest.mark.parametrize("step", [384, 640])
def test_a_killed_training_that_is_resumed_ends_with_the_weights_of_one_that_was_not(
    a_run: MakeRun, killed: BaseException, trainer: dict[str, Any], step: int
) -> None:
    undisturbed, run = a_run(**trainer), a_run(**trainer)
    result = train_ppo(undisturbed)
    run.stop_at = (step + 128, killed)
    with pytest.raises(type(killed)):
        train_ppo(run)
    torch.manual_seed(step)  # another process has another global state

    resumed = run.resumed_at(step)
    resumed_result = train_ppo(resumed)

    assert resumed.last_weights() == undisturbed.last_weights()
    assert min(resumed.reports) == step + 128
    clock = {"steps_per_second": 0.0}
    assert resumed_result | clock == result | clock


def test_another_seed_gives_other_weights(a_run: MakeRun) -> None:
    one, other = a_run(), a_run(seed=1)

    train_ppo(one)
    train_ppo(other)

    assert one.last_weights() != other.last_weights()


def test_a_preempted_training_saves_a_checkpoint_and_can_be_continued(a_run: MakeRun) -> None:
    run = a_run()
    run.stop_at = (512, Stop("preempted"))

    with pytest.raises(Stop, match="preempted"):
        train_ppo(run)

    assert run.saved == [384, 512]
    resumed = run.resumed_at(512)
    train_ppo(resumed)
    assert resumed.saved == [640, 1024]


def test_a_training_that_is_stopped_early_saves_a_checkpoint_to_evaluate(a_run: MakeRun) -> None:
    run = a_run()
    run.stop_at = (512, Stop("stopped early"))

    with pytest.raises(Stop, match="stopped early"):
        train_ppo(run)

    assert run.saved == [384, 512]


def test_a_training_that_is_cancelled_saves_nothing_more(a_run: MakeRun) -> None:
    run = a_run()
    run.stop_at = (512, Stop("cancelled"))

    with pytest.raises(Stop, match="cancelled"):
        train_ppo(run)

    assert run.saved == [384]


def test_a_training_that_had_already_ended_returns_the_same_result_again(a_run: MakeRun) -> None:
    run = a_run()
    result = train_ppo(run)

    resumed = run.resumed_at(1024)

    assert train_ppo(resumed) == result
    assert resumed.reports == {}


def test_with_more_total_timesteps_it_continues_from_the_last_checkpoint(a_run: MakeRun) -> None:
    run = a_run()
    train_ppo(run)

    longer = run.resumed_at(1024)
    longer.config["trainer"]["total_timesteps"] = 1280

    assert train_ppo(longer)["steps"] == 1280
    assert min(longer.reports) == 1152


@pytest.mark.parametrize(
    ("key", "value"),
    [("env", "Acrobot-v1"), ("hidden_sizes", [8]), ("normalize_observations", True), ("normalize_rewards", True)],
)
def test_a_checkpoint_of_another_config_is_not_continued(a_run: MakeRun, key: str, value: Any) -> None:
    run = a_run()
    train_ppo(run)
    resumed = run.resumed_at(384)
    resumed.config["trainer"][key] = value

    with pytest.raises(ConfigError, match=f"{key}.*restore the config"):
        train_ppo(resumed)


def test_a_checkpoint_without_its_training_state_is_damaged(a_run: MakeRun) -> None:
    run = a_run()
    train_ppo(run)
    (run.path(384) / "training.json").write_text("{}")

    with pytest.raises(DamagedCheckpoint, match="training's state"):
        train_ppo(run.resumed_at(384))


def test_the_learning_rate_falls_to_zero_if_it_is_annealed(a_run: MakeRun) -> None:
    run = a_run(anneal_learning_rate=True, optimizer={"learning_rate": 0.001})

    train_ppo(run)

    rates = [report["learning_rate"] for report in run.reports.values()]
    assert rates == pytest.approx([0.001 * (1 - done / 8) for done in range(8)])


def test_a_learning_rate_that_makes_the_parameters_diverge_fails_the_training(a_run: MakeRun) -> None:
    run = a_run(optimizer={"learning_rate": 1e30})

    with pytest.raises(FloatingPointError, match="diverged"):
        train_ppo(run)


def test_the_global_random_state_is_not_changed(a_run: MakeRun) -> None:
    before = torch.get_rng_state()

    train_ppo(a_run(env="Pendulum-v1", total_timesteps=256))

    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.slow
def test_the_default_config_solves_cartpole(tmp_path: Any, a_run: MakeRun) -> None:
    from services.evaluator.episodes import play_suite
    from shared.config.schema import SimConfig

    run = a_run()
    run.config["trainer"] = {"num_threads": 1}

    train_ppo(run)

    sim = SimConfig.model_validate({"num_episodes": 100, "simulations": {"cartpole": {"env": "CartPole-v1"}}})
    assert play_suite(run.path(run.saved[-1]), sim)["reward"] >= 475
