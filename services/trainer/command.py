"""Trains with a program in any language: starts it, forwards its reports, and ends all its processes."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from protein_sweeps._child import MOST_METRICS
from protein_sweeps.run import Stop, TrainingRun
from services.trainer.report_lines import BadReport, LineReader, Report
from shared.config.searched import leaves
from shared.domain.command import PYTHON, as_json, fill, with_interpreter
from shared.domain.errors import SweepError
from shared.domain.wording import show
from shared.execution.entry import child_entry
from shared.execution.guardian import Guarded, start_guarded
from shared.storage.folders import RunFolder
from shared.storage.logs import last_lines
from shared.tracking.wandb_script import WandbLog, script_environment, wandb_files

LOOK_SECONDS: Final = 0.1
WANDB_LOOKS: Final = 5  # every fifth look reads W&B's files, too
MOST_BYTES: Final = 2**20  # of reports, read at one look
REASON_SECONDS: Final = 1.0
RESERVED: Final = frozenset({"score", "cost"})  # of a result: they would replace the metric
FROM_OUTSIDE: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class CommandFailed(SweepError):
    """The command could not be started, or did not end with exit code 0."""


@child_entry
def train(run: TrainingRun) -> Mapping[str, float]:
    """Run the command of `run` to its end and return its result.

    Raises PlainFailure for a fault of the command (CommandFailed, BadReport, ConfigError), and Stop when it ended
    because it was asked to.
    """
    shutil.rmtree(run.workspace, ignore_errors=True)
    _drop_earlier_checkpoints(run.workspace)
    checkpoints = run.workspace / "checkpoints"
    checkpoints.mkdir(parents=True)
    try:
        return _Attempt(run, checkpoints).until_it_ends()
    finally:
        shutil.rmtree(checkpoints, ignore_errors=True)  # saved checkpoints have been moved already


def _drop_earlier_checkpoints(workspace: Path) -> None:
    """Delete half-written files of an earlier attempt that was killed."""
    for earlier in workspace.parent.glob("workspace.*/checkpoints"):
        shutil.rmtree(earlier, ignore_errors=True)


class _Attempt:
    """One attempt: the process, and the state of reading its reports."""

    def __init__(self, run: TrainingRun, checkpoints: Path) -> None:
        self._run, self._checkpoints = run, checkpoints
        self._words = with_interpreter(run.config["trainer"]["command"], run.config["trainer"].get("python"))
        self._config = run.workspace / "config.json"
        self._reports = ReportFile(run.workspace / "report.jsonl")
        self._wandb: dict[Path, WandbLog] = {}
        self._looks = 0
        self._result: dict[str, float] = {}
        self._stop: Stop | None = None
        self._is_over = False

    def until_it_ends(self) -> dict[str, float]:
        self._config.write_text(as_json(self._run.config))
        command = self._start()
        try:
            while (code := self._ended(command)) is None:
                self._look(command)
            self._read_to_the_end(command)
        finally:
            command.kill()
        return self._conclude(code)

    def _start(self) -> Guarded:
        run = self._run
        values = {
            **leaves(run.config),
            "run": run.id,
            "seed": run.seed,
            "device": run.device,
            "config": str(self._config),
            "checkpoint_dir": str(self._checkpoints),
            PYTHON.strip("{}"): run.config["trainer"].get("python") or sys.executable,
        }
        words = fill(self._words, values, run.params)
        print("+", shlex.join(words), flush=True)
        try:
            return start_guarded(words, os.environ | self._environment())
        except OSError as error:
            raise _not_started(words[0], error) from None

    def _environment(self) -> dict[str, str]:
        run = self._run
        resumes = {"SWEEP_CHECKPOINT": str(run.checkpoint), "SWEEP_CHECKPOINT_STEP": str(run.checkpoint_step)}
        return {
            "PYTHONUNBUFFERED": "1",  # a log is read while it grows
            **script_environment(run.workspace, run=run.id, config=run.config, params=run.params),
            "SWEEP_RUN": run.id,
            "SWEEP_ATTEMPT": str(run.attempt),
            "SWEEP_SEED": str(run.seed),
            "SWEEP_DEVICE": run.device,
            "SWEEP_CONFIG": str(self._config),
            "SWEEP_REPORT": str(self._reports.path),
            "SWEEP_CHECKPOINT_DIR": str(self._checkpoints),
            **(resumes if run.checkpoint else {}),
        }

    def _ended(self, command: Guarded) -> int | None:
        try:
            return command.ended(seconds=LOOK_SECONDS)
        except OSError as error:
            raise _not_started(self._words[0], error) from None

    def _look(self, command: Guarded) -> None:
        """Forward new reports to the supervisor, and a request to stop to the command."""
        with self._forwarding_stop(command):
            self._run.obey()
        for report in self._reports.read():
            self._forward(report, command)
        self._looks += 1
        if self._looks % WANDB_LOOKS == 0:
            self._read_wandb(command)

    def _read_to_the_end(self, command: Guarded) -> None:
        self._is_over = True
        for report in self._reports.read_to_the_end():
            self._forward(report, command)
        self._read_wandb(command)

    def _read_wandb(self, command: Guarded) -> None:
        for path in wandb_files(self._run.workspace):
            for step, metrics in self._wandb.setdefault(path, WandbLog(path)).read():
                self._forward(Report(step, self._usable(metrics)), command)

    def _usable(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return the metrics of a W&B log that count here. In W&B, `score`, `cost` and `step` may mean anything."""
        wanted = {self._run.config["sweep"]["metric"], self._run.config["cost"]}
        dropped = (RESERVED - wanted) | {"step"}
        usable = {name: value for name, value in metrics.items() if name not in dropped}
        return usable if len(usable) <= MOST_METRICS else {name: usable[name] for name in wanted & usable.keys()}

    def _forward(self, report: Report, command: Guarded) -> None:
        if report.step is None:
            self._result |= report.metrics
            return
        if report.metrics:
            with self._forwarding_stop(command):
                self._run.report(report.step, **report.metrics)
        if report.checkpoint is not None:
            source = find_checkpoint(self._checkpoints, report.checkpoint)
            with self._forwarding_stop(command):
                self._run.save_checkpoint(report.step, partial(_move, source))
            _remove(source)  # if this step was saved before

    @contextmanager
    def _forwarding_stop(self, command: Guarded) -> Iterator[None]:
        """Catch Stop and end the command; what it reports until its end is forwarded, too."""
        try:
            yield
        except Stop as stop:
            if not self._is_over:
                self._stop = stop
                command.terminate()

    def _conclude(self, code: int) -> dict[str, float]:
        if self._stop is not None and not (code == 0 and self._result):
            raise self._stop
        if code == 0:
            return self._result
        self._wait_for_the_reason()
        number = -code if code < 0 else code - 128  # a shell returns 128 + the signal that killed its program
        if number in FROM_OUTSIDE:
            _die_of(number)  # as if it had killed a function: the run continues from its checkpoint
        raise CommandFailed(self._failure(code))

    def _wait_for_the_reason(self) -> None:
        """Raise Stop if the worker asks for it soon: a batch system signals the command and the worker together."""
        deadline = time.monotonic() + REASON_SECONDS
        while time.monotonic() < deadline:
            self._run.obey()
            time.sleep(LOOK_SECONDS)

    def _failure(self, code: int) -> str:
        program = self._words[0]
        how = f"ended with exit code {code}" if code > 0 else f"was killed by {signal.Signals(-code).name}"
        lines = [line for line in last_lines(RunFolder(self._run.workspace.parent)) if line.strip()]
        return f"{program} {how}" + (f", its last line: {lines[-1]}" if len(lines) > 1 else "")  # the first is ours


