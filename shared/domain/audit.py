"""Does the log of a sweep tell one story, and do the records agree with it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.run import FINISHED, LEASED, Run, RunState
from shared.domain.sweep import Sweep, absorb

AFTER = {
    "suggested": RunState.QUEUED,
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
    """What was found: broken rules (empty when all is well), every attempt, and the sums."""

    problems: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def lost_seconds(self) -> float:
        """Seconds of work that was, or will be, done again."""
        return sum(attempt.lost_seconds for attempt in self.attempts)


def audit(sweep: Sweep, runs: Sequence[Run], events: Iterable[tuple[int, int, Mapping[str, Any]]]) -> Audit:
    """Replay the log, (position, at in ms, body) each, and compare it with the records."""
    teller = _Teller(sweep)
    for position, at_ms, body in events:
        teller.take(position, at_ms, body)
    return teller.conclude(sweep, runs)


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
        self.totals = absorb(self.totals, body, position=position)
        if "run" in body:
            self._take_run(body["run"], at_ms, body)

    def _take_run(self, number: int, at_ms: int, body: Mapping[str, Any]) -> None:
        kind, before = body["kind"], self.states.get(number)
        if (before is None) != (kind == "suggested"):
            self._complain(f"run {number}: {kind} {'before it was' if before is None else 'after it was'} suggested")
        if before in FINISHED:
            self._complain(f"run {number}: {kind} after it was {before}: a run ends once")
        if kind == "claimed":
            self._claim(number, at_ms, body)
        elif kind in ("checkpointed", "fell back"):
            self._progress(number, at_ms, body)
        elif kind != "cancel requested":
            self._end_attempt(number, at_ms, kind)
            if kind == "damaged":
                self.steps[number] = body["step"]
            back = RunState.TRAINED if before is RunState.EVALUATING else RunState.QUEUED
            self.states[number] = AFTER.get(kind, back)

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

    def conclude(self, sweep: Sweep, runs: Sequence[Run]) -> Audit:
        known = {run.number: run for run in runs}
        for number in sorted(known.keys() | self.states.keys()):
            told, record = self.states.get(number), known.get(number)
            if record is None or told is not record.state:
                kept = record.state if record else "missing"
                self._complain(f"run {number}: the log says {told or 'nothing'}, its record says {kept}")
        if sorted(known) != list(range(1, sweep.created + 1)):
            self._complain(f"{sweep.created} runs were suggested, {len(known)} have a record")
        if sweep.seen == self.position:
            self._compare_totals(sweep)
        counts = {str(state): sum(run.state is state for run in runs) for state in RunState}
        self.found.counts = {"suggested": sweep.created, **counts}
        return self.found

    def _compare_totals(self, sweep: Sweep) -> None:
        for name in ("observed", "failed", "cancelled", "best"):
            told, kept = getattr(self.totals, name), getattr(sweep, name)
            if told != kept:
                self._complain(f"{name}: the log gives {told}, the sweep's record {kept}")

    def _complain(self, problem: str) -> None:
        self.found.problems.append(problem)
