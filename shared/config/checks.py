"""What must fit together in a job beyond the type of each key; only what is certain to go wrong is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from shared.config.explain import Where, key_path, keys_at, section_at
from shared.config.schema import CommandTrainer, SweepJob, TrainerConfig
from shared.config.searched import leaves
from shared.domain.command import check_placeholders
from shared.domain.errors import ConfigError
from shared.domain.wording import did_you_mean, show

if TYPE_CHECKING:  # numpy would slow every command down
    from shared.domain.search_space import Parameter, SearchSpace

_TRAINER: TypeAdapter[Any] = TypeAdapter(TrainerConfig)


def check_together(job: SweepJob) -> None:
    """Raise ConfigError for settings that contradict each other."""
    if job.device == "cuda" and job.queue == "cpu":
        raise ConfigError("device is cuda and queue is cpu: expected queue=gpu for runs that need a GPU, or device=cpu")
    if job.trainer.kind == "ppo" and not job.is_evaluated:
        raise ConfigError(
            "sim has no simulations and the trainer ppo reports no score itself: nobody would score the runs; "
            "use sim=sweep_eval"
        )
    if job.trainer.kind == "command" and job.is_evaluated:
        raise ConfigError(
            "sim has simulations, which play what the built-in policy saved, and the trainer is a command: "
            "use sim=none, and let the command report its score"
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
        place = where("trainer.command")
        raise ConfigError(f"{place + ': ' if place else ''}trainer.command: {error}") from None


def check_space(space: SearchSpace, trainer: Mapping[str, Any], where: Where) -> list[str]:
    """Check that the trainer has every searched key and takes every value of it; return notes.

    A value that is refused only together with others (sizes that must divide) may be mended by another parameter:
    that is a note. Raises ConfigError for all else.
    """
    for parameter in space.parameters:
        _check_path(parameter, str(trainer.get("kind", "ppo")), where)
    found = [(parameter, value, _try(space, parameter, value, trainer, where)) for parameter, value in _probes(space)]
    misfits = {p.path: f"{p.path}={show(value)}: {misfit}" for p, value, misfit in reversed(found) if misfit}
    if len(misfits) == len(space) > 1:  # the centre itself does not fit: say so once
        misfits = dict([misfits.popitem()])
    return [f"some values do not fit together and will fail: {misfit}" for misfit in reversed(misfits.values())]


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
    root, *inner = parameter.path.split(".")
    place = _place(parameter, where)
    if root != "trainer" or not inner:
        raise ConfigError(f"{place}{parameter.path} cannot be searched: only keys below `trainer` can")
    if inner == ["kind"]:
        raise ConfigError(f"{place}trainer.kind cannot be searched: make a sweep for each trainer")
    if kind == "command" and inner[0] == "command":
        raise ConfigError(
            f"{place}trainer.command cannot be searched: search a key of your own, and name it in the command"
        )
    model = section_at(["trainer"], kind)
    is_open = model is None or model.model_config.get("extra") == "allow"
    for depth, key in enumerate(inner):
        above = ["trainer", *inner[:depth]]
        section = section_at(above, kind)
        if section is None:  # below env_kwargs and the like every key is the user's
            return
        if key not in section.model_fields:
            if is_open:
                return
            known = keys_at(above, kind)
            raise ConfigError(
                f"{place}{parameter.path}: the trainer {kind} has no such key{did_you_mean(key, known)}; "
                f"{'.'.join(above)} has {', '.join(known)}"
            )
    if section_at(["trainer", *inner], kind) is not None:
        known = keys_at(["trainer", *inner], kind)
        raise ConfigError(f"{place}{parameter.path} is a section: search a key in it, {', '.join(known)}")


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
        inner = parameter.path.removeprefix("trainer.")
        own = [fault for fault in faults if _same(key_path({"loc": ("trainer", *fault["loc"])}), parameter.path)]
        if not own:
            return _first(faults)
        wanted = _first(own)
        hint = "; use int_uniform, or is_integer: true" if _wants_whole(own) else "; narrow min and max"
        raise ConfigError(
            f"{_place(parameter, where)}{parameter.path} would be set to {show(value)} by the sweep: "
            f"the trainer takes {wanted} for {inner}{hint}"
        ) from None
    return None


def _same(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.")


def _wants_whole(faults: list[Any]) -> bool:
    return any(str(fault["type"]).startswith("int_") for fault in faults)


def _first(faults: list[Any]) -> str:
    fault = faults[0]
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    text = str(fault["msg"]).removeprefix("Input should be ")
    return "a whole number" if str(fault["type"]).startswith("int_") else text


def _place(parameter: Parameter, where: Where) -> str:
    place = where(f"sweep.parameters.{parameter.path}")
    return f"{place}: " if place else ""
