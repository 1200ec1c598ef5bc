from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch

from shared.domain.errors import NotFound
from shared.rl.checkpoint import DamagedCheckpoint, PolicyCheckpoint, load_checkpoint, save_checkpoint
from shared.rl.policy import Policy
from shared.rl.spaces import BoxActions, Spaces

FILES = ["policy.json", "policy.safetensors", "training.json", "training.safetensors"]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    policy = Policy(Spaces((3,), BoxActions((1,), low=(-2.0,), high=(2.0,))), (8, 4), normalize_observations=True)
    policy.initialize(torch.Generator().manual_seed(0))
    assert policy.normalizer is not None
    policy.normalizer.update(torch.tensor([[1.0, 2.0, 3.0], [4.0, 6.0, 8.0]]))
    checkpoint = PolicyCheckpoint(
        policy, "Pendulum-v1", 4096, {"g": 9.81}, {"recent": [1.5]}, {"adam.mean": torch.ones(2)}
    )
    save_checkpoint(tmp_path / "here", checkpoint)
    return tmp_path / "here"


def test_the_policy_is_rebuilt_only_from_its_folder(saved: Path) -> None:
    loaded = load_checkpoint(saved, with_training=True)

    assert (loaded.env, loaded.step, loaded.env_kwargs) == ("Pendulum-v1", 4096, {"g": 9.81})
    assert loaded.policy.hidden_sizes == (8, 4)
    assert loaded.policy.normalizer is not None
    assert loaded.policy.normalizer.mean.tolist() == [2.5, 4.0, 5.5]
    assert loaded.policy.act(torch.zeros(1, 3)).shape == (1, 1)
    assert loaded.training_state == {"recent": [1.5]}
    assert loaded.training_tensors["adam.mean"].tolist() == [1, 1]


def test_a_loaded_policy_can_be_trained_on(saved: Path) -> None:
    assert all(parameter.requires_grad for parameter in load_checkpoint(saved).policy.parameters())


def test_an_evaluation_does_not_need_the_state_of_the_training(saved: Path) -> None:
    for name in FILES[2:]:
        (saved / name).unlink()

    assert load_checkpoint(saved).step == 4096


def test_a_checkpoint_that_does_not_exist_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no checkpoint here"):
        load_checkpoint(tmp_path / "nothing")


@pytest.mark.parametrize("name", FILES)
def test_a_checkpoint_with_a_truncated_file_is_damaged(saved: Path, name: str) -> None:
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[: len(content) // 2])

    with pytest.raises(DamagedCheckpoint, match=name):
        load_checkpoint(saved, with_training=True)


@pytest.mark.parametrize("name", FILES)
def test_a_checkpoint_without_one_of_its_files_is_damaged(saved: Path, name: str) -> None:
    (saved / name).unlink()

    with pytest.raises(DamagedCheckpoint, match=name):
        load_checkpoint(saved, with_training=True)


class Bait:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("taken",)


@pytest.mark.parametrize("name", FILES)
def test_a_pickle_is_never_executed(saved: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (saved / name).write_bytes(pickle.dumps(Bait()))

    with pytest.raises(DamagedCheckpoint):
        load_checkpoint(saved, with_training=True)

    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "somebody/else"}, "somebody/else"),
        ({"version": 99}, "another version wrote it"),
        ({"hidden_sizes": [8, 5]}, "do not fit together"),
        ({"hidden_sizes": [10**9, 10**9]}, "do not fit together"),  # compared, never allocated
        ({"hidden_sizes": "many"}, "do not fit together"),
        ({"spaces": {}}, "do not fit together"),
        ({"normalize_observations": False}, "do not fit together"),
    ],
)
def test_a_checkpoint_whose_description_does_not_fit_its_weights_is_damaged(
    saved: Path, change: dict[str, object], complaint: str
) -> None:
    about = json.loads((saved / "policy.json").read_text())
    (saved / "policy.json").write_text(json.dumps(about | change))

    with pytest.raises(DamagedCheckpoint, match=complaint):
        load_checkpoint(saved)
