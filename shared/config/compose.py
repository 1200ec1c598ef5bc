"""Composes a sweep job from files, presets and overrides, and validates all of it before anything is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from shared.config.checks import check_command, check_space, check_together, find_non_finite
from shared.config.explain import TRAINERS, Where, explain
from shared.config.files import ConfigDirs, default_groups, find_dirs, load_configs
from shared.config.names import check_name, slug
from shared.config.overrides import COMMAND_LINE, ParsedOverrides, Setting, apply, parse_overrides
from shared.config.published import read_published
from shared.config.schema import SweepConfig, SweepJob
from shared.config.searched import leaves, length_of, pin_overrides, read_space
from shared.config.secrecy import FROM_A_FILE, STORED, find_secret, guarded_environment
from shared.domain.errors import ConfigError
from shared.domain.wording import nearest, one_line, wrong_value

if TYPE_CHECKING:
    from omegaconf import DictConfig

ValidateProtein = Callable[[Mapping[str, Any]], list[str]]
"""Returns notes on the `protein:` block of a sweep; raises ConfigError for what cannot be used."""


REPLACEABLE = frozenset({"sim", "wandb", "hardware"})
"""The groups whose config can be replaced in a sweep that is made from another one."""


@dataclass(frozen=True)
class Composed:
    """A valid job, the config of `sweep/` that it is made from, and notes on what was read differently than written."""

    job: SweepJob
    sweep: str
    notes: tuple[str, ...]


def compose(
    name: str | None = None,
    overrides: Sequence[str] = (),
    *,
    config_dir: Path | None = None,
    data_dir: Path | None = None,
    pin: bool = False,
    now: datetime | None = None,
    validate_protein: ValidateProtein | None = None,
) -> Composed:
    """Return the job of the sweep config `name` (None: the one in sweep_job.yaml) with Hydra `overrides`.

    `pin` lets an override fix a key that the sweep would search. `now` names a sweep without `sweep_run`.
    Raises ConfigError, one line, for anything that cannot be used; writes nothing.
    """
    dirs = find_dirs(config_dir)
    asked = parse_overrides(overrides, dirs, sweep=name)
    where = _locator(asked, dirs)
    with guarded_environment():
        config, sweep = _load(dirs, asked)
        added = apply(asked.settings, config)
        _place(config, asked, data_dir=data_dir, fresh=f"{slug(sweep)}-{now or datetime.now():%Y%m%d-%H%M%S}")
        plain = _resolve(config, where)
    _refuse_secrets_and_non_finite(plain, where)
    _refuse_additions(added, plain)
    notes = read_published(plain, where)
    notes += _choose_queue(plain, asked, dirs)
    notes += pin_overrides(plain, asked, pin=pin, where=where)
    space = read_space(plain, where)
    job = _validate(plain, where)
    notes += [*space.notes, *check_space(space, plain["trainer"], where)]
    notes += _check_protein(job, validate_protein, where)
    check_together(job)
    check_command(job, space, where)
    return Composed(job, sweep, tuple(dict.fromkeys(notes)))


def recompose(
    job: SweepJob,
    overrides: Sequence[str],
    *,
    sweep_run: str,
    config_dir: Path | None = None,
    data_dir: Path | None = None,
) -> SweepJob:
    """Return the frozen `job` with Hydra `overrides`, as a sweep of its own: `sweep_run`, unless they name it.

    Overrides can set values, and choose another config of the groups sim, wandb and hardware. The folders are the usual
    ones below `data_dir` (None: that of the job). Raises ConfigError, one line, for anything that cannot be used.
    """
    from omegaconf import OmegaConf

    dirs = find_dirs(config_dir)
    asked = parse_overrides(overrides, dirs)
    if fixed := sorted(asked.groups.keys() - REPLACEABLE):
        path, problem = f"{fixed[0]}={asked.groups[fixed[0]]}", f"the config of sweep {job.sweep_run} is used"
        raise ConfigError(problem, place=COMMAND_LINE, path=path, remedy="remove it")
    with guarded_environment():
        config = OmegaConf.create(job.model_dump(mode="json") | {"sweep_run": sweep_run, "runs_dir": None})
        _replace_groups(config, asked, dirs)
        where = _locator(asked, dirs)
        added = apply(asked.settings, config)
        _place(config, asked, data_dir=data_dir, fresh=sweep_run)
        plain = _resolve(config, where)
    _refuse_secrets_and_non_finite(plain, where)
    _refuse_additions(added, plain)
    _choose_queue(plain, asked, dirs)
    made = _validate(plain, where)
    check_together(made)
    return made


def _replace_groups(config: DictConfig, asked: ParsedOverrides, dirs: ConfigDirs) -> None:
    """Put the chosen configs into `config`, and forget all other files: they set nothing here."""
    from omegaconf import OmegaConf

    if not asked.groups:
        return
    composed, _ = _load(dirs, asked)
    chosen = {f"{group}/{name}" for group, name in asked.groups.items()}
    dirs.loaded[:] = [file for file in dirs.loaded if file.config_path in chosen]
    for file in dirs.loaded:
        if not file.package:
            config.merge_with(OmegaConf.create(file.checked.text))
    for group in asked.groups.keys() & {"sim", "wandb"}:
        config[group] = composed[group]


def _load(dirs: ConfigDirs, asked: ParsedOverrides) -> tuple[DictConfig, str]:
    replaced = default_groups(dirs)
    groups = [f"{'' if group in replaced else '+'}{group}='{name}'" for group, name in asked.groups.items()]
    config, choices = load_configs(dirs, groups)
    sweep = choices.get("sweep")
    if not isinstance(sweep, str):
        raise ConfigError("no sweep is chosen", remedy=f"name one of {', '.join(dirs.options('sweep'))}")
    return config, sweep


def _place(config: DictConfig, asked: ParsedOverrides, *, data_dir: Path | None, fresh: str) -> None:
    """Set the sweep's name and folders, before anything that refers to them is resolved."""
    from omegaconf import OmegaConf

    if asked.sweep_run is not None:
        config["sweep_run"] = asked.sweep_run
    refers = OmegaConf.is_interpolation(config, "sweep_run")
    if not refers and (OmegaConf.is_missing(config, "sweep_run") or config.get("sweep_run") is None):
        config["sweep_run"] = fresh
    if data_dir is not None:
        if asked.sets("data_dir"):
            problem = "written twice, as --data-dir and as data_dir="
            raise ConfigError(problem, place=COMMAND_LINE, path="data_dir", remedy="keep one of them")
        config["data_dir"] = str(data_dir)


