"""Does the log of a sweep tell one story, and do the records agree with it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.run import BIRTHS, FINISHED, LEASED, WITHOUT_SCORE, Run, RunState
from shared.domain.sweep import COUNTED, Sweep, absorb

AFTER = {
    "suggested": RunState.QUEUED,
    "adopted": RunState.TRAINED,
    "trained": RunState.TRAINED,
    "damaged": RunState.QUEUED,
    "observed": RunState.OBSERVED,
    "failed": RunState.FAILED,
    "cancelled": RunState.CANCELLED,
}


@dataclass
class Attempt:
    """One claim of a run: by whom, from which step, how it ended, and the seconds of work that it lost."""

    run: int
    phase: str
    worker: str
    from_step: int
    ended: str = "in progress"
    last_step: int = 0
    lost_seconds: float = 0.0


@dataclass
class Audit:
    """What was found: broken rules (empty when all is well), what could not be looked at, every attempt, the sums."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def lost_seconds(self) -> float:
        """Seconds of work that was, or will be, done again."""
        return sum(attempt.lost_seconds for attempt in self.attempts)


def audit(
    sweep: Sweep,
    runs: Sequence[Run],
    events: Iterable[tuple[int, int, Mapping[str, Any]]],
    *,
    abandoned: Iterable[str] = (),
) -> Audit:
    """Replay the log, (position, at in ms, body) each, and compare it with the records.

    `abandoned` are the ids of live runs that nobody holds and nobody was notified about.
    """
    teller = _Teller(sweep)
    if sweep.log_dropped:
        teller.found.notes.append("its log was dropped after the retention: only its records were compared")
    else:
        for position, at_ms, body in events:
            teller.take(position, at_ms, body)
        teller.compare_records(runs)
        teller.compare_totals(sweep)
    found = teller.found
    found.problems += _counts_that_disagree(sweep, runs)
    found.problems += _limits_that_were_broken(sweep, runs)
    found.problems += [f"run {run_id}: nobody has it, and no worker was notified about it" for run_id in abandoned]
    states = {str(state): sum(run.state is state for run in runs) for state in RunState}
    found.counts = {"suggested": sweep.created, **states}
    return found


def _counts_that_disagree(sweep: Sweep, runs: Sequence[Run]) -> Iterable[str]:
    if sorted(run.number for run in runs) != list(range(1, sweep.created + 1)):
        yield f"{sweep.created} runs were suggested, {len(runs)} have a record"
    if not sweep.is_finished:  # the totals of a sweep that goes on follow a moment later
        return
    ended = {name: getattr(sweep, name) for name in ("observed", "failed", "cancelled")}
    for name, told in ended.items():
        kept = sum(run.state == name for run in runs)
        if told != kept:
            yield f"{name}: the sweep's record gives {told}, the runs' records {kept}"
    if sum(ended.values()) != sweep.created:
        yield f"the sweep is finished, but {sweep.created} runs were suggested and {sum(ended.values())} ended"


def _limits_that_were_broken(sweep: Sweep, runs: Sequence[Run]) -> Iterable[str]:
    limits, held = sweep.limits, sum(run.state in LEASED for run in runs)
    if limits.max_runs is not None and sweep.created > limits.max_runs:
        yield f"{sweep.created} runs were suggested, the budget allows {limits.max_runs}"
    if limits.parallelism is not None and held > limits.parallelism:
        yield f"{held} runs are in workers' hands at once, parallelism allows {limits.parallelism}"


