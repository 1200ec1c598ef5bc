"""Trains a policy with proximal policy optimization, from the start or from a checkpoint."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from protein_sweeps.run import Stop, TrainingRun
from services.trainer.ppo.learner import Learner
from services.trainer.ppo.rollout import Collector
from shared.config.schema import PpoTrainer
from shared.domain.errors import ConfigError
from shared.rl.checkpoint import DamagedCheckpoint, PolicyCheckpoint, load_checkpoint, save_checkpoint
from shared.rl.envs import Environments
from shared.rl.policy import Policy


def train_ppo(run: TrainingRun) -> dict[str, float]:
    """Train `run.config["trainer"]` to its total_timesteps; return `steps` and the last metrics, without a score.

    At each checkpoint the environments and the random generators are seeded again from (seed, step), whether the
    training continues in this process or in another: after a resume it ends with the same weights, to the bit (on the
    CPU).

    Raises Stop as `run` does (unless cancelled, after one more checkpoint), ConfigError for an environment that cannot
    be used or a checkpoint of another config, FloatingPointError if the parameters diverge.
    """
    trainer = PpoTrainer.model_validate(run.config["trainer"])
    if trainer.num_threads is not None:
        torch.set_num_threads(trainer.num_threads)
    envs = Environments(trainer.env, trainer.num_envs, trainer.env_kwargs)
    try:
        return _Training(run, trainer, envs).train()
    finally:
        envs.close()


class _Training:
    def __init__(self, run: TrainingRun, trainer: PpoTrainer, envs: Environments) -> None:
        self._run, self._trainer, self._envs = run, trainer, envs
        self._step = run.checkpoint_step if run.checkpoint is not None else 0
        self._metrics: dict[str, float] = {}
        self._generator = torch.Generator(run.device)
        saved = self._load(run.checkpoint) if run.checkpoint is not None else None
        self._policy = saved.policy if saved is not None else self._new_policy()
        self._collector = Collector(envs, self._policy, trainer, self._generator)
        self._learner = Learner(self._policy, trainer, self._generator)
        if saved is not None:
            self._restore(saved)
        self._reseed()

    def train(self) -> dict[str, float]:
        trainer = self._trainer
        while self._step < trainer.total_timesteps:
            self._metrics = self._advance()
            self._report()
            if self._is_checkpoint_due():
                self._run.save_checkpoint(self._step, self._save)
                self._reseed()
        return {"steps": self._step, **self._metrics}

    def _advance(self) -> dict[str, float]:
        """Collect and learn from one rollout."""
        started = time.perf_counter()
        learning_rate = self._learning_rate()
        losses = self._learner.learn(self._collector.collect(), learning_rate=learning_rate)
        self._step += self._trainer.batch_size
        returns = self._collector.recent_returns
        reward = {"reward": float(np.mean(returns))} if returns else {}
        speed = self._trainer.batch_size / (time.perf_counter() - started)
        return {**reward, **losses, "learning_rate": learning_rate, "steps_per_second": speed}

    def _learning_rate(self) -> float:
        base = self._trainer.optimizer.learning_rate
        return base * (1 - self._step / self._trainer.total_timesteps) if self._trainer.anneal_learning_rate else base

    def _is_checkpoint_due(self) -> bool:
        """True at the first rollout at or after each multiple of the interval, and at the end."""
        interval = self._trainer.checkpoint_interval
        passed = self._step // interval > (self._step - self._trainer.batch_size) // interval
        return passed or self._step >= self._trainer.total_timesteps

    def _report(self) -> None:
        try:
            self._run.report(self._step, **self._metrics)
        except Stop as stop:
            if stop.reason != "cancelled":
                with contextlib.suppress(Stop):  # the first Stop is raised below
                    self._run.save_checkpoint(self._step, self._save)
            raise

    def _reseed(self) -> None:
        """Make the rest of the training depend only on (seed, step, weights)."""
        env_seed, torch_seed = np.random.SeedSequence([self._run.seed, self._step]).generate_state(2)
        self._generator.manual_seed(int(torch_seed))
        self._collector.reset(int(env_seed) >> 1)  # vector environments add 1 for each: avoid an overflow

    def _new_policy(self) -> Policy:
        policy = Policy(
            self._envs.spaces,
            self._trainer.hidden_sizes,
            normalize_observations=self._trainer.normalize_observations,
        )
        policy.initialize(torch.Generator().manual_seed(self._run.seed))
        return policy.to(self._run.device)

    def _save(self, path: Path) -> None:
        tensors = {f"adam.{name}": tensor for name, tensor in self._learner.optimizer.state().items()}
        if self._collector.reward_moments is not None:
            moments = self._collector.reward_moments.state_dict()
            tensors |= {f"rewards.{name}": tensor for name, tensor in moments.items()}
        state: dict[str, Any] = {"recent_returns": list(self._collector.recent_returns), "metrics": self._metrics}
        save_checkpoint(
            path,
            PolicyCheckpoint(self._policy, self._trainer.env, self._step, self._trainer.env_kwargs, state, tensors),
        )

    def _load(self, path: Path) -> PolicyCheckpoint:
        """Read the checkpoint and check that this config can continue from it."""
        saved = load_checkpoint(path, device=self._run.device, with_training=True)
        trainer, policy = self._trainer, saved.policy
        expected = {
            "trainer.env": (saved.env, trainer.env),
            "the environment's spaces": (policy.spaces, self._envs.spaces),
            "trainer.hidden_sizes": (policy.hidden_sizes, trainer.hidden_sizes),
            "trainer.normalize_observations": (policy.normalizer is not None, trainer.normalize_observations),
            "trainer.normalize_rewards": ("rewards.mean" in saved.training_tensors, trainer.normalize_rewards),
            "its step": (saved.step, self._run.checkpoint_step),
        }
        for what, (then, now) in expected.items():
            if then != now:
                raise ConfigError(
                    f"checkpoint {path} cannot be continued: {what} was {then} and is {now} now: "
                    "restore the config, or start a new run"
                )
        return saved

    def _restore(self, saved: PolicyCheckpoint) -> None:
        tensors = saved.training_tensors
        try:
            self._learner.optimizer.load_state(_under("adam.", tensors))
            if self._collector.reward_moments is not None:
                self._collector.reward_moments.load_state_dict(_under("rewards.", tensors))
            self._collector.recent_returns.extend(map(float, saved.training_state["recent_returns"]))
            self._metrics = {str(key): float(value) for key, value in saved.training_state["metrics"].items()}
        except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise DamagedCheckpoint(
                f"{self._run.checkpoint}: the training's state cannot be restored: {error}"
            ) from error


def _under(prefix: str, tensors: Any) -> dict[str, Any]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
