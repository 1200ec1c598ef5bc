"""How a function of ours is called in a child."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from protein_sweeps._child import PlainFailure
from shared.domain.errors import SweepError

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def child_entry(function: Callable[[Argument], Result]) -> Callable[[Argument], Result]:
    """Let an error of ours fail the run with its message alone: it says everything, and a traceback would hide it."""

    @wraps(function)
    def call(run: Argument) -> Result:
        try:
            return function(run)
        except SweepError as error:
            raise PlainFailure(str(error)) from None

    return call
