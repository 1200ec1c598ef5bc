"""Reads what published sweep configs say in another place or in other words, and notes what has no effect here."""

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
    """Bring plain data of a published config into our form, in place; return a note for all that is left out."""
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
            notes.append(f"{key} has no effect here")
    if config.get("vectorization") is not None:
        notes.append("vectorization has no effect here: all environments are stepped at once")
    return notes


def _lift_head(sweep: dict[str, Any], where: Where) -> None:
    """Take metric, goal and method from under `parameters`, where some samples have them."""
    parameters = sweep.get("parameters")
    if not isinstance(parameters, dict):
        return
    for key in _HEAD:
        if key in parameters and not isinstance(parameters[key], dict):
            _lift(key, "parameters", sweep, where)


def _lift_early_stop(sweep: dict[str, Any], where: Where) -> list[str]:
    """Take early_stop_quantile from under `protein`, where it is the sweep's all the same."""
    protein = sweep.get("protein")
    if not isinstance(protein, dict) or _EARLY_STOP not in protein:
        return []
    place = where(f"sweep.protein.{_EARLY_STOP}")
    _lift(_EARLY_STOP, "protein", sweep, where)
    told = "has an effect, as sweep.early_stop_quantile: bad runs are stopped early; null leaves it off"
    return [f"{place + ': ' if place else ''}protein.{_EARLY_STOP} {told}"]


def _lift(key: str, section: str, sweep: dict[str, Any], where: Where) -> None:
    value = sweep[section].pop(key)
    if sweep.setdefault(key, value) != value:
        place = where(f"sweep.{section}.{key}")
        raise ConfigError(
            f"{place + ': ' if place else ''}{key} is {show(value)} under {section} and {show(sweep[key])} above: "
            "keep one of them"
        )


def _drop_foreign(sweep: dict[str, Any], where: Where) -> list[str]:
    """Leave out top-level keys that mean nothing here; one that looks like a misspelled key of ours is an error."""
    known = list(SweepConfig.model_fields)
    notes = []
    for key in [key for key in sweep if key not in known]:
        near = nearest(str(key), known)
        place = where(f"sweep.{key}")
        if key in SweepJob.model_fields:
            raise ConfigError(
                f"{place + ': ' if place else ''}{key} is no key of a sweep: put it into sweep_job.yaml, "
                "a hardware preset, or on the command line"
            )
        if near:
            raise ConfigError(f"{place + ': ' if place else ''}sweep.{key}: unknown key (did you mean {near}?)")
        del sweep[key]
        notes.append(f"{place + ': ' if place else ''}sweep.{key} has no effect here")
    return notes


def _drop_trainer_keys(trainer: dict[str, Any]) -> list[str]:
    notes = []
    for key in list(trainer):
        if key in _TRAINER_ELSEWHERE or key == "_target_":
            del trainer[key]
            notes.append(f"trainer.{key} has no effect here")
        elif key in _NO_EFFECT_HERE and trainer[key] is not None:
            notes.append(f"trainer.{key} has no effect here")
    return notes
