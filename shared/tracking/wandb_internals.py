"""The undocumented settings of W&B that we rely on: no other module of ours names one. Loads no wandb.

A test compares each with the settings of the wandb that is installed, and fails when a release moves one.
"""

from __future__ import annotations

from typing import Any, Final

SWEEP_PARAMETERS_VARIABLE: Final = "WANDB_SWEEP_PARAM_PATH"
"""A file of parameters, which go before what the script itself puts into wandb.config."""
FLUSH_VARIABLE: Final = "WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL"
"""Seconds between two writes of what was logged."""
SERVICE_VARIABLE: Final = "WANDB_SERVICE"
"""Set by a program that uses W&B: processes that it starts would log through its process, with its settings."""
WITHOUT_MACHINE: Final[dict[str, Any]] = {"x_disable_stats": True, "x_disable_meta": True}
"""Record nothing about this machine: the suggester's says nothing about the run's."""
