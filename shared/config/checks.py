"""What must fit together in a job beyond the type of each key. Only what is certain to fail is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from shared.config.explain import Where, explain_fault, key_path, keys_at, section_at
from shared.config.schema import CommandTrainer, SweepJob, TrainerConfig
from shared.config.searched import leaves
from shared.domain.command import check_placeholders
from shared.domain.errors import ConfigError
from shared.domain.wording import nearest, show

if TYPE_CHECKING:  # numpy would slow every command down
    from shared.domain.search_space import Parameter, SearchSpace

_TRAINER: TypeAdapter[Any] = TypeAdapter(TrainerConfig)


def check_together(job: SweepJob) -> None:
    """Raise ConfigError for settings that contradict each other."""
    if job.device == "cuda" and job.queue == "cpu":
        raise ConfigError("device is cuda and queue is cpu", remedy="set queue=gpu, or device=cpu")
    if job.trainer.kind == "ppo" and not job.is_evaluated:
        raise ConfigError(
            "sim has no simulations and the trainer ppo reports no score, so the runs would have no score",
            remedy="use sim=sweep_eval",
        )
    if job.trainer.kind == "command" and job.is_evaluated:
        raise ConfigError(
            "sim has simulations, which play a policy of the trainer ppo, and the trainer is a command",
            remedy="use sim=none, and let the command report its score",
        )


def check_command(job: SweepJob, space: SearchSpace, where: Where) -> None:
    """Raise ConfigError for a placeholder that the command of a job could not fill in every run."""
    if not isinstance(job.trainer, CommandTrainer):
        return
    known = leaves(job.model_dump())
    always = {parameter.path for parameter in space.parameters if not parameter.when}
    sometimes = {parameter.path for parameter in space.parameters} - always - known.keys()
    try:
        check_placeholders(job.trainer.command, known=[*known, *sorted(always - known.keys())], sometimes=sometimes)
    except ConfigError as error:
        raise error.within("trainer.command").at(where("trainer.command")) from None


def check_space(space: SearchSpace, trainer: Mapping[str, Any], where: Where) -> list[str]:
    """Check that the trainer has every searched key and takes every value of it; return notes.

    A value that the trainer refuses only together with others (sizes that must divide) can fit other values of those,
    so it is a note. Raises ConfigError for everything else.
    """
    for parameter in space.parameters:
        _check_path(parameter, str(trainer.get("kind", "ppo")), where)
    found = [(parameter, value, _try(space, parameter, value, trainer, where)) for parameter, value in _probes(space)]
    misfits = {p.path: f"{p.path}={show(value)}: {misfit}" for p, value, misfit in reversed(found) if misfit}
    if len(misfits) == len(space) > 1:  # the centre itself does not fit: one note is enough
        misfits = dict([misfits.popitem()])
    return [f"some runs will fail, for example with {misfit}" for misfit in reversed(misfits.values())]


def with_values(config: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of nested mappings with `values` written at their dotted paths."""
    result = dict(config)
    for path, value in values.items():
        node = result
        *parents, last = path.split(".")
        for parent in parents:
            below = node.get(parent)
            node[parent] = dict(below) if isinstance(below, Mapping) else {}
            node = node[parent]
        node[last] = value
    return result


def find_non_finite(node: Any, path: str = "") -> tuple[str, float] | None:
    """Return path and value of the first NaN or infinity in plain data."""
    return next(((where, value) for where, value in _floats(node, path) if not math.isfinite(value)), None)


def _floats(node: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(node, float):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield from _floats(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _floats(value, f"{path}[{index}]")


def _check_path(parameter: Parameter, kind: str, where: Where) -> None:
    fault = _fault_of_path(parameter.path, kind)
    if fault:
        raise fault.at(_place(parameter, where))


def _fault_of_path(path: str, kind: str) -> ConfigError | None:
    """Return why a key cannot be searched; None if it can."""
    root, *inner = path.split(".")
    if root != "trainer" or not inner:
        return ConfigError("cannot be searched", path=path, remedy="search keys below `trainer` only")
    if inner == ["kind"]:
        return ConfigError("cannot be searched", path=path, remedy="make a sweep for each trainer")
    if kind == "command" and inner[0] == "command":
        remedy = "search a key of your own, and use it in the command"
        return ConfigError("cannot be searched", path=path, remedy=remedy)
    model = section_at(["trainer"], kind)
    is_open = model is None or model.model_config.get("extra") == "allow"
    for depth, key in enumerate(inner):
        above = ["trainer", *inner[:depth]]
        section = section_at(above, kind)
        if section is None:  # below env_kwargs and the like every key is the user's
            return None
        if key not in section.model_fields:
            known = keys_at(above, kind)
            expected = f"one of {', '.join(known)}"
            meant = nearest(key, known)
            unknown = ConfigError(f"unknown key of the trainer {kind}", path=path, meant=meant, expected=expected)
            return None if is_open else unknown
    if section_at(["trainer", *inner], kind) is not None:
        remedy = f"search a key in it: {', '.join(keys_at(['trainer', *inner], kind))}"
        return ConfigError("a section cannot be searched", path=path, remedy=remedy)
    return None


def _probes(space: SearchSpace) -> Iterator[tuple[Parameter, Any]]:
    for parameter in space.parameters:
        if parameter.is_categorical:
            yield from ((parameter, value) for value in parameter.values)
        else:  # the last tells a fraction from a whole number
            yield from ((parameter, parameter.decode(unit)) for unit in (0.0, 1.0, 0.414))


def _try(space: SearchSpace, parameter: Parameter, value: Any, trainer: Mapping[str, Any], where: Where) -> str | None:
    """Try a value where its parameter is active, all others at the centre."""
    conditions = {condition.path: condition.values[0] for condition in parameter.when}
    params = space.completed({**conditions, parameter.path: value})
    try:
        _TRAINER.validate_python(with_values({"trainer": trainer}, params)["trainer"])
    except ValidationError as error:
        faults = error.errors(include_url=False)
        own = [fault for fault in faults if _same(key_path(_below_trainer(fault)), parameter.path)]
        if not own:
            return str(explain_fault(_below_trainer(faults[0])))
        refused = explain_fault(_below_trainer(own[0]))
        remedy = "use int_uniform, or is_integer: true" if _wants_whole(own) else "narrow min and max"
        raise ConfigError(
            f"the sweep would set it to {show(value)}",
            path=parameter.path,
            expected=refused.fault.expected,
            remedy=remedy,
            place=_place(parameter, where),
        ) from None
    return None


def _below_trainer(fault: Any) -> dict[str, Any]:
    return {**fault, "loc": ("trainer", *fault["loc"])}


def _same(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.")


def _wants_whole(faults: list[Any]) -> bool:
    return any(str(fault["type"]).startswith("int_") for fault in faults)


def _place(parameter: Parameter, where: Where) -> str | None:
    return where(f"sweep.parameters.{parameter.path}")
