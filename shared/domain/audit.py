"""Audit a sweep: the moves in its log must be legal, and the records must agree with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.domain.events import (
    EventOfRun,
    LogEntry,
    RunCancelRequested,
    RunCheckpointed,
    RunClaimed,
    RunDamaged,
    RunFellBack,
    RunMoved,
    RunRetried,
    RunStoppedEarly,
    UnknownEvent,
)
from shared.domain.run import BIRTHS, FINISHED, LEASED, WITHOUT_SCORE, Run, RunState
from shared.domain.sweep import Sweep
from shared.domain.totals import COUNTED, absorb

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
    """One claim of a run: the worker, the first step, how it ended, and the seconds of work that were lost."""

    run: int
    phase: str
    worker: str
    from_step: int
    ended: str = "in progress"
    last_step: int = 0
    lost_seconds: float = 0.0


@dataclass
class Audit:
    """The result of an audit: broken rules (none if all is well), notes on what was not checked, attempts, and sums."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)  # events that this version cannot read, by kind

    @property
    def lost_seconds(self) -> float:
        """Seconds of work that has to be repeated."""
        return sum(attempt.lost_seconds for attempt in self.attempts)


def audit(
    sweep: Sweep,
    runs: Sequence[Run],
    log: Iterable[LogEntry],
    *,
    abandoned: Iterable[str] = (),
) -> Audit:
    """Replay the log and compare it with the records. Events of a newer version are counted and not judged.

    `abandoned` are the ids of unfinished runs that no worker holds and no worker was notified about.
    """
    reader = _LogReader(sweep)
    if sweep.log_dropped:
        reader.found.notes.append("the log was dropped after the retention time: only the records were compared")
    else:
        for entry in log:
            reader.take(entry)
        reader.compare_records(runs)
        reader.compare_totals(sweep)
        reader.note_unknown()
    found = reader.found
    found.problems += _counts_that_disagree(sweep, runs)
    found.problems += _limits_that_were_broken(sweep, runs)
    found.problems += [f"run {run_id}: no worker holds it, and no worker was notified about it" for run_id in abandoned]
    states = {str(state): sum(run.state is state for run in runs) for state in RunState}
    found.counts = {"suggested": sweep.created, **states}
    return found


def _counts_that_disagree(sweep: Sweep, runs: Sequence[Run]) -> Iterable[str]:
    if sorted(run.number for run in runs) != list(range(1, sweep.created + 1)):
        yield f"{sweep.created} runs were suggested, and {len(runs)} have a record"
    if not sweep.is_finished:  # the totals of an unfinished sweep follow a moment later
        return
    ended = {name: getattr(sweep, name) for name in ("observed", "failed", "cancelled")}
    for name, total in ended.items():
        kept = sum(run.state == name for run in runs)
        if total != kept:
            yield f"{name}: the sweep's record gives {total}, the runs' records {kept}"
    if sum(ended.values()) != sweep.created:
        yield f"the sweep is finished, but {sweep.created} runs were suggested and {sum(ended.values())} ended"


def _limits_that_were_broken(sweep: Sweep, runs: Sequence[Run]) -> Iterable[str]:
    limits, held = sweep.limits, sum(run.state in LEASED for run in runs)
    if limits.max_runs is not None and sweep.created > limits.max_runs:
        yield f"{sweep.created} runs were suggested, and the budget allows {limits.max_runs}"
    if limits.parallelism is not None and held > limits.parallelism:
        yield f"{held} runs are in progress at once, and parallelism allows {limits.parallelism}"


