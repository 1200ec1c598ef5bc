"""How a slot that wakes finds its run, on a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import pytest

from shared.domain.code import CodeVersion
from shared.domain.errors import StoreUnreachable
from shared.domain.events import RunClaimed
from shared.domain.refusal import Refusal
from shared.domain.run import Run, RunState, claim, observe, release
from shared.domain.sweep import Sweep, pause
from shared.execution.claiming import Claimed, Refuses, claim_next, serve_due_runs
from shared.execution.source import package_code
from shared.execution.worker import Worker
from shared.store import keys
from shared.store.store import Store
from tests.logs import events_of

if TYPE_CHECKING:
    from tests.conftest import AJob, ARun, ASweep, AWorker, Gate

Fill = Callable[..., list[Run]]


@pytest.fixture
def fill(store: Store, a_run: ARun, a_sweep: ASweep, a_job: AJob) -> Fill:
    """Put so many waiting runs into a sweep."""

    def make(
        count: int = 1, *, sweep: str = "s", state: RunState = RunState.QUEUED, overrides: tuple[str, ...] = ()
    ) -> list[Run]:
        config = a_job(*overrides).model_dump(mode="json")
        made = store.sweeps.create(a_sweep(name=sweep, config=config))
        runs: list[Run] = [a_run(state, sweep=sweep, number=number + 1) for number in range(count)]
        store.sweeps.commit(made, made.move("", created=count), runs)
        return store.runs.all(sweep)

    return make


def willing(run: Run, sweep: Sweep) -> Refusal | None:
    return None


def refusing(reason: str, *, runs: Collection[int] = range(1, 99)) -> Refuses:
    return lambda run, sweep: Refusal(kind="rights", reason=reason) if run.number in runs else None


def finish(store: Store, claimed: Claimed) -> None:
    claimed.lease.commit(lambda run: observe(run, score=1.0, cost=1.0, seconds=1.0, steps=1, metrics={}))


def test_the_run_that_the_notification_names_comes_first_and_then_the_others(
    store: Store, fill: Fill, a_worker: AWorker
) -> None:
    fill(4)
    worker, done = a_worker("trainer", "gpu"), []

    def work(claimed: Claimed) -> None:
        done.append(claimed.lease.run.number)
        assert worker.slots.busy == (claimed.lease.run.id,)
        finish(store, claimed)

    serve_due_runs(worker, "s.r.3", work, refuses=willing)

    assert done == [3, 1, 2, 4]
    assert worker.slots.busy == ()
    assert store.runs.due("gpu") == []


@pytest.mark.parametrize("hint", ["s.r.1", "s.r.99", "nobody.r.1", "", "nonsense"])
def test_a_notification_for_a_run_that_is_taken_or_unknown_brings_the_next_due_one(
    store: Store, fill: Fill, a_worker: AWorker, hint: str
) -> None:
    first, _ = fill(2)
    store.runs.claim(first, claim(first, worker="other", nonce="x", at=0.0), lease_ms=60_000)

    claimed = claim_next(a_worker("trainer", "gpu"), hint, refuses=willing)

    assert claimed is not None
    assert claimed.lease.run.id == "s.r.2"


def test_a_notification_in_the_wrong_worker_claims_nothing(store: Store, fill: Fill, a_worker: AWorker) -> None:
    fill(1)

    for worker in (a_worker("trainer", "cpu"), a_worker("evaluator", "eval")):
        assert claim_next(worker, "s.r.1", refuses=willing) is None
        assert worker.slots.busy == ()


def test_a_run_that_this_worker_refuses_stays_due_for_others(store: Store, fill: Fill, a_worker: AWorker) -> None:
    fill(2)
    worker = a_worker("trainer", "gpu")

    claimed = claim_next(worker, "s.r.1", refuses=refusing("not mine", runs=[1]))

    assert claimed is not None
    assert claimed.lease.run.id == "s.r.2"
    assert [due.id for due in store.runs.due("gpu")] == ["s.r.1"]
    assert worker.slots.busy == ("s.r.2",)


def test_why_the_runs_of_a_sweep_are_refused_is_logged_once_for_each_reason(
    store: Store, fill: Fill, a_worker: AWorker, caplog: pytest.LogCaptureFixture
) -> None:
    fill(2)
    worker = a_worker("trainer", "gpu")

    for reason in ("not mine", "not mine", "not mine", "no GPU"):
        claim_next(worker, "", refuses=refusing(reason))

    assert [message for message in caplog.messages if "cannot run" in message] == [
        "cannot run s.r.1 on this worker: not mine",
        "cannot run s.r.1 on this worker: no GPU",
    ]


def test_a_new_refusal_is_announced_at_once_and_withdrawn_when_the_run_can_be_taken(
    store: Store, fill: Fill, a_worker: AWorker
) -> None:
    fill(1)
    worker = a_worker("trainer", "gpu")

    claim_next(worker, "", refuses=refusing("no GPU"))

    assert store.fleet.live()[0].refusals == {"s": Refusal(kind="rights", reason="no GPU")}
    assert claim_next(worker, "", refuses=willing) is not None
    worker.announce()
    assert store.fleet.live()[0].refusals == {}


def test_a_store_that_goes_away_while_a_refusal_is_announced_does_not_end_the_search(
    gate: Gate, fill: Fill, a_worker: AWorker
) -> None:
    fill(2)
    worker = a_worker("trainer", "gpu")

    def loses_the_store(run: Run, sweep: Sweep) -> Refusal | None:
        gate.shut()
        return Refusal(kind="rights", reason="no")

    with pytest.raises(StoreUnreachable):  # of the next read, which the task of Celery reports
        claim_next(worker, "s.r.1", refuses=loses_the_store)

    assert worker.refusals.latest() == {"s": Refusal(kind="rights", reason="no")}


def test_a_worker_whose_slots_are_taken_claims_nothing(store: Store, fill: Fill, a_worker: AWorker) -> None:
    fill(2)
    worker = a_worker("trainer", "gpu")
    assert claim_next(worker, "s.r.1", refuses=willing) is not None

    assert claim_next(worker, "s.r.2", refuses=willing) is None
    assert store.runs.get("s.r.2").state is RunState.QUEUED


def test_nothing_of_a_paused_sweep_is_claimed_and_the_place_is_free_for_another(
    store: Store, fill: Fill, a_worker: AWorker
) -> None:
    fill(1)
    fill(1, sweep="t")
    sweep = store.sweeps.get("s")
    store.sweeps.commit(sweep, pause(sweep, "lunch"))

    claimed = claim_next(a_worker("trainer", "gpu"), "s.r.1", refuses=willing)

    assert claimed is not None
    assert claimed.lease.run.id == "t.r.1"


def test_a_worker_that_shuts_down_claims_no_further_run(store: Store, fill: Fill, a_worker: AWorker) -> None:
    fill(3)
    worker, done = a_worker("trainer", "gpu"), []

    def work(claimed: Claimed) -> None:
        done.append(claimed.lease.run.number)
        finish(store, claimed)
        worker.lifecycle.shutdown.set()

    serve_due_runs(worker, "s.r.1", work, refuses=willing)

    assert done == [1]


def test_work_that_raises_gives_its_place_back(store: Store, fill: Fill, a_worker: AWorker) -> None:
    fill(1)
    worker = a_worker("trainer", "gpu")

    def work(claimed: Claimed) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        serve_due_runs(worker, "s.r.1", work, refuses=willing)
    assert worker.slots.busy == ()


def test_a_place_is_not_lost_when_the_store_goes_away_during_a_claim(gate: Gate, fill: Fill, a_worker: AWorker) -> None:
    fill(1)
    worker = a_worker("trainer", "gpu")

    def loses_the_store(run: Run, sweep: Sweep) -> Refusal | None:
        gate.shut()
        return None

    with pytest.raises(StoreUnreachable):
        claim_next(worker, "s.r.1", refuses=loses_the_store)

    assert worker.slots.busy == ()
    gate.open()
    assert claim_next(worker, "s.r.1", refuses=willing) is not None


def test_a_run_of_another_version_is_left_due_and_the_next_one_is_taken(
    store: Store, fill: Fill, a_worker: AWorker
) -> None:
    fill(1)
    time.sleep(0.003)
    fill(1, sweep="t")
    store.client.hset(keys.runs("s"), "1", json.dumps({"version": 1, "schema_version": 2}))

    claimed = claim_next(a_worker("trainer", "gpu"), "s.r.1", refuses=willing)

    assert claimed is not None
    assert claimed.lease.run.id == "t.r.1"
    assert [due.id for due in store.runs.due("gpu")] == ["s.r.1"]


def test_a_training_gets_the_gpus_that_it_asks_for_and_its_evaluation_one(
    store: Store, fill: Fill, a_worker: AWorker
) -> None:
    fill(1, overrides=("trainer.gpus_per_run=2",))
    fill(1, sweep="t", state=RunState.TRAINED, overrides=("trainer.gpus_per_run=2",))

    def taken_by(worker: Worker, run: str) -> tuple[str, ...] | None:
        claimed = claim_next(worker, run, refuses=willing)
        return claimed.slot.gpus if claimed else None

    assert taken_by(a_worker("trainer", "gpu", gpus=("0",)), "s.r.1") is None
    assert taken_by(a_worker("trainer", "gpu", gpus=("0", "1")), "s.r.1") == ("0", "1")
    assert taken_by(a_worker("evaluator", "eval", gpus=("0",)), "t.r.1") == ("0",)


def test_a_run_that_other_code_takes_says_so_until_the_right_code_trains_it(
    store: Store, fill: Fill, a_worker: AWorker
) -> None:
    fill()
    sweep = store.sweeps.get("s")
    store.sweeps.commit(sweep, sweep.move("", code=CodeVersion(package="another")))
    worker = a_worker("trainer", "gpu")

    claimed = claim_next(worker, "s.r.1", refuses=willing)

    assert claimed is not None
    assert claimed.lease.run.other_code == f"this package is {package_code()}, and was another at the submit"
    assert [event.code for event in events_of(store, RunClaimed)] == [claimed.lease.run.other_code]
    worker.announce()
    assert store.fleet.live()[0].differs == {"s": claimed.lease.run.other_code}
    queued = release(claimed.lease.run)
    assert claim(queued, worker="w", nonce="n", at=0.0).other_code is None
