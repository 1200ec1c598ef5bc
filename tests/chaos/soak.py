"""The soak test: a sweep on real workers, while workers, suggester and Redis are killed and suspended.

    python -m tests.chaos.soak --duration 10m --seed 1

It prints its seed and its schedule, then its result; the exit code is 1 if anything was lost, done twice or stuck.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from shared.control.audit import audit_sweep
from shared.domain.errors import StoreUnreachable
from shared.domain.events import RunClaimed, RunLost, RunObserved
from shared.domain.run import RunState
from shared.domain.sweep import Sweep
from tests.chaos.rig import CHECKPOINT_EVERY, LEASE, STEPS, T_STAR, Stage, signal_all, stage, tree_of

FULL = Counter(worker=60, suggester=5, redis=3, freeze=10)
MOST_KEYS = 14  # of one sweep, with any number of runs; a few of them exist only with reports or with workers
FROZEN_SECONDS = 2 * LEASE
STEP_SECONDS = 0.15
Say = Callable[[str], None]


@dataclass
class Found:
    """The result of a soak. `redone_bound` is the most steps that the kills can repeat; times are in seconds."""

    seed: int
    runs: int
    observed: int
    failed: int
    faults: dict[str, int]
    lost_attempts: int
    redone_steps: int
    redone_bound: int
    seconds: float
    problems: list[str]
    recovery_seconds: list[float] = field(default_factory=list)
    bytes_per_run: float = 0.0
    keys: tuple[int, int] = (0, 0)
    suggester_mib: tuple[float, float] = (0.0, 0.0)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, done twice or stuck, and no more steps were repeated than the kills allow."""
        whole = self.observed == self.runs and not self.failed and not self.problems
        return whole and self.redone_steps <= self.redone_bound and max(self.keys) <= MOST_KEYS


def schedule(faults: Counter[str], seed: int) -> list[str]:
    """Return the faults in the order in which they are injected."""
    order = sorted(faults.elements())
    random.Random(seed).shuffle(order)
    return order


def soak(folder: Path, *, seed: int, runs: int, faults: Counter[str], say: Say, seconds: float) -> Found:
    """Run one sweep of `runs` runs to its end, with the faults distributed evenly over the runs.

    Three trainers have two slots each for three runs: a run that loses its trainer finds a free slot elsewhere.
    """
    order, begun = schedule(faults, seed), time.monotonic()
    say(f"seed {seed}; schedule: {' '.join(order)}")
    with stage(folder, suggester=1, trainer=3) as chaos:
        chaos.environment |= {"SWEEP_SLOTS": "2"}
        sweep = chaos.submit(f"budget.max_runs={runs}", "parallelism=3", step_seconds=STEP_SECONDS)
        victim = _Victims(chaos, sweep, random.Random(seed + 1))
        early = (0, 0.0)
        for number, fault in enumerate(order):
            victim.wait_for_runs((number + 1) * runs // (len(order) + 1))
            if number == len(order) // 4:
                early = victim.keys(), victim.suggester_mib()
            say(f"[{number + 1}/{len(order)}] {fault}, {victim.observed()} of {runs} runs observed")
            victim.struck[fault] += getattr(victim, fault)()
        finished = chaos.wait_until_finished(sweep, seconds=seconds)
        late = victim.keys(), victim.suggester_mib()
        states = Counter(run.state for run in chaos.fleet.runs(sweep))
        lost = chaos.fleet.events(sweep, RunLost)
        return Found(
            seed=seed,
            runs=runs,
            observed=states[RunState.OBSERVED],
            failed=states[RunState.FAILED],
            faults=dict(victim.struck),
            lost_attempts=len(lost),
            redone_steps=chaos.redone(sweep),
            # Includes a step that was computed but not recorded; a suspended worker computes until it is fenced.
            redone_bound=len(lost) * CHECKPOINT_EVERY + victim.struck["freeze"] * 2 * STEPS,
            seconds=time.monotonic() - begun,
            problems=audit_sweep(chaos.store, sweep.name).problems + _observed_twice(chaos, finished),
            recovery_seconds=victim.recoveries(),
            bytes_per_run=victim.memory() / runs,
            keys=(early[0], late[0]),
            suggester_mib=(early[1], late[1]),
        )


def _observed_twice(chaos: Stage, sweep: Sweep) -> list[str]:
    counts = Counter(event.run for event in chaos.fleet.events(sweep, RunObserved))
    return [f"run {number} was observed {count} times" for number, count in counts.items() if count > 1]


@dataclass
class _Victims:
    """Injects faults, into a worker that holds runs if there is one."""

    chaos: Stage
    sweep: Sweep
    chance: random.Random
    killed: list[tuple[float, set[int]]] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)

    def observed(self) -> int:
        return self.chaos.store.runs.counts(self.sweep.name)[RunState.OBSERVED]

    def wait_for_runs(self, count: int) -> None:
        self.chaos.fleet.wait_until(lambda: self._alive() and self.observed() >= count, seconds=120)

    def worker(self) -> bool:
        process, runs = self._busy_trainer()
        if process:
            self.killed.append((self.chaos.store.sweeps.now(), runs))
            process.kill()
        return bool(process)

    def suggester(self) -> bool:
        for service, process in self.chaos.alive:
            if service == "suggester":
                process.kill()
        return True

    def redis(self) -> bool:
        self.chaos.server.kill()
        time.sleep(self.chance.uniform(0.2, LEASE))
        self.chaos.server.start()
        return True

    def freeze(self) -> bool:
        process, _ = self._busy_trainer()
        if not process:
            return False
        frozen = tree_of(process)
        signal_all(frozen, signal.SIGSTOP)
        deadline = time.monotonic() + FROZEN_SECONDS
        while time.monotonic() < deadline:
            self._alive()
            time.sleep(0.1)
        signal_all(frozen, signal.SIGCONT)
        return True

    def recoveries(self) -> list[float]:
        """Return the seconds from each kill to the next claim of each run that its victim held."""
        claims = [(entry.at_ms / 1000, entry.event.run) for entry in self.chaos.fleet.entries(self.sweep, RunClaimed)]
        found = []
        for at, runs in self.killed:
            for run in runs:
                again = [claimed - at for claimed, number in claims if number == run and claimed > at]
                found += again[:1]
        return sorted(found)

    def memory(self) -> float:
        store, name = self.chaos.store, self.sweep.name
        keys = [f"sweep:{name}{part}" for part in ("", ":runs", ":states", ":events")]
        return float(sum(store.client.memory_usage(key, samples=0) or 0 for key in keys))

    def keys(self) -> int:
        """Count the permanent keys, without those of notifications, leases and due runs."""
        passing = ("sweeps:live", "leases", "due:", "unacked", "gpu", "eval", "results", "suggest", "_kombu")
        return sum(not key.startswith(passing) for key in self.chaos.store.client.scan_iter())

    def suggester_mib(self) -> float:
        with suppress(psutil.NoSuchProcess):
            found = [process for service, process in self.chaos.alive if service == "suggester"]
            return float(psutil.Process(found[0].pid).memory_info().rss / 2**20)
        return 0.0

    def _alive(self) -> bool:
        self.chaos.keep_alive()
        with suppress(StoreUnreachable):
            self.chaos.store.ping()
            return True
        return False

    def _busy_trainer(self) -> tuple[subprocess.Popen[bytes] | None, set[int]]:
        """Wait for a trainer that holds runs; return None if the sweep ends first."""
        found: list[tuple[subprocess.Popen[bytes], set[int]]] = []

        def look() -> bool:
            self._alive()
            training = self.chaos.store.runs.in_states(self.sweep.name, [RunState.TRAINING])
            owners = {run.number: run.owner.worker.rpartition(":")[2] for run in training if run.owner}
            for service, process in self.chaos.alive:
                held = {number for number, pid in owners.items() if pid == str(process.pid)}
                if service == "trainer" and held:
                    found.append((process, held))
            return bool(found) or self.chaos.store.sweeps.get(self.sweep.name).is_finished

        self.chaos.fleet.wait_until(look)
        return self.chance.choice(found) if found else (None, set())


