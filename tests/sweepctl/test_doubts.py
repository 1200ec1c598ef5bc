"""What a sweep needs beside the store is looked at before it is submitted."""

from __future__ import annotations

import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from shared.store.store import Store
from tests.shared.tracking.conftest import KEY, SmallWandb, small_wandb
from tests.sweepctl.conftest import Sweepctl

__all__ = ["small_wandb"]
SUBMIT = ("submit", "quick", "trainer=noop", "sim=none", "sweep_run=mine")
Usage = namedtuple("Usage", ["total", "used", "free"])


def test_a_key_that_wandb_refuses_fails_at_submit_and_nothing_is_written(
    sweepctl: Sweepctl, store: Store, small_wandb: SmallWandb, tmp_path: Path
) -> None:
    small_wandb.status = 401

    ended = sweepctl(*SUBMIT, "wandb=online", REDIS_URL=store.url)

    assert ended.returncode == 4
    assert ended.stderr == (
        f"error: Weights & Biases at {small_wandb.url} refuses the key of this machine; "
        "set the right one in WANDB_API_KEY, or use wandb=offline\n"
    )
    assert KEY not in ended.stderr
    assert store.sweeps.names() == []
    assert list(tmp_path.iterdir()) == []


def test_a_wandb_that_is_down_is_a_note_and_the_sweep_is_submitted(
    sweepctl: Sweepctl, store: Store, small_wandb: SmallWandb
) -> None:
    small_wandb.go_away()

    ended = sweepctl(*SUBMIT, "wandb=online", REDIS_URL=store.url)

    assert ended.returncode == 0
    assert ended.stderr == (
        "note: could not check the key for W&B, because it does not answer: "
        "if W&B refuses it, the sweep is tracked offline\n"
    )
    assert store.sweeps.names() == ["mine"]


def test_only_who_starts_a_sweep_asks_wandb(sweepctl: Sweepctl, small_wandb: SmallWandb) -> None:
    assert sweepctl("config", "quick", "wandb=online").returncode == 0
    assert small_wandb.asked == []


def test_a_disk_that_is_nearly_full_is_a_note_at_the_start(
    sweepctl: Sweepctl, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10**12, 10**12, 4 * 10**8))

    ended = sweepctl(*SUBMIT, REDIS_URL=store.url)

    assert ended.returncode == 0
    assert ended.stderr == (
        f"note: only 0.4 GB free in {tmp_path}: checkpoints may not fit; free some, or use another --data-dir\n"
    )


@pytest.mark.parametrize("command", ["run", "submit", "rollout"])
def test_a_method_whose_package_is_missing_is_exit_code_2_and_nothing_is_written(
    sweepctl: Sweepctl, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)

    ended = sweepctl(command, *SUBMIT[1:], "sweep.method=optuna-tpe", REDIS_URL=store.url)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "error: sweep.method is optuna-tpe: Optuna is not installed here; run pip install 'protein-sweeps[optuna]'\n"
    )
    assert store.sweeps.names() == []
    assert list(tmp_path.iterdir()) == []


def test_only_who_starts_a_sweep_needs_the_package_of_its_method(
    sweepctl: Sweepctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)

    assert sweepctl("config", "quick", "sweep.method=optuna-gp").returncode == 0