class _Teller:
    """Follows the log, run by run."""

    def __init__(self, sweep: Sweep) -> None:
        self.found = Audit()
        self.position = 0
        self.states: dict[int, RunState] = {}
        self.steps: dict[int, int] = {}
        self.open: dict[int, tuple[Attempt, int]] = {}  # with the time (ms) of its last durable progress
        self.totals = Sweep(
            name=sweep.name,
            goal=sweep.goal,
            queue=sweep.queue,
            limits=sweep.limits,
            config={},
            config_hash="",
            created_at=sweep.created_at,
        )

    def take(self, position: int, at_ms: int, body: Mapping[str, Any]) -> None:
        if position != self.position + 1:
            self._complain(f"the log jumps from entry {self.position} to {position}: entries are missing")
        self.position = position
        if body["kind"] in COUNTED:
            self.totals = absorb(self.totals, body, position=position)
        if "run" in body:
            self._take_run(body["run"], at_ms, body)

    def _take_run(self, number: int, at_ms: int, body: Mapping[str, Any]) -> None:
        kind, before = body["kind"], self.states.get(number)
        if (before is None) != (kind in BIRTHS):
            self._complain(f"run {number}: {kind} {'before it was' if before is None else 'after it was'} suggested")
        if kind == "retried" and before not in WITHOUT_SCORE:
            self._complain(f"run {number}: retried while it was {before}")
        if before in FINISHED and kind != "retried":
            self._complain(f"run {number}: {kind} after it was {before}: a run ends once")
        if kind == "claimed":
            self._claim(number, at_ms, body)
        elif kind in ("checkpointed", "fell back"):
            self._progress(number, at_ms, body)
        elif kind == "stopped early":
            if before is not RunState.TRAINING:
                self._complain(f"run {number}: stopped early while it was {before}")
        elif kind != "cancel requested":
            self._end_attempt(number, at_ms, kind)
            if kind == "damaged":
                self.steps[number] = body["step"]
            back = RunState.TRAINED if before is RunState.EVALUATING else RunState.QUEUED
            self.states[number] = RunState(body["state"]) if kind == "retried" else AFTER.get(kind, back)

    def _claim(self, number: int, at_ms: int, body: Mapping[str, Any]) -> None:
        if self.states.get(number) in LEASED:
            self._complain(f"run {number}: claimed by {body['worker']} while another worker held it")
        self.states[number] = RunState(body["state"])
        attempt = Attempt(number, body["state"], body["worker"] or "?", body["step"], last_step=body["step"])
        self.found.attempts.append(attempt)
        self.open[number] = (attempt, at_ms)

    def _progress(self, number: int, at_ms: int, body: Mapping[str, Any]) -> None:
        if self.states.get(number) is not RunState.TRAINING:
            self._complain(f"run {number}: {body['kind']} while it was {self.states.get(number)}")
        if body["kind"] == "checkpointed" and body["step"] <= self.steps.get(number, -1):
            self._complain(f"run {number}: checkpoint at step {body['step']} after one at {self.steps[number]}")
        self.steps[number] = body["step"]
        if number in self.open:
            attempt, _ = self.open[number]
            attempt.last_step = body["step"]
            self.open[number] = (attempt, at_ms)

    def _end_attempt(self, number: int, at_ms: int, kind: str) -> None:
        attempt, safe_at_ms = self.open.pop(number, (None, at_ms))
        if attempt is not None:
            attempt.ended = kind
            attempt.lost_seconds = (at_ms - safe_at_ms) / 1000 if kind == "lost" else 0.0

    def compare_records(self, runs: Sequence[Run]) -> None:
        """Complain of each run whose record is not where the log left it."""
        known = {run.number: run for run in runs}
        for number in sorted(known.keys() | self.states.keys()):
            told, record = self.states.get(number), known.get(number)
            if record is None or told is not record.state:
                kept = record.state if record else "missing"
                self._complain(f"run {number}: the log says {told or 'nothing'}, its record says {kept}")

    def compare_totals(self, sweep: Sweep) -> None:
        """Complain of each total of the sweep that the log does not give."""
        if sweep.seen != self.position:
            return
        for name in ("observed", "failed", "cancelled", "best"):
            told, kept = getattr(self.totals, name), getattr(sweep, name)
            if told != kept:
                self._complain(f"{name}: the log gives {told}, the sweep's record {kept}")

    def _complain(self, problem: str) -> None:
        self.found.problems.append(problem)
