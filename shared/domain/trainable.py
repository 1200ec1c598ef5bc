"""What a training sees of the system: one object, whoever wrote the training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

StopReason = Literal["cancelled", "preempted", "stopped early"]


class Stop(BaseException):
    """Raised inside a training that should end now. Not an Exception, so that a broad `except` lets it pass."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason: StopReason = reason


class TrainingRun(Protocol):
    """One attempt of one run, as its training sees it."""

    id: str
    attempt: int
    seed: int
    device: str
    """`cpu` or `cuda`, already resolved."""
    config: Mapping[str, Any]
    """The composed config as plain data, the suggested values written into it."""
    params: Mapping[str, Any]
    """The suggested values alone, by dotted path."""
    checkpoint: Path | None
    """What the last committed `save` wrote: go on from here; None at the first start."""
    checkpoint_step: int
    """The step of that checkpoint; 0 without one."""
    workspace: Path
    """Where this attempt may keep files of its own. It is not there yet."""

    def report(self, /, step: int, **metrics: float) -> None:
        """Tell how it goes. May raise `Stop`."""

    def obey(self) -> None:
        """Raise `Stop` if the training should end now: for those that have nothing to report for long."""

    def save_checkpoint(self, step: int, save: Callable[[Path], object]) -> None:
        """Let `save` write to the path it is given (a file, or a folder that it makes), and commit it atomically.

        May raise `Stop`, after the checkpoint is committed.
        """
