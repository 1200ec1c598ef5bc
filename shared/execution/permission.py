"""What a worker may import and start for others: the built-in trainables, and what its operator allows."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from shared.config.schema import CommandTrainer, FunctionTrainer, PpoTrainer, SweepJob
from shared.domain.command import PYTHON, program_of
from shared.domain.refusal import CODE, DEVICE, RIGHTS, Refusal
from shared.execution.given import is_given, refuses_given
from shared.execution.user_code import find_module

ENV, COMMAND = "env:", "command:"
NO_GPU = Refusal(
    kind=DEVICE,
    entry_point="cuda",
    reason="the sweep needs a GPU (device=cuda), and this worker sees none",
    remedy="start a worker on a machine with a GPU",
)


def entry_points(job: SweepJob) -> tuple[str, ...]:
    """Return the entry points that the job makes a worker import or start. A user who runs it here allows them."""
    trainer = job.trainer
    found = [trainer.function] if isinstance(trainer, FunctionTrainer) else []
    found += [f"{COMMAND}{trainer.python}"] if isinstance(trainer, FunctionTrainer) and trainer.python else []
    found += [f"{COMMAND}{program_of(trainer.words)}"] if isinstance(trainer, CommandTrainer) else []
    envs = [simulation.env for simulation in job.sim.simulations.values()]
    envs += [trainer.env] if isinstance(trainer, PpoTrainer) else []
    found += [f"{ENV}{env.partition(':')[0]}" for env in envs if ":" in env]
    return tuple(dict.fromkeys(found))


def allows(entry_point: str, allow: Iterable[str]) -> bool:
    """Whether `package.module:function`, `env:module` or `command:program` is in `allow`, as it is or by a pattern."""
    if entry_point.startswith((ENV, COMMAND)):
        return any(fnmatchcase(entry_point, pattern) for pattern in allow)
    functions = (pattern.replace(":", ".") for pattern in allow if not pattern.startswith((ENV, COMMAND)))
    return any(fnmatchcase(entry_point.replace(":", "."), pattern) for pattern in functions)


def refuses_device(job: SweepJob, gpus: Sequence[str]) -> Refusal | None:
    """Return why a job cannot run on a worker that sees `gpus`; None if it can."""
    return NO_GPU if job.device == "cuda" and not gpus else None


def refuses_function(function: str, allow: Iterable[str], *, python: str | None = None) -> Refusal | None:
    """Return why `package.module:function` cannot be called here, in the interpreter `python`; None if it can."""
    if not allows(function, allow):
        return _not_allowed(function, f"function {function} is not allowed here")
    if python is not None:  # only that interpreter knows what it can import
        return refuses_command([python], allow)
    return misses_module(function.partition(":")[0], entry_point=function)


def refuses_env(env: str, allow: Iterable[str]) -> Refusal | None:
    """Return why a gymnasium id cannot be made here, `module:Env` by importing that module; None if it can."""
    module, separator, _ = env.partition(":")
    if separator and not allows(f"{ENV}{module}", allow):
        return _not_allowed(f"{ENV}{module}", f"env {env} imports {module}, which is not allowed here")
    return None


def refuses_command(words: Sequence[str], allow: Iterable[str]) -> Refusal | None:
    """Return why a command cannot be started here, by the program that it names; None if it can."""
    program = program_of(words)
    if not allows(f"{COMMAND}{program}", allow):
        return _not_allowed(f"{COMMAND}{program}", f"command {program} is not allowed here")
    missing = misses_program(words)
    return missing and missing.model_copy(update={"remedy": f"{missing.remedy}, or start a worker on another machine"})


def misses_code(job: SweepJob) -> Refusal | None:
    """Return why the code that a job names cannot be used here; None if nothing is missing. Imports nothing."""
    trainer = job.trainer
    if isinstance(trainer, FunctionTrainer) and trainer.python:  # only that interpreter knows what it can import
        return misses_program([trainer.python])
    if isinstance(trainer, FunctionTrainer) and is_given(trainer.function):
        return refuses_given(trainer.function, job.sweep_run)
    missing = misses_program(trainer.words) if isinstance(trainer, CommandTrainer) else None
    for entry_point in entry_points(job):
        if missing is None and not entry_point.startswith(COMMAND):
            missing = misses_module(entry_point.removeprefix(ENV).partition(":")[0], entry_point=entry_point)
    return missing


def misses_module(module: str, *, entry_point: str) -> Refusal | None:
    """Return why the module of an entry point cannot be imported here; None if it can. Imports nothing."""
    if find_module(module):
        return None
    reason = f"module {module.partition('.')[0]} of {entry_point} cannot be imported here"
    return _missing(entry_point, reason, "install it, or start in the folder that contains it")


def misses_program(words: Sequence[str]) -> Refusal | None:
    """Return why the program of a command cannot be started here; None if it can."""
    program = program_of(words)
    entry_point = f"{COMMAND}{program}"
    if words[0] == PYTHON or shutil.which(program):
        return None
    if not Path(program).is_file():
        return _missing(entry_point, f"command {program}: no such program here", "install it, or give its path")
    if "/" not in program:
        return _missing(entry_point, f"command {program}: this folder is not on the PATH", f"write ./{program}")
    return _missing(entry_point, f"command {program}: the file is not executable", f"run chmod +x {program}")


def _not_allowed(entry_point: str, reason: str) -> Refusal:
    remedy = f"start the worker with SWEEP_ALLOW={entry_point}"
    return Refusal(kind=RIGHTS, entry_point=entry_point, reason=reason, remedy=remedy)


def _missing(entry_point: str, reason: str, remedy: str) -> Refusal:
    return Refusal(kind=CODE, entry_point=entry_point, reason=reason, remedy=remedy)
