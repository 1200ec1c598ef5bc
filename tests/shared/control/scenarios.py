"""Sweeps in several states, as fixtures. A module that imports them defines `advance`, which makes suggestions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.config.compose import compose
from shared.control.submit import submit
from shared.domain.progress import Progress
from shared.domain.run import Checkpoint, Failure, Run, RunState, claim, fail, finish_training, keep_checkpoint, observe
from shared.domain.sweep import Sweep
from shared.storage.checkpoints import open_checkpoint, write_checkpoint
from shared.storage.folders import RunFolder
from shared.storage.records import write_run
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import AJob

Advance = Callable[[str], None]
Begin = Callable[..., None]
Lose = Callable[..., Path]
RUNS = 4
SUITE = """
name: hard
num_episodes: 3
simulations:
  long: {env: CartPole-v1, env_kwargs: {max_episode_steps: 1000}}
"""


@pytest.fixture
def lose(store: Store, a_job: AJob, advance: Advance, tmp_path: Path) -> Lose:
    """Submit a sweep, let the first of its runs end and the next be trained, lose the store, return the folder."""

    def make(*overrides: str, observed: int = 3) -> Path:
        folder = tmp_path / "sweep" / "s"
        submit(store, a_job("budget.max_runs=8", "parallelism=2", "sim=none", *overrides))
        for number in range(1, observed + 2):
            advance("s")
            run = claim(store.runs.get(f"s.r.{number}"), worker="w", nonce="n", at=0.0)
            run = keep_checkpoint(run, Checkpoint(step=5, path="5.a1", sha256="x"), seconds=1.0)
            if number == 2:
                run = fail(run, Failure(kind="user code", message="boom"), cost=1.0)
            elif number <= observed:
                run = observe(run, score=float(number), cost=2.0, seconds=1.0, steps=9, metrics={"reward": 1.0})
            store.runs.commit(store.runs.get(run.id), run.model_copy(update={"version": 2}))
            write_run(RunFolder(folder / "runs" / run.id), run)
        return folder

    return make


@pytest.fixture
def begin(store: Store, a_job: AJob, advance: Advance) -> Begin:
    """Submit sweep `s`, and let runs 2 and 3 of its four fail after a checkpoint."""

    def make(*overrides: str) -> None:
        submit(store, a_job(f"budget.max_runs={RUNS}", "parallelism=1", "look_ahead=0", *overrides))
        for number in range(1, RUNS + 1):
            advance("s")
            end(store, store.runs.get(f"s.r.{number}"), fails=number in (2, 3))
        advance("s")

    return make


def end(store: Store, run: Run, *, fails: bool = False) -> Run:
    """Let a run end with a score, or fail after a checkpoint."""
    held = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
    if fails:
        held = store.runs.commit(
            held, keep_checkpoint(held, Checkpoint(step=5, path="5.a1", sha256="x"), seconds=1.0), lease=60_000
        )
        return store.runs.commit(held, fail(held, Failure(kind="user code", message="boom"), cost=3.0))
    reported: dict[str, Any] = {"score": float(run.number), "cost": 2.0, "seconds": 1.0, "steps": 9}
    return store.runs.commit(held, observe(held, **reported, metrics={}))


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """Return a folder with a suite of its own."""
    (tmp_path / "configs" / "sim").mkdir(parents=True)
    (tmp_path / "configs" / "sim" / "hard.yaml").write_text(SUITE)
    return tmp_path / "configs"


@pytest.fixture
def old(store: Store, advance: Advance, tmp_path: Path) -> Sweep:
    """A finished sweep `s` of four runs: the second failed, the third has lost its checkpoint."""
    usual = ["sweep_run=s", f"budget.max_runs={RUNS}", "parallelism=1", "look_ahead=0", "sweep.method=random"]
    submit(store, compose("quick", usual, data_dir=tmp_path).job)
    for number in range(1, RUNS + 1):
        advance("s")
        carry_out(store, tmp_path, store.runs.get(f"s.r.{number}"), fails=number == 2)
    advance("s")
    open_checkpoint(folder_of(tmp_path, "s.r.3"), checkpoint_of(store, "s.r.3")).unlink()
    return store.sweeps.get("s")


def carry_out(store: Store, data_dir: Path, run: Run, *, fails: bool = False, score: float | None = None) -> Run:
    """Let a run be trained with a checkpoint on disk, and evaluated."""
    if run.state is RunState.QUEUED:
        run = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
        content = f"weights of {run.number}"
        made = write_checkpoint(
            folder_of(data_dir, run.id), run=run.id, attempt=1, step=9, save=lambda path: path.write_text(content)
        )
        run = store.runs.commit(run, keep_checkpoint(run, made, seconds=5.0), lease=60_000)
        store.runs.renew(run, lease_ms=60_000, progress=Progress().after(9, {"reward": 1.0}, metric="reward"))
        if fails:
            return store.runs.commit(run, fail(run, Failure(kind="user code", message="boom"), cost=5.0))
        run = store.runs.commit(run, finish_training(run, seconds=1.0, steps=9, metrics={"flops": 3.0}))
    run = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
    found = {"reward": score or float(run.number), "cartpole/reward": 1.0, "total_time": 2.0}
    cost = run.train_seconds + 2.0
    reported: dict[str, Any] = {"cost": cost, "seconds": 2.0, "steps": 9, "metrics": {**run.metrics, **found}}
    return store.runs.commit(run, observe(run, score=found["reward"], **reported))


def folder_of(data_dir: Path, run: str) -> RunFolder:
    """Return the folder of a run."""
    return RunFolder(data_dir / "sweep" / run.rpartition(".r.")[0] / "runs" / run)


def checkpoint_of(store: Store, run: str) -> Any:
    """Return the last checkpoint of a run."""
    return store.runs.get(run).checkpoint
