"""What a dry run finds in the workers that live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shared.config.settings import WorkerSettings
from shared.control.check_fleet import examine_fleet
from shared.control.findings import Finding
from shared.execution.source import package_code
from shared.storage.identity import Storage
from shared.store.fleet import LiveWorker

if TYPE_CHECKING:
    from tests.conftest import AJob

QUEUES = {"suggester": ("suggest", "results"), "trainer": ("gpu",), "evaluator": ("eval",)}
HERE = Storage("id")
SUGGESTER = "celery -A services.suggester worker -Q suggest,results"


def a_worker(service: str, name: str = "", **changes: Any) -> LiveWorker:
    usual = {
        "service": service,
        "host": "far",
        "pid": 1,
        "queues": QUEUES[service],
        "slots": 2,
        "version": "1",
        "code": package_code(),
        "data_dir": "/data",
        "storage": "id",
        "settings": WorkerSettings().timing,
    }
    return LiveWorker(id=name or f"{service}@far:1", **{**usual, **changes})


def all_three(**changes: Any) -> list[LiveWorker]:
    return [a_worker(service, **changes) for service in QUEUES]


def bad(job_of: AJob, workers: Sequence[LiveWorker], *overrides: str, here: Storage = HERE) -> list[Finding]:
    found = examine_fleet(job_of("sim=sweep_eval", *overrides), workers, here=here)
    return [finding for finding in found if finding.verdict != "ok"]


def test_a_fleet_that_agrees_is_well(a_job: AJob) -> None:
    found = list(examine_fleet(a_job("sim=sweep_eval"), all_three(), here=HERE))

    assert [(finding.verdict, finding.topic) for finding in found] == [
        ("ok", "workers"),
        ("ok", "code"),
        ("ok", "settings"),
        ("ok", "storage"),
    ]


def test_each_missing_worker_is_a_failure_with_the_command_that_starts_it(a_job: AJob) -> None:
    found = bad(a_job, [a_worker("trainer")], "queue=cpu")

    assert [finding.text for finding in found if finding.topic == "workers"] == [
        f"no suggester is running for this sweep: start one with `{SUGGESTER}`",
        "no trainer is running for this sweep: start one with `celery -A services.trainer worker -Q cpu`",
        "no evaluator is running for this sweep: start one with `celery -A services.evaluator worker -Q eval`",
    ]
    assert {finding.verdict for finding in found} == {"fail"}
    assert len(bad(a_job, [])) == 3


def test_code_that_no_trainer_may_run_is_a_failure_and_that_some_may_is_a_warning(a_job: AJob) -> None:
    function = ("trainer=function", "trainer.function=mine:train", "sim=none")
    shut, open_ = a_worker("trainer", "shut"), a_worker("trainer", "open", allow=("mine.*",))
    others = [a_worker("suggester")]

    (failure,) = bad(a_job, [shut, *others], *function)
    (warning,) = bad(a_job, [shut, open_, *others], *function)

    assert (failure.verdict, warning.verdict) == ("fail", "warn")
    assert failure.text == "mine:train is not allowed at shut: start with SWEEP_ALLOW=mine:train"
    assert bad(a_job, [open_, *others], *function) == []


def test_gpus_that_nobody_has_are_a_failure(a_job: AJob) -> None:
    few = [*all_three()[::2], a_worker("trainer", gpus=("0",))]

    assert [finding.topic for finding in bad(a_job, all_three(), "device=cuda")] == ["gpu"]
    assert [finding.text for finding in bad(a_job, few, "trainer.gpus_per_run=2")] == [
        "a run needs 2 GPUs, but no trainer has more than 1: lower gpus_per_run"
    ]
    assert bad(a_job, few, "device=cuda") == []


def test_different_code_is_reported_with_the_workers_that_have_it(a_job: AJob) -> None:
    mixed = [*all_three(), a_worker("trainer", "old", code="0.0.9 (aa)")]

    (among,) = bad(a_job, mixed)
    (here,) = bad(a_job, all_three(code="0.0.9 (aa)"))

    assert "; 0.0.9 (aa) by old: install the same code everywhere" in among.text
    assert here.text == f"the workers have 0.0.9 (aa), and this command has {package_code()}: install the same code"


def test_settings_that_differ_are_reported_and_a_different_lease_is_a_failure(a_job: AJob) -> None:
    def with_other(**settings: float) -> list[LiveWorker]:
        other = WorkerSettings(**settings).timing
        return [*all_three(), a_worker("trainer", "other", settings=other)]

    (lease,) = bad(a_job, with_other(lease_seconds=60))
    (tick,) = bad(a_job, with_other(tick_seconds=2))

    assert (lease.verdict, tick.verdict) == ("fail", "warn")
    assert lease.text.startswith("SWEEP_LEASE_SECONDS differs: 120 by ")
    assert lease.text.endswith("; 60 by other: set the same value for all")


def test_workers_of_two_file_systems_are_a_failure(a_job: AJob) -> None:
    workers = [*all_three(), a_worker("trainer", "lost", storage="another", data_dir="/local")]

    (finding,) = bad(a_job, workers)

    assert (finding.verdict, finding.topic) == ("fail", "storage")
    assert "the workers use 2 file systems: /data of trainer@far:1 and evaluator@far:1; /local of lost" in finding.text


def test_a_worker_that_cannot_write_is_a_failure(a_job: AJob) -> None:
    fault = "/data cannot be written to: Permission denied"
    workers = [a_worker("suggester"), a_worker("evaluator"), a_worker("trainer", storage=None, storage_fault=fault)]

    (finding,) = bad(a_job, workers)

    assert (finding.verdict, finding.text) == ("fail", f"trainer@far:1: {fault}: fix it, or set another DATA_DIR")


def test_a_data_folder_here_that_is_another_one_is_a_warning(a_job: AJob) -> None:
    (finding,) = bad(a_job, all_three(), here=Storage("mine"))

    assert (finding.verdict, finding.topic) == ("warn", "storage")
    assert "is not on the file system of the workers" in finding.text


def test_workers_elsewhere_without_a_data_folder_of_their_own_are_a_warning(a_job: AJob) -> None:
    (finding,) = bad(a_job, all_three(storage=None, data_dir=""))

    assert finding.verdict == "warn"
    assert "set DATA_DIR to an absolute path of the shared file system" in finding.text
