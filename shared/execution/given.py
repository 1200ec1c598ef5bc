"""A function that exists only in the program that started this worker: a notebook's cell, or `__main__` of a script.

The program hands it to its own worker through an open file that no other process has. It is never kept in the store.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from shared.domain.refusal import CODE, Refusal
from shared.execution.user_code import USER_PATH

MODULE = "__main__"
VARIABLE = "SWEEP_GIVEN"
"""`<file descriptor>:<sweep>` in the environment of the worker."""


@dataclass(frozen=True)
class GivenFunction:
    """A function for the runs of one sweep, as cloudpickle wrote it."""

    sweep: str
    pickled: bytes


def is_given(function: str) -> bool:
    """Whether `module:name` can only be handed over: it cannot be imported."""
    return function.partition(":")[0] == MODULE


@dataclass(frozen=True)
class Handover:
    """How a worker gets a function: an open file that it inherits, and the variables that say so."""

    descriptors: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def handed_over(sweep: str, function: Callable[..., Any]) -> Iterator[Handover]:
    """Yield what a worker gets the function of `sweep` by. Its imports are looked up where this process has them.

    Raises TypeError for a function that cannot be pickled.
    """
    import cloudpickle

    try:
        pickled: bytes = cloudpickle.dumps(function)
    except Exception as error:
        raise TypeError(f"{function!r} cannot be handed to another process: {error}") from error
    with tempfile.TemporaryFile() as file:  # without a name: only who inherits it can read it
        file.write(pickled)
        file.flush()
        path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        yield Handover((file.fileno(),), {VARIABLE: f"{file.fileno()}:{sweep}", USER_PATH: path})


@cache
def given_function() -> GivenFunction | None:
    """Return the function that this worker was given; None without one."""
    descriptor, _, sweep = os.environ.get(VARIABLE, "").partition(":")
    if not descriptor.isdecimal():
        return None
    size = os.fstat(int(descriptor)).st_size
    return GivenFunction(sweep, os.pread(int(descriptor), size, 0))  # its position is shared: it stays where it is


def refuses_given(function: str, sweep: str) -> Refusal | None:
    """Return why this worker cannot call a function that was handed over for `sweep`; None if it can."""
    given = given_function()
    if given is not None and given.sweep == sweep:
        return None
    name = function.partition(":")[2]
    return Refusal(
        kind=CODE,
        entry_point=function,
        reason=f"function {name} exists only in the program that defined it",
        remedy=f"call ps.sweep(..., name={sweep!r}) there again",
    )
