"""Who worked on what, and when."""

from __future__ import annotations

import pytest

from shared.domain.events import (
    Event,
    LogEntry,
    RunCheckpointed,
    RunClaimed,
    RunFailed,
    RunLost,
    RunObserved,
    RunTrained,
    SweepFinished,
)
from shared.domain.run import RunState
from shared.domain.sweep import SweepState
from sweepctl.report.timeline import lanes_of, merged, timeline_of, usage_of


def claimed(run: int, at: float, worker: str = "w", state: RunState = RunState.TRAINING) -> LogEntry:
    return entry(at, RunClaimed(run=run, state=state, attempt=1, worker=worker, step=0))


def entry(at: float, event: Event) -> LogEntry:
    return LogEntry(1, int(at * 1000), event)


def observed(run: int, at: float) -> LogEntry:
    return entry(at, RunObserved(run=run, score=1.0, cost=1.0))


def lost(run: int, at: float) -> LogEntry:
    return entry(at, RunLost(run=run, why=None))


def test_an_attempt_lasts_from_its_claim_to_its_end() -> None:
    log = [claimed(1, 105), entry(110, RunCheckpointed(run=1, step=1)), entry(120, RunTrained(run=1, step=1))]
    log += [
        claimed(1, 121, "e", RunState.EVALUATING),
        observed(1, 125),
        entry(126, SweepFinished(state=SweepState.FINISHED)),
    ]

    reported = timeline_of(log, start=100.0, now=500.0)

    spans = [(span.worker, span.phase, span.start, span.end, span.ended) for span in reported.spans]
    assert spans == [("w", "training", 5.0, 20.0, "trained"), ("e", "evaluating", 21.0, 25.0, "observed")]
    assert (reported.ended, reported.until) == ({1: 25.0}, 26.0)


def test_what_is_in_progress_lasts_until_now_and_what_was_lost_is_reported_as_such() -> None:
    reported = timeline_of([claimed(1, 100), lost(1, 110), claimed(1, 115)], start=100.0, now=130.0)

    assert [(span.ended, span.is_wasted, span.end) for span in reported.spans] == [
        ("lost", True, 10.0),
        ("in progress", False, 30.0),
    ]


def test_a_worker_with_two_runs_at_once_has_two_lanes() -> None:
    log = [
        claimed(1, 100),
        claimed(2, 101),
        observed(1, 110),
        claimed(3, 112),
        entry(115, RunFailed(run=2, cost=None, failure=None)),
    ]
    log += [observed(3, 120)]
    reported = timeline_of(log, start=100.0, now=120.0)

    (lanes,) = lanes_of(reported.spans).values()
    (used,) = usage_of(reported)

    assert [[span.run for span in lane] for lane in lanes] == [[1, 3], [2]]
    assert (used.places, used.attempts, used.busy_seconds) == (2, 3, 32.0)
    assert used.share == pytest.approx(32 / 40)


def test_neighbours_of_one_kind_are_drawn_together() -> None:
    log = [one for n in range(5) for one in (claimed(n, 10 * n), observed(n, 10 * n + 9))]
    log += [claimed(9, 50), lost(9, 59)]
    reported = timeline_of(log, start=0.0, now=60.0)

    bars = merged(reported.spans, 2.0)

    assert [(bar.start, bar.end, bar.runs) for bar in bars] == [(0.0, 49.0, 5), (50.0, 59.0, 1)]
    assert len(merged(reported.spans, 0.5)) == 6


def test_a_sweep_without_an_event_has_an_empty_timeline() -> None:
    reported = timeline_of([], start=100.0, now=130.0)

    assert (reported.spans, reported.ended, usage_of(reported)) == ([], {}, [])
