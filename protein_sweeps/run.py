"""The interface of training code: the run that it trains, and the request to stop.

Standard library only, on Python 3.9 or newer: the training may run in another Python than the worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, Literal, Protocol

__all__ = ["Stop", "StopReason", "TrainingRun"]

StopReason = Literal["cancelled", "preempted", "stopped early"]
"""Why a training must stop: a person cancelled the run, the worker ends, or other runs are clearly better."""


class Stop(BaseException):
    """Raised inside a training that must end now.

    It is not an `Exception`, so a broad `except Exception` lets it pass. If you catch it to save a checkpoint, raise it
    again.

    Attributes:
        reason: `"cancelled"`, `"preempted"` or `"stopped early"`.

    Example:
        ```python
        try:
            run.report(step=step, reward=reward)
        except ps.Stop:
            run.save_checkpoint(step, save)
            raise
        ```
    """

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason: StopReason = reason


class TrainingRun(Protocol):
    """One attempt of one run: the object that training code gets.

    A training is a function `train(run)`. It reads `config` or `params`, continues from `checkpoint` if there is one,
    reports metrics, saves checkpoints, and returns a score (a number), a mapping of numbers, or nothing.

    Example:
        ```python
        def train(run: ps.TrainingRun) -> float:
            model = Model(run.params["width"])
            if run.checkpoint is not None:
                model.load(run.checkpoint)
            for step in range(run.checkpoint_step + 1, 101):
                loss = model.fit_one_epoch(lr=run.params["lr"])
                run.report(step=step, loss=loss)
                run.save_checkpoint(step, model.save)
            return model.accuracy()
        ```
    """

    id: str
    """The run's id, `<sweep>.r.<number>`."""
    attempt: int
    """The number of this start of the run, from 1."""
    seed: int
    """The seed of this run, the same for all of its attempts."""
    device: str
    """`cpu` or `cuda`, already resolved."""
    config: Mapping[str, Any]
    """The complete config as plain data, with the suggested values in it."""
    params: Mapping[str, Any]
    """Only the suggested values, by dotted path."""
    checkpoint: Path | None
    """The path that the last committed `save` wrote. Continue from it. None at the first start."""
    checkpoint_step: int
    """The step of that checkpoint; 0 without one."""
    workspace: Path
    """A folder for files of this attempt. It does not exist yet."""

    def report(self, /, step: int, **metrics: float) -> None:
        """Report metrics at a step.

        Args:
            step: A count of the training, for example environment steps or epochs. It should grow.
            **metrics: Numbers by name. Values that are not finite are dropped.

        Raises:
            Stop: The training must end now.
            TypeError: A metric is not a number.
        """

    def obey(self) -> None:
        """Raise `Stop` if the training must end now. Call it in code that reports nothing for a long time.

        Raises:
            Stop: The training must end now.
        """

    def save_checkpoint(self, step: int, save: Callable[[Path], object]) -> None:
        """Save a checkpoint. An interrupted save leaves none.

        Args:
            step: The step that the checkpoint continues from.
            save: A function that is called with a path that does not exist yet, and writes a file or a folder there.

        Raises:
            Stop: The training must end now; the checkpoint is saved.
            ValueError: `save` wrote nothing, or a symbolic link.
        """
