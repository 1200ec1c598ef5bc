"""A policy on disk: tensors as safetensors, everything else as JSON. Reading it never runs code.

policy.json           the policy: format, env, env_kwargs, spaces, hidden sizes, normalisation, step
policy.safetensors    its weights and the moments of its observations
training.json         the state of the training, which is needed only to continue it
training.safetensors  the tensors of that state
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from shared.domain.errors import NotFound, SweepError
from shared.rl.policy import Policy
from shared.rl.spaces import spaces_from_json, spaces_to_json

FORMAT = "protein-sweeps/ppo"
VERSION = 1


class DamagedCheckpoint(SweepError):
    """A checkpoint that cannot be read: continue from the one before."""


@dataclass(frozen=True)
class PolicyCheckpoint:
    """A policy, its environment, and the step of its training."""

    policy: Policy
    env: str
    step: int
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    training_state: Mapping[str, Any] = field(default_factory=dict)
    """Plain data that the training needs to continue."""
    training_tensors: Mapping[str, Tensor] = field(default_factory=dict)


def save_checkpoint(path: Path, checkpoint: PolicyCheckpoint) -> None:
    """Write `checkpoint` to the folder `path`, which is created. The caller makes the write atomic."""
    policy = checkpoint.policy
    about = {
        "format": FORMAT,
        "version": VERSION,
        "env": checkpoint.env,
        "env_kwargs": dict(checkpoint.env_kwargs),
        "spaces": spaces_to_json(policy.spaces),
        "hidden_sizes": list(policy.hidden_sizes),
        "normalize_observations": policy.normalizer is not None,
        "step": checkpoint.step,
    }
    path.mkdir(parents=True, exist_ok=True)
    _write_tensors(path / "policy.safetensors", policy.state_dict())
    _write_tensors(path / "training.safetensors", checkpoint.training_tensors)
    (path / "training.json").write_text(json.dumps(dict(checkpoint.training_state), indent=1, allow_nan=False))
    (path / "policy.json").write_text(json.dumps(about, indent=1, allow_nan=False))


def load_checkpoint(path: Path, *, device: str = "cpu", with_training: bool = False) -> PolicyCheckpoint:
    """Read what `save_checkpoint` wrote, onto `device`; the state of the training only with `with_training`.

    Raises NotFound if there is no checkpoint at `path`, DamagedCheckpoint if it is truncated, incomplete or foreign.
    """
    if not path.is_dir():
        raise NotFound(f"{path}: no checkpoint here")
    about = _read_json(path / "policy.json")
    if about.get("format") != FORMAT or about.get("version") != VERSION:
        raise DamagedCheckpoint(
            f"{path}: this is {about.get('format')} version {about.get('version')}, expected {FORMAT} version "
            f"{VERSION}: another program or another version wrote it"
        )
    tensors = _read_tensors(path / "policy.safetensors", device)
    try:
        policy = _restore_policy(about, tensors)
        env, env_kwargs, step = str(about["env"]), dict(about["env_kwargs"]), int(about["step"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DamagedCheckpoint(f"{path}: policy.json and policy.safetensors do not fit together: {error}") from error
    if not with_training:
        return PolicyCheckpoint(policy, env, step, env_kwargs)
    state, training = _read_json(path / "training.json"), _read_tensors(path / "training.safetensors", device)
    return PolicyCheckpoint(policy, env, step, env_kwargs, state, training)


def _restore_policy(about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Policy:
    hidden_sizes = [int(size) for size in about["hidden_sizes"]]
    with torch.device("meta"):  # allocates nothing: the file may state any size
        policy = Policy(
            spaces_from_json(about["spaces"]),
            hidden_sizes,
            normalize_observations=bool(about["normalize_observations"]),
        )
    for name, expected in policy.state_dict().items():
        if name in tensors and tensors[name].dtype != expected.dtype:
            raise ValueError(f"{name} is {tensors[name].dtype}, expected {expected.dtype}")
    policy.load_state_dict(dict(tensors), assign=True)
    return policy


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    # Cloned: parameters may be views of one vector, which the format cannot store.
    save_file({name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}, path)


def _read_tensors(path: Path, device: str) -> dict[str, Tensor]:
    try:
        return load_file(path, device=device)
    except FileNotFoundError as error:
        raise DamagedCheckpoint(f"{path}: missing; the checkpoint is incomplete") from error
    except (SafetensorError, OSError) as error:
        raise DamagedCheckpoint(f"{path}: not a complete safetensors file ({error})") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise DamagedCheckpoint(f"{path}: missing; this is not a complete checkpoint of the built-in PPO") from error
    except (ValueError, RecursionError, OSError) as error:
        raise DamagedCheckpoint(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(data, dict):
        raise DamagedCheckpoint(f"{path}: not a JSON object")
    return data
