"""A short run on this machine, in a store and a folder of its own: whether it is scored, and resumes after a kill."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from shared.config.frozen import from_plain, to_plain
from shared.config.schema import SweepJob
from shared.control.findings import Finding
from shared.control.snapshot import Snapshot
from shared.control.steps import OnStep
from shared.domain.errors import SweepError
from shared.domain.events import RunClaimed
from shared.domain.progress import Progress
from shared.domain.refusal import Refusal
from shared.domain.run import Run, RunState, run_id
from shared.domain.wording import nearest
from shared.local import private_store
from shared.local.restarts import RestartRule
from shared.local.run_sweep import LocalSweep
from shared.local.workers import WorkerFailed
from shared.storage.folders import RunFolder, runs_folder
from shared.storage.logs import last_lines
from shared.store.store import Store, open_store

NAME = "check"
RESTARTS = RestartRule(most_in_a_row=2)
SETTINGS = {"SWEEP_HEARTBEAT_SECONDS": "0.25", "SWEEP_STOP_GRACE_SECONDS": "3"}
START_SECONDS = 90.0  # for workers to start and suggest, on a slow machine
LOG_LINES = 12


@dataclass(frozen=True)
class Seen:
    """What a trial has shown so far. Steps are those of the training."""

    run: Run | None = None
    metrics: Mapping[str, float] | None = None  # reported, or in the record
    step: int = 0
    killed: bool = False
    given: int | None = None  # step of the checkpoint that the attempt after the kill got
    began: int | None = None  # the first step that this attempt reported
    seconds: float = 0.0
    cut: bool = False  # by the time limit
    refusal: Refusal | None = None  # why the worker cannot take the run
    trouble: str | None = None  # of the workers themselves
    log: tuple[str, ...] = ()


def try_a_run(job: SweepJob, *, seconds: float, on_step: OnStep) -> Seen:
    """Train one run of the job for at most `seconds`, kill it once, and return what was seen. It leaves no files.

    `on_step` is called with the time that has passed and the whole time, in tenths of a second.
    """
    with tempfile.TemporaryDirectory(prefix="sweep-check-", ignore_cleanup_errors=True) as folder:
        data_dir = Path(folder)
        with private_store.start(data_dir) as held:
            store = open_store(held.url)
            try:
                return _Trial(store, _job_of_one_run(job, data_dir), data_dir, seconds, on_step).carry_out()
            finally:
                store.close()


def _job_of_one_run(job: SweepJob, data_dir: Path) -> SweepJob:
    plain = to_plain(job)
    return from_plain(
        {
            **plain,
            "sweep_run": NAME,
            "data_dir": str(data_dir),
            "runs_dir": str(runs_folder(data_dir, NAME)),
            "budget": {"max_runs": 1},
            "parallelism": 1,
            "look_ahead": 0,
            "sweep": {**plain["sweep"], "warm_start": [], "early_stop_quantile": None},
            "wandb": {"mode": "off"},
        }
    )


@dataclass
class _Trial:
    store: Store
    job: SweepJob
    data_dir: Path
    seconds: float
    on_step: OnStep
    seen: Seen = Seen()

    def carry_out(self) -> Seen:
        """Follow the run until enough was seen or the time is over. The workers end with it."""
        sweep = LocalSweep(self.store, self.job, self.data_dir, settings=SETTINGS, rule=RESTARTS)
        begun = time.monotonic()
        claimed_at: float | None = None
        try:
            with closing(sweep.follow()) as shots:
                for shot in shots:
                    now = time.monotonic()
                    self._look(shot, sweep)
                    if claimed_at is None and self.seen.run is not None and self.seen.run.attempt:
                        claimed_at = now
                    passed, limit = (now - claimed_at, self.seconds) if claimed_at else (now - begun, START_SECONDS)
                    self.seen = replace(self.seen, seconds=now - claimed_at if claimed_at else 0.0, cut=passed > limit)
                    self.on_step(round(min(self.seen.seconds, self.seconds) * 10), round(self.seconds * 10))
                    if self.seen.cut or self.seen.refusal or is_enough(self.job, self.seen):
                        break
        except WorkerFailed as error:  # its log is removed soon
            self.seen = replace(self.seen, trouble=error.death.sentence)
        except SweepError as error:
            self.seen = replace(self.seen, trouble=str(error))
        return replace(self.seen, log=self._log())

    def _look(self, shot: Snapshot, sweep: LocalSweep) -> None:
        if not shot.sweep.created:
            return
        run = self.store.runs.get(run_id(NAME, 1))
        progress = self.store.runs.progress(NAME, [1]).get(1, Progress())
        metrics = {**(self.seen.metrics or {}), **progress.metrics, **run.metrics}
        self.seen = replace(self.seen, run=run, metrics=metrics, step=max(run.steps, progress.step))
        if run.state in (RunState.QUEUED, RunState.TRAINED):
            self.seen = replace(self.seen, refusal=_refusal(shot, run))
        if not self.seen.killed and may_be_killed(run, progress):
            self.seen = replace(self.seen, killed=sweep.workers is not None and kill_training(_pid(sweep)))
        elif self.seen.killed and self.seen.began is None and progress.attempt > 1 and progress.began is not None:
            self.seen = replace(self.seen, given=self._given(progress.attempt), began=progress.began)

    def _given(self, attempt: int) -> int:
        """Return the step from which an attempt of the training had to continue."""
        events = (entry.event for entry in self.store.sweeps.whole_log(NAME))
        claims = [event for event in events if isinstance(event, RunClaimed)]
        wanted = (RunState.TRAINING, attempt)
        return next(claim.step for claim in claims if (claim.state, claim.attempt) == wanted)

    def _log(self) -> tuple[str, ...]:
        """Return the last lines of the training or, if there was none, of the workers."""
        folder = RunFolder(runs_folder(self.data_dir, NAME) / run_id(NAME, 1))
        lines = last_lines(folder) if folder.path.exists() else []
        if not lines and self.seen.trouble:
            logs = sorted((self.data_dir / "logs").glob("*.log"))
            read = (log.read_text(errors="replace").splitlines()[-LOG_LINES:] for log in logs)
            lines = list(
                dict.fromkeys(line for several in read for line in several)
            )  # a worker that ends again and again repeats its lines
        return tuple(lines[-LOG_LINES:])


def _refusal(shot: Snapshot, run: Run) -> Refusal | None:
    """Return why the worker for the next phase of a run cannot take it, if it said so."""
    service = "trainer" if run.state is RunState.QUEUED else "evaluator"
    return next(
        (worker.refusals[NAME] for worker in shot.workers if worker.service == service and NAME in worker.refusals),
        None,
    )


def may_be_killed(run: Run, progress: Progress) -> bool:
    """Whether a kill now would show if the training resumes: if not, it would begin before its checkpoint."""
    if run.state is not RunState.TRAINING or run.checkpoint is None or progress.attempt != run.attempt:
        return False
    return progress.began is not None and progress.began < run.checkpoint.step


def kill_training(trainer: int) -> bool:
    """Kill the training of a trainer's process (SIGKILL), and only that; return whether there was one."""
    try:
        helpers = psutil.Process(trainer).children()
        trainings = [child for helper in helpers for child in helper.children() if os.getsid(child.pid) == child.pid]
        for training in trainings:
            training.send_signal(signal.SIGKILL)
    except (psutil.Error, ProcessLookupError):
        return False
    return bool(trainings)


