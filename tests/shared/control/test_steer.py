"""Pause, resume, stop, cancel, against a store that others write to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.control.steer import cancel_run, change_limits, enqueue_run, pause_sweep, resume_sweep, stop_sweep
from shared.control.submit import submit
from shared.domain.errors import ConfigError, Conflict, NotFound
from shared.domain.events import SweepEnqueued, SweepLimited
from shared.domain.run import RunState, claim
from shared.domain.sweep import SweepState
from shared.store.store import Store
from tests.logs import events_of

if TYPE_CHECKING:
    from tests.conftest import AJob, ARun, ASweep


@pytest.fixture(autouse=True)
def two_runs(store: Store, a_run: ARun, a_sweep: ASweep) -> None:
    """Put sweep `s` into the store: run 1 waits, run 2 is in somebody's hands."""
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move("", created=2), [a_run(number=1), a_run(number=2)])
    run = store.runs.get("s.r.2")
    store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)


def test_a_paused_sweep_wakes_nobody_until_it_is_resumed(store: Store) -> None:
    assert pause_sweep(store, "s").state is SweepState.PAUSED
    assert store.runs.due("gpu") == []

    assert resume_sweep(store, "s").state is SweepState.RUNNING
    assert [due.id for due in store.runs.due("gpu")] == ["s.r.1"]


def test_a_stopped_sweep_can_be_resumed_but_not_stopped_twice(store: Store) -> None:
    assert stop_sweep(store, "s").state is SweepState.STOPPING
    with pytest.raises(Conflict, match="sweep s is stopping already"):
        stop_sweep(store, "s")

    assert resume_sweep(store, "s").state is SweepState.RUNNING


def test_a_finished_sweep_is_not_resumed_but_given_a_larger_budget(store: Store, a_sweep: ASweep) -> None:
    store.sweeps.create(a_sweep(name="done", state=SweepState.FINISHED, limits={"max_runs": 8}, created=8))

    with pytest.raises(Conflict, match=r"`sweepctl set done budget\.max_runs=9`"):
        resume_sweep(store, "done")


def test_what_makes_no_sense_is_a_conflict(store: Store) -> None:
    with pytest.raises(Conflict, match="only a paused or stopping sweep can be resumed"):
        resume_sweep(store, "s")
    pause_sweep(store, "s")
    with pytest.raises(Conflict, match="only a running sweep can be paused"):
        pause_sweep(store, "s")


def test_a_waiting_run_is_cancelled_at_once_and_is_not_due_any_more(store: Store) -> None:
    assert cancel_run(store, "s.r.1").state is RunState.CANCELLED

    assert store.runs.due("gpu") == []
    with pytest.raises(Conflict, match=r"run s\.r\.1 is cancelled: it has ended and cannot be cancelled"):
        cancel_run(store, "s.r.1")


def test_a_run_in_somebodys_hands_is_marked_and_its_owner_is_notified(store: Store) -> None:
    held = store.runs.get("s.r.2")

    marked = cancel_run(store, "s.r.2")

    assert (marked.state, marked.cancel_requested) == (RunState.TRAINING, True)
    assert store.runs.renew(held, lease_ms=1000) == "CANCEL"


@pytest.mark.parametrize("name", ["s.r.9", "nobody.r.1", "nonsense"])
def test_a_run_that_does_not_exist_cannot_be_cancelled(store: Store, name: str) -> None:
    with pytest.raises(NotFound):
        cancel_run(store, name)


def test_a_sweep_is_not_cancelled_but_stopped(store: Store) -> None:
    with pytest.raises(
        ConfigError, match="s is a sweep, and only a run can be cancelled; run `sweepctl stop s` to end the sweep"
    ):
        cancel_run(store, "s")


def test_a_sweep_that_does_not_exist_cannot_be_paused(store: Store) -> None:
    with pytest.raises(NotFound, match="no sweep nobody in this store; the latest ones: s"):
        pause_sweep(store, "nobody")


@pytest.fixture
def submitted(store: Store, a_job: AJob) -> None:
    """Replace sweep `s` by one with a config: one parameter, the learning rate, and four runs."""
    store.client.flushdb()
    submit(store, a_job("budget.max_runs=4"))


@pytest.mark.usefixtures("submitted")
def test_what_is_enqueued_waits_in_its_order_and_is_in_the_log(store: Store) -> None:
    enqueue_run(store, "s", ["trainer.optimizer.learning_rate=0.001"])
    centre = enqueue_run(store, "s", [])

    assert store.sweeps.get("s").enqueued == ({"trainer.optimizer.learning_rate": 0.001}, centre)
    assert events_of(store, SweepEnqueued)[1].params == centre


