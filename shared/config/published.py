"""Reads published sweep configs: moves keys that are elsewhere in them, and notes the keys that have no effect here."""

from __future__ import annotations

from typing import Any, Final

from shared.config.explain import Where
from shared.config.schema import SweepConfig, SweepJob
from shared.domain.errors import ConfigError
from shared.domain.wording import nearest, show

_EARLY_STOP: Final = "early_stop_quantile"
_HEAD: Final = ("metric", "goal", "method")
_TRAINER_ELSEWHERE: Final = frozenset(
    ("async_factor", "bptt_horizon", "curriculum", "num_steps", "rollout_workers", "verbose", "zero_copy")
)
_ROOT_ELSEWHERE: Final = ("cmd", "dist_cfg_path", "run")
_NO_EFFECT_HERE: Final = ("num_workers", "forward_pass_minibatch_target_size")


def read_published(config: dict[str, Any], where: Where) -> list[str]:
    """Change plain data of a published config into our form, in place; return a note for everything left out."""
    notes: list[str] = []
    sweep, trainer = config.get("sweep"), config.get("trainer")
    if isinstance(sweep, dict):
        _lift_head(sweep, where)
        notes += _lift_early_stop(sweep, where)
        notes += _drop_foreign(sweep, where)
    if isinstance(trainer, dict) and trainer.get("kind", "ppo") == "ppo":
        notes += _drop_trainer_keys(trainer)
    for key in _ROOT_ELSEWHERE:
        if key in config and (key != "run" or config[key] is None):
            del config[key]
            notes.append(no_effect(key))
    if config.get("vectorization") is not None:
        notes.append(f"{no_effect('vectorization')}: all environments are stepped at once")
    return notes


def _lift_head(sweep: dict[str, Any], where: Where) -> None:
    """Move metric, goal and method up from `parameters`, where some samples have them."""
    parameters = sweep.get("parameters")
    if not isinstance(parameters, dict):
        return
    for key in _HEAD:
        if key in parameters and not isinstance(parameters[key], dict):
            _lift(key, "parameters", sweep, where)


def _lift_early_stop(sweep: dict[str, Any], where: Where) -> list[str]:
    """Move early_stop_quantile from `protein` to the sweep, to which it belongs."""
    protein = sweep.get("protein")
    if not isinstance(protein, dict) or _EARLY_STOP not in protein:
        return []
    place = where(f"sweep.protein.{_EARLY_STOP}")
    _lift(_EARLY_STOP, "protein", sweep, where)
    effect = "is used as sweep.early_stop_quantile: bad runs are stopped early; set it to null to prevent that"
    return [f"{place + ': ' if place else ''}protein.{_EARLY_STOP} {effect}"]


def _lift(key: str, section: str, sweep: dict[str, Any], where: Where) -> None:
    value = sweep[section].pop(key)
    if sweep.setdefault(key, value) != value:
        problem = f"{show(value)} in {section}, but {show(sweep[key])} above it"
        place = where(f"sweep.{section}.{key}")
        raise ConfigError(problem, place=place, path=f"sweep.{key}", remedy="keep one of them")


def _drop_foreign(sweep: dict[str, Any], where: Where) -> list[str]:
    """Remove top-level keys that mean nothing here; one that looks like a misspelled key of ours is an error."""
    known = list(SweepConfig.model_fields)
    notes = []
    for key in [key for key in sweep if key not in known]:
        path, place, meant = f"sweep.{key}", where(f"sweep.{key}"), nearest(str(key), known)
        if key in SweepJob.model_fields:
            remedy = "move it to sweep_job.yaml, to a hardware preset or to the command line"
            raise ConfigError("not a key of a sweep", place=place, path=path, remedy=remedy)
        if meant:
            raise ConfigError("unknown key", place=place, path=path, meant=meant)
        del sweep[key]
        notes.append(f"{place + ': ' if place else ''}{no_effect(path)}")
    return notes


def _drop_trainer_keys(trainer: dict[str, Any]) -> list[str]:
    notes = []
    for key in list(trainer):
        if key in _TRAINER_ELSEWHERE or key == "_target_":
            del trainer[key]
            notes.append(no_effect(f"trainer.{key}"))
        elif key in _NO_EFFECT_HERE and trainer[key] is not None:
            notes.append(no_effect(f"trainer.{key}"))
    return notes


def no_effect(path: str) -> str:
    """Return the note for a key that is accepted and not used."""
    return f"{path} has no effect here"
