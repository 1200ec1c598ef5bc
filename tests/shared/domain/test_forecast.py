"""What is left of a sweep: which limit comes first, and what it will take until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.domain.forecast import Forecast, forecast
from shared.domain.run import Prediction, Run, RunState
from shared.domain.sweep import SweepState, stop

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep

HOUR = 3600.0


def ended(a_run: ARun, *, seconds: float = 100.0, cost: float = 10.0, state: RunState = RunState.OBSERVED) -> Run:
    return a_run(state, train_seconds=seconds - 20, eval_seconds=20.0, cost=cost)


@pytest.fixture
def forecast_of(a_run: ARun, a_sweep: ASweep) -> Any:
    """Return what makes the forecast of a sweep with four observed runs of 100 s and cost 10 each, one hour old."""

    def make(limits: dict[str, Any], *unfinished: Run, slots: int = 1, **changes: Any) -> Forecast | None:
        usual = {"created": 4 + len(unfinished), "observed": 4, "spent": 40.0}
        sweep = a_sweep(limits=limits, **usual | changes)
        last = [ended(a_run) for _ in range(sweep.observed)]
        return forecast(sweep, unfinished=unfinished, last=last, live_slots=slots, now=HOUR)

    return make


def test_of_several_limits_the_one_that_is_reached_first_is_forecast(forecast_of: Any) -> None:
    limits = {"max_runs": 10, "max_cost": 70, "max_hours": 2}

    assert forecast_of(limits).limit == "max_cost"
    assert forecast_of(limits | {"max_cost": 1000}).limit == "max_runs"
    assert forecast_of(limits | {"max_cost": 1000, "max_hours": 1.05}).limit == "max_hours"


def test_runs_time_and_cost_that_are_left_are_those_of_the_median_run(forecast_of: Any) -> None:
    found = forecast_of({"max_runs": 10}, slots=2)

    assert (found.runs_left, found.seconds_left, found.cost_at_end) == (6, 6 * 100 / 2, 40 + 6 * 10)
    assert found.assumes == (
        "each remaining run takes and costs as much as the median of the last 4 runs, and 2 slots work without a pause"
    )


def test_runs_in_progress_count_as_half_done_and_cost_what_was_predicted(forecast_of: Any, a_run: ARun) -> None:
    dear = a_run(RunState.TRAINING, prediction=Prediction(source="local", cost=25.0))

    found = forecast_of({"max_runs": 6}, dear, a_run())

    assert (found.runs_left, found.seconds_left, found.cost_at_end) == (2, 1.5 * 100, 40 + 25 + 10)
    assert forecast_of({"max_cost": 75}, dear, a_run()).runs_left == 2, "what is in flight spends the rest"
    assert forecast_of({"max_cost": 76}, dear, a_run()).runs_left == 3


def test_hours_are_filled_by_the_slots(forecast_of: Any) -> None:
    found = forecast_of({"max_hours": 1.25}, slots=2)

    assert (found.runs_left, found.seconds_left) == (18, 900.0)


def test_parallelism_bounds_the_slots_and_without_a_live_one_one_is_assumed(forecast_of: Any) -> None:
    assert forecast_of({"max_runs": 10, "parallelism": 2}, slots=8).slots == 2
    assert forecast_of({"max_runs": 10}, slots=0).slots == 1


def test_without_a_limit_that_can_be_predicted_no_end_is_forecast(forecast_of: Any) -> None:
    found = forecast_of({"target_score": 5.0})

    assert (found.limit, found.runs_left, found.seconds_left, found.cost_at_end) == (None, None, None, None)
    assert found.run_seconds == 100.0


def test_a_sweep_that_starts_no_new_runs_has_only_its_runs_in_progress_left(
    forecast_of: Any, a_run: ARun, a_sweep: ASweep
) -> None:
    spent = forecast_of({"max_cost": 40, "max_runs": 9}, a_run(RunState.TRAINING), a_run())
    sweep = stop(a_sweep(created=3, observed=1, spent=10.0))
    stopping = forecast(
        sweep, unfinished=[a_run(RunState.TRAINING), a_run()], last=[ended(a_run)], live_slots=1, now=0.0
    )

    assert (spent.limit, spent.runs_left, spent.seconds_left) == ("nothing new is started", 1, 50.0)
    assert stopping is not None
    assert (stopping.runs_left, stopping.cost_at_end) == (1, 20.0)
    assert stopping.assumes.startswith("each remaining run takes and costs as much as the last run, and 1 slot works")


def test_there_is_no_forecast_before_the_first_run_has_ended_while_paused_and_after_the_last_one(
    forecast_of: Any, a_run: ARun, a_sweep: ASweep
) -> None:
    assert forecast_of({"max_runs": 4}, observed=0, spent=0.0) is None
    assert forecast_of({"max_runs": 4}, state=SweepState.FINISHED) is None
    assert forecast_of({"max_runs": 10}, state=SweepState.PAUSED) is None, "the length of the pause is not known"
    cancelled = [a_run(RunState.CANCELLED)]
    assert forecast(a_sweep(), unfinished=[], last=cancelled, live_slots=1, now=0.0) is None


def test_runs_that_take_and_cost_nothing_foresee_no_end_by_time_or_cost(a_run: ARun, a_sweep: ASweep) -> None:
    free = a_run(RunState.OBSERVED, train_seconds=0.0, eval_seconds=0.0, cost=0.0)
    sweep = a_sweep(limits={"max_cost": 5, "max_hours": 1}, observed=1, created=1)

    found = forecast(sweep, unfinished=[], last=[free], live_slots=1, now=0.0)

    assert found is not None
    assert found.limit is None
