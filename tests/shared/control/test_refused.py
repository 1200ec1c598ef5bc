"""Which workers refuse the runs of a sweep, and when that keeps it waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.control.missing import say_missing
from shared.control.refused import refused_by, refused_everywhere
from shared.domain.refusal import Refusal
from shared.domain.sweep import SweepState
from shared.execution.permission import NO_GPU
from shared.store.fleet import LiveWorker

if TYPE_CHECKING:
    from tests.conftest import AJob, ASweep

NOT_ALLOWED = Refusal(kind="rights", reason="not allowed", remedy="allow it")


def a_trainer(name: str, refusal: Refusal | None = None, **changes: Any) -> LiveWorker:
    usual = {"service": "trainer", "host": "h", "pid": 1, "queues": ("gpu",), "slots": 2, "version": "1"}
    return LiveWorker(id=name, **{**usual, "refusals": {"s": refusal} if refusal else {}, **changes})


def test_every_refusal_of_a_sweep_is_listed_with_the_workers_that_have_it() -> None:
    workers = [a_trainer("a", NO_GPU), a_trainer("b", NO_GPU), a_trainer("c", NOT_ALLOWED), a_trainer("d")]

    assert refused_by(workers, ["s", "t"]) == [
        f"a and b cannot run s: {NO_GPU}",
        "c cannot run s: not allowed; allow it",
    ]


def test_a_refusal_keeps_a_sweep_waiting_only_where_no_worker_can_take_its_runs(a_sweep: ASweep) -> None:
    sweep = a_sweep(queue="gpu")

    assert refused_everywhere([a_trainer("a", NO_GPU), a_trainer("b")], sweep) == []
    assert refused_everywhere([a_trainer("a", NO_GPU), a_trainer("b", queues=("cpu",))], sweep) == [
        f"a cannot run s: {NO_GPU}"
    ]
    assert refused_everywhere([a_trainer("a", NO_GPU)], sweep.model_copy(update={"state": SweepState.FINISHED})) == []
    assert refused_everywhere([], sweep) == []


def test_what_a_sweep_is_missing_names_the_workers_that_refuse_it(a_sweep: ASweep, a_job: AJob) -> None:
    sweep = a_sweep(queue="gpu", config=a_job().model_dump(mode="json"))
    suggester = a_trainer("s", service="suggester", queues=("suggest",))

    assert say_missing(sweep, [suggester, a_trainer("a", NOT_ALLOWED)], private=False) == [
        "a cannot run s: not allowed; allow it"
    ]
