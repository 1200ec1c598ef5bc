"""Who worked on what, and when."""

from __future__ import annotations

from typing import Any

import pytest

from sweepctl.report.timeline import lanes_of, merged, timeline_of, usage_of


def claimed(run: int, at: float, worker: str = "w", state: str = "training") -> tuple[int, dict[str, Any]]:
    return int(at * 1000), {"kind": "claimed", "run": run, "state": state, "attempt": 1, "worker": worker}


def happened(run: int, kind: str, at: float) -> tuple[int, dict[str, Any]]:
    return int(at * 1000), {"kind": kind, "run": run}


def test_an_attempt_lasts_from_its_claim_to_its_end() -> None:
    log = [claimed(1, 105), happened(1, "checkpointed", 110), happened(1, "trained", 120)]
    log += [claimed(1, 121, "e", "evaluating"), happened(1, "observed", 125), (126_000, {"kind": "finished"})]

    told = timeline_of(log, start=100.0, now=500.0)

    spans = [(span.worker, span.phase, span.start, span.end, span.ended) for span in told.spans]
    assert spans == [("w", "training", 5.0, 20.0, "trained"), ("e", "evaluating", 21.0, 25.0, "observed")]
    assert (told.ended, told.until) == ({1: 25.0}, 26.0)


def test_what_is_in_progress_lasts_until_now_and_what_was_lost_is_told_as_such() -> None:
    told = timeline_of([claimed(1, 100), happened(1, "lost", 110), claimed(1, 115)], start=100.0, now=130.0)

    assert [(span.ended, span.is_wasted, span.end) for span in told.spans] == [
        ("lost", True, 10.0),
        ("in progress", False, 30.0),
    ]


def test_a_worker_with_two_runs_at_once_has_two_lanes() -> None:
    log = [claimed(1, 100), claimed(2, 101), happened(1, "observed", 110), claimed(3, 112), happened(2, "failed", 115)]
    log += [happened(3, "observed", 120)]
    told = timeline_of(log, start=100.0, now=120.0)

    (lanes,) = lanes_of(told.spans).values()
    (used,) = usage_of(told)

    assert [[span.run for span in lane] for lane in lanes] == [[1, 3], [2]]
    assert (used.places, used.attempts, used.busy_seconds) == (2, 3, 32.0)
    assert used.share == pytest.approx(32 / 40)


def test_neighbours_of_one_kind_are_drawn_together() -> None:
    log = [entry for n in range(5) for entry in (claimed(n, 10 * n), happened(n, "observed", 10 * n + 9))]
    log += [claimed(9, 50), happened(9, "lost", 59)]
    told = timeline_of(log, start=0.0, now=60.0)

    bars = merged(told.spans, 2.0)

    assert [(bar.start, bar.end, bar.runs) for bar in bars] == [(0.0, 49.0, 5), (50.0, 59.0, 1)]
    assert len(merged(told.spans, 0.5)) == 6


def test_a_sweep_without_an_event_has_an_empty_timeline() -> None:
    told = timeline_of([], start=100.0, now=130.0)

    assert (told.spans, told.ended, usage_of(told)) == ([], {}, [])
