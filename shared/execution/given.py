"""A function that exists only in the program that started this worker: in a notebook cell or a script's `__main__`.

The program passes it to its own worker through an open file that no other process can read. The store never gets it.
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
    """A function for the runs of one sweep, pickled by cloudpickle."""

    sweep: str
    pickled: bytes


def is_given(function: str) -> bool:
    """Whether `module:name` cannot be imported, so that its program has to pass it to the worker."""
    return function.partition(":")[0] == MODULE


@dataclass(frozen=True)
class Handover:
    """What a worker needs to receive a function: an open file that it inherits, and variables that name the file."""

    descriptors: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def handed_over(sweep: str, function: Callable[..., Any]) -> Iterator[Handover]:
    """Yield what the worker needs to receive the function of `sweep`. It imports modules as this process does.

    Raises TypeError for a function that cannot be pickled.
    """
    import cloudpickle

    try:
        pickled: bytes = cloudpickle.dumps(function)
    except Exception as error:
        raise TypeError(f"{function!r} cannot be handed to another process: {error}") from error
    with tempfile.TemporaryFile() as file:  # without a name: only a process that inherits it can read it
        file.write(pickled)
        file.flush()
        path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
        yield Handover((file.fileno(),), {VARIABLE: f"{file.fileno()}:{sweep}", USER_PATH: path})


@cache
def given_function() -> GivenFunction | None:
    """Return the function that this worker received; None without one."""
    descriptor, _, sweep = os.environ.get(VARIABLE, "").partition(":")
    if not descriptor.isdecimal():
        return None
    size = os.fstat(int(descriptor)).st_size
    return GivenFunction(sweep, os.pread(int(descriptor), size, 0))  # pread: processes share the position of the file


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