@pytest.mark.usefixtures("submitted")
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["trainer.optimizer.learning_rat=1"],
            "not a parameter of this space (did you mean trainer.opt",
        ),
        (["learning_rate=3e-4"], "(did you mean trainer.optimizer.learning_rate?)"),
        (["trainer.optimizer.learning_rate=9"], "a number from"),
        (["trainer.optimizer.learning_rate=x"], "trainer.optimizer.learning_rate"),
        (["+trainer.optimizer.learning_rate=1e-3"], "expected key=value"),
        (["learning_rate"], "expected key=value"),
        (["a=1", "a=2"], "a: written twice; keep one of them"),
    ],
)
def test_what_cannot_be_tried_is_refused_and_nothing_is_enqueued(store: Store, texts: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        enqueue_run(store, "s", texts)

    assert message in str(caught.value)
    assert store.sweeps.get("s").enqueued == ()


OPTIMIZER = (
    "+sweep.parameters.trainer.optimizer={type: {distribution: categorical, values: [adam, sgd]}, momentum: "
    "{distribution: uniform, min: 0, max: 1, when: {trainer.optimizer.type: sgd}}, beta1: "
    "{distribution: uniform, min: 0, max: 1, when: {trainer.kind: ppo}}}"
)


def test_of_a_conditional_space_only_active_parameters_are_enqueued(store: Store, a_job: AJob) -> None:
    store.client.flushdb()
    submit(store, a_job(OPTIMIZER))

    asked = enqueue_run(store, "s", ["trainer.optimizer.type=sgd", "trainer.optimizer.momentum=0.9"])
    filled = enqueue_run(store, "s", ["trainer.optimizer.type=sgd"])

    assert asked["trainer.optimizer.momentum"] == 0.9
    assert filled["trainer.optimizer.momentum"] == 0.5
    assert "trainer.optimizer.momentum" not in enqueue_run(store, "s", [])
    for key, why in (
        ("momentum", "inactive in this run, because it is active only where"),
        ("beta1", "never active in this sweep"),
    ):
        with pytest.raises(ConfigError, match=f"trainer.optimizer.{key}: {why}"):
            enqueue_run(store, "s", [f"trainer.optimizer.{key}=0.9"])
    assert len(store.sweeps.get("s").enqueued) == 3


@pytest.mark.usefixtures("submitted")
def test_more_than_the_budget_has_left_is_refused_with_the_command_that_raises_it(store: Store) -> None:
    for _ in range(4):
        enqueue_run(store, "s", [])

    with pytest.raises(
        Conflict, match=r"has used all of its 4 runs: raise its budget with `sweepctl set s budget.max_runs=5`"
    ):
        enqueue_run(store, "s", [])

    change_limits(store, "s", ["budget.max_runs=5"])
    enqueue_run(store, "s", [])


@pytest.mark.usefixtures("submitted")
def test_budget_and_parallelism_of_a_live_sweep_are_changed_and_the_log_says_so(store: Store) -> None:
    moved = change_limits(store, "s", ["budget.max_runs=9", "parallelism=2", "budget.target_score=1.5"])

    assert (moved.limits.max_runs, moved.limits.parallelism, moved.limits.target_score) == (9, 2, 1.5)
    assert events_of(store, SweepLimited)[-1].limits == moved.limits
    assert change_limits(store, "s", ["budget.max_runs=null"]).limits.max_runs is None


@pytest.mark.usefixtures("submitted")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budget.max_run=6", "budget.max_run: cannot be changed after the submit (did you mean budget.max_runs?); "),
        ("trainer.steps=3", "trainer.steps: cannot be changed after the submit; expected one of budget.max_runs"),
        ("budget.max_runs=0", "budget.max_runs"),
        ("parallelism=many", "parallelism"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(store: Store, text: str, message: str) -> None:
    before = store.sweeps.get("s")

    with pytest.raises(ConfigError) as caught:
        change_limits(store, "s", [text])

    assert message in str(caught.value)
    assert store.sweeps.get("s") == before


def test_fewer_runs_than_there_are_is_a_conflict(store: Store, a_job: AJob) -> None:
    store.client.flushdb()
    sweep = submit(store, a_job()).sweep
    store.sweeps.commit(sweep, sweep.move("", created=3))

    with pytest.raises(Conflict, match="has already suggested 3 runs, more than 2"):
        change_limits(store, "s", ["budget.max_runs=2"])
