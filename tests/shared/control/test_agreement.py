"""Workers whose code is not that of a sweep's submit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.control.agreement import other_code, other_code_than_any
from shared.domain.code import CodeVersion
from shared.store.fleet import LiveWorker

if TYPE_CHECKING:
    from tests.conftest import ASweep


def a_worker(name: str, **changes: Any) -> LiveWorker:
    usual = {"service": "trainer", "host": "h", "pid": 1, "queues": ("gpu",), "slots": 2, "version": "1"}
    return LiveWorker(id=name, **{**usual, **changes})


def test_a_worker_that_met_the_sweep_and_differs_is_named_with_the_reason(a_sweep: ASweep) -> None:
    workers = [a_worker("one", differs={"s": "why", "other": "not asked"}), a_worker("two")]

    assert other_code(workers, a_sweep()) == ["one has other code than sweep s: why"]
    assert other_code_than_any(workers, ["other"]) == ["one has other code than sweep other: not asked"]


def test_another_package_is_found_before_the_worker_has_met_the_sweep(a_sweep: ASweep) -> None:
    sweep = a_sweep(code=CodeVersion(package="1 (aa)"))
    workers = [a_worker("new", code="2 (bb)"), a_worker("same", code="1 (aa)"), a_worker("of an earlier version")]

    (said,) = other_code(workers, sweep)

    assert said == "new has other code than sweep s: this package is 2 (bb), and was 1 (aa) at the submit"
