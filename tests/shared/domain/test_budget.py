"""Whatever runs cost and however long they take: a sweep ends at its budget, but for the runs in flight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.events import Event, RunCancelled, RunObserved
from shared.domain.run import Prediction, Run, RunState
from shared.domain.sweep import Sweep, cuts_short, expected_cost, how_many_to_start, settle
from shared.domain.totals import absorb

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep

MOST_STEPS = 2000
costs = st.lists(st.floats(0.5, 20.0), min_size=1, max_size=40)


@dataclass
class Played:
    """A sweep whose runs take what `costs` say, one after the other from its start again, in seconds and in cost."""

    a_run: ARun
    sweep: Sweep
    slots: int
    costs: list[float]
    predicted: bool = False  # whether costs are predicted exactly
    now: float = 0.0
    queued: list[Run] = field(default_factory=list)
    in_hands: list[tuple[float, Run]] = field(default_factory=list)  # the time of its end
    at_the_limit: list[Run] | None = None  # what was in flight when the suggester saw that it was reached

    def cost(self, run: Run) -> float:
        return self.costs[(run.number - 1) % len(self.costs)]

    def to_its_end(self) -> Sweep:
        for _ in range(MOST_STEPS):
            if self.sweep.is_finished:
                return self.sweep
            self.suggester_looks()
            self.workers_claim()
            if self.in_hands:
                self.next_run_ends()
                self.workers_claim()  # faster than the suggester
        pytest.fail("it does not end")

    def suggester_looks(self) -> None:
        if cuts_short(self.sweep, now=self.now):
            for run in self.queued:
                self.take(RunCancelled(run=run.number))
            self.queued = []
            self.at_the_limit = self.at_the_limit or [run for _, run in self.in_hands]
        unfinished = [*self.queued, *(run for _, run in self.in_hands)]
        counts = {RunState.QUEUED: len(self.queued), RunState.TRAINING: len(self.in_hands)}
        in_flight = expected_cost(self.sweep, unfinished)
        now = {"live_slots": self.slots, "now": self.now}
        for _ in range(how_many_to_start(self.sweep, counts, **now, in_flight_cost=in_flight)):  # type: ignore[arg-type]
            assert self.at_the_limit is None, "nothing is started after that"
            number = self.sweep.created + 1
            run = self.a_run(number=number)
            prediction = Prediction(source="local", cost=self.cost(run) if self.predicted else None)
            self.queued.append(run.model_copy(update={"prediction": prediction}))
            self.sweep = self.sweep.model_copy(update={"created": number})
        self.sweep = settle(self.sweep, unfinished=len(self.queued) + len(self.in_hands), now=self.now)

    def workers_claim(self) -> None:
        while self.queued and len(self.in_hands) < self.slots:
            run = self.queued.pop(0)
            self.in_hands.append((self.now + self.cost(run), run))

    def next_run_ends(self) -> None:
        self.now, run = min(self.in_hands, key=lambda pair: pair[0])
        self.in_hands.remove((self.now, run))
        self.take(RunObserved(run=run.number, score=0.0, cost=self.cost(run)))

    def take(self, event: Event) -> None:
        self.sweep = absorb(self.sweep, event, position=self.sweep.seen + 1)


@given(costs=costs, slots=st.integers(1, 8), budget=st.floats(1.0, 200.0), predicted=st.booleans())
def test_a_budget_of_cost_is_exceeded_by_no_more_than_what_was_in_flight_when_it_was_spent(
    a_run: ARun, a_sweep: ASweep, costs: list[float], slots: int, budget: float, predicted: bool
) -> None:
    played = Played(a_run, a_sweep(limits={"max_cost": budget}), slots, costs, predicted)

    ended = played.to_its_end()

    in_flight = sum(map(played.cost, played.at_the_limit or ()))
    assert ended.spent >= budget
    assert ended.spent <= budget + max(costs) + in_flight + 1e-9


@given(cost=st.floats(0.5, 20.0), slots=st.integers(1, 8), budget=st.floats(1.0, 200.0))
def test_where_costs_are_predicted_right_it_is_exceeded_by_less_than_one_run(
    a_run: ARun, a_sweep: ASweep, cost: float, slots: int, budget: float
) -> None:
    first = {"spent": 0.0, "limits": {"max_cost": budget, "look_ahead": 0}}
    played = Played(a_run, a_sweep(**first), slots, [cost], predicted=True)
    played.sweep = absorb(played.sweep, RunObserved(run=0, score=0.0, cost=cost), position=1)

    ended = played.to_its_end()

    assert budget <= ended.spent < budget + cost + 1e-6


@given(costs=costs, slots=st.integers(1, 8), hours=st.floats(0.001, 0.02))
def test_a_budget_of_hours_is_exceeded_by_no_more_than_the_runs_that_were_in_flight(
    a_run: ARun, a_sweep: ASweep, costs: list[float], slots: int, hours: float
) -> None:
    played = Played(a_run, a_sweep(limits={"max_hours": hours}), slots, costs)

    ended = played.to_its_end()

    assert ended.is_finished
    assert played.now <= hours * 3600 + max(costs) * 2
