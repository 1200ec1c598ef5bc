"""The searched keys of a config, as a search space; and what happens to keys that the command line sets, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from shared.config.explain import Where
from shared.config.overrides import COMMAND_LINE, ParsedOverrides
from shared.config.protein import ProteinSettings
from shared.config.schema import SweepJob
from shared.domain.constraints import CONSTRAINTS
from shared.domain.errors import ConfigError
from shared.domain.wording import wrong_value

if TYPE_CHECKING:
    from shared.domain.parameter import Parameter
    from shared.domain.search_space import SearchSpace


def read_space(plain: Mapping[str, Any], where: Where) -> SearchSpace:
    """Return the search space of a composed config; raise ConfigError with file and line of what is wrong in it."""
    from shared.domain.search_space import SearchSpace

    sweep = plain.get("sweep")
    parameters = sweep.get("parameters") if isinstance(sweep, dict) else None
    if not isinstance(parameters, dict) or not parameters:
        expected = "at least one parameter to search, with a distribution"
        raise wrong_value("sweep.parameters", parameters, expected).at(
            where("sweep.parameters") or where("sweep.metric")
        )
    try:
        constraints = sweep.get("constraints") if isinstance(sweep, dict) else None
        texts = constraints if isinstance(constraints, list) else []
        return SearchSpace.from_config(parameters, constraints=texts, fixed=_fixed(plain))
    except ConfigError as error:
        path = error.fault.path
        raise error.at(where(path if path == CONSTRAINTS else f"sweep.parameters.{path}")) from None


def space_of(job: SweepJob) -> SearchSpace:
    """Return the search space of a frozen job, with its conditions and constraints."""
    from shared.domain.search_space import SearchSpace

    fixed = leaves(job.model_dump(exclude={"sweep"}))
    return SearchSpace.from_config(job.sweep.parameters, constraints=job.sweep.constraints, fixed=fixed)


def _fixed(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a composed config by their dotted paths, its defaults included, as `space_of` has them."""
    try:
        return leaves(SweepJob.model_validate(plain).model_dump(exclude={"sweep"}))
    except ValidationError:  # reported with its place when the whole is validated
        return leaves({key: value for key, value in plain.items() if key != "sweep"})


def length_of(job: SweepJob) -> Parameter | None:
    """Return the searched parameter that makes a run longer (`protein.cost_param`); None without one."""
    from shared.domain.search_space import SearchSpace

    path = ProteinSettings.from_config(job.sweep.protein).cost_path
    if path is None or job.sweep.method != "bayes":
        return None
    parameters = SearchSpace.from_config(job.sweep.parameters).parameters
    return next((one for one in parameters if one.path == path and not one.is_categorical), None)


def user_params(job: SweepJob, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters by the names that the user gave them."""
    return {path.removeprefix(job.sweep.prefix): value for path, value in params.items()}


def full_paths(job: SweepJob, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters by their paths in the config; the user gave them names."""
    prefix = job.sweep.prefix
    return {name if name.startswith(prefix) else f"{prefix}{name}": value for name, value in params.items()}


def leaves(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the values of nested mappings by their dotted paths."""
    found: dict[str, Any] = {}
    for key, value in node.items():
        path = f"{prefix}{key}"
        found |= leaves(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return found


def pin_overrides(plain: dict[str, Any], asked: ParsedOverrides, *, pin: bool, where: Where) -> list[str]:
    """Refuse overrides of searched keys; with `pin` remove those keys from the search and return a note for each."""
    notes = []
    for path in read_space(plain, where).paths:
        if not asked.sets(path):
            continue
        if not pin:
            raise ConfigError(
                "the sweep searches this key, so each suggestion would replace your value",
                place=COMMAND_LINE,
                path=path,
                remedy="remove it, or fix it with --pin",
            )
        _drop(plain["sweep"]["parameters"], path)
        notes.append(f"{path} is pinned, so it is not searched")
    if notes and not plain["sweep"]["parameters"]:
        problem = "every searched key is pinned, so nothing is left to search"
        raise ConfigError(problem, place=COMMAND_LINE, remedy="pin fewer keys")
    return notes


def _drop(node: dict[str, Any], path: str) -> bool:
    """Remove the leaf at a dotted path, and empty mappings above it; return whether it was found.

    A key may itself have dots.
    """
    for key in list(node):
        if path == key:
            del node[key]
            return True
        below = node[key]
        if path.startswith(f"{key}.") and isinstance(below, dict) and _drop(below, path[len(key) + 1 :]):
            if not below:
                del node[key]
            return True
    return False