class _LogReader:
    """Follows the log, run by run."""

    def __init__(self, sweep: Sweep) -> None:
        self.found = Audit()
        self.position = 0
        self.states: dict[int, RunState] = {}
        self.steps: dict[int, int] = {}
        self.open: dict[int, tuple[Attempt, int]] = {}  # with the time (ms) of its last durable progress
        self.unclear: set[int] = set()  # runs with an event that this version cannot read
        self.totals = Sweep(
            name=sweep.name,
            goal=sweep.goal,
            queue=sweep.queue,
            limits=sweep.limits,
            config={},
            config_hash="",
            created_at=sweep.created_at,
        )

    def take(self, entry: LogEntry) -> None:
        position, at_ms, event = entry
        if position != self.position + 1:
            self._report(f"the log jumps from entry {self.position} to {position}: entries are missing")
        self.position = position
        if event.kind in COUNTED:
            self.totals = absorb(self.totals, event, position=position)
        if isinstance(event, UnknownEvent):
            self.found.unknown[event.kind] = self.found.unknown.get(event.kind, 0) + 1
            self.unclear |= set() if event.run is None else {event.run}
        elif isinstance(event, EventOfRun) and event.run not in self.unclear:
            self._take_run(event, at_ms)

    def _take_run(self, event: RunMoved, at_ms: int) -> None:
        number, kind, before = event.run, event.kind, self.states.get(event.run)
        if (before is None) != (kind in BIRTHS):
            self._report(f"run {number}: {kind} {'before it was' if before is None else 'after it was'} suggested")
        if before in FINISHED and not isinstance(event, RunRetried):
            self._report(f"run {number}: {kind} after it was {before}: a run ends once")
        match event:
            case RunClaimed():
                self._claim(event, at_ms)
            case RunCheckpointed() | RunFellBack():
                self._progress(event, at_ms)
            case RunStoppedEarly():
                if before is not RunState.TRAINING:
                    self._report(f"run {number}: stopped early while it was {before}")
            case RunCancelRequested():
                pass
            case _:
                self._end_attempt(number, at_ms, kind)
                self.states[number] = self._state_after(event, before)

    def _state_after(self, event: RunMoved, before: RunState | None) -> RunState:
        match event:
            case RunRetried():
                if before not in WITHOUT_SCORE:
                    self._report(f"run {event.run}: retried while it was {before}")
                return event.state
            case RunDamaged():
                self.steps[event.run] = event.step
        back = RunState.TRAINED if before is RunState.EVALUATING else RunState.QUEUED
        return AFTER.get(event.kind, back)

    def _claim(self, event: RunClaimed, at_ms: int) -> None:
        if self.states.get(event.run) in LEASED:
            self._report(f"run {event.run}: claimed by {event.worker} while another worker held it")
        self.states[event.run] = event.state
        attempt = Attempt(event.run, event.state, event.worker, event.step, last_step=event.step)
        self.found.attempts.append(attempt)
        self.open[event.run] = (attempt, at_ms)

    def _progress(self, event: RunCheckpointed | RunFellBack, at_ms: int) -> None:
        number, state = event.run, self.states.get(event.run)
        if state is not RunState.TRAINING:
            self._report(f"run {number}: {event.kind} while it was {state}")
        if isinstance(event, RunCheckpointed) and event.step <= self.steps.get(number, -1):
            self._report(f"run {number}: checkpoint at step {event.step} after one at {self.steps[number]}")
        self.steps[number] = event.step
        if number in self.open:
            attempt, _ = self.open[number]
            attempt.last_step = event.step
            self.open[number] = (attempt, at_ms)

    def _end_attempt(self, number: int, at_ms: int, kind: str) -> None:
        attempt, safe_at_ms = self.open.pop(number, (None, at_ms))
        if attempt is not None:
            attempt.ended = kind
            attempt.lost_seconds = (at_ms - safe_at_ms) / 1000 if kind == "lost" else 0.0

    def compare_records(self, runs: Sequence[Run]) -> None:
        """Report each run whose record does not have the state that the log ends with."""
        known = {run.number: run for run in runs}
        for number in sorted((known.keys() | self.states.keys()) - self.unclear):
            expected, record = self.states.get(number), known.get(number)
            if record is None or expected is not record.state:
                kept = record.state if record else "missing"
                self._report(f"run {number}: the log says {expected or 'nothing'}, its record says {kept}")

    def compare_totals(self, sweep: Sweep) -> None:
        """Report each total of the sweep that differs from the log."""
        if sweep.seen != self.position or self.found.unknown:
            return
        for name in ("observed", "failed", "cancelled", "best"):
            expected, kept = getattr(self.totals, name), getattr(sweep, name)
            if expected != kept:
                self._report(f"{name}: the log gives {expected}, the sweep's record {kept}")

    def note_unknown(self) -> None:
        """Note the events that this version cannot read, and what was therefore not compared."""
        unknown = self.found.unknown
        if unknown:
            kinds = ", ".join(f"{kind} ({count})" for kind, count in sorted(unknown.items()))
            self.found.notes.append(
                f"this version cannot read {sum(unknown.values())} events of the log: {kinds}; the totals and "
                f"{len(self.unclear)} runs were not compared; audit with the version that wrote them"
            )

    def _report(self, problem: str) -> None:
        self.found.problems.append(problem)
