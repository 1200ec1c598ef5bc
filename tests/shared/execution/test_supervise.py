"""Real child processes that end in different ways, and the ending that the supervisor returns for each."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from shared.domain.errors import Fenced, StoreUnreachable
from shared.domain.progress import Progress
from shared.domain.run import EarlyStop, Run, cancel, claim, lose_attempt, stop_early
from shared.execution.forkserver import start_forkserver
from shared.execution.forkserver_internals import forkserver_pid, stop_forkserver
from shared.execution.job import Job
from shared.execution.lease import Lease
from shared.execution.supervise import Blocked, Ending, Finished, Lost, Patience, Stopped, UserFailure, supervise
from shared.execution.user_code import users_path
from shared.execution.work import NOT_FOR_TRAININGS
from shared.storage import logs
from shared.storage.folders import RunFolder
from shared.store import keys
from shared.store.store import Store
from tests.logs import kinds_of

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep, Gate

pytestmark = pytest.mark.slow

SECRETS = {
    "REDIS_URL": "redis://:hush-1@host/0",
    "WANDB_API_KEY": "hush-2",
    "FOO_TOKEN": "hush-3",
    "FLOWER_BASIC_AUTH": "me:hush-4",
    "CELERY_BROKER_URL": "redis://:hush-5@host/0",
    "MY_STORE": "rediss://me:hush-6@host/0",
    "SSH_PASSPHRASE": "hush-7",
}


@pytest.fixture(scope="module", autouse=True)
def children() -> Iterator[None]:
    """Start a fresh forkserver as a worker does, from its main thread and with secrets in its environment."""
    spec = sys.modules["__main__"].__spec__
    stop_forkserver()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**SECRETS, "WANDB_SERVICE": "a token"}.items():
            patch.setenv(name, value)
        patch.syspath_prepend(Path(__file__).parent)
        start_forkserver([])
        yield
    sys.modules["__main__"].__spec__ = spec


@dataclass
class Rig:
    """A claimed run in a real store, and what a supervisor needs for it."""

    store: Store
    lease: Lease
    folder: RunFolder
    shutdown: threading.Event
    lease_ms: int = 60_000

    @property
    def run(self) -> Run:
        """The current record in the store."""
        return self.store.runs.get("s.r.1")

    def job(self, entry: str) -> Job:
        """Return a job of the claimed run."""
        run = self.lease.run
        return Job(
            entry=f"trainings:{entry}",
            is_users=True,
            path=users_path(),
            run=run.id,
            attempt=run.attempt,
            seed=0,
            device="cpu",
            config={},
            params={},
            folder=str(self.folder.path),
            workspace=str(self.folder.workspace(run.attempt)),
            checkpoints=str(self.folder.checkpoints),
            log_file=str(self.folder.log_file("train", run.attempt)),
            threads=1,
            environment={"CUDA_VISIBLE_DEVICES": ""},
            unset=NOT_FOR_TRAININGS,
        )

    def supervise(self, entry: str, *, heartbeat: float = 5, stop_grace: float = 5, stall: float = 60) -> Ending:
        """Run a training of `trainings` to its end."""
        patience = Patience(heartbeat=heartbeat, stop_grace=stop_grace, stall=stall)
        start = Progress()
        return supervise(
            self.lease,
            self.job(entry),
            patience=patience,
            shutdown=self.shutdown,
            metric="reward",
            cost="steps",
            progress=start,
        )

    def claim_again(self) -> None:
        """Lose the attempt and claim the run again."""
        self.store.runs.commit(self.run, lose_attempt(self.run, "test", max_stuck=9))
        self.lease = claimed(self.store)

    def log(self) -> bytes:
        """Return what the attempt printed."""
        return self.folder.log_file("train", self.lease.run.attempt).read_bytes()


def claimed(store: Store) -> Lease:
    run = store.runs.get("s.r.1")
    held = store.runs.claim(run, claim(run, worker="w", nonce="n", at=0.0), lease_ms=60_000)
    return Lease(store.runs, held, lease_ms=60_000)


@pytest.fixture
def rig(store: Store, tmp_path: Path, a_run: ARun, a_sweep: ASweep) -> Rig:
    """A run that was just claimed."""
    sweep = store.sweeps.create(a_sweep())
    store.sweeps.commit(sweep, sweep.move(""), [a_run()])
    return Rig(store, claimed(store), RunFolder(tmp_path / "s.r.1"), threading.Event())


def soon(action: Callable[[], Any], *, when: Callable[[], object]) -> threading.Thread:
    """Call `action` from another thread as soon as `when` returns true."""

    def wait() -> None:
        deadline = time.monotonic() + 10
        while not when() and time.monotonic() < deadline:
            time.sleep(0.01)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def our_children() -> list[psutil.Process]:
    """Return the live processes that the forkserver started."""
    server = psutil.Process(running_forkserver())
    return [child for child in server.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]


# ------------------------------------------------------------------------------------------------ it ends by itself


def test_a_training_that_ends_gives_its_result_and_its_checkpoints_are_committed(rig: Rig) -> None:
    ending = rig.supervise("finish")

    assert isinstance(ending, Finished)
    assert ending.result == {"score": 0.5}
    assert (ending.steps, ending.metrics) == (3, {"reward": 0.3})
    assert [checkpoint.step for checkpoint in rig.run.checkpoints] == [2, 3]
    assert sorted(path.name for path in rig.folder.checkpoints.iterdir()) == [c.path for c in rig.run.checkpoints]
    assert our_children() == []


def test_the_last_report_is_in_the_store_when_a_training_ends(rig: Rig) -> None:
    rig.supervise("finish")

    progress = rig.store.runs.progress("s", [1])[1]
    assert (progress.step, progress.metrics) == (3, {"reward": 0.3})


@pytest.mark.parametrize(("entry", "step"), [("finish", 1), ("continue_and_save", 1)])
def test_the_first_step_of_a_training_is_kept_from_a_report_or_from_a_checkpoint(
    rig: Rig, entry: str, step: int
) -> None:
    rig.supervise(entry)

    assert rig.store.runs.progress("s", [1])[1].began == step


def test_reports_in_quick_succession_are_merged(rig: Rig) -> None:
    ending = rig.supervise("report_in_parts")

    assert isinstance(ending, Finished)
    assert (ending.steps, ending.metrics) == (3, {"loss": 2.0, "eval/return": 1.0, "self": 2.0})


def test_a_training_that_reports_no_more_stops_when_asked_and_its_last_reports_are_kept(rig: Rig) -> None:
    def has_reported() -> bool:
        return bool(rig.store.runs.progress("s", [1]).get(1, Progress()).metrics.get("reward"))

    stopper = soon(lambda: rig.store.runs.commit(rig.run, cancel(rig.run), lease="keep"), when=has_reported)

    ending = rig.supervise("wait_for_a_stop", heartbeat=0.1)

    stopper.join()
    assert ending == Stopped("cancelled")


def test_the_next_attempt_continues_from_the_last_checkpoint(rig: Rig) -> None:
    rig.supervise("finish")
    rig.claim_again()

    ending = rig.supervise("resume")

    assert isinstance(ending, Finished)
    assert ending.result == {"score": 3.0, "read": 3.0}


def test_instead_of_a_damaged_checkpoint_the_one_before_is_used_and_the_log_has_the_reason(rig: Rig) -> None:
    rig.supervise("finish")
    newest = rig.run.checkpoint
    assert newest is not None
    (rig.folder.checkpoints / newest.path / "state").write_text("x")
    rig.claim_again()

    ending = rig.supervise("continue_and_save")

    assert isinstance(ending, Finished)
    kinds = kinds_of(rig.store)
    assert kinds[-2:] == ["fell back", "checkpointed"]
    assert [checkpoint.path for checkpoint in rig.run.checkpoints] == ["000000000002.a1", "000000000003.a2"]
    assert b"falling back" in rig.log()
    assert Run.model_validate_json(rig.folder.record_file.read_text()).last_move == "checkpointed"


def test_an_exception_of_the_users_code_is_a_failure_with_its_message(rig: Rig) -> None:
    ending = rig.supervise("fail")

    assert isinstance(ending, UserFailure)
    assert ending.message == "ValueError: the loss is gone"
    assert b"Traceback" in rig.log()
    assert rig.store.runs.progress("s", [1])[1].step == 7


def test_a_traceback_begins_with_the_users_code(rig: Rig) -> None:
    ending = rig.supervise("fail_elsewhere")

    assert isinstance(ending, UserFailure)
    first = next(line for line in rig.log().splitlines() if line.startswith(b"  File "))
    assert b"json" in first
    assert b"child.py" not in rig.log()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("run_out_of_gpu_memory", "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"),
        ("return_text", "TypeError: the training returned str: return a number, a dict of numbers, or nothing"),
        ("report_text", "TypeError: report(reward='high'): a metric must be a number"),
        ("report_too_much", "TypeError: report() of 1001 metrics: report at most 1000"),
        ("return_too_much", "TypeError: the training returned 1001 metrics: return at most 1000"),
        ("no_such_function", "AttributeError: module 'trainings' has no attribute 'no_such_function'"),
        ("leave_with_3", "the process ended with exit code 3 before it was done"),
        ("leave_with_255", "the process ended with exit code 255 before it was done"),
        ("leave_with_0", "the process ended with exit code 0 before it was done"),
    ],
)
def test_code_that_cannot_be_used_fails_with_a_message(rig: Rig, entry: str, message: str) -> None:
    ending = rig.supervise(entry)

    assert isinstance(ending, UserFailure)
    assert ending.message == message


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
@pytest.mark.parametrize(
    ("entry", "why"),
    [("save_to_a_full_disk", "No space left on device"), ("save_to_a_read_only_disk", "Read-only file system")],
)
def test_a_full_or_read_only_disk_is_not_the_users_fault_and_the_old_checkpoint_stays(
    rig: Rig, entry: str, why: str
) -> None:
    ending = rig.supervise(entry)

    assert ending == Blocked(f"{rig.folder.checkpoints} cannot be written to: {why}")
    assert [checkpoint.step for checkpoint in rig.run.checkpoints] == [1]


def test_metrics_that_are_nan_are_left_out_and_the_others_are_kept(rig: Rig) -> None:
    ending = rig.supervise("report_nan")

    assert isinstance(ending, Finished)
    assert ending.metrics == {"loss": 1.0}
    assert ending.result["score"] == 1.0


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("die_of_9", "killed by signal 9: out of memory, or killed by hand"),
        ("die_of_11", "killed by signal SIGSEGV"),
    ],
)
def test_a_process_that_is_killed_by_a_signal_is_lost_and_not_the_users_fault(rig: Rig, entry: str, why: str) -> None:
    assert rig.supervise(entry) == Lost(why)


def test_a_training_that_reports_nothing_for_too_long_is_killed_as_stalled(rig: Rig) -> None:
    assert rig.supervise("hang", stall=0.3) == Lost("stalled: killed after 0.3 s without a report")
    assert our_children() == []


# ------------------------------------------------------------------------------------------------ it is asked to end


def test_the_training_of_a_worker_that_shuts_down_saves_one_more_checkpoint(rig: Rig) -> None:
    thread = soon(rig.shutdown.set, when=lambda: rig.store.runs.progress("s", [1]))

    ending = rig.supervise("save_when_asked_to_stop", heartbeat=0.05)

    thread.join()
    assert ending == Stopped("preempted")
    assert rig.run.checkpoint is not None
    assert (rig.folder.checkpoints / rig.run.checkpoint.path / "state").read_text() == "in time"


def test_a_training_that_does_not_stop_is_killed_after_its_grace(rig: Rig) -> None:
    rig.shutdown.set()
    begun = time.monotonic()

    ending = rig.supervise("ignore_stop", stop_grace=0.3)

    assert ending == Stopped("preempted")
    assert 0.3 <= time.monotonic() - begun < 5
    assert our_children() == []


def test_a_cancelled_run_ends_at_the_next_heartbeat(rig: Rig) -> None:
    def cancel_it() -> None:
        rig.store.runs.commit(rig.run, cancel(rig.run), lease="keep")

    thread = soon(cancel_it, when=lambda: rig.store.runs.progress("s", [1]))

    ending = rig.supervise("work_for_long", heartbeat=0.05)

    thread.join()
    assert ending == Stopped("cancelled")


def stop_it_early(rig: Rig) -> None:
    marked = stop_early(rig.run, EarlyStop(step=1, score=0.0, cost=1.0, why="worse than the others"))
    rig.store.runs.commit(rig.run, marked, lease="keep")


@pytest.mark.parametrize(
    ("entry", "result"), [("work_for_long", {}), ("score_when_asked_to_stop", {"score": 7.0}), ("ignore_stop", {})]
)
def test_a_run_that_is_stopped_early_ends_at_the_next_heartbeat_with_its_last_report(
    rig: Rig, entry: str, result: dict[str, float]
) -> None:
    thread = soon(lambda: stop_it_early(rig), when=lambda: rig.store.runs.progress("s", [1]))

    ending = rig.supervise(entry, heartbeat=0.05, stop_grace=0.5)

    thread.join()
    assert isinstance(ending, Finished)
    assert (ending.early, ending.result) == (True, result)
    assert ending.steps == ending.progress.step >= 1
    assert ending.metrics["reward"] == ending.progress.curve[-1][1]
    assert our_children() == []


def test_a_checkpoint_that_is_saved_on_an_early_stop_is_committed(rig: Rig) -> None:
    thread = soon(lambda: stop_it_early(rig), when=lambda: rig.store.runs.progress("s", [1]))

    ending = rig.supervise("save_when_asked_to_stop", heartbeat=0.05)

    thread.join()
    assert isinstance(ending, Finished)
    assert ending.early
    assert rig.run.checkpoint is not None
    assert rig.run.checkpoint.step == ending.steps


def test_a_training_that_is_done_before_an_early_stop_reaches_it_was_not_stopped(rig: Rig) -> None:
    stop_it_early(rig)

    ending = rig.supervise("finish", heartbeat=60)

    assert isinstance(ending, Finished)
    assert (ending.early, ending.result) == (False, {"score": 0.5})


def test_a_worker_that_shuts_down_gives_a_run_back_that_is_marked_for_an_early_stop(rig: Rig) -> None:
    rig.shutdown.set()
    stop_it_early(rig)

    assert rig.supervise("work_for_long", heartbeat=0.05) == Stopped("preempted")


def test_the_curve_has_the_step_the_score_and_the_cost_of_each_report(rig: Rig) -> None:
    ending = rig.supervise("finish")

    assert isinstance(ending, Finished)
    assert [tuple(point) for point in ending.progress.points()] == [(1, 0.1, 1.0), (2, 0.2, 2.0), (3, 0.3, 3.0)]


def test_a_supervisor_whose_lease_was_taken_kills_the_child_and_writes_nothing(rig: Rig) -> None:
    def take_it() -> None:
        rig.store.runs.commit(rig.run, lose_attempt(rig.run, "no heartbeat", max_stuck=3))
        rig.store.runs.claim(rig.run, claim(rig.run, worker="other", nonce="x", at=0.0), lease_ms=60_000)
        taken["run"], taken["progress"] = rig.run, rig.store.client.hgetall(keys.progress("s"))

    taken: dict[str, Any] = {}
    thread = soon(take_it, when=lambda: rig.store.runs.progress("s", [1]))

    with pytest.raises(Fenced, match=r"run s\.r\.1 is no longer ours"):
        rig.supervise("work_for_long", heartbeat=0.05)

    thread.join()
    assert our_children() == []
    assert rig.run == taken["run"]
    assert rig.store.client.hgetall(keys.progress("s")) == taken["progress"]


def test_a_checkpoint_that_was_saved_while_the_run_was_taken_away_is_not_committed(rig: Rig) -> None:
    def take_it() -> None:
        rig.store.runs.commit(rig.run, lose_attempt(rig.run, "no heartbeat", max_stuck=3))

    thread = soon(take_it, when=lambda: rig.run.checkpoints)

    with pytest.raises(Fenced):
        rig.supervise("save_twice_with_a_pause")

    thread.join()
    assert [checkpoint.step for checkpoint in rig.run.checkpoints] == [1]


# ------------------------------------------------------------------------------------------------ nothing is left


def is_alive(pid: float) -> bool:
    return psutil.pid_exists(int(pid)) and psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE


def gone(pid: float) -> bool:
    deadline = time.monotonic() + 3
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(pid)


def test_no_grandchild_outlives_a_training_that_ends(rig: Rig) -> None:
    ending = rig.supervise("leave_a_grandchild")

    assert isinstance(ending, Finished)
    assert gone(ending.result["score"])


def test_no_grandchild_outlives_a_training_that_is_killed(rig: Rig) -> None:
    ending = rig.supervise("hang_with_a_grandchild", stall=0.5)

    assert isinstance(ending, Lost)
    assert gone(rig.store.runs.progress("s", [1])[1].metrics["pid"])


def test_many_trainings_leave_no_open_file(rig: Rig) -> None:
    rig.supervise("resume")
    before = psutil.Process().num_fds()

    for _ in range(5):
        rig.claim_again()
        rig.supervise("resume")

    assert psutil.Process().num_fds() <= before


def test_no_secret_reaches_a_child_nor_the_process_that_forks_it(rig: Rig) -> None:
    ending = rig.supervise("write_environment")

    assert isinstance(ending, Finished)
    written = (rig.folder.path / "environment.json").read_text()
    assert "hush" not in written
    assert not set(SECRETS) & set(json.loads(written)["now"])
    assert json.loads(written)["now"]["CUDA_VISIBLE_DEVICES"] == ""
    assert ending.result["session"] == 1.0
    assert {name: os.environ[name] for name in SECRETS} == SECRETS


def test_a_training_does_not_use_the_wandb_process_of_the_program_that_started_its_worker(rig: Rig) -> None:
    rig.supervise("write_environment")

    assert "WANDB_SERVICE" not in json.loads((rig.folder.path / "environment.json").read_text())["now"]


def running_forkserver() -> int:
    pid = forkserver_pid()
    assert pid is not None
    return pid


def test_a_forkserver_that_was_killed_is_replaced_by_one_without_secrets(rig: Rig) -> None:
    old = running_forkserver()
    os.kill(old, signal.SIGKILL)
    assert gone(old)

    ending = rig.supervise("write_environment")

    assert isinstance(ending, Finished)
    assert "hush" not in (rig.folder.path / "environment.json").read_text()


def test_a_child_whose_forkserver_dies_is_lost(rig: Rig) -> None:
    def kill_it() -> None:
        os.kill(running_forkserver(), signal.SIGKILL)

    thread = soon(kill_it, when=lambda: rig.store.runs.progress("s", [1]))

    ending = rig.supervise("work_for_long", heartbeat=0.05)

    thread.join()
    assert ending == Lost("its forkserver died")


def test_all_output_goes_to_the_log_unchanged(rig: Rig) -> None:
    ending = rig.supervise("print_much")

    assert isinstance(ending, Finished)
    log = rig.log()
    assert log.count(b"\xff\x00") == 500_000
    for line in (b"from python\n", b"to stderr\n", b"from a grandchild\n"):
        assert line in log


def test_the_message_of_a_failure_is_one_printable_line_without_a_secret(rig: Rig) -> None:
    ending = rig.supervise("fail_with_a_long_message")

    assert isinstance(ending, UserFailure)
    assert ending.message.startswith(r"ValueError: \x1b[31mred ******** x x x")
    assert len(ending.message) < 600
    assert ending.message.isprintable()


def test_a_log_that_grows_without_end_keeps_its_beginning_and_its_end(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 2_000_000)
    monkeypatch.setattr(logs, "KEPT_HEAD", 1000)
    monkeypatch.setattr(logs, "KEPT_TAIL", 500_000)

    ending = rig.supervise("print_without_end")

    assert isinstance(ending, Finished)
    log = rig.log()
    assert len(log) < 20_000_000
    assert log.startswith(b"the first line\n")
    assert log.endswith(b"the last line\n")
    assert b"bytes were removed here" in log


@pytest.mark.skipif(sys.platform != "linux", reason="forks a child of the forkserver")
def test_a_training_that_forks_itself_leaves_no_process(rig: Rig) -> None:
    ending = rig.supervise("fork_and_leave")

    assert isinstance(ending, Finished)
    assert our_children() == []


def test_checkpoints_that_are_saved_while_the_store_is_away_are_committed_before_the_run_ends(
    rig: Rig, gate: Gate
) -> None:
    def come_back_late() -> None:
        time.sleep(1.5)
        gate.open()

    away = soon(gate.shut, when=lambda: rig.run.checkpoints)
    back = soon(come_back_late, when=lambda: (rig.folder.path / "logs").is_dir() and b"goodbye" in rig.log())

    ending = rig.supervise("save_twice_with_a_pause")

    away.join()
    back.join()
    assert isinstance(ending, Finished)
    assert [checkpoint.step for checkpoint in rig.run.checkpoints] == [1, 2]


def test_a_worker_that_shuts_down_does_not_wait_for_the_store_for_ever(rig: Rig, gate: Gate) -> None:
    away = soon(gate.shut, when=lambda: rig.run.checkpoints)
    stopper = soon(rig.shutdown.set, when=lambda: (rig.folder.checkpoints / "000000000002.a1").exists())

    with pytest.raises(StoreUnreachable, match="its last checkpoint could not be committed"):
        rig.supervise("save_twice_with_a_pause", stop_grace=0.2)

    away.join()
    stopper.join()
    assert our_children() == []