def _pid(sweep: LocalSweep) -> int:
    assert sweep.workers is not None
    return sweep.workers.processes["trainer"].pid


def is_enough(job: SweepJob, seen: Seen) -> bool:
    """Whether the trial has shown everything; with an evaluation that includes the score."""
    if seen.began is not None and seen.given is not None and seen.began < seen.given:
        return True
    has_metric = job.sweep.metric in (seen.metrics or {})
    return has_metric and seen.began is not None and not job.is_evaluated


def judge(job: SweepJob, seen: Seen) -> Iterator[Finding]:
    """Yield the findings of a trial."""
    run = seen.run
    if seen.trouble:
        yield Finding("fail", "training", seen.trouble, seen.log)
    elif seen.refusal:
        yield Finding("fail", "training", f"the worker on this machine cannot run it: {seen.refusal}")
    elif run is None or not run.attempt:
        remedy = "check that this machine is not busy and has the GPUs that a run needs, or use --no-run"
        text = f"no run started within {START_SECONDS:g} s; {remedy}"
        yield Finding("fail", "training", text)
    elif run.failure and run.failure.kind != "bad score":
        restarted = (
            f" after a kill and a restart at step {run.checkpoint.step}" if seen.killed and run.checkpoint else ""
        )
        topic = "resume" if seen.killed else "training"
        yield Finding("fail", topic, f"the training failed{restarted}: {run.failure.message}", seen.log)
    else:
        yield _training(run, seen)
        yield from _metric(job, run, seen)
        yield _resume(job, run, seen)