def _locator(asked: ParsedOverrides, dirs: ConfigDirs) -> Where:
    """Return the function that says where a dotted key, or else the nearest section above it, was set."""
    written = {leaf for setting in asked.settings for leaf in setting.leaves()}

    def where(path: str) -> str | None:
        path = path.partition("[")[0]  # a list has the line of its key
        if any(leaf == path or leaf.startswith(f"{path}.") for leaf in written):
            return COMMAND_LINE
        return dirs.where(path) or (where(path.rpartition(".")[0]) if "." in path else None)

    return where


def _resolve(config: DictConfig, where: Where) -> dict[str, Any]:
    """Return plain data with every `${...}` replaced, a valid name and folders."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        path = str(error.full_key or "")
        raise _unresolved(error, path).within(path).at(where(path) or "config") from None
    data: dict[str, Any] = {str(key): value for key, value in plain.items()} if isinstance(plain, dict) else {}
    if not isinstance(data["sweep_run"], str):
        raise wrong_value("sweep_run", data["sweep_run"], "a text", "put quotes around it").at(
            where("sweep_run") or "config"
        )
    check_name(data["sweep_run"])
    data["data_dir"] = data.get("data_dir") or os.environ.get("DATA_DIR") or "./train_dir"
    data["runs_dir"] = data.get("runs_dir") or f"{data['data_dir']}/sweep/{data['sweep_run']}/runs"
    return data


def _unresolved(error: Exception, path: str) -> ConfigError:
    """Return why an interpolation has no value, by OmegaConf's error and those that it was raised for."""
    from omegaconf.errors import MissingMandatoryValue

    remedy = "write the value itself"
    if isinstance(error, MissingMandatoryValue):
        return ConfigError("missing", remedy=f"set it, for example on the command line with {path}=...")
    for cause in _causes(error):
        if isinstance(cause, ConfigError):  # of a variable that was read
            return cause
        if isinstance(cause, RecursionError):
            return ConfigError("the chain of interpolations (${...}) is too long", remedy=remedy)
    return ConfigError(one_line(error), remedy=remedy)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        error = error.__cause__ or error.__context__
        if error is not None:
            yield error


