"""What a trainer can train: the built-in PPO, the user's function or command, or the no-op."""

from __future__ import annotations

from typing import assert_never

from shared.config.schema import AskTrainer, CommandTrainer, FunctionTrainer, NoopTrainer, PpoTrainer, TrainerConfig
from shared.domain.errors import ConfigError
from shared.execution.work import Entry

PPO = Entry("services.trainer.ppo.entry:train")
NOOP = Entry("services.trainer.noop:train")
COMMAND = Entry("services.trainer.command:train")
INTERPRETER = Entry("services.trainer.interpreter:train")


def entry_of(trainer: TrainerConfig) -> Entry:
    """Return the function that a child calls to train with `trainer`."""
    match trainer:
        case PpoTrainer():
            return PPO
        case FunctionTrainer():
            return INTERPRETER if trainer.python else Entry(trainer.function, is_users=True)
        case CommandTrainer():
            return COMMAND
        case NoopTrainer():
            return NOOP
        case AskTrainer():
            raise ConfigError("trainer ask: a program asks for the runs of this sweep; no worker trains them")
        case _:
            assert_never(trainer)
