"""What a worker may import and start for others: the built-in trainables, and what its operator allows."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from shared.config.schema import CommandTrainer, FunctionTrainer, PpoTrainer, SweepJob
from shared.domain.command import PYTHON, program_of
from shared.execution.user_code import find_module

PREFIXES = ("env:", "command:")


def entry_points(job: SweepJob) -> tuple[str, ...]:
    """Return what the job makes a worker import or start: who runs it here vouches for it."""
    trainer = job.trainer
    found = [trainer.function] if isinstance(trainer, FunctionTrainer) else []
    found += [f"command:{trainer.python}"] if isinstance(trainer, FunctionTrainer) and trainer.python else []
    found += [f"command:{program_of(trainer.words)}"] if isinstance(trainer, CommandTrainer) else []
    envs = [simulation.env for simulation in job.sim.simulations.values()]
    envs += [trainer.env] if isinstance(trainer, PpoTrainer) else []
    found += [f"env:{env.partition(':')[0]}" for env in envs if ":" in env]
    return tuple(dict.fromkeys(found))


def allows(entry_point: str, allow: Iterable[str]) -> bool:
    """Whether `package.module:function`, `env:module` or `command:program` is in `allow`, as it is or by a pattern."""
    if entry_point.startswith(PREFIXES):
        return any(fnmatchcase(entry_point, pattern) for pattern in allow)
    functions = (pattern.replace(":", ".") for pattern in allow if not pattern.startswith(PREFIXES))
    return any(fnmatchcase(entry_point.replace(":", "."), pattern) for pattern in functions)


def refuses_function(function: str, allow: Iterable[str], *, python: str | None = None) -> str | None:
    """Say why `package.module:function` cannot be called here, in the interpreter `python`; None if it can."""
    if not allows(function, allow):
        return f"function {function} is not allowed here: start the worker with SWEEP_ALLOW={function}"
    if python is not None:  # what it can import, it alone knows
        return refuses_command([python], allow)
    return misses_module(function.partition(":")[0], of=function)


def misses_module(module: str, *, of: str) -> str | None:
    """Say that there is no such module here, which `of` names, and what to do; None if there is. Imports nothing."""
    if find_module(module):
        return None
    package = module.partition(".")[0]
    return f"module {package} of {of} cannot be imported here: install it, or start in the folder where it lies"


def refuses_env(env: str, allow: Iterable[str]) -> str | None:
    """Say why a gymnasium id cannot be made here: `module:Env` imports that module; None if it can."""
    module, separator, _ = env.partition(":")
    if separator and not allows(f"env:{module}", allow):
        return f"env {env} imports {module}, which is not allowed here: start the worker with SWEEP_ALLOW=env:{module}"
    return None


def refuses_command(words: Sequence[str], allow: Iterable[str]) -> str | None:
    """Say why a command cannot be started here, by the program that it names; None if it can."""
    program = program_of(words)
    if not allows(f"command:{program}", allow):
        return f"command {program} is not allowed here: start the worker with SWEEP_ALLOW=command:{program}"
    missing = misses_program(words)
    return f"{missing}, or start the worker elsewhere" if missing else None


def misses_program(words: Sequence[str]) -> str | None:
    """Say why the program of a command cannot be started here, and what to do; None if it can."""
    program = program_of(words)
    if words[0] == PYTHON or shutil.which(program):
        return None
    if not Path(program).is_file():
        return f"command {program}: there is no such program here: install it, or give its path"
    if "/" not in program:
        return f"command {program}: a program of this folder is written ./{program}"
    return f"command {program}: it cannot be executed: chmod +x {program}"
