"""What all tests share: a real server, and runs and sweeps that are quick to write down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from shared.domain import run as moves
from shared.domain.run import Checkpoint, Failure, Prediction, Run, RunState
from shared.domain.sweep import Limits, Sweep
from shared.store import embedded
from shared.store.store import Store, open_store


class ARun(Protocol):
    """Builds a run of sweep `s` that has come as far as `state` by legal moves, with `changes` at the end."""

    def __call__(self, state: RunState = RunState.QUEUED, /, **changes: Any) -> Run: ...


class ASweep(Protocol):
    """Builds a sweep `s` with `changes`; `limits` may be a mapping."""

    def __call__(self, /, **changes: Any) -> Sweep: ...


@pytest.fixture(scope="session")
def a_run() -> ARun:
    """Return the builder of runs."""
    return _a_run


@pytest.fixture(scope="session")
def a_sweep() -> ASweep:
    """Return the builder of sweeps."""
    return _a_sweep


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a private server that all tests share; each of them finds it empty."""
    with embedded.start(tmp_path_factory.mktemp("server")) as held:
        with_settings = open_store(held.url)
        with_settings.client.config_set("appendfsync", "no")  # what is tested here survives no power cut
        with_settings.close()
        yield held.url


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    """Yield an empty store on the real server."""
    opened = open_store(redis_url)
    opened.client.flushall()
    yield opened
    opened.close()


def _a_sweep(**changes: Any) -> Sweep:
    limits = changes.pop("limits", {})
    usual: dict[str, Any] = {
        "version": 1,
        "name": "s",
        "goal": "maximize",
        "queue": "gpu",
        "limits": limits if isinstance(limits, Limits) else Limits(**limits),
        "config": {},
        "config_hash": "",
        "created_at": 0.0,
    }
    return Sweep(**{**usual, **changes})


def _a_run(state: RunState = RunState.QUEUED, /, **changes: Any) -> Run:
    sweep, number = changes.pop("sweep", "s"), changes.pop("number", 1)
    prediction = Prediction(source="test")
    run = moves.suggest(sweep=sweep, number=number, queue="gpu", params={"trainer.x": 0.5}, prediction=prediction)
    return _on_its_way(run, state).model_copy(update=changes)


def _on_its_way(run: Run, state: RunState) -> Run:
    if state is RunState.QUEUED:
        return run
    if state is RunState.CANCELLED:
        return moves.cancel(run)
    run = moves.claim(run, worker="w", nonce="n", at=0.0)
    if state is RunState.TRAINING:
        return run
    if state is RunState.FAILED:
        return moves.fail(run, Failure(kind="user code", message="boom"), cost=1.0)
    run = moves.keep_checkpoint(run, Checkpoint(step=10, path="10.a1", sha256="abc"), seconds=1.0)
    run = moves.finish_training(run, seconds=1.0, steps=20, metrics={})
    if state is RunState.TRAINED:
        return run
    run = moves.claim(run, worker="w", nonce="n", at=0.0)
    if state is RunState.EVALUATING:
        return run
    return moves.observe(run, score=1.0, cost=2.0, seconds=1.0, steps=20, metrics={})
