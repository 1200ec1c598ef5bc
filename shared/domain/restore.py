"""Rebuild the history of a run: the legal moves that lead to the mirror of its record."""

from __future__ import annotations

import sys

from shared.domain.run import (
    Prediction,
    Run,
    RunState,
    cancel,
    claim,
    fail,
    finish_training,
    keep_checkpoint,
    observe,
    release,
    retrain,
    stop_early,
    suggest,
)

KEPT = {
    "attempt",
    "token",
    "stuck_attempts",
    "furthest",
    "checkpoints",
    "train_seconds",
    "eval_seconds",
    "steps",
    "metrics",
    "setback",
    "other_code",
    "trained",
    "trained_whole",
    "earlier",
}
"""Fields that the moves below do not restore."""


def life_of(mirror: Run) -> list[Run]:
    """Return the records from the suggestion to `mirror`, each one legal move after the one before.

    A run in progress waits again: a training at its last checkpoint, an evaluation for an evaluator.
    """
    life = _trained_elsewhere(mirror) if mirror.origin else _trained_here(mirror)
    kept = {name: getattr(mirror, name) for name in KEPT}
    return [*life[:-1], life[-1].model_copy(update=kept)]


def _trained_here(mirror: Run) -> list[Run]:
    suggested = suggest(
        sweep=mirror.sweep,
        number=mirror.number,
        queue=mirror.queue,
        params=mirror.params,
        prediction=mirror.prediction,
    )
    life = [suggested, _claimed(suggested, mirror)]
    for checkpoint in mirror.checkpoints:
        life.append(keep_checkpoint(life[-1], checkpoint, seconds=checkpoint.train_seconds - life[-1].train_seconds))
    if mirror.early_stop is not None:
        life.append(stop_early(life[-1], mirror.early_stop))
    return [*life, *_ending(life[-1], mirror)]


def _trained_elsewhere(mirror: Run) -> list[Run]:
    """An adopted run has no training of its own, unless its checkpoint was damaged and it is trained again."""
    born = mirror.model_copy(update={"version": 1, "state": RunState.TRAINED, "last_move": "adopted", "owner": None})
    born = born.model_copy(update={"score": None, "cost": None, "failure": None, "cancel_requested": False})
    claimed, state = _claimed(born, mirror), _state(mirror)
    if state in (RunState.TRAINED, RunState.EVALUATING):
        return [born, claimed, release(claimed)]
    if state in (RunState.QUEUED, RunState.TRAINING):
        why = mirror.setback or "its checkpoint was damaged"
        return [born, claimed, retrain(claimed, mirror.checkpoint, why, max_stuck=sys.maxsize)]
    return [born, claimed, *_ending(claimed, mirror)]


def _state(mirror: Run) -> RunState:
    return RunState.CANCELLED if mirror.cancel_requested and not mirror.is_finished else mirror.state


def _claimed(run: Run, mirror: Run) -> Run:
    return claim(run, worker="restore", nonce="restore", at=mirror.started_at or 0.0)


def nobodys(sweep: str, number: int, queue: str) -> list[Run]:
    """Return the records of a run without a mirror: no worker had claimed it. Its number is not used again."""
    suggested = suggest(sweep=sweep, number=number, queue=queue, params={}, prediction=Prediction(source="lost"))
    return [suggested, cancel(suggested)]


def _ending(run: Run, mirror: Run) -> list[Run]:
    match _state(mirror):
        case RunState.OBSERVED:
            score, cost = mirror.score or 0.0, mirror.cost or 0.0
            return [observe(run, score=score, cost=cost, seconds=0.0, steps=mirror.steps, metrics=mirror.metrics)]
        case RunState.FAILED:
            assert mirror.failure is not None, "a failed run says why"
            return [fail(run, mirror.failure, cost=mirror.cost or 0.0)]
        case RunState.CANCELLED:
            waiting = release(run)
            return [waiting, cancel(waiting)]
        case RunState.TRAINED | RunState.EVALUATING:
            return [finish_training(run, seconds=0.0, steps=mirror.steps, metrics=mirror.metrics)]
        case _:
            return [release(run)]
