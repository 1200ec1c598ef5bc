"""Draw watch.svg: `python docs/images/make_watch.py`. The sweep in it is made up; the view is the real one."""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np

from shared.config.compose import compose
from shared.config.frozen import to_plain
from shared.control.watching import Watch
from shared.domain.configuration import best_first, outcomes_of
from shared.domain.progress import Progress
from shared.domain.run import (
    Checkpoint,
    Failure,
    Prediction,
    Run,
    claim,
    fail,
    finish_training,
    keep_checkpoint,
    observe,
    suggest,
)
from shared.domain.sweep import Best, Limits, Sweep
from shared.local import private_store
from shared.store.fleet import LiveWorker
from shared.store.store import Store, open_store
from sweepctl.views.watch_app import WatchApp
from sweepctl.views.watch_table import RunsTable

STEPS = 200_000
NAME = "cartpole"


def fill(store: Store, data_dir: Path, *, over: int) -> None:
    """Make a sweep of which `over` runs are over, three train, one is evaluated, and two wait."""
    job = compose("full", [f"sweep_run={NAME}", "budget.max_runs=60"], data_dir=data_dir).job
    sweep = store.sweeps.create(
        Sweep(
            version=1,
            name=NAME,
            goal="maximize",
            queue="gpu",
            limits=Limits(max_runs=60),
            config=to_plain(job),
            config_hash="",
            created_at=store.sweeps.now() - 2100,
        )
    )
    rng = np.random.default_rng(1)
    runs = [_suggested(number, rng) for number in range(1, over + 7)]
    after = sweep.move("", created=len(runs))
    sweep = store.sweeps.commit(sweep, after, runs)
    done = [_carry_out(store, number, rng) for number in range(1, over + 1)]
    for number in range(over + 1, over + 4):
        run = _claim(store, store.runs.get(f"{NAME}.r.{number}"), f"trainer@node-{number % 2 + 1}:4711")
        _report(store, run, rng, share=0.3 * (number - over))
    evaluated = _claim(store, store.runs.get(f"{NAME}.r.{over + 4}"), "trainer@node-1:4711")
    _report(store, evaluated, rng, share=1.0)
    _claim(store, _trained(store, evaluated, 110.0), "evaluator@node-1:4712")
    found = [run for run in done if run.score is not None]
    (leader, *_) = best_first(outcomes_of(found), goal="maximize", memory={"noise": [9.0, 20.0]})
    best = next(run for run in found if run.number == leader.runs[0])
    store.sweeps.commit(
        sweep,
        sweep.move(
            "",
            leader=leader,
            best=Best(run=best.number, score=best.score or 0.0, cost=best.cost or 0.0),
            observed=len(found),
            failed=over - len(found),
            spent=sum(run.cost or 0.0 for run in done),
        ),
    )
    announce(store, over)


def announce(store: Store, over: int) -> None:
    """Let the workers say that they live."""
    busy = {number: f"{NAME}.r.{over + number}" for number in (1, 2, 3, 4)}
    for service, host, queues, runs, gpus in (
        ("trainer", "node-1", ("gpu",), (busy[1], busy[3]), ("0", "1")),
        ("trainer", "node-2", ("gpu",), (busy[2],), ("0", "1")),
        ("evaluator", "node-1", ("eval",), (busy[4],), ()),
        ("suggester", "node-1", ("suggest", "results"), (), ()),
    ):
        pid = 4711 + ("trainer", "evaluator", "suggester").index(service)
        name = f"{service}@{host}:{pid}"
        slots = len(gpus) or 1
        store.fleet.announce(
            LiveWorker(
                id=name,
                service=service,
                host=host,
                pid=pid,
                queues=queues,
                slots=slots,
                busy=runs,
                gpus=gpus,
                version="0.1.0",
            )
        )


