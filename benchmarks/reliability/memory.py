"""Measures the memory of a finished run in Redis, with its complete log, and the time of an audit of all runs.

    python -m benchmarks.reliability.memory --json benchmarks/reliability/results/memory.json

The runs have 12 parameters and go through the same moves that workers commit, on a private server: suggested, claimed,
three checkpoints, trained, claimed, observed. It is measured without reports and with the longest curve.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from shared.control.audit import audit_sweep
from shared.domain.audit import Audit
from shared.domain.progress import Progress
from shared.domain.run import (
    Checkpoint,
    Prediction,
    claim,
    finish_training,
    keep_checkpoint,
    observe,
    run_id,
    suggest,
)
from shared.domain.sweep import Limits, Sweep
from shared.local import private_store
from shared.store.store import Store, open_store

PARAMETERS = 12
SIZES = (100, 1000, 5000)


def finish_a_run(store: Store, sweep: Sweep, *, reports: int) -> Sweep:
    """Add one run and commit its moves up to its score; return the current sweep."""
    number = sweep.created + 1
    params = {f"trainer.parameter_{index}": 0.123456789 * (index + number) for index in range(PARAMETERS)}
    guess = Prediction(source="refined", score=0.512345678, score_std=0.0123456, cost=123.456789)
    run = suggest(sweep=sweep.name, number=number, queue="gpu", params=params, prediction=guess)
    sweep = store.sweeps.commit(sweep, sweep.move("", created=number), [run])
    run = store.runs.get(run_id(sweep.name, number))
    claimed = claim(run, worker="trainer@node-1:12345", nonce="0123456789abcdef", at=1.7e9)
    run = store.runs.claim(run, claimed, lease_ms=60_000)
    curve = Progress()
    for step in range(1, reports + 1):
        curve = curve.after(step, {"reward": step * 0.987654321}, metric="reward", spent=step * 0.123456789)
    if reports:
        store.runs.renew(run, lease_ms=60_000, progress=curve)
    for step in (100_000, 200_000, 300_000):
        path = f"{step:012d}.a1"
        checkpoint = Checkpoint(step=step, path=path, sha256="0" * 64, train_seconds=step / 1000)
        run = store.runs.commit(run, keep_checkpoint(run, checkpoint, seconds=step / 1000), lease=60_000)
    metrics = {"reward": 0.987654321}
    run = store.runs.commit(run, finish_training(run, seconds=300.0, steps=300_000, metrics=metrics), lease="drop")
    claimed = claim(run, worker="evaluator@node-2:54321", nonce="0123456789abcdef", at=1.7e9)
    run = store.runs.claim(run, claimed, lease_ms=60_000)
    scored = observe(run, score=0.987654321, cost=301.5, seconds=1.5, steps=1000, metrics=metrics)
    store.runs.commit(run, scored, lease="drop")
    return sweep


def measure(sizes: tuple[int, ...], *, reports: int) -> list[dict[str, Any]]:
    """Return a row for each size: bytes per run, from the memory of the whole server, keys, and seconds of an audit."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="memory-") as folder, private_store.start(Path(folder)) as server:
        store = open_store(server.url)
        sweep = store.sweeps.create(
            Sweep(
                name="memory",
                goal="maximize",
                queue="gpu",
                limits=Limits(),
                config={},
                config_hash="",
                created_at=store.sweeps.now(),
            )
        )
        sweep = finish_a_run(store, sweep, reports=reports)  # so that memory that the server needs once is not counted
        at_first = int(store.client.info("memory")["used_memory"])
        for size in sizes:
            while sweep.created < size:
                sweep = finish_a_run(store, sweep, reports=reports)
            used = int(store.client.info("memory")["used_memory"])
            begun = time.perf_counter()
            found: Audit = audit_sweep(store, "memory")
            seconds = time.perf_counter() - begun
            assert found.problems == [], found.problems
            rows.append(
                {
                    "runs": size,
                    "reports": reports,
                    "bytes_per_run": round((used - at_first) / (size - 1)),
                    "keys": int(store.client.dbsize()),
                    "audit_seconds": round(seconds, 2),
                }
            )
            print(rows[-1], flush=True)
        store.close()
    return rows


def main() -> None:
    """Measure both cases and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = [row for reports in (0, 1000) for row in measure(SIZES, reports=reports)]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
