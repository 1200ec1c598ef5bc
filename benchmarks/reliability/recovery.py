"""Measures how long a run waits for its next worker after its worker was killed (SIGKILL) or asked to end (SIGTERM).

    python -m benchmarks.reliability.recovery --samples 60 --json benchmarks/reliability/results/recovery.json

A sweep of one run at a time, three trainers with one slot each. Whenever a trainer has a run and another trainer is
free, the first one is killed with all its children, as if the machine had died. All times are those of the server.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from shared.domain.events import RunClaimed
from shared.domain.run import RunState
from shared.domain.sweep import Sweep
from tests.chaos.rig import LEASE, REAP, REPUBLISH, T_STAR, Stage, signal_all, stage, tree_of

GO_BOUND_SECONDS = 2.0


def measure(folder: Path, *, samples: int, gracefully: bool) -> list[float]:
    """Return the seconds from each kill, or `gracefully` from the exit after SIGTERM, to the next claim of the run."""
    with stage(folder, suggester=1, trainer=3) as chaos:
        chaos.environment["SWEEP_SLOTS"] = "1"
        sweep = chaos.submit("budget.max_runs=100000", "parallelism=1", "look_ahead=0", step_seconds=0.5)
        chaos.keep_alive()
        found: list[float] = []
        while len(found) < samples:
            seconds = _end_trainer(chaos, sweep, gracefully=gracefully)
            if seconds is None:
                continue
            found.append(seconds)
            print(f"\r{len(found)}/{samples}: {found[-1]:.2f} s", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return found


def _end_trainer(chaos: Stage, sweep: Sweep, *, gracefully: bool) -> float | None:
    """End one trainer; return None if its run had just ended."""
    victim, run_id, claims = _wait_for_a_victim(chaos, sweep)
    at = chaos.store.sweeps.now()
    if gracefully:
        victim.send_signal(signal.SIGTERM)
        victim.wait(timeout=30)
        at = chaos.store.sweeps.now()
    else:
        signal_all(tree_of(victim), signal.SIGKILL)
        victim.wait(timeout=30)
    number = int(run_id.rpartition(".")[2])

    def was_claimed_or_ended() -> bool:
        return len(_claims(chaos, sweep, number)) > claims or chaos.store.runs.get(run_id).is_finished

    chaos.fleet.wait_until(was_claimed_or_ended, seconds=60)
    again = _claims(chaos, sweep, number)[claims:]
    return max(0.0, again[0] / 1000 - at) if again else None


def _wait_for_a_victim(chaos: Stage, sweep: Sweep) -> tuple[subprocess.Popen[bytes], str, int]:
    """Wait until a trainer has made a step of a run and two others are free; return it, the run, and its claims."""
    while True:
        chaos.keep_alive()
        live = [worker for worker in chaos.store.fleet.live() if worker.service == "trainer"]
        free = [worker for worker in live if not worker.busy]
        pids = {process.pid: process for service, process in chaos.alive if service == "trainer"}
        for worker in live:
            if len(free) >= 2 and worker.busy and worker.pid in pids:
                run = chaos.store.runs.get(worker.busy[0])
                if run.state is RunState.TRAINING and run.owner and run.owner.worker == worker.id:
                    time.sleep(0.3 + 2 * random.random())
                    return pids[worker.pid], run.id, len(_claims(chaos, sweep, run.number))
        time.sleep(0.05)


def _claims(chaos: Stage, sweep: Sweep, number: int) -> list[int]:
    entries = chaos.fleet.entries(sweep, RunClaimed)
    return [entry.at_ms for entry in entries if entry.event.run == number]


def summary(seconds: list[float]) -> dict[str, float]:
    """Return median, 99th percentile (with fewer than 100 samples the maximum) and maximum."""
    ranked = sorted(seconds)
    return {
        "samples": len(ranked),
        "median": round(ranked[len(ranked) // 2], 3),
        "p99": round(ranked[min(len(ranked) - 1, int(0.99 * len(ranked)))], 3),
        "max": round(ranked[-1], 3),
    }


def main() -> None:
    """Measure both signals, print the figures, exit with 1 if a bound was exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, CPU only",
        "settings": {"lease": LEASE, "reap": REAP, "republish": REPUBLISH},
        "bounds": {"SIGKILL": T_STAR, "SIGTERM": GO_BOUND_SECONDS},
    }
    for name, gracefully in (("SIGKILL", False), ("SIGTERM", True)):
        with tempfile.TemporaryDirectory(prefix="recovery-") as folder:
            found[name] = summary(measure(Path(folder), samples=options.samples, gracefully=gracefully))
        print(f"{name}: {found[name]}, bound {found['bounds'][name]:g} s")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    sys.exit(any(found[name]["p99"] > bound for name, bound in found["bounds"].items()))


if __name__ == "__main__":
    main()
