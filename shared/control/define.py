"""Define a sweep in Python: make the same job as from a config file, with the same checks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from shared.config.checks import check_space, check_together, find_non_finite, with_values
from shared.config.explain import explain
from shared.config.names import check_name
from shared.config.protein import ProteinSettings
from shared.config.schema import SweepJob
from shared.config.searched import read_space
from shared.config.secrecy import find_secret
from shared.domain.errors import ConfigError
from shared.domain.search_space import SearchSpace
from shared.storage.folders import runs_folder

_WORD: Final = re.compile(r"[A-Za-z_][\w.]*")
PREFIX: Final = "trainer.params."
"""The parameters of a sweep from Python are below this key of its config: no name collides with another key."""


def define_job(
    name: str,
    space: Mapping[str, Any],
    *,
    trainer: Mapping[str, Any],
    sweep: Mapping[str, Any],
    data_dir: Path,
    **settings: Any,
) -> SweepJob:
    """Return the job of sweep `name` over `space`. Its runs report their own scores: no evaluator is needed.

    `sweep` has keys of the config's section `sweep`, `settings` has keys of its top level. Raises ConfigError.
    """
    check_name(name)
    if not space:
        raise ConfigError("the space is empty: expected at least one parameter, such as {'x': ps.uniform(0, 1)}")
    SearchSpace.from_config(space)  # so that an error shows the names that the caller used
    folder = data_dir.absolute()
    plain = {
        **settings,
        "sweep_run": name,
        "data_dir": str(folder),
        "runs_dir": str(runs_folder(folder, name)),
        "trainer": dict(trainer),
        "sim": {"simulations": {}},
        "sweep": _with_paths(sweep, space),
    }
    if secret := find_secret(plain):
        raise ConfigError(f"{secret} looks like a secret, and a config is stored: let the training read it from a file")
    if found := find_non_finite(plain):
        raise ConfigError(f"{found[0]} is {found[1]}: expected a finite number")
    parameters = read_space(plain, _nowhere)
    try:
        job = SweepJob.model_validate(plain)
    except ValidationError as error:
        raise explain(error, _nowhere) from None
    check_space(parameters, plain["trainer"], _nowhere)
    ProteinSettings.from_config(job.sweep.protein)
    check_together(job)
    return job


def _with_paths(sweep: Mapping[str, Any], space: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section `sweep` of a config in which every name of a parameter is its path in the config."""
    names = set(_names(space))
    protein = dict(sweep.get("protein", {}))
    if protein.get("cost_param") in names:
        protein["cost_param"] = f"{PREFIX}{protein['cost_param']}"
    return {
        **sweep,
        "protein": protein,
        "constraints": [_in_full(text, names) for text in sweep.get("constraints", ())],
        "prefix": PREFIX,
        "parameters": with_values({}, {PREFIX.rstrip("."): _conditions_in_full(space, names)}),
    }


def _names(space: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in space.items():
        if isinstance(value, Mapping) and "distribution" not in value:
            yield from _names(value, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _conditions_in_full(space: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in space.items():
        if key == "when" and isinstance(value, Mapping):
            found[key] = {f"{PREFIX}{name}" if name in names else name: wanted for name, wanted in value.items()}
        else:
            found[key] = _conditions_in_full(value, names) if isinstance(value, Mapping) else value
    return found


def _in_full(text: str, names: Collection[str]) -> str:
    """Return a constraint with the names in it replaced by paths."""
    return _WORD.sub(lambda word: f"{PREFIX}{word[0]}" if word[0] in names else word[0], text)


def _nowhere(path: str) -> str | None:
    return None
