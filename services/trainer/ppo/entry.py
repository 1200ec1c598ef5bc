"""The entry of a child process for the built-in PPO."""

from __future__ import annotations

from services.trainer.ppo.training import train_ppo
from shared.execution.entry import child_entry

train = child_entry(train_ppo)
