"""The text of each event in the log, byte for byte: stores that other versions wrote and read depend on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_args

import pytest

from shared.domain.events import KINDS, RunMoved, SweepMoved, parse_log
from shared.domain.record_events import submitted, suggested
from shared.domain.run import (
    Checkpoint,
    EarlierPoint,
    EarlyStop,
    Failure,
    Prediction,
    RunState,
    adopt,
    cancel,
    claim,
    fail,
    fall_back,
    finish_training,
    keep_checkpoint,
    lose_attempt,
    observe,
    release,
    retrain,
    retry,
    stop_early,
    suggest,
)
from shared.domain.sweep import SweepState, enqueue, limit, pause, reopen, resume, settle, stop
from shared.store.ledger import Change
from tests.conftest import ARun, ASweep

Written = Callable[[ARun, ASweep], Change]
TRAINING, TRAINED, EVALUATING, OBSERVED, FAILED, CANCELLED = list(RunState)[1:]
PARAMS = {"trainer.x": 0.1, "trainer.n": 3, "trainer.name": "Größe\n✓"}
SURE = Prediction(source="refined", score=98.7654321, score_std=1e-300, cost=1e22, log_cost_std=0.1)
NEW = suggest(sweep="s", number=1, queue="gpu", params=PARAMS, prediction=SURE)
SAVED = Checkpoint(step=10, path="10.a1", sha256="abc")
EARLY = EarlyStop(step=15, score=0.5, cost=3.0, why="worse than the others")
LONG = EarlyStop(step=15, score=0.5, cost=3.0, of_steps=64, why="worse than the others")
POINT = EarlierPoint(params={"trainer.x": 0.1}, score=0.5, cost=1.0)
WARM: list[dict[str, Any]] = [
    {"params": {"trainer.x": 1}, "score": None, "cost": 2.0},
    {"params": {"trainer.x": 0.5}, "score": 1.5, "cost": 2.0},
]
LIMITS = (
    '{"max_runs": 5, "max_cost": null, "max_hours": null, "target_score": null, "parallelism": null, '
    '"look_ahead": 1, "max_consecutive_failures": 3, "max_stuck_attempts": 3}'
)
OVER = {"state": SweepState.FINISHED, "reason": "all 3 runs done", "limits": {"max_runs": 3}, "created": 3}


def moved(state: RunState, move: Callable[..., object], *args: object, **kwargs: object) -> Written:
    """Return the change of a run that has come as far as `state`, by one move."""

    def change(a_run: ARun, a_sweep: ASweep) -> Change:
        before = a_run(state)
        return Change(before, move(before, *args, **kwargs))  # type: ignore[arg-type]

    return change


def adopted(early: EarlyStop | None) -> Written:
    def change(a_run: ARun, a_sweep: ASweep) -> Change:
        trained = a_run(OBSERVED, sweep="old", number=7, early_stop=early)
        return Change(None, adopt(trained, SAVED, sweep="s", number=2, queue="gpu", metrics={}))

    return change


def of_sweep(move: Callable[..., object], *args: object, **kwargs: object) -> Written:
    """Return the change of a running sweep by one move."""

    def change(a_run: ARun, a_sweep: ASweep) -> Change:
        return Change(a_sweep(), move(a_sweep(), *args, **kwargs))  # type: ignore[arg-type]

    return change


WORKER = {"worker": "trainer@host:1", "nonce": "n", "at": 0.0}
SCORED = {"score": 3.0, "cost": 4.0, "seconds": 1.0, "steps": 1, "metrics": {}}
TEXTS: list[tuple[Written, str]] = [
    (
        lambda a_run, _: Change(
            None,
            NEW,
            event=suggested(NEW, seen=7, memory={"n": 1, "noise": [0.1, 20.0]}, reasons={"log_cost": -1.5}),
        ),
        r'{"kind":"suggested","run":1,"params":{"trainer.x":0.1,"trainer.n":3,"trainer.name":"Gr\u00f6\u00dfe\n\u2713"},'
        '"source":"refined","score":98.7654321,"score_std":1e-300,"cost":1e+22,"log_cost_std":0.1,'
        '"seen":7,"memory":{"n":1,"noise":[0.1,20.0]},"reasons":{"log_cost":-1.5}}',
    ),
    (
        lambda a_run, _: Change(None, a_run()),
        '{"kind":"suggested","run":1,"params":{"trainer.x":0.5},"source":"test"}',
    ),
    (
        lambda a_run, _: Change(None, a_run(), event=suggested(a_run(), memory={"n": 1})),
        '{"kind":"suggested","run":1,"params":{"trainer.x":0.5},"source":"test","memory":{"n":1}}',
    ),
    (adopted(None), '{"kind":"adopted","run":2,"params":{"trainer.x":0.5},"origin":"old.r.7","step":20}'),
    (
        adopted(EARLY),
        '{"kind":"adopted","run":2,"params":{"trainer.x":0.5},"origin":"old.r.7","step":20,'
        '"early_stop":{"step":15,"score":0.5,"cost":3.0,"why":"worse than the others"}}',
    ),
    (
        moved(RunState.QUEUED, claim, **WORKER),
        '{"kind":"claimed","run":1,"state":"training","attempt":1,"worker":"trainer@host:1","step":0}',
    ),
    (
        moved(TRAINED, claim, **WORKER, other_code="another commit"),
        '{"kind":"claimed","run":1,"state":"evaluating","attempt":1,"worker":"trainer@host:1","step":10,'
        '"code":"another commit"}',
    ),
    (moved(TRAINING, keep_checkpoint, SAVED, seconds=1.0), '{"kind":"checkpointed","run":1,"step":10}'),
    (moved(TRAINING, fall_back, None), '{"kind":"fell back","run":1,"step":0}'),
    (
        moved(TRAINING, stop_early, EARLY),
        '{"kind":"stopped early","run":1,"step":15,"score":0.5,"cost":3.0,"why":"worse than the others"}',
    ),
    (
        moved(TRAINING, stop_early, LONG),
        '{"kind":"stopped early","run":1,"step":15,"score":0.5,"cost":3.0,"of_steps":64,"why":"worse than the others"}',
    ),
    (moved(TRAINING, cancel), '{"kind":"cancel requested","run":1}'),
    (
        moved(
            TRAINING,
            lambda run: finish_training(
                keep_checkpoint(run, SAVED, seconds=1.0), seconds=1.0, steps=20, metrics={"loss": 0.5}
            ),
        ),
        '{"kind":"trained","run":1,"step":20}',
    ),
    (moved(TRAINING, release), '{"kind":"released","run":1,"step":0}'),
    (moved(TRAINING, lose_attempt, "silent", max_stuck=3), '{"kind":"lost","run":1,"why":"silent"}'),
    (
        moved(EVALUATING, retrain, None, "its bytes changed", max_stuck=3),
        '{"kind":"damaged","run":1,"why":"its bytes changed","step":0}',
    ),
    (moved(EVALUATING, observe, **SCORED), '{"kind":"observed","run":1,"score":3.0,"cost":4.0}'),
    (
        moved(EVALUATING, observe, **SCORED, trained={"trainer.x": 0.25}, earlier=(POINT,)),
        '{"kind":"observed","run":1,"score":3.0,"cost":4.0,"trained":{"trainer.x":0.25},'
        '"earlier":[{"params":{"trainer.x":0.1},"score":0.5,"cost":1.0}]}',
    ),
    (
        moved(TRAINING, fail, Failure(kind="user code", message="boom"), cost=4.0),
        '{"kind":"failed","run":1,"cost":4.0,"failure":"user code"}',
    ),
    (
        moved(TRAINING, lose_attempt, "silent", max_stuck=1),
        '{"kind":"failed","run":1,"cost":0.0,"failure":"crash loop"}',
    ),
    (moved(RunState.QUEUED, cancel), '{"kind":"cancelled","run":1}'),
    (
        moved(FAILED, retry),
        '{"kind":"retried","run":1,"params":{"trainer.x":0.5},"state":"queued","step":0,"was":"failed","cost":1.0}',
    ),
    (
        moved(CANCELLED, retry),
        '{"kind":"retried","run":1,"params":{"trainer.x":0.5},"state":"queued","step":0,"was":"cancelled","cost":0.0}',
    ),
    (lambda _, a_sweep: Change(None, a_sweep()), '{"kind": "submitted", "state": "running", "reason": ""}'),
    (
        lambda _, a_sweep: Change(None, a_sweep(), event=submitted(a_sweep(memory={"n": 3}), WARM)),
        '{"kind": "submitted", "state": "running", "reason": "", "observations": '
        '[{"params": {"trainer.x": 1}, "score": null, "cost": 2.0}, '
        '{"params": {"trainer.x": 0.5}, "score": 1.5, "cost": 2.0}], "memory": {"n": 3}}',
    ),
    (of_sweep(pause, "lunch"), '{"kind": "paused", "state": "paused", "reason": "lunch"}'),
    (
        of_sweep(lambda sweep: resume(pause(sweep, "lunch"))),
        '{"kind": "resumed", "state": "running", "reason": ""}',
    ),
    (of_sweep(stop), '{"kind": "stopping", "state": "stopping", "reason": "stopped by hand"}'),
    (
        of_sweep(lambda sweep: settle(stop(sweep), unfinished=0, now=0)),
        '{"kind": "finished", "state": "finished", "reason": "stopped"}',
    ),
    (
        of_sweep(enqueue, {"trainer.x": 0.5}),
        '{"kind": "enqueued", "state": "running", "reason": "", "params": {"trainer.x": 0.5}}',
    ),
    (
        of_sweep(limit, now=0, max_runs=5),
        f'{{"kind": "limited", "state": "running", "reason": "", "limits": {LIMITS}}}',
    ),
    (
        lambda _, a_sweep: Change(a_sweep(**OVER), reopen(a_sweep(**OVER), now=0)),
        '{"kind": "reopened", "state": "running", "reason": ""}',
    ),
    (
        of_sweep(lambda sweep: sweep.move("restored", state=SweepState.RUNNING, reason="")),
        '{"kind": "restored", "state": "running", "reason": ""}',
    ),
]


@pytest.mark.parametrize(("written", "text"), TEXTS, ids=[text[:60] for _, text in TEXTS])
def test_an_event_is_written_to_the_byte_as_every_version_wrote_it(
    a_run: ARun, a_sweep: ASweep, written: Written, text: str
) -> None:
    assert written(a_run, a_sweep).event_text() == text


@pytest.mark.parametrize("text", [text for _, text in TEXTS], ids=lambda text: text[:60])
def test_an_event_is_read_as_one_of_its_kind_and_keeps_each_field(text: str) -> None:
    ((position, at_ms, event),) = parse_log(f"[[7,1700000000000,{text}]]")

    assert (position, at_ms) == (7, 1_700_000_000_000)
    assert isinstance(event, RunMoved | SweepMoved)
    assert json.dumps(event.plain()) == json.dumps(json.loads(text))


def test_each_kind_has_its_text_here() -> None:
    assert {json.loads(text)["kind"] for _, text in TEXTS} == KINDS
    assert len(KINDS) == len(get_args(RunMoved | SweepMoved))


def test_a_move_of_a_sweep_without_a_name_has_no_text(a_sweep: ASweep) -> None:
    assert Change(a_sweep(), a_sweep().move("", seen=1)).event_text() == ""