def _suggested(number: int, rng: np.random.Generator) -> Run:
    params = {
        "trainer.optimizer.learning_rate": float(10 ** rng.uniform(-4, -2.5)),
        "trainer.gamma": float(1 - 10 ** rng.uniform(-3, -1)),
        "trainer.gae_lambda": float(rng.uniform(0.8, 0.99)),
        "trainer.ent_coef": float(10 ** rng.uniform(-4, -2)),
    }
    guess = Prediction(source="refined", score=430.0, score_std=40.0, cost=120.0, log_cost_std=0.3)
    return suggest(sweep=NAME, number=number, queue="gpu", params=params, prediction=guess)


def _claim(store: Store, run: Run, worker: str) -> Run:
    return store.runs.claim(run, claim(run, worker=worker, nonce="n", at=time.time() - 95), lease_ms=3_600_000)


def _report(store: Store, run: Run, rng: np.random.Generator, *, share: float) -> float:
    """Report the curve of a training that is so far, and return its last value."""
    top, slow = rng.uniform(150, 500), rng.uniform(0.1, 0.6)
    curve = Progress(total_steps=STEPS, attempt=run.attempt)
    value = 0.0
    for step in np.linspace(STEPS / 40, STEPS * share, max(int(40 * share), 2)):
        value = min(500.0, max(9.0, top * (1 - math.exp(-step / STEPS / slow)) + rng.normal(0, 12)))
        curve = curve.after(int(step), {"reward": value}, metric="reward", spent=float(step) / 1500)
    store.runs.renew(run, lease_ms=3_600_000, progress=curve)
    return value


def _carry_out(store: Store, number: int, rng: np.random.Generator) -> Run:
    run = _claim(store, store.runs.get(f"{NAME}.r.{number}"), "trainer@node-1:4711")
    if number % 13 == 5:
        _report(store, run, rng, share=0.2)
        failure = Failure(kind="user code", message="RuntimeError: loss is NaN at step 40000")
        return store.runs.commit(run, fail(run, failure, cost=21.0))
    score, cost = _report(store, run, rng, share=1.0), float(rng.uniform(60, 160))
    run = _claim(store, _trained(store, run, cost), "evaluator@node-1:4712")
    return store.runs.commit(run, observe(run, score=score, cost=cost + 2, seconds=2.0, steps=0, metrics={}))


def _trained(store: Store, run: Run, seconds: float) -> Run:
    checkpoint = Checkpoint(step=STEPS, path=f"{STEPS:012d}.a1", sha256="0" * 64)
    run = store.runs.commit(run, keep_checkpoint(run, checkpoint, seconds=seconds), lease=3_600_000)
    return store.runs.commit(run, finish_training(run, seconds=0.5, steps=STEPS, metrics={}))


@contextmanager
def filled(over: int = 34) -> Iterator[Store]:
    """Yield a private store with the sweep."""
    with tempfile.TemporaryDirectory(prefix="watch-", dir="/tmp") as folder, private_store.start(Path(folder)) as held:
        store = open_store(held.url)
        store.client.config_set("appendfsync", "no")
        fill(store, Path("train_dir"), over=over)
        yield store
        store.close()


async def draw(store: Store, size: tuple[int, int], keys: list[str]) -> str:
    """Return the view as SVG after some keys were pressed."""
    watch = Watch(lambda: nullcontext(store), NAME)
    app = WatchApp(watch, watch.look())
    async with app.run_test(size=size) as pilot:
        await pilot.pause(1.5)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(1.0)
        assert app.screen_stack[0].query_one(RunsTable).rows
        return app.export_screenshot(title="sweepctl watch")


def main() -> None:
    """Draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "watch.svg")
    parser.add_argument("--size", default="110x32")
    parser.add_argument("--keys", default="s", help="pressed first, with commas")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    with filled() as store:
        svg = asyncio.run(draw(store, (width, height), [key for key in options.keys.split(",") if key]))
    options.output.write_text(svg)


if __name__ == "__main__":
    main()
