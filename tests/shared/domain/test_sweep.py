"""The budget of a sweep, how many runs it starts, and when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.domain.configuration import Configuration
from shared.domain.errors import IllegalMove
from shared.domain.events import (
    Event,
    RunCancelled,
    RunFailed,
    RunObserved,
    RunRetried,
    SweepLimited,
    SweepPaused,
    SweepResumed,
)
from shared.domain.record_events import event_of_sweep
from shared.domain.run import Prediction, RunState
from shared.domain.sweep import (
    BEING_RESTORED,
    Best,
    Sweep,
    SweepState,
    affordable_runs,
    cuts_short,
    expected_cost,
    how_many_to_start,
    limit,
    pause,
    reached_limit,
    reopen,
    resume,
    settle,
    stop,
)
from shared.domain.totals import absorb

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep

RUNNING, PAUSED, STOPPING, FINISHED = SweepState
NOON = 43_200.0


def observed(run: int, score: float, cost: float = 1.0) -> RunObserved:
    return RunObserved(run=run, score=score, cost=cost)


def failed(run: int, failure: str = "user code", cost: float = 1.0) -> RunFailed:
    return RunFailed(run=run, failure=failure, cost=cost)


def after(sweep: Sweep, *events: Event) -> Sweep:
    for position, event in enumerate(events, start=sweep.seen + 1):
        sweep = absorb(sweep, event, position=position)
    return sweep


# ------------------------------------------------------------------------------------------------ totals


def test_the_totals_of_a_sweep_are_those_of_its_log(a_sweep: ASweep) -> None:
    paused = SweepPaused(state=PAUSED)

    sweep = after(a_sweep(), observed(1, 0.5, cost=2.0), failed(2, cost=3.0), RunCancelled(run=3), paused)

    assert (sweep.seen, sweep.observed, sweep.failed, sweep.cancelled, sweep.spent) == (4, 1, 1, 1, 5.0)
    assert sweep.version == a_sweep().version


def test_what_leads_is_a_configuration_and_in_a_record_of_an_earlier_version_the_best_run(a_sweep: ASweep) -> None:
    leader = Configuration(runs=(4, 2), score=0.4, cost=1.0)

    assert a_sweep().leading is None
    assert after(a_sweep(), observed(1, 0.5, cost=2.0)).leading == Configuration(runs=(1,), score=0.5, cost=2.0)
    assert after(a_sweep(leader=leader), observed(1, 0.5)).leading == leader


@pytest.mark.parametrize(("goal", "best"), [("maximize", 2), ("minimize", 3)])
def test_the_best_run_is_the_one_that_the_goal_asks_for(a_sweep: ASweep, goal: str, best: int) -> None:
    sweep = after(a_sweep(goal=goal), observed(1, 0.0), observed(2, 1.0), observed(3, -1.0))

    assert sweep.best is not None
    assert sweep.best.run == best


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_of_equal_scores_the_cheaper_run_is_the_best_and_of_equal_ones_the_first(a_sweep: ASweep, goal: str) -> None:
    sweep = after(a_sweep(goal=goal), observed(1, 0.0, 3.0), observed(2, 0.0, 2.0), observed(3, 0.0, 2.0))

    assert sweep.best == Best(run=2, score=0.0, cost=2.0)


def test_failures_in_a_row_end_with_an_observation_and_those_of_the_infrastructure_do_not_count(
    a_sweep: ASweep,
) -> None:
    twice = after(a_sweep(), failed(1), failed(2, "bad score"))
    crashed = after(twice, failed(3, "crash loop"))

    assert (twice.consecutive_failures, crashed.consecutive_failures) == (2, 2)
    assert crashed.failed == 3
    assert after(crashed, observed(4, 0.0)).consecutive_failures == 0
    assert after(crashed, SweepResumed(state=RUNNING)).consecutive_failures == 0


def test_costs_beyond_all_bounds_leave_a_record_that_can_be_read_back(a_sweep: ASweep) -> None:
    sweep = after(a_sweep(), observed(1, 0.0, 1e308), observed(2, 0.0, 1e308), failed(3, cost=1e308))

    assert Sweep.model_validate_json(sweep.model_dump_json(exclude_defaults=True)) == sweep


@pytest.mark.parametrize("end", [failed(2, cost=3.0), RunCancelled(run=2)])
def test_a_run_that_is_tried_again_is_taken_out_of_the_totals(a_sweep: ASweep, end: RunFailed | RunCancelled) -> None:
    before = after(a_sweep(), observed(1, 0.5, cost=2.0))
    cost = 3.0 if isinstance(end, RunFailed) else 0.0

    retried = RunRetried(run=2, params={}, state=RunState.QUEUED, step=0, was=end.kind, cost=cost)
    again = after(before, end, retried)

    kept = ("observed", "failed", "cancelled", "spent", "best")
    assert [getattr(again, name) for name in kept] == [getattr(before, name) for name in kept]


# ------------------------------------------------------------------------------------------------ limits


@pytest.mark.parametrize(
    ("limits", "state", "reason"),
    [
        ({"max_runs": 3}, {"created": 3}, "all 3 runs done"),
        ({"max_cost": 10}, {"spent": 10.0}, "budget of cost 10 spent"),
        ({"max_hours": 12}, {}, "budget of 12 hours spent"),
        ({"target_score": 0.9}, {"best": Best(run=7, score=0.9, cost=1)}, "target score 0.9 reached by run 7"),
    ],
)
def test_each_limit_is_named_when_it_is_reached(
    a_sweep: ASweep, limits: dict[str, Any], state: dict[str, Any], reason: str
) -> None:
    assert reached_limit(a_sweep(limits=limits, **state), now=NOON) == reason


@pytest.mark.parametrize(
    ("limits", "state"),
    [
        ({"max_runs": 3}, {"created": 2}),
        ({"max_cost": 10}, {"spent": 9.99}),
        ({"max_hours": 12.01}, {}),
        ({"target_score": 0.9}, {"best": Best(run=7, score=0.89, cost=1)}),
        ({"target_score": 0.9}, {}),
        ({}, {"created": 10**6, "spent": 1e9}),
    ],
)
def test_no_limit_is_named_before_it_is_reached(a_sweep: ASweep, limits: dict[str, Any], state: dict[str, Any]) -> None:
    assert reached_limit(a_sweep(limits=limits, **state), now=NOON) is None


def test_a_target_that_is_to_be_minimized_is_reached_from_above(a_sweep: ASweep) -> None:
    limits = {"target_score": 0.1}

    near = a_sweep(goal="minimize", limits=limits, best=Best(run=1, score=0.11, cost=1))
    there = a_sweep(goal="minimize", limits=limits, best=Best(run=1, score=0.1, cost=1))

    assert reached_limit(near, now=0) is None
    assert reached_limit(there, now=0) == "target score 0.1 reached by run 1"


# ------------------------------------------------------------------------------------------------ how many


@pytest.mark.parametrize(
    ("limits", "created", "counts", "slots", "wanted"),
    [
        ({}, 0, {}, 0, 2),  # no worker is live: one for an autoscaler to see, one ahead
        ({"look_ahead": 0}, 0, {}, 0, 1),
        ({}, 0, {}, 4, 5),
        ({"look_ahead": 3}, 0, {}, 4, 7),
        ({}, 3, {"queued": 1, "training": 2}, 4, 2),
        ({}, 9, {"queued": 5, "training": 4}, 4, 0),
        ({}, 3, {"trained": 1, "evaluating": 2}, 2, 3),  # they hold no trainer
        ({"parallelism": 2}, 0, {}, 4, 2),
        ({"parallelism": 2}, 1, {"evaluating": 1}, 4, 1),
        ({"parallelism": 2}, 4, {"training": 4}, 8, 0),  # lowered while it ran
        ({"max_runs": 10}, 8, {"observed": 8}, 4, 2),
        ({"max_runs": 10}, 10, {"observed": 10}, 4, 0),
        ({"max_runs": 5}, 8, {"observed": 8}, 4, 0),
    ],
)
def test_as_many_runs_are_started_as_slots_and_look_ahead_ask_for_and_limits_allow(
    a_sweep: ASweep, limits: dict[str, Any], created: int, counts: dict[str, int], slots: int, wanted: int
) -> None:
    sweep = a_sweep(limits=limits, created=created)
    by_state = {RunState(state): count for state, count in counts.items()}

    assert how_many_to_start(sweep, by_state, live_slots=slots, now=0) == wanted


@pytest.mark.parametrize("state", [PAUSED, STOPPING, FINISHED])
def test_a_sweep_that_does_not_run_starts_nothing(a_sweep: ASweep, state: SweepState) -> None:
    assert how_many_to_start(a_sweep(state=state), {}, live_slots=4, now=0) == 0


def test_a_sweep_whose_budget_is_spent_starts_nothing(a_sweep: ASweep) -> None:
    assert how_many_to_start(a_sweep(limits={"max_cost": 1}, spent=1.0), {}, live_slots=4, now=0) == 0


@pytest.mark.parametrize(
    ("spent", "in_flight", "wanted"),
    [
        (0.0, 0.0, 9),  # nothing is known yet: as many as the slots ask for
        (20.0, 0.0, 8),
        (60.0, 0.0, 4),  # 10 each
        (60.0, 5.0, 4),  # the last of them may go beyond
        (60.0, 10.0, 3),
        (60.0, 39.0, 1),
        (60.0, 40.0, 0),  # what is in flight will spend the rest
        (60.0, 90.0, 0),
    ],
)
def test_no_run_is_started_that_what_is_in_flight_leaves_no_budget_for(
    a_sweep: ASweep, spent: float, in_flight: float, wanted: int
) -> None:
    sweep = a_sweep(limits={"max_cost": 100}, spent=spent, observed=int(spent / 10))

    assert how_many_to_start(sweep, {}, live_slots=8, now=0, in_flight_cost=in_flight) == wanted


def test_runs_that_cost_nothing_so_far_bound_nothing(a_sweep: ASweep) -> None:
    free = a_sweep(limits={"max_cost": 1}, spent=0.0, observed=3)
    tiny = a_sweep(limits={"max_cost": 1e300}, spent=1e-300, observed=3)

    assert affordable_runs(free, in_flight_cost=0.0) == affordable_runs(tiny, in_flight_cost=0.0) == float("inf")


def test_an_unfinished_run_is_expected_to_cost_what_was_predicted_or_what_the_others_did(
    a_sweep: ASweep, a_run: ARun
) -> None:
    sweep = a_sweep(spent=30.0, observed=2, failed=1)
    runs = [a_run(prediction=Prediction(source="local", cost=4.0)), a_run()]

    assert expected_cost(sweep, runs) == 4.0 + 10.0


def test_runs_that_wait_are_wanted_until_a_limit_other_than_their_number_is_reached(a_sweep: ASweep) -> None:
    full = a_sweep(limits={"max_runs": 3, "max_cost": 10}, created=3)

    assert cuts_short(full, now=0) is None
    assert cuts_short(full.model_copy(update={"spent": 10.0}), now=0) == "budget of cost 10 spent"
    assert cuts_short(stop(full), now=0) == "stopped by hand"


# ------------------------------------------------------------------------------------------------ continued


def over(a_sweep: ASweep, reason: str = "all 3 runs done", **changes: Any) -> Sweep:
    usual = {"state": FINISHED, "reason": reason, "limits": {"max_runs": 3}, "created": 3}
    return a_sweep(**usual | changes)


def test_a_finished_sweep_with_a_larger_budget_continues_and_the_log_has_an_event(a_sweep: ASweep) -> None:
    sweep = limit(over(a_sweep), now=0, max_runs=5)

    assert (sweep.state, sweep.reason, sweep.limits.max_runs) == (RUNNING, "", 5)
    assert event_of_sweep(sweep) == SweepLimited(state=RUNNING, limits=sweep.limits)
    assert how_many_to_start(sweep, {}, live_slots=8, now=0) == 2


def test_a_finished_sweep_whose_new_budget_leaves_no_room_stays_finished(a_sweep: ASweep) -> None:
    hours = limit(over(a_sweep, limits={"max_runs": 3, "max_hours": 1}), now=NOON, max_runs=5)
    stopped = limit(over(a_sweep, "stopped", limits={"max_runs": 9}), now=0, max_runs=3)

    assert (hours.state, hours.reason) == (FINISHED, "budget of 1 hours spent")
    assert (stopped.state, stopped.reason) == (FINISHED, "all 3 runs done")


def test_what_is_no_budget_opens_no_finished_sweep(a_sweep: ASweep) -> None:
    with pytest.raises(IllegalMove, match="all 3 runs done; only a larger budget can continue it"):
        limit(over(a_sweep), now=0, parallelism=4)


def test_a_sweep_continues_for_a_run_that_is_tried_again_and_starts_no_other(a_sweep: ASweep) -> None:
    sweep = reopen(over(a_sweep), now=0)

    assert (sweep.state, sweep.reason, event_of_sweep(sweep).kind) == (RUNNING, "", "reopened")
    assert how_many_to_start(sweep, {}, live_slots=8, now=0) == 0
    assert settle(sweep, unfinished=1, now=0) == sweep


@pytest.mark.parametrize("state", [RUNNING, PAUSED])
def test_an_unfinished_sweep_only_gets_a_new_version(a_sweep: ASweep, state: SweepState) -> None:
    sweep = a_sweep(state=state, reason="lunch")

    assert reopen(sweep, now=0) == sweep.move("")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"state": STOPPING, "reason": "stopped by hand"}, "is stopping: run `sweepctl resume s` first"),
        ({"limits": {"max_cost": 5}, "spent": 5.0}, r"budget of cost 5 spent: raise the budget with `sweepctl set s"),
        ({"reason": "stopped", "limits": {"max_runs": 9}}, r"`sweepctl set s budget.max_runs=3` first"),
        ({"log_dropped": True}, "its log was dropped: it cannot continue"),
        ({"reason": BEING_RESTORED}, "is being restored: wait until that is done"),
    ],
)
def test_where_a_run_that_is_tried_again_would_be_cancelled_or_others_be_started_it_is_refused(
    a_sweep: ASweep, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(IllegalMove, match=problem):
        reopen(over(a_sweep, **changes), now=0)


# ------------------------------------------------------------------------------------------------ settling


def test_a_sweep_is_finished_once_its_limit_is_reached_and_nothing_is_unfinished(a_sweep: ASweep) -> None:
    sweep = a_sweep(limits={"max_runs": 3}, created=3)

    assert settle(sweep, unfinished=1, now=0) == sweep
    settled = settle(sweep, unfinished=0, now=0)
    assert (settled.state, settled.reason, settled.version) == (FINISHED, "all 3 runs done", sweep.version + 1)


def test_a_stopping_sweep_is_finished_when_its_last_run_is_over(a_sweep: ASweep) -> None:
    sweep = stop(a_sweep())

    assert settle(sweep, unfinished=1, now=0) == sweep
    settled = settle(sweep, unfinished=0, now=0)
    assert (settled.state, settled.reason) == (FINISHED, "stopped")


def test_a_sweep_pauses_after_too_many_failures_in_a_row(a_sweep: ASweep) -> None:
    sweep = after(a_sweep(limits={"max_consecutive_failures": 2}), failed(1))

    assert settle(sweep, unfinished=3, now=0) == sweep
    paused = settle(after(sweep, failed(2)), unfinished=3, now=0)
    assert (paused.state, paused.reason) == (PAUSED, "2 runs failed in a row")
    assert settle(paused, unfinished=3, now=0) == paused


def test_a_sweep_that_was_resumed_gets_as_many_failures_again(a_sweep: ASweep) -> None:
    paused = settle(after(a_sweep(limits={"max_consecutive_failures": 1}), failed(1)), unfinished=0, now=0)

    resumed = resume(paused)

    assert settle(resumed, unfinished=0, now=0) == resumed
    assert settle(after(resumed, failed(2)), unfinished=0, now=0).state is PAUSED


def test_a_finished_sweep_stays_as_it_is(a_sweep: ASweep) -> None:
    sweep = a_sweep(state=FINISHED, limits={"max_runs": 1}, created=1)

    assert settle(sweep, unfinished=0, now=0) == sweep


# ------------------------------------------------------------------------------------------------ by hand

BY_HAND = {"pause": lambda sweep: pause(sweep, "lunch"), "resume": resume, "stop": stop}
ALLOWED = {
    (RUNNING, "pause"): PAUSED,
    (RUNNING, "stop"): STOPPING,
    (PAUSED, "resume"): RUNNING,
    (PAUSED, "stop"): STOPPING,
    (STOPPING, "resume"): RUNNING,
}


@pytest.mark.parametrize("move", BY_HAND)
@pytest.mark.parametrize("state", SweepState)
def test_only_what_makes_sense_can_be_done_by_hand(a_sweep: ASweep, state: SweepState, move: str) -> None:
    sweep = a_sweep(state=state, reason="before")

    if (state, move) in ALLOWED:
        moved = BY_HAND[move](sweep)
        assert (moved.state, moved.version) == (ALLOWED[state, move], sweep.version + 1)
        assert event_of_sweep(moved).plain() == {"kind": moved.last_move, "state": moved.state, "reason": moved.reason}
    else:
        with pytest.raises(IllegalMove, match=rf"sweep s is {state}"):
            BY_HAND[move](sweep)