def _refuse_additions(added: Sequence[Setting], plain: Mapping[str, Any]) -> None:
    """A new key where any key is allowed needs a `+`, so that a misspelled key is not read as a new one."""
    trainer = plain.get("trainer")
    kind = trainer.get("kind", "ppo") if isinstance(trainer, dict) else "ppo"
    for setting in added:
        root, _, inner = setting.key.partition(".")
        if not inner and root not in SweepJob.model_fields:
            below = [path for path in leaves(plain) if path.endswith(f".{root}")]
            if below:
                raise ConfigError("unknown key", place=COMMAND_LINE, path=root, meant=below[0])
        first = inner.split(".")[0]
        section = {"trainer": TRAINERS.get(str(kind)), "sweep": SweepConfig}.get(root)
        if not inner or section is None or first in section.model_fields:
            continue
        if root == "trainer" and section.model_config.get("extra") != "allow":
            continue  # the schema refuses it
        known = [*section.model_fields, *(key for key in plain.get(root) or () if key != first)]
        remedy = f"write +{setting.key}=... to add a key of your own" if root == "trainer" else ""
        meant = nearest(first, known)
        raise ConfigError("unknown key", place=COMMAND_LINE, path=setting.key, meant=meant, remedy=remedy)


def _refuse_secrets_and_non_finite(plain: Mapping[str, Any], where: Where) -> None:
    secret = find_secret(plain)
    if secret:
        problem = f"looks like a secret, {STORED}"
        raise ConfigError(problem, place=where(secret) or "config", path=secret, remedy=f"remove it, and {FROM_A_FILE}")
    found = find_non_finite(plain)
    if found:
        path, value = found
        raise wrong_value(path, value, "a finite number").at(where(path) or "config")


def _choose_queue(plain: dict[str, Any], asked: ParsedOverrides, dirs: ConfigDirs) -> list[str]:
    """Set the queue for a preset of a machine without a GPU that names no queue, as published presets do."""
    preset = asked.groups.get("hardware")
    if preset is None or plain.get("device") != "cpu" or plain.get("queue") != "gpu":
        return []
    if asked.sets("queue") or asked.sets("device") or dirs.sets("hardware", "queue"):
        return []
    plain["queue"] = "cpu"
    return [f"queue is set to cpu, because hardware={preset} sets device: cpu"]


def _validate(plain: Mapping[str, Any], where: Where) -> SweepJob:
    try:
        return SweepJob.model_validate(plain)
    except ValidationError as error:
        raise explain(error, where) from None


def check_values(job: SweepJob, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values`, by dotted keys of the schema, in their types. Raises ConfigError for one that cannot be used."""
    plain = job.model_dump()
    for key, value in values.items():
        *parents, last = key.split(".")
        section = reduce(lambda node, name: node[name], parents, plain)
        section[last] = value
    checked = _validate(plain, lambda _: COMMAND_LINE).model_dump()
    return {key: reduce(lambda node, name: node[name], key.split("."), checked) for key in values}


def _check_protein(job: SweepJob, validate: ValidateProtein | None, where: Where) -> list[str]:
    if validate is None:
        return []
    try:
        notes = list(validate(job.sweep.protein))
        if job.sweep.protein.get("learning_curves") and length_of(job) is None:
            notes.append("protein.learning_curves has no effect without method bayes and a cost_param that is searched")
        return notes
    except ConfigError as error:
        raise error.at(where(f"sweep.{error.fault.path}")) from None