def report(found: Found) -> str:
    """Describe the result of a soak."""
    n = sum(found.faults.values())
    lines = [
        f"{'good' if found.is_good else 'BAD'}: seed {found.seed}, {found.observed} of {found.runs} runs observed in "
        f"{found.seconds:.0f} s under {n} faults {found.faults}",
        f"0 lost, 0 doubled in {n} faults bounds the rate at {3 / max(n, 1):.1%} (95 %)",
        f"repeated steps: {found.redone_steps}, bound {found.redone_bound}; lost attempts: {found.lost_attempts}",
        f"{found.bytes_per_run:.0f} bytes of Redis for each run; keys {found.keys[0]} -> {found.keys[1]}; "
        f"suggester {found.suggester_mib[0]:.0f} -> {found.suggester_mib[1]:.0f} MiB",
    ]
    if found.recovery_seconds:
        worst = found.recovery_seconds[-1]
        middle = statistics.median(found.recovery_seconds)
        p99 = found.recovery_seconds[int(0.99 * (len(found.recovery_seconds) - 1))]
        lines.append(
            f"from kill to claim: median {middle:.2f} s, p99 {p99:.2f} s, worst {worst:.2f} s, "
            f"{len(found.recovery_seconds)} runs; T* {T_STAR:g} s"
        )
    return "\n".join([*lines, *found.problems])


def seconds_of(text: str) -> float:
    """Read a duration: 90, 90s, 10m, 2h."""
    return float(text.rstrip("smh")) * {"m": 60.0, "h": 3600.0}.get(text[-1], 1.0)


def main() -> int:
    """Run soaks, each with the next seed, until the duration is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--duration", type=seconds_of, default=0.0, help="90s, 10m, 2h; at least one soak runs")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    given = parser.parse_args()
    begun, seed = time.monotonic(), given.seed
    all_found: list[Found] = []
    scale = given.runs / 200
    faults = Counter({name: max(1, round(count * scale)) for name, count in FULL.items()})
    while not all_found or (time.monotonic() - begun < given.duration and all_found[-1].is_good):
        with tempfile.TemporaryDirectory(prefix="soak-") as folder:
            found = soak(
                Path(folder),
                seed=seed,
                runs=given.runs,
                faults=faults,
                say=lambda text: print(text, flush=True),
                seconds=600,
            )
        print(report(found), flush=True)
        all_found.append(found)
        seed += 1
    if given.json:
        given.json.write_text(json.dumps([asdict(found) for found in all_found], indent=1))
    return 0 if all(found.is_good for found in all_found) else 1


if __name__ == "__main__":
    sys.exit(main())
