"""Fills a store with a sweep of many observed runs, by the same moves that workers commit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared.config.compose import compose
from shared.config.frozen import config_hash, to_plain
from shared.domain.progress import Progress
from shared.domain.record_events import suggested
from shared.domain.run import Checkpoint, Prediction, Run, claim, finish_training, keep_checkpoint, observe, suggest
from shared.domain.sweep import Limits, Sweep, settle
from shared.domain.totals import absorb
from shared.store.ledger import Change, LeaseTerm, Ledger
from shared.store.store import Store

AT_ONCE = 100
PARAMETERS = 12
CURVE_POINTS = 20


def fill(store: Store, name: str, runs: int, data_dir: Path, *, ended: bool = True) -> Sweep:
    """Create and return a sweep of `runs` observed runs, each with 12 parameters, a curve and eight events."""
    job = compose(
        "full", ["trainer=noop", "sim=none", f"sweep_run={name}", f"budget.max_runs={runs}"], data_dir=data_dir
    )
    plain = to_plain(job.job)
    sweep = store.sweeps.create(
        Sweep(
            version=1,
            name=name,
            goal="maximize",
            queue="gpu",
            limits=Limits(max_runs=runs),
            config=plain,
            config_hash=config_hash(job.job),
            created_at=store.sweeps.now() - 3600,
        )
    )
    rng = np.random.default_rng(0)
    ledger = Ledger(store.client, store.url)
    while sweep.created < runs:
        sweep = _some_more(store, ledger, sweep, min(AT_ONCE, runs - sweep.created), rng)
    seen = sweep
    for entry in store.sweeps.whole_log(name):
        seen = absorb(seen, entry.event, position=entry.position)
    after = settle(seen, unfinished=0, now=store.sweeps.now()) if ended else seen.move("")
    return store.sweeps.commit(sweep, after)


def _some_more(store: Store, ledger: Ledger, sweep: Sweep, count: int, rng: np.random.Generator) -> Sweep:
    numbers = range(sweep.created + 1, sweep.created + count + 1)
    runs = [_suggested(sweep, number, rng) for number in numbers]
    memory = {"n": sweep.created, "fit": sweep.created, "loss": rng.normal(size=14).tolist()}
    known = {"seen": sweep.created * 8, "memory": memory, "reasons": {"log_improvement": -1.5, "log_cost": 0.7}}
    after = sweep.move("", created=numbers[-1], memory=memory)
    sweep = store.sweeps.commit(sweep, after, [Change(None, run, event=suggested(run, **known)) for run in runs])
    found = {run.number: run for run in store.runs.all(sweep.name) if run.number in numbers}
    runs = [found[number] for number in numbers]
    runs = _moved(ledger, runs, [_claimed(run, "trainer@node-1:12345") for run in runs], lease=60_000)
    for run in runs:
        curve = Progress()
        for step in range(1, CURVE_POINTS + 1):
            curve = curve.after(
                step * 15_000, {"reward": float(rng.normal(step, 2))}, metric="reward", spent=step * 15.0
            )
        store.runs.renew(run, lease_ms=60_000, progress=curve)
    for step in (100_000, 200_000, 300_000):
        point = Checkpoint(step=step, path=f"{step:012d}.a1", sha256="0" * 64)
        runs = _moved(ledger, runs, [keep_checkpoint(run, point, seconds=100.0) for run in runs], lease="keep")
    trained = [finish_training(run, seconds=1.0, steps=300_000, metrics={"reward": 19.5}) for run in runs]
    runs = _moved(ledger, runs, trained, lease="drop")
    runs = _moved(ledger, runs, [_claimed(run, "evaluator@node-2:54321") for run in runs], lease=60_000)
    scores, costs = rng.normal(100.0, 20.0, size=count), rng.lognormal(5.0, 0.5, size=count)
    scored = [
        observe(run, score=float(score), cost=float(cost), seconds=1.5, steps=1000, metrics={"reward": float(score)})
        for run, score, cost in zip(runs, scores, costs, strict=True)
    ]
    _moved(ledger, runs, scored, lease="drop")
    return sweep


def _suggested(sweep: Sweep, number: int, rng: np.random.Generator) -> Run:
    params = {f"trainer.parameter_{index}": float(value) for index, value in enumerate(rng.random(PARAMETERS))}
    guess = Prediction(source="refined", score=98.7654321, score_std=12.3456789, cost=123.456789, log_cost_std=0.4)
    return suggest(sweep=sweep.name, number=number, queue="gpu", params=params, prediction=guess)


def _claimed(run: Run, worker: str) -> Run:
    return claim(run, worker=worker, nonce="0123456789abcdef", at=1.7e9)


def _moved(ledger: Ledger, before: Sequence[Run], after: Sequence[Run], *, lease: LeaseTerm) -> list[Run]:
    changes = [Change(old, new, lease) for old, new in zip(before, after, strict=True)]
    written = ledger.commit(before[0].sweep, changes, queue="gpu")
    return [run for run in written if isinstance(run, Run)]
