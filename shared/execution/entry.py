"""Wraps the functions of this package that a child process calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from protein_sweeps._child import PlainFailure
from shared.domain.errors import SweepError

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def child_entry(function: Callable[[Argument], Result]) -> Callable[[Argument], Result]:
    """Turn a SweepError into a failure of the run with the message alone: a traceback would hide the message."""

    @wraps(function)
    def call(run: Argument) -> Result:
        try:
            return function(run)
        except SweepError as error:
            raise PlainFailure(str(error)) from None

    return call
