"""Turns what pydantic found into the one line that a person needs, and knows which keys the schema has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from shared.config.schema import AskTrainer, CommandTrainer, FunctionTrainer, NoopTrainer, PpoTrainer, SweepJob
from shared.config.secrecy import is_secret
from shared.domain.errors import ConfigError
from shared.domain.wording import did_you_mean, show

TRAINERS: Final[dict[str, type[BaseModel]]] = {
    "ppo": PpoTrainer,
    "function": FunctionTrainer,
    "command": CommandTrainer,
    "ask": AskTrainer,
    "noop": NoopTrainer,
}
Where = Callable[[str], str | None]


def explain(error: ValidationError, where: Where) -> ConfigError:
    """Return the first fault as a ConfigError; `where` tells which file or command line set a dotted key."""
    faults = error.errors(include_url=False)
    first = faults[0]
    path, sentence = _sentence(first)
    place = where(path)
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return ConfigError(f"{place + ': ' if place else ''}{sentence}{more}")


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
    """Return the keys that may stand in the section at `path`."""
    section = section_at(path, kind)
    return list(section.model_fields) if section else []


def _sentence(fault: Mapping[str, Any]) -> tuple[str, str]:
    path, kind = key_path(fault), _kind_of(fault)
    *parents, last = path.split(".")
    if fault["type"] == "extra_forbidden":
        known = keys_at(parents, kind)
        return path, f"{path}: unknown key{did_you_mean(last, known)}; expected one of {', '.join(known)}"
    if fault["type"] == "missing":
        return path, f"{path}: missing; give it a value, on the command line with {path}=..."
    if fault["type"] == "union_tag_invalid":
        tag = str(fault["ctx"]["tag"])
        path = f"{path}.kind"
        expected = ", ".join(TRAINERS)
        return path, f"{path} is {show(tag)}: expected one of {expected}{did_you_mean(tag, TRAINERS)}"
    if fault["type"] == "value_error":
        return path, f"{path}: {fault['ctx']['error']}"
    if path == "sweep.metric" and isinstance(fault["input"], Mapping):
        return path, _of_wandb(fault["input"])
    got = "a secret" if is_secret(last, fault["input"]) else show(fault["input"])
    expected = _expected(fault)
    hint = _meant(fault["input"], _literals(parents, last, kind))
    return path, f"{path} is {got}: expected {expected}{hint}"


def _of_wandb(metric: Mapping[str, Any]) -> str:
    """Return what to write instead of a metric that is a section, as W&B has it."""
    name, goal = metric.get("name", "NAME"), metric.get("goal", "minimize")
    return (
        f"sweep.metric is {show(dict(metric))}: expected text; write metric: {name} and goal: {goal}; "
        "a sweep file of W&B: `sweepctl import wandb FILE`"
    )


def _literals(parents: Sequence[str], key: str, kind: str) -> list[str]:
    """Return the words that a key may take, if it is one of a few."""
    section = section_at(parents, kind)
    field = section.model_fields.get(key) if section else None
    return [word for word in get_args(field.annotation) if isinstance(word, str)] if field else []


def _kind_of(fault: Mapping[str, Any]) -> str:
    loc = fault["loc"]
    return str(loc[1]) if len(loc) > 1 and loc[0] == "trainer" else ""


def _expected(fault: Mapping[str, Any]) -> str:
    text = str(fault["msg"]).removeprefix("Input should be ").removeprefix("Input should ")
    plain = {
        "a valid integer": "a whole number",
        "a valid number": "a number",
        "a valid string": "text; put quotes around it",
        "a valid boolean": "true or false",
    }
    if text.startswith("a valid dictionary"):
        return "keys and values"
    quoted = isinstance(fault["input"], str) and re.fullmatch(r"[-+\d.eE]+|true|false", fault["input"])
    return plain.get(text, text) + (", without quotes" if quoted else "")


def _meant(word: object, words: Sequence[str]) -> str:
    if not isinstance(word, str):
        return ""
    begun = [known for known in words if len(word) > 1 and known.startswith(word)]
    if len(begun) == 1:
        return f" (did you mean {begun[0]}?)"
    return did_you_mean(word, words) if len(word) > 3 else ""  # gpu is not a slip for cpu
