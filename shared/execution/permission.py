"""What a worker may import for others: the built-in trainables, and what its operator allows in SWEEP_ALLOW."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from fnmatch import fnmatchcase


def allows(entry_point: str, allow: Iterable[str]) -> bool:
    """Whether `package.module:function` or `env:module` is named in `allow`, by itself or by a pattern."""
    if entry_point.startswith("env:"):
        return any(fnmatchcase(entry_point, pattern) for pattern in allow)
    functions = (pattern.replace(":", ".") for pattern in allow if not pattern.startswith("env:"))
    return any(fnmatchcase(entry_point.replace(":", "."), pattern) for pattern in functions)


def refuses_function(function: str, allow: Iterable[str]) -> str | None:
    """Say why `package.module:function` cannot be called here; None if it can."""
    if not allows(function, allow):
        return f"function {function} is not allowed here: start the worker with SWEEP_ALLOW={function}"
    package = function.partition(":")[0].partition(".")[0]
    if importlib.util.find_spec(package) is None:
        return f"module {package} of {function} cannot be imported here: start the worker where it can"
    return None


def refuses_env(env: str, allow: Iterable[str]) -> str | None:
    """Say why a gymnasium id cannot be made here: `module:Env` imports that module; None if it can."""
    module, separator, _ = env.partition(":")
    if separator and not allows(f"env:{module}", allow):
        return f"env {env} imports {module}, which is not allowed here: start the worker with SWEEP_ALLOW=env:{module}"
    return None
