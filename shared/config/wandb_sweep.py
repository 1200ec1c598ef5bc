"""A sweep file of Weights & Biases as one of ours: what it becomes, and what it cannot become.

The keys: https://docs.wandb.ai/models/sweeps/sweep-config-keys and https://github.com/wandb/sweeps,
src/sweeps/config/schema.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.config.wandb_command import convert_command
from shared.config.wandb_parameters import Converted, convert_parameters
from shared.domain.errors import ConfigError
from shared.domain.wording import did_you_mean, finite_number, refusal, show

GOALS: Final = ("minimize", "maximize")
METHODS: Final = ("bayes", "random", "grid")
_OWN_KEYS: Final = ("kind", "command", "gpus_per_run", "stall_seconds")  # of the trainer
_SILENT: Final = ("apiVersion", "kind", "name", "description")
_CONVERTED: Final = ("program", "command", "method", "metric", "parameters", "run_cap", "early_terminate")
_LEFT_OUT: Final = {
    "controller": "the suggester of this package is the controller",
    "job": "`program` or `command` says what is run",
    "image_uri": "how code reaches a machine is up to its operator",
    "scheduler": "this package schedules itself",
}


@dataclass(frozen=True)
class Imported:
    """The two files that a W&B sweep becomes, what belongs on the command line, and what is different."""

    sweep: dict[str, Any]
    trainer: dict[str, Any]
    overrides: tuple[str, ...]
    notes: tuple[str, ...]


def convert_sweep(written: Mapping[str, Any]) -> Imported:
    """Return what a W&B sweep, as its YAML reads, becomes here.

    Raises ConfigError, which begins with the dotted key, for what has no counterpart and cannot be left out.
    """
    metric, overrides, notes = _metric(written)
    method, more, said = _method(written)
    parameters = list(convert_parameters(written.get("parameters")))
    _check_names(parameters)
    command, told = convert_command(written, [one.name for one in parameters])
    constraints = [constraint for one in parameters for constraint in one.constraints]
    sweep = {
        **metric,
        "method": method,
        **({"constraints": constraints} if constraints else {}),
        "parameters": {"trainer": _nested(parameters)},
    }
    notes += [*said, *(note for one in parameters for note in one.notes), *told, *_left_out(written)]
    return Imported(sweep, {"kind": "command", "command": command}, (*overrides, *more), tuple(notes))


def _metric(written: Mapping[str, Any]) -> tuple[dict[str, Any], list[str], list[str]]:
    metric = written.get("metric")
    if not isinstance(metric, Mapping) or not isinstance(metric.get("name"), str):
        raise refusal("metric", metric, "the name and the goal of a score", "add metric: {name: loss, goal: minimize}")
    goal = metric.get("goal", "minimize")  # W&B's default
    if goal not in GOALS:
        raise refusal("metric.goal", goal, "minimize or maximize", f"write one{did_you_mean(str(goal), GOALS)}")
    overrides = []
    if metric.get("target") is not None:
        overrides.append(f"budget.target_score={finite_number('metric.target', metric['target'])!r}")
    notes = [
        f"metric.{key}: left out: a failed run is no score here, and a running one waits for its own"
        for key in ("impute", "impute_while_running")
        if key in metric
    ]
    return {"metric": metric["name"], "goal": goal}, overrides, notes


def _method(written: Mapping[str, Any]) -> tuple[str, list[str], list[str]]:
    """Return the method, what limits the sweep, and notes on both."""
    method, cap = written.get("method"), written.get("run_cap")
    if method not in METHODS:
        raise refusal("method", method, ", ".join(METHODS), f"choose one{did_you_mean(str(method), METHODS)}")
    if cap is not None:
        return method, [f"budget.max_runs={int(finite_number('run_cap', cap))}"], []
    if method == "grid":
        return method, ["budget.max_runs=null"], []
    return (
        method,
        [],
        ["without a run_cap W&B goes on until it is stopped; here budget.max_runs is 12 unless you set it"],
    )


def _check_names(parameters: list[Converted]) -> None:
    """Raise ConfigError for a name that the trainer needs itself, and for one that is a section to another."""
    names = [one.name for one in parameters]
    for name in names:
        if name.split(".")[0] in _OWN_KEYS:
            raise ConfigError(f"{name}: a trainer has a key of this name itself; rename it, here and in the script")
        if any(other.startswith(f"{name}.") for other in names) or names.count(name) > 1:
            raise ConfigError(f"{name}: stands there twice, once with dots or as a section; keep one of them")


def _nested(parameters: list[Converted]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for one in parameters:
        *sections, last = one.name.split(".")
        node = nested
        for section in sections:
            node = node.setdefault(section, {})
        node[last] = one.leaf
    return nested


def _left_out(written: Mapping[str, Any]) -> Iterator[str]:
    """Yield a note for every key that has no counterpart."""
    sections = [key for key, spec in written["parameters"].items() if "parameters" in spec]
    if sections:
        yield (
            f"{', '.join(sections)}: W&B makes one argument of a section, a dictionary; here each value has its own, "
            f"--{sections[0]}.name=value; in wandb.config they are the same"
        )
    if "early_terminate" in written:
        yield (
            "early_terminate: there are no brackets here; to end runs early that are worse than most at equal cost, "
            "add sweep.early_stop_quantile=0.2"
        )
    tracked = [key for key in ("entity", "project") if written.get(key) is not None]
    if tracked:
        settings = " ".join(f"wandb.{key}={written[key]}" for key in tracked)
        yield f"{', '.join(tracked)}: runs are tracked by W&B only if asked: add wandb=online {settings}"
    for key in written:
        if key in _LEFT_OUT:
            yield f"{key}: left out: {_LEFT_OUT[key]}"
        elif key not in (*_CONVERTED, *_SILENT, "entity", "project"):
            yield f"{show(key)}: left out: no key of W&B's that is known here"
