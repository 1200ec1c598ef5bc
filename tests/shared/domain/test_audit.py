"""The audit finds what it should, and nothing in a sound log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from shared.domain.audit import Audit, audit
from shared.domain.run import Prediction, Run, RunState
from shared.domain.sweep import Best, Limits, Sweep, SweepState
from tests.logs import log_of

SOUND: tuple[Mapping[str, Any], ...] = (
    {"kind": "submitted", "state": "running"},
    {"kind": "suggested", "run": 1, "params": {}, "source": "centre"},
    {"kind": "claimed", "run": 1, "state": "training", "attempt": 1, "worker": "one", "step": 0},
    {"kind": "checkpointed", "run": 1, "step": 10},
    {"kind": "lost", "run": 1, "why": "silent"},
    {"kind": "claimed", "run": 1, "state": "training", "attempt": 2, "worker": "other", "step": 10},
    {"kind": "checkpointed", "run": 1, "step": 20},
    {"kind": "trained", "run": 1, "step": 20},
    {"kind": "claimed", "run": 1, "state": "evaluating", "attempt": 2, "worker": "eve", "step": 20},
    {"kind": "observed", "run": 1, "score": 2.0, "cost": 3.0},
)


EARLY: tuple[Mapping[str, Any], ...] = (
    *SOUND[:4],
    {"kind": "stopped early", "run": 1, "step": 15, "score": 0.5, "cost": 1.0, "why": "worse than the others"},
    *SOUND[4:6],
    *SOUND[7:],
)
"""Its worker died after the decision; the next one handed on what there was."""


def a_run(state: RunState = RunState.OBSERVED, number: int = 1) -> Run:
    return Run(
        version=9,
        id=f"s.r.{number}",
        sweep="s",
        number=number,
        state=state,
        queue="gpu",
        params={},
        prediction=Prediction(source="centre"),
    )


def audited(
    events: Sequence[Mapping[str, Any]], runs: Sequence[Run] | None = None, *, first: int = 1, observed: int = 1
) -> Audit:
    sweep = Sweep(
        version=1,
        name="s",
        goal="maximize",
        queue="gpu",
        limits=Limits(),
        config={},
        config_hash="",
        created_at=0.0,
        created=1,
        seen=len(events) + first - 1,
        observed=observed,
        best=Best(run=1, score=2.0, cost=3.0),
    )
    return audit(sweep, [a_run()] if runs is None else runs, log_of(*events, first=first))


def test_a_sound_log_has_no_problem_and_every_attempt() -> None:
    found = audited(SOUND)

    assert found.problems == []
    assert [(attempt.worker, attempt.from_step, attempt.ended) for attempt in found.attempts] == [
        ("one", 0, "lost"),
        ("other", 10, "trained"),
        ("eve", 20, "observed"),
    ]
    assert {name: count for name, count in found.counts.items() if count} == {"suggested": 1, "observed": 1}


def test_a_run_that_was_stopped_early_is_sound() -> None:
    assert audited(EARLY).problems == []


RETRIED: tuple[Mapping[str, Any], ...] = (
    *SOUND[:4],
    {"kind": "failed", "run": 1, "cost": 1.0, "failure": "user code"},
    {"kind": "retried", "run": 1, "params": {}, "state": "queued", "step": 10, "was": "failed", "cost": 1.0},
    *SOUND[5:],
)
ADOPTED: tuple[Mapping[str, Any], ...] = (
    {"kind": "submitted", "state": "running"},
    {"kind": "adopted", "run": 1, "params": {}, "origin": "old.r.7", "step": 20},
    *SOUND[8:],
)


@pytest.mark.parametrize("events", [RETRIED, ADOPTED])
def test_a_run_that_was_tried_again_or_adopted_is_sound(events: Sequence[Mapping[str, Any]]) -> None:
    assert audited(events).problems == []


def test_the_work_after_the_last_checkpoint_of_a_lost_attempt_is_what_was_lost() -> None:
    assert audited(SOUND).lost_seconds == 1.0


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        ((*SOUND, SOUND[-1]), "run 1: observed after it was observed: a run ends once"),
        ((*SOUND[:4], SOUND[5], *SOUND[5:]), "run 1: claimed by other while another worker held it"),
        ((*SOUND[:7], SOUND[3], *SOUND[7:]), "run 1: checkpoint at step 10 after one at 20"),
        ((*SOUND[:-1], EARLY[4], SOUND[-1]), "run 1: stopped early while it was evaluating"),
        ((*SOUND[:4], RETRIED[5], *SOUND[4:]), "run 1: retried while it was training"),
        ((*SOUND[:2], ADOPTED[1], *SOUND[2:]), "run 1: adopted after it was suggested"),
        ((SOUND[0], *SOUND[2:]), "run 1: claimed before it was suggested"),
        (SOUND[:-1], "run 1: the log says evaluating, its record says observed"),
    ],
)
def test_a_broken_rule_is_named(events: Sequence[Mapping[str, Any]], problem: str) -> None:
    assert problem in audited(events).problems


NEWER: tuple[Mapping[str, Any], ...] = (
    {"kind": "teleported", "run": 1, "to": "the moon"},
    {"kind": "observed", "run": 1, "score": "good", "cost": 3.0},
    {"kind": "renamed"},
)


@pytest.mark.parametrize("newer", NEWER)
def test_an_event_of_a_newer_version_is_counted_as_unknown_and_not_judged(newer: Mapping[str, Any]) -> None:
    found = audited((*SOUND[:6], newer, *SOUND[6:]), observed=7)

    assert found.problems == []
    assert found.unknown == {newer["kind"]: 1}
    assert found.notes[0].startswith(f"this version cannot read 1 events of the log: {newer['kind']} (1); ")


def test_what_other_runs_did_beside_an_unknown_event_is_still_judged() -> None:
    broken = [{**event, "run": 2} if "run" in event else event for event in (*SOUND, SOUND[-1])]

    found = audited((*broken, NEWER[0]))

    assert "run 2: observed after it was observed: a run ends once" in found.problems


def test_a_field_of_a_newer_version_is_ignored() -> None:
    assert audited([{**event, "colour": {"red": 1}} for event in SOUND]).problems == []


def test_a_gap_in_the_log_is_named() -> None:
    assert "the log jumps from entry 0 to 2: entries are missing" in audited(SOUND, first=2).problems


def test_totals_that_the_log_does_not_give_are_named() -> None:
    assert "observed: the log gives 1, the sweep's record 2" in audited(SOUND, observed=2).problems


def test_a_run_without_a_record_is_named() -> None:
    assert audited(SOUND, []).problems == [
        "run 1: the log says observed, its record says missing",
        "1 runs were suggested, and 0 have a record",
    ]


def with_limits(**changes: Any) -> list[str]:
    sweep = Sweep(
        version=1,
        name="s",
        goal="maximize",
        queue="gpu",
        limits=Limits(max_runs=2, parallelism=1),
        config={},
        config_hash="",
        created_at=0.0,
    ).model_copy(update=changes)
    runs = [a_run(RunState.TRAINING, number) for number in range(1, sweep.created + 1)]
    return audit(sweep.model_copy(update={"log_dropped": True}), runs, [], abandoned=changes.get("lost", ())).problems


def test_more_runs_than_the_budget_or_the_parallelism_allow_are_named() -> None:
    assert with_limits(created=1) == []
    assert with_limits(created=3) == [
        "3 runs were suggested, and the budget allows 2",
        "3 runs are in progress at once, and parallelism allows 1",
    ]


def test_an_unfinished_run_without_an_owner_and_without_a_notification_is_named() -> None:
    assert with_limits(created=1, lost=["s.r.1"]) == [
        "run s.r.1: no worker holds it, and no worker was notified about it"
    ]


def test_a_finished_sweep_whose_runs_did_not_all_end_is_named() -> None:
    finished: Any = {"state": SweepState.FINISHED, "created": 2, "observed": 2, "limits": Limits()}

    assert with_limits(**finished) == ["observed: the sweep's record gives 2, the runs' records 0"]
    assert with_limits(**finished | {"created": 3})[1] == (
        "the sweep is finished, but 3 runs were suggested and 2 ended"
    )


def test_of_a_dropped_log_the_records_alone_are_compared_and_the_audit_says_so() -> None:
    sweep = Sweep(
        version=1,
        name="s",
        goal="maximize",
        queue="gpu",
        limits=Limits(),
        config={},
        config_hash="",
        created_at=0.0,
        created=1,
        log_dropped=True,
    )

    found = audit(sweep, [a_run()], log_of({"kind": "finished", "state": "finished"}, first=10))

    assert found.problems == []
    assert found.notes == ["the log was dropped after the retention time: only the records were compared"]
    assert found.attempts == []
