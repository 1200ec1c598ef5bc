"""Translates what pydantic found into a ConfigError, and knows which keys the schema has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from shared.config.schema import (
    AskTrainer,
    CommandTrainer,
    FunctionTrainer,
    NoopTrainer,
    PpoTrainer,
    Refused,
    SweepJob,
)
from shared.config.secrecy import is_secret
from shared.domain.errors import ConfigError
from shared.domain.wording import expected_by, nearest, reads_as_number, show, wrong_value

TRAINERS: Final[dict[str, type[BaseModel]]] = {
    "ppo": PpoTrainer,
    "function": FunctionTrainer,
    "command": CommandTrainer,
    "ask": AskTrainer,
    "noop": NoopTrainer,
}
Where = Callable[[str], str | None]
"""Returns where a dotted key was set, as `FILE:LINE` or `command line`; None if nobody set it."""


def explain(error: ValidationError, where: Where = lambda _: None) -> ConfigError:
    """Return the first fault as a ConfigError with the number of all others and, by `where`, its place."""
    first, *others = error.errors(include_url=False)
    found = explain_fault(first)
    return found.at(where(found.fault.path)).among(len(others))


def key_path(fault: Mapping[str, Any]) -> str:
    """Return the dotted key of a fault as it is written in a config."""
    loc = list(fault["loc"])
    if len(loc) > 1 and loc[0] == "trainer" and loc[1] in TRAINERS:
        del loc[1]  # the kind of trainer, which pydantic adds
    return ".".join(str(part) for part in loc)


def section_at(path: Sequence[str], kind: str) -> type[BaseModel] | None:
    """Return the schema of the section at `path`, None where the keys are the user's own."""
    model: type[BaseModel] | None = SweepJob
    named = False  # the next key is a name chosen by the user, of a simulation for example
    for key in path:
        if named:
            named = False
            continue
        if model is None or key not in model.model_fields:
            return None
        is_trainer = model is SweepJob and key == "trainer"
        annotation = TRAINERS.get(kind) if is_trainer else model.model_fields[key].annotation
        if get_origin(annotation) is dict:
            annotation, named = get_args(annotation)[1], True
        model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return model


def keys_at(path: Sequence[str], kind: str) -> list[str]:
    """Return the keys of the section at `path`."""
    section = section_at(path, kind)
    return list(section.model_fields) if section else []


def explain_fault(fault: Mapping[str, Any]) -> ConfigError:
    """Return one fault of pydantic's as a ConfigError without a place."""
    path, kind, got = key_path(fault), _kind_of(fault), fault["input"]
    *parents, last = path.split(".")
    if fault["type"] == "extra_forbidden":
        known = keys_at(parents, kind)
        return ConfigError("unknown key", path=path, meant=nearest(last, known), expected=f"one of {', '.join(known)}")
    if fault["type"] == "missing":
        return ConfigError("missing", path=path, remedy=f"set it, for example on the command line with {path}=...")
    if fault["type"] == "union_tag_invalid":
        tag = str(fault["ctx"]["tag"])
        return wrong_value(f"{path}.kind", tag, f"one of {', '.join(TRAINERS)}", meant=nearest(tag, TRAINERS))
    if fault["type"] == "value_error":
        error = fault["ctx"]["error"]
        return error.error.within(path) if isinstance(error, Refused) else ConfigError(str(error), path=path)
    if path == "sweep.metric" and isinstance(got, Mapping):
        return _of_wandb(got)
    return ConfigError(
        path=path,
        got="a secret" if is_secret(last, got) else show(got),
        expected=expected_by(fault),
        meant=_meant(got, _literals(parents, last, kind)),
        remedy=_about_quotes(str(fault["type"]), got),
    )


def _about_quotes(kind: str, got: object) -> str:
    if kind == "string_type":
        return "" if isinstance(got, Mapping | list) else "put quotes around it"
    is_plain = isinstance(got, str) and (reads_as_number(got) or got in ("true", "false"))
    return "remove the quotes" if is_plain and kind.startswith(("int_", "float_", "bool_")) else ""


def _of_wandb(metric: Mapping[str, Any]) -> ConfigError:
    """Return what to write instead of a metric that is a section, as in W&B."""
    name, goal = metric.get("name", "NAME"), metric.get("goal", "minimize")
    remedy = f"write metric: {name} and goal: {goal}, or convert a sweep file of W&B with `sweepctl import wandb FILE`"
    return wrong_value("sweep.metric", dict(metric), "a text", remedy)


def _literals(parents: Sequence[str], key: str, kind: str) -> list[str]:
    """Return the words that are legal for a key, if it has a fixed set of them."""
    section = section_at(parents, kind)
    field = section.model_fields.get(key) if section else None
    return [word for word in get_args(field.annotation) if isinstance(word, str)] if field else []


def _kind_of(fault: Mapping[str, Any]) -> str:
    loc = fault["loc"]
    return str(loc[1]) if len(loc) > 1 and loc[0] == "trainer" else ""


def _meant(word: object, words: Sequence[str]) -> str | None:
    if not isinstance(word, str):
        return None
    begun = [known for known in words if len(word) > 1 and known.startswith(word)]
    if len(begun) == 1:
        return begun[0]
    return nearest(word, words) if len(word) > 3 else None  # gpu is not a slip for cpu
