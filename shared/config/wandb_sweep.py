"""Converts a sweep file of Weights & Biases into one of ours, with notes on the differences.

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
from shared.domain.wording import finite_number, nearest, show, wrong_value

GOALS: Final = ("minimize", "maximize")
METHODS: Final = ("bayes", "random", "grid")
_OWN_KEYS: Final = ("kind", "command", "gpus_per_run", "stall_seconds")  # of the trainer
_SILENT: Final = ("apiVersion", "kind", "name", "description")
_CONVERTED: Final = ("program", "command", "method", "metric", "parameters", "run_cap", "early_terminate")
_LEFT_OUT: Final = {
    "controller": "the suggester of this package is the controller",
    "job": "`program` or `command` names what to run",
    "image_uri": "the operator of a machine installs the code there",
    "scheduler": "this package schedules runs itself",
}


@dataclass(frozen=True)
class Imported:
    """The two files of a converted sweep, the overrides for the command line, and notes on what is different."""

    sweep: dict[str, Any]
    trainer: dict[str, Any]
    overrides: tuple[str, ...]
    notes: tuple[str, ...]


def convert_sweep(written: Mapping[str, Any]) -> Imported:
    """Return what a W&B sweep, as its YAML reads, becomes here.

    Raises ConfigError, whose path is the dotted key, for what has no counterpart and cannot be left out.
    """
    metric, overrides, notes = _metric(written)
    method, more, remarks = _method(written)
    parameters = list(convert_parameters(written.get("parameters")))
    _check_names(parameters)
    command, differences = convert_command(written, [one.name for one in parameters])
    constraints = [constraint for one in parameters for constraint in one.constraints]
    sweep = {
        **metric,
        "method": method,
        **({"constraints": constraints} if constraints else {}),
        "parameters": {"trainer": _nested(parameters)},
    }
    notes += [*remarks, *(note for one in parameters for note in one.notes), *differences, *_left_out(written)]
    return Imported(sweep, {"kind": "command", "command": command}, (*overrides, *more), tuple(notes))


def _metric(written: Mapping[str, Any]) -> tuple[dict[str, Any], list[str], list[str]]:
    metric = written.get("metric")
    if not isinstance(metric, Mapping) or not isinstance(metric.get("name"), str):
        remedy = "write for example metric: {name: loss, goal: minimize}"
        raise wrong_value("metric", metric, "the name and the goal of a score", remedy)
    goal = metric.get("goal", "minimize")  # W&B's default
    if goal not in GOALS:
        raise wrong_value("metric.goal", goal, "minimize or maximize", meant=nearest(str(goal), GOALS))
    overrides = []
    if metric.get("target") is not None:
        overrides.append(f"budget.target_score={finite_number('metric.target', metric['target'])!r}")
    notes = [
        f"metric.{key}: left out: here only a run that is over without a failure has a score"
        for key in ("impute", "impute_while_running")
        if key in metric
    ]
    return {"metric": metric["name"], "goal": goal}, overrides, notes


def _method(written: Mapping[str, Any]) -> tuple[str, list[str], list[str]]:
    """Return the method, what limits the sweep, and notes on both."""
    method, cap = written.get("method"), written.get("run_cap")
    if method not in METHODS:
        raise wrong_value("method", method, f"one of {', '.join(METHODS)}", meant=nearest(str(method), METHODS))
    if cap is not None:
        return method, [f"budget.max_runs={int(finite_number('run_cap', cap))}"], []
    if method == "grid":
        return method, ["budget.max_runs=null"], []
    return (
        method,
        [],
        ["without run_cap W&B continues until it is stopped; here budget.max_runs is 12 unless you set it"],
    )


def _check_names(parameters: list[Converted]) -> None:
    """Raise ConfigError for a name that the trainer uses itself, and for one that is also a section."""
    names = [one.name for one in parameters]
    for name in names:
        if name.split(".")[0] in _OWN_KEYS:
            remedy = "rename it, here and in the script"
            raise ConfigError("a trainer has a key of its own with this name", path=name, remedy=remedy)
        if any(other.startswith(f"{name}.") for other in names) or names.count(name) > 1:
            raise ConfigError("written twice, once with dots or as a section", path=name, remedy="keep one of them")


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
            f"{', '.join(sections)}: in W&B a section is one argument, a dictionary; here each value has an argument, "
            f"--{sections[0]}.name=value; wandb.config is the same"
        )
    if "early_terminate" in written:
        yield (
            "early_terminate: there are no brackets here; add sweep.early_stop_quantile=0.2 to stop runs early that "
            "are worse than most others at equal cost"
        )
    tracked = [key for key in ("entity", "project") if written.get(key) is not None]
    if tracked:
        settings = " ".join(f"wandb.{key}={written[key]}" for key in tracked)
        yield f"{', '.join(tracked)}: W&B does not track runs by default: add wandb=online {settings}"
    for key in written:
        if key in _LEFT_OUT:
            yield f"{key}: left out: {_LEFT_OUT[key]}"
        elif key not in (*_CONVERTED, *_SILENT, "entity", "project"):
            yield f"{show(key)}: left out: an unknown key"