def _training(run: Run, seen: Seen) -> Finding:
    took = f"{seen.seconds:.0f} s"
    if run.state is RunState.OBSERVED:
        return Finding("ok", "training", f"one run took {took} from its suggestion to its score")
    if run.failure:
        return Finding("ok", "training", f"the training ended after {took}")
    how = "cancelled" if seen.cut else "stopped"
    return Finding("ok", "training", f"{how} at step {seen.step} after {took}")


def _metric(job: SweepJob, run: Run, seen: Seen) -> Iterator[Finding]:
    metrics, metric = seen.metrics or {}, job.sweep.metric
    if run.state is RunState.OBSERVED:
        yield Finding("ok", "metric", f"the score is {run.score:.4g}, the cost {run.cost:.4g}")
        return
    if metric in metrics and (not job.is_evaluated or run.failure):
        yield Finding("ok", "metric", f"{metric} is reported")
    elif job.is_evaluated and not run.failure:
        reported = f", although the training reports {metric}" if metric in metrics else ""
        text = f"the evaluation, which measures the score, did not start in time{reported}"
        yield Finding("warn", "metric", f"{text}; shorten the training with an override, or use a longer --seconds")
    else:
        yield Finding("fail", "metric", _missing(metric, metrics, setting="sweep.metric", when=_until(run, seen)))
    if job.cost in ("seconds", "steps") or {"cost", job.cost} & set(metrics):
        return
    text = _missing(job.cost, metrics, setting="cost", when=_until(run, seen))
    yield Finding("fail" if run.failure else "warn", "cost", text)


def _until(run: Run, seen: Seen) -> str:
    return "by the end" if run.is_finished else f"within {seen.seconds:.0f} s"


def _missing(name: str, metrics: Mapping[str, float], *, setting: str, when: str) -> str:
    known, near = ", ".join(sorted(metrics)) or "nothing", nearest(name, metrics)
    return (
        f"{name} was not reported {when} (reported: {known}); report it, or set {setting}{f'={near}' if near else ''}"
    )


def _resume(job: SweepJob, run: Run, seen: Seen) -> Finding:
    if seen.killed and seen.given is not None and seen.began is not None:
        if seen.began >= seen.given:
            text = f"killed after the checkpoint of step {seen.given}, the training continued from it"
            return Finding("ok", "resume", text)
        text = f"after a kill the training got its checkpoint of step {seen.given}, but restarted at step {seen.began}"
        remedy = "load run.checkpoint, and continue after run.checkpoint_step"
        return Finding("fail", "resume", f"{text}; {remedy}", seen.log)
    if seen.killed and run.state is RunState.OBSERVED:
        return Finding("ok", "resume", "killed after a checkpoint, the training ran to its end")
    if seen.killed:
        text = f"after a kill the training reported nothing within {seen.seconds:.0f} s; use a longer --seconds"
        return Finding("warn", "resume", text)
    if run.checkpoint is None:
        save = "call run.save_checkpoint"
        if job.trainer.kind == "command":
            save = "write to SWEEP_CHECKPOINT_DIR, and name the file in a line of SWEEP_REPORT"
        text = f"no checkpoint {_until(run, seen)}, so a run that loses its machine restarts at step 0; {save}"
        return Finding("warn", "resume", text)
    if run.is_finished:
        return Finding(
            "warn", "resume", "not tried, because the training ended too soon; make it longer with an override"
        )
    text = f"not tried, because there was one checkpoint in {seen.seconds:.0f} s"
    return Finding("warn", "resume", f"{text}; save more often, or use a longer --seconds")