class ReportFile:
    """The file that the command appends its reports to."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self.path = path
        self._lines = LineReader()
        self._position = 0
        self._changed_at = path.stat().st_mtime_ns

    def read(self) -> list[Report]:
        """Return the reports of the new complete lines, at most MOST_BYTES of them. Raises BadReport."""
        return self._lines.feed(self._added())

    def read_to_the_end(self) -> Iterator[Report]:
        """Yield the rest of the reports; the last line needs no newline. Raises BadReport."""
        while data := self._added():
            yield from self._lines.feed(data)
        yield from self._lines.feed(b"", at_end=True)

    def _added(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                left, changed = status.st_size - self._position, status.st_mtime_ns != self._changed_at
                if left < 0 or (left == 0 and changed):
                    raise BadReport("SWEEP_REPORT was overwritten: append to it, in a shell with >> and not with >")
                file.seek(self._position)
                data = file.read(min(left, MOST_BYTES))
        except FileNotFoundError:
            raise BadReport("SWEEP_REPORT was removed: append to it, and do not move or delete it") from None
        self._position, self._changed_at = self._position + len(data), status.st_mtime_ns
        return data


def find_checkpoint(folder: Path, name: str) -> Path:
    """Return the file or folder that a report names. Raises BadReport if it is not in SWEEP_CHECKPOINT_DIR."""
    place = (folder / name).resolve()
    if not place.exists() or folder.resolve() not in place.parents:
        raise BadReport(
            f"checkpoint {show(name)} is not in SWEEP_CHECKPOINT_DIR: write it there, before the line that names it"
        )
    return place


def _move(source: Path, target: Path) -> None:
    suffix = "" if source.is_dir() else source.suffix  # some libraries need it to load the file
    shutil.move(source, target.with_suffix(suffix))


def _remove(place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)


def _die_of(number: int) -> None:
    signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None
    os.kill(os.getpid(), number)


def _not_started(program: str, error: OSError) -> CommandFailed:
    hint = ": does its first line name an interpreter, such as #!/bin/sh?" if error.errno == errno.ENOEXEC else ""
    return CommandFailed(f"{program} could not be started: {error.strerror}{hint}")
