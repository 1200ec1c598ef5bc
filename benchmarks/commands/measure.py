"""Measures the time of each command that shows a sweep of 5 000 observed runs: whole processes with their start.

    python -m benchmarks.commands.measure --json benchmarks/commands/results/commands.json

The store is a private one, filled by the same moves that workers commit. The times are medians of five: wall-clock
time and processor time, which is more reliable on a machine with other work. `bare` does not read the store, and
`workers` reads almost nothing: its time is what each command needs for its start.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.commands.filled_store import fill
from shared.local import private_store
from shared.store.store import open_store

SWEEP = "many"
COMMANDS = {
    "bare": ["--help"],
    "status": ["status", SWEEP],
    "status --json": ["status", SWEEP, "--json"],
    "runs": ["runs", SWEEP],
    "runs --all": ["runs", SWEEP, "--all"],
    "runs --json": ["runs", SWEEP, "--json"],
    "runs --state failed": ["runs", SWEEP, "--state", "failed"],
    "best": ["best", SWEEP],
    "best --json": ["best", SWEEP, "--json"],
    "best --yaml": ["best", SWEEP, "--yaml"],
    "show, an early run": ["show", f"{SWEEP}.r.7"],
    "show, a late run": ["show", f"{SWEEP}.r.{{last}}"],
    "why, an early run": ["why", f"{SWEEP}.r.7"],
    "why, a late run": ["why", f"{SWEEP}.r.{{last}}"],
    "export": ["export", SWEEP],
    "export --json": ["export", SWEEP, "--json"],
    "workers": ["workers"],
    "audit": ["audit", SWEEP],
}


def seconds_of(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Return the wall-clock seconds and the processor seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    environment = {key: value for key, value in os.environ.items() if key not in ("REDIS_URL", "DATA_DIR")}
    ended = subprocess.run(
        [sys.executable, "-m", "sweepctl", *arguments], cwd=folder, env=environment, capture_output=True, check=False
    )
    seconds = time.perf_counter() - begun
    if ended.returncode:
        raise SystemExit(f"{arguments} ended with {ended.returncode}: {ended.stderr.decode()[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(runs: int, repeats: int, only: str) -> list[dict[str, Any]]:
    """Return a row for each command."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="commands-") as folder:
        data_dir = Path(folder) / "train_dir"
        with private_store.start(data_dir) as server:
            store = open_store(server.url)
            store.client.config_set("appendfsync", "no")  # filling is faster; reading is not affected
            fill(store, SWEEP, runs, data_dir)
            store.close()
            for name, words in COMMANDS.items():
                if only in name:
                    arguments = [word.format(last=runs) for word in words]
                    taken = [seconds_of(arguments, Path(folder)) for _ in range(repeats)]
                    wall, cpu = (statistics.median(column) for column in zip(*taken, strict=True))
                    rows.append(
                        {"command": name, "runs": runs, "seconds": round(wall, 3), "cpu_seconds": round(cpu, 3)}
                    )
                    print(f"{name:<22} {wall:7.3f} s  {cpu:7.3f} s processor time", flush=True)
    return rows


def main() -> None:
    """Measure, print, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="Commands whose name contains this.")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = measure(options.runs, options.repeats, options.only)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
