"""A job as plain data: for the store, for its hash, for comparisons and for YAML."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import yaml
from pydantic import ValidationError

from shared.config.checks import with_values
from shared.config.explain import explain
from shared.config.schema import SweepJob
from shared.config.secrecy import mask_secrets
from shared.domain.errors import ConfigError
from shared.domain.sweep import Sweep
from shared.domain.wording import show

_NOT_PART_OF_IT: Final = ("sweep_run", "data_dir", "runs_dir", "wandb")  # where it is kept and shown, not what it is
_LARGEST_WHOLE: Final = 2**53
_MOST_JOBS: Final = 256
_FLOAT_WITHOUT_DOT: Final = re.compile(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+")


class _Parsed(NamedTuple):
    """The job of a sweep, and what it was parsed from."""

    created_at: float
    plain: Mapping[str, Any]
    job: SweepJob


_jobs: dict[str, _Parsed] = {}
_lock = threading.Lock()


def to_plain(job: SweepJob) -> dict[str, Any]:
    """Return the job as plain data for JSON. The order of its keys matters: that of `parameters` is the search's."""
    return job.model_dump(mode="json")


def from_plain(plain: Mapping[str, Any]) -> SweepJob:
    """Return the job that `to_plain` wrote; raise ConfigError for one of a version that this one cannot read."""
    try:
        return SweepJob.model_validate(plain)
    except ValidationError as error:
        raise explain(error, lambda _: "the stored config was written by another version") from None


def job_of(sweep: Sweep) -> SweepJob:
    """Return the job of a sweep, parsed once in each process. Raises ConfigError if this version does not know it."""
    known = _jobs.get(sweep.name)
    # The name alone does not tell: a sweep may have been restored elsewhere, or be a new one in an emptied store.
    if known is not None and (known.created_at, known.plain) == (sweep.created_at, sweep.config):
        return known.job
    job = from_plain(sweep.config)
    with _lock:
        _jobs.pop(sweep.name, None)
        _jobs[sweep.name] = _Parsed(sweep.created_at, sweep.config, job)
        for name in list(_jobs)[:-_MOST_JOBS]:
            del _jobs[name]
    return job


def config_hash(job: SweepJob) -> str:
    """Return the sha256 of what the sweep is: the same for every name, folder, tracker and order of keys.

    Keys with their default values are not part of it, so that a key which a later version adds changes no hash.
    Compare it with the hash of the job as read back, not with one that an older version stored: a default may have
    changed.
    """
    plain = job.model_dump(mode="json", exclude_defaults=True)
    plain["trainer"] = {**plain.get("trainer", {}), "kind": job.trainer.kind}
    part = {key: _numbers(value) for key, value in plain.items() if key not in _NOT_PART_OF_IT}
    text = json.dumps(part, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ChangedKey:
    """A key that has another value in another job, both values as they are shown."""

    path: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.path}: {self.old} -> {self.new}"


def changed_keys(old: SweepJob, new: SweepJob) -> list[ChangedKey]:
    """Return the keys that make the hashes of two jobs differ; as text each is `trainer.num_envs: 64 -> 32`."""
    before, after = (
        {path: value for path, value in _leaves(to_plain(job)) if path.split(".")[0] not in _NOT_PART_OF_IT}
        for job in (old, new)
    )
    changes = []
    for path in [*before, *(path for path in after if path not in before)]:
        one, other = _numbers(before.get(path, ...)), _numbers(after.get(path, ...))
        if one != other or isinstance(one, bool) != isinstance(other, bool):
            changes.append(ChangedKey(path, _shown(before, path), _shown(after, path)))
    return changes


def run_config(job: SweepJob, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the job of one run as plain data. Raises ConfigError as `job_of_run` does."""
    return to_plain(job_of_run(job, params))


def job_of_run(job: SweepJob, params: Mapping[str, Any]) -> SweepJob:
    """Return the job of one run: that of its sweep with the suggested values written into it.

    Raises ConfigError if the values do not fit the schema, alone or together.
    """
    for path in params:
        if not path.startswith("trainer."):
            raise ConfigError("a suggestion can only set keys below `trainer`", path=path)
    try:
        return SweepJob.model_validate(with_values(to_plain(job), params))
    except ValidationError as error:
        raise explain(error, lambda path: "suggested values" if path in params else None) from None


def to_yaml(job: SweepJob) -> str:
    """Return the job as YAML with the keys of sweep_job.yaml; what looks like a secret is masked."""
    return str(yaml.dump(mask_secrets(to_plain(job)), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


class _Dumper(yaml.SafeDumper):
    """Quotes what Hydra, unlike PyYAML, would read as a number."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "'" if _FLOAT_WITHOUT_DOT.fullmatch(value) or re.fullmatch(r"[-+]?0[0-9_]+", value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _numbers(value: Any) -> Any:
    """Return plain data with 1.0 as 1, since they mean the same."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return int(value)
    if isinstance(value, dict):
        return {key: _numbers(below) for key, below in value.items()}
    return [_numbers(below) for below in value] if isinstance(value, list) else value


def _leaves(node: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in node.items():
        path = f"{prefix}{key}"
        found += _leaves(value, f"{path}.") if isinstance(value, Mapping) and value else [(path, value)]
    return found


def _shown(leaves: Mapping[str, Any], path: str) -> str:
    return show(leaves[path]) if path in leaves else "not set"
