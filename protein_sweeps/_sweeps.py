"""Runs a sweep of a function, or gives the runs of a sweep to a program that asks."""

from __future__ import annotations

import math
import os
import sys
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from protein_sweeps._results import (
    RunResult,
    SweepEvent,
    SweepResult,
    read_result,
    require_best_run,
    run_result,
    to_pandas,
)
from protein_sweeps.run import TrainingRun
from protein_sweeps.space import Space
from services.suggester.ask import Asker, SweepEnded
from shared.config.frozen import job_of
from shared.config.names import slug
from shared.config.schema import SweepJob
from shared.config.searched import full_paths, user_params
from shared.config.settings import data_dir as usual_data_dir
from shared.config.settings import worker_settings
from shared.control.define import define_job
from shared.control.snapshot import Snapshot
from shared.control.steer import LIMITS, enqueue_params, pause_sweep, resume_sweep, set_limits, stop_sweep
from shared.control.submit import submit
from shared.domain.errors import ConfigError
from shared.domain.run import ASK_QUEUE, FINISHED, run_id
from shared.domain.sweep import Sweep as SweepRecord
from shared.domain.sweep import SweepState
from shared.domain.wording import did_you_mean
from shared.execution.given import MODULE, handed_over
from shared.local.location import located_store
from shared.local.run_sweep import LocalSweep
from shared.local.workers import take_from_the_dead
from shared.store.connection import is_private
from shared.store.store import Store

Goal = Literal["maximize", "minimize"]
Method = Literal["bayes", "random", "sobol", "grid", "optuna-tpe", "optuna-gp"]
Train = Callable[[TrainingRun], object]
LOOK_SECONDS = 0.25
PROGRESS_SECONDS = 30.0


def sweep(
    train: Train | str,
    space: Space,
    *,
    name: str | None = None,
    metric: str = "score",
    goal: Goal = "maximize",
    max_runs: int | None = 20,
    max_cost: float | None = None,
    max_hours: float | None = None,
    target_score: float | None = None,
    cost: str = "seconds",
    method: Method = "bayes",
    seed: int = 0,
    slots: int | None = None,
    constraints: Sequence[str] = (),
    protein: Mapping[str, Any] | None = None,
    early_stop_quantile: float | None = None,
    warm_start: Sequence[str] = (),
    python: str | Path | None = None,
    data_dir: str | Path | None = None,
    redis: str | None = None,
    progress: bool = True,
) -> SweepResult:
    """Search for the parameters with which `train` has the best score, and wait for the result.

    Without `redis` and REDIS_URL everything runs on this machine: a private store in `data_dir`, and workers that end
    with this call. They can also train a function that is defined in a notebook or a script. With a shared store,
    workers on other machines import `train`, so it must be importable there.

    Args:
        train: The training, `train(run)`, or its import path, `"package.module:function"`. It returns its score as a
            number, or a mapping of numbers, or nothing if it reports `metric`.
        space: Distributions by name.
        name: The sweep's name (default: a new one). The same name, space and settings continue an earlier sweep.
        metric: The metric that is the score, if the training does not return a number.
        goal: Whether a higher or a lower score is better.
        max_runs: The most runs; None for no limit.
        max_cost: The most that all runs together may cost, in the unit of `cost`.
        max_hours: The most hours since the start.
        target_score: A score that ends the sweep.
        cost: The cost of a run: `"seconds"` of training, `"steps"`, or the name of a metric.
        method: How parameters are chosen; `"bayes"` is Protein.
        seed: The seed of the search and of the runs.
        slots: How many runs train at once on this machine (default: one for each GPU, or for every four cores).
        constraints: Conditions over parameters, such as `"a <= b"`.
        protein: Settings of Protein.
        early_stop_quantile: Stop a run early if its best score so far is clearly worse than this quantile (0 to 0.5) of
            the finished runs at the same cost.
        warm_start: Names of earlier sweeps, or tables that `sweepctl export` wrote, to learn from.
        python: Another Python interpreter that trains; `train` must be importable there.
        data_dir: The folder of all files (default: DATA_DIR, else `./train_dir`).
        redis: The URL of a shared store (default: REDIS_URL).
        progress: Whether to print a line to stderr for each run that ends.

    Returns:
        The runs and the best one. If several runs fail in a row, the sweep pauses, and `state` is `"paused"`.

    Raises:
        ConfigError: An argument cannot be used; the message says what to do.
        Conflict: A sweep of this name exists with another config.
        StoreUnreachable: The store does not answer.

    Example:
        ```python
        def train(run: ps.TrainingRun) -> float:
            return (run.params["x"] - 0.3) ** 2

        result = ps.sweep(train, {"x": ps.uniform(0, 1)}, goal="minimize", max_runs=20)
        ```
    """
    folder = _folder(data_dir)
    function, callable_ = _function(train)
    if callable_ is not None:
        _refuse_what_must_be_imported(callable_, redis=redis, python=python)
    trainer: dict[str, Any] = {"kind": "function", "function": function}
    if python is not None:
        trainer["python"] = str(python)
    job = define_job(
        name or slug(f"{function.rpartition(':')[2]}-{datetime.now():%Y%m%d-%H%M%S}"),
        space,
        trainer=trainer,
        sweep={
            "metric": metric,
            "goal": goal,
            "method": method,
            "protein": dict(protein or {}),
            "constraints": list(constraints),
            "early_stop_quantile": early_stop_quantile,
            "warm_start": list(warm_start),
        },
        data_dir=folder,
        budget={"max_runs": max_runs, "max_cost": max_cost, "max_hours": max_hours, "target_score": target_score},
        cost=cost,
        seed=seed,
    )
    settings = {"SWEEP_SLOTS": str(slots)} if slots is not None else {}
    with ExitStack() as stack:
        store = stack.enter_context(located_store(folder, redis_url=redis, purpose="start"))
        handover = None
        if callable_ is not None:
            handover = stack.enter_context(handed_over(job.sweep_run, callable_))
        local = LocalSweep(store, job, folder, settings=settings, handover=handover)
        try:
            _follow(local, job, progress=progress)
        except KeyboardInterrupt:
            print(
                f"interrupted: to continue, call sweep(..., name={job.sweep_run!r}) again", file=sys.stderr, flush=True
            )
            raise
        return _read(store, job.sweep_run)


class Sweep:
    """A sweep in its store: ask for runs and report their results, inspect it, control it.

    Use `Sweep.create` for a new sweep and `load_sweep` for an existing one. It works in a `with` statement; its
    connection to the store is closed when it is closed or garbage-collected.
    """

    def __init__(self, store: Store, name: str, closes: ExitStack) -> None:
        self._store, self.name = store, name
        self._job = job_of(store.sweeps.get(name))
        self._asker: Asker | None = None
        self._close = weakref.finalize(self, closes.close)

    @classmethod
    def create(
        cls,
        name: str,
        space: Space,
        *,
        goal: Goal = "maximize",
        max_runs: int | None = None,
        max_cost: float | None = None,
        target_score: float | None = None,
        method: Method = "bayes",
        seed: int = 0,
        constraints: Sequence[str] = (),
        protein: Mapping[str, Any] | None = None,
        warm_start: Sequence[str] = (),
        data_dir: str | Path | None = None,
        redis: str | None = None,
    ) -> Sweep:
        """Create a sweep whose runs this program carries out itself, or continue an earlier one of this name.

        Args:
            name: The sweep's name.
            space: Distributions by name.
            goal: Whether a higher or a lower score is better.
            max_runs: The most runs; None for no limit.
            max_cost: The most that all runs together may cost.
            target_score: A score that ends the sweep.
            method: How parameters are chosen; `"bayes"` is Protein.
            seed: The seed of the search.
            constraints: Conditions over parameters, such as `"a <= b"`.
            protein: Settings of Protein.
            warm_start: Names of earlier sweeps, or tables that `sweepctl export` wrote, to learn from.
            data_dir: The folder of all files (default: DATA_DIR, else `./train_dir`).
            redis: The URL of a shared store (default: REDIS_URL).

        Returns:
            The sweep.

        Raises:
            ConfigError: An argument cannot be used; the message says what to do.
            Conflict: A sweep of this name exists with another config.
            StoreUnreachable: The store does not answer.

        Example:
            ```python
            sweep = ps.Sweep.create("mine", {"x": ps.uniform(0, 1)}, goal="maximize")
            run = sweep.ask()
            sweep.tell(run, score=1 - run.params["x"] ** 2)
            ```
        """
        folder = _folder(data_dir)
        job = define_job(
            name,
            space,
            trainer={"kind": "ask"},
            sweep={
                "metric": "score",
                "goal": goal,
                "method": method,
                "protein": dict(protein or {}),
                "constraints": list(constraints),
                "warm_start": list(warm_start),
            },
            data_dir=folder,
            queue=ASK_QUEUE,
            look_ahead=0,
            budget={"max_runs": max_runs, "max_cost": max_cost, "target_score": target_score},
            seed=seed,
        )
        with ExitStack() as stack:
            store = stack.enter_context(located_store(folder, redis_url=redis, purpose="start"))
            submit(store, job)
            return cls(store, name, stack.pop_all())

    @property
    def state(self) -> str:
        """`running`, `paused`, `stopping` or `finished`."""
        return str(self._record().state)

    @property
    def reason(self) -> str:
        """Why the sweep is in its state; empty while it is running."""
        return self._record().reason

    @property
    def runs(self) -> Sequence[RunResult]:
        """All runs, in the order of their numbers."""
        return tuple(run_result(run, self._job) for run in self._store.runs.all(self.name))

    @property
    def result(self) -> SweepResult:
        """The result so far."""
        return _read(self._store, self.name)

    def best(self) -> RunResult:
        """Return the best run so far.

        Raises:
            NotFound: No run has a score yet.

        Example:
            ```python
            ps.load_sweep("mine").best().params
            ```
        """
        result = self.result
        return require_best_run(self.name, result.runs, result.ranking)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame with one row for each run.

        Raises:
            ImportError: pandas is not installed.
        """
        return to_pandas(self.runs)

    def ask(self) -> RunResult:
        """Return a run to carry out. Its `params` are suggested; report its result with `tell`.

        Several threads or programs can ask for several runs before they report results. If this program ends, its
        runs can be asked for again.

        Returns:
            The run.

        Raises:
            Conflict: There is no run now: the sweep is finished or paused, or the runs in progress use up its budget.
            ConfigError: Workers train the runs of this sweep.

        Example:
            ```python
            run = sweep.ask()
            ```
        """
        return run_result(self._asking().ask(), self._job)

    def ask_all(self) -> Iterator[RunResult]:
        """Yield runs until the sweep has no more.

        Example:
            ```python
            for run in sweep.ask_all():
                sweep.tell(run, score=objective(run.params))
            ```
        """
        while True:
            try:
                run = self.ask()
            except SweepEnded:
                return
            yield run

    def tell(
        self,
        run: RunResult | str,
        *,
        score: float | None = None,
        cost: float | None = None,
        failed: bool | str = False,
        metrics: Mapping[str, float] | None = None,
    ) -> RunResult:
        """Report the result of a run.

        Args:
            run: The run that `ask` returned, or its id.
            score: The score, a finite number.
            cost: What the run consumed (default: the seconds since `ask`).
            failed: True, or the reason, for a run without a score. The optimizer learns where runs fail.
            metrics: Other numbers to keep, by name.

        Returns:
            The run as it is recorded.

        Raises:
            ValueError: A number is not finite, the cost is negative, or neither a score nor a failure is given.
            Conflict: The run has ended, or another program has it.
            NotFound: There is no such run.

        Example:
            ```python
            sweep.tell(run, score=0.8, cost=12.0)
            sweep.tell(run, failed="out of memory")
            ```
        """
        recorded = self._asking().tell(
            run if isinstance(run, str) else run.id,
            score=None if score is None else float(score),
            cost=None if cost is None else float(cost),
            failure=(failed if isinstance(failed, str) else "reported as failed") if failed else None,
            metrics={key: float(value) for key, value in (metrics or {}).items()},
        )
        return run_result(recorded, self._job)

    def enqueue(self, params: Mapping[str, Any] | None = None, /, **named: Any) -> Mapping[str, Any]:
        """Add a run with these parameters; it starts before further suggestions.

        A parameter that is left out has its value at the search centre.

        Args:
            params: Parameters by name.
            **named: Parameters as keywords.

        Returns:
            The complete parameters.

        Raises:
            ConfigError: A parameter is unknown, outside its bounds, or inactive.
            Conflict: The sweep starts no more runs.

        Example:
            ```python
            sweep.enqueue(x=0.5)
            ```
        """
        asked = full_paths(self._job, {**(params or {}), **named})
        return user_params(self._job, enqueue_params(self._store, self.name, asked))

    def pause(self) -> None:
        """Pause the sweep: no new runs start. Runs in progress continue.

        Raises:
            Conflict: The sweep is not running.
        """
        pause_sweep(self._store, self.name)

    def resume(self) -> None:
        """Continue a paused or stopping sweep.

        Raises:
            Conflict: There is nothing to resume.
        """
        resume_sweep(self._store, self.name)

    def stop(self) -> None:
        """Stop the sweep: no new runs start, and it is finished after the runs in progress.

        Raises:
            Conflict: The sweep is finished or stopping already.
        """
        stop_sweep(self._store, self.name)
        if self._job.queue == ASK_QUEUE:  # such a sweep needs no suggester
            self._asking().settle()

    def set(self, **limits: float | int | None) -> None:
        """Change the budget or the parallelism. A finished sweep continues if the new budget allows more runs.

        Args:
            **limits: `max_runs`, `max_cost`, `max_hours`, `target_score`, `parallelism`, `look_ahead`,
                `max_consecutive_failures`, `max_stuck_attempts`; None for no limit.

        Raises:
            ConfigError: A limit is unknown, or its value cannot be used.
            Conflict: The change is not possible, for example fewer runs than there are.

        Example:
            ```python
            sweep.set(max_runs=50)
            ```
        """
        keys = {short: key for key, short in LIMITS.items()}
        for limit in limits:
            if limit not in keys:
                raise ConfigError(f"set({limit}=...): unknown limit{did_you_mean(limit, keys)}; use {', '.join(keys)}")
        set_limits(self._store, self.name, {keys[limit]: value for limit, value in limits.items()})

    def watch(self, *, after: int = 0) -> Iterator[SweepEvent]:
        """Yield the events of the sweep, from its start until it is finished, and wait for new ones.

        Args:
            after: How many of the first events to leave out.

        Example:
            ```python
            for event in sweep.watch():
                print(event.kind, event.run)
            ```
        """
        position = after
        while True:
            is_over = self._record().is_finished
            entries = self._store.sweeps.events(self.name, after=position)
            for entry in entries:
                position, event = entry.position, entry.event
                data = {key: value for key, value in event.plain().items() if key not in ("kind", "run")}
                run = None if event.run is None else run_id(self.name, event.run)
                yield SweepEvent(kind=event.kind, at=entry.at_ms / 1000, run=run, data=data)
            if is_over and not entries:
                return
            if not entries:
                time.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """Give back the runs without a reported result, and close the connection to the store."""
        if self._asker is not None:
            self._asker.close()
            self._asker = None
        self._close()

    def __enter__(self) -> Sweep:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Sweep({self.name!r})"

    def _record(self) -> SweepRecord:
        return self._store.sweeps.get(self.name)

    def _asking(self) -> Asker:
        if self._job.queue != ASK_QUEUE:
            raise ConfigError(
                f"workers train the runs of sweep {self.name}: use Sweep.create to make a sweep for ask and tell"
            )
        if self._asker is None:
            if self._store.is_private:
                take_from_the_dead(self._store, self.name)
            self._asker = Asker(self._store, self.name, worker_settings())
        return self._asker


def load_sweep(name: str, *, data_dir: str | Path | None = None, redis: str | None = None) -> Sweep:
    """Open an existing sweep, from Python or from the command line.

    Args:
        name: The sweep's name.
        data_dir: The folder of its files (default: DATA_DIR, else `./train_dir`).
        redis: The URL of a shared store (default: REDIS_URL).

    Returns:
        The sweep.

    Raises:
        NotFound: There is no sweep of this name.
        StoreUnreachable: The store does not answer.

    Example:
        ```python
        ps.load_sweep("mine").best()
        ```
    """
    with ExitStack() as stack:
        store = stack.enter_context(located_store(_folder(data_dir), redis_url=redis, purpose="look"))
        return Sweep(store, name, stack.pop_all())


def _read(store: Store, name: str) -> SweepResult:
    record = store.sweeps.get(name)
    return read_result(record, job_of(record), store.runs.all(name))


def _folder(data_dir: str | Path | None) -> Path:
    return Path(data_dir) if data_dir is not None else usual_data_dir()


def _function(train: Train | str) -> tuple[str, Train | None]:
    """Return the import path of a training, and the training itself if it cannot be imported."""
    if isinstance(train, str):
        return train, None
    if not callable(train):
        raise ConfigError(f"train is {train!r}: expected a function, or its import path, 'package.module:function'")
    module, qualified = getattr(train, "__module__", None), getattr(train, "__qualname__", "")
    if module and module != MODULE and _imports(module, qualified) is train:
        return f"{module}:{qualified}", None
    name = getattr(train, "__name__", "")
    return f"{MODULE}:{name if name.isidentifier() else 'function'}", train


def _refuse_what_must_be_imported(train: Train, *, redis: str | None, python: str | Path | None) -> None:
    """Raise ConfigError for a function that exists in this program alone, if another one has to import it."""
    url = redis or os.environ.get("REDIS_URL")
    where = "workers of a shared store" if url and not is_private(url) else "another Python" if python else None
    if where is not None:
        raise ConfigError(f"{train!r} cannot be imported by {where}: define it in a module and import it from there")


def _imports(module: str, qualified: str) -> object:
    if not qualified.isidentifier():
        return None
    try:
        return getattr(import_module(module), qualified, None)
    except ImportError:
        return None


def _follow(local: LocalSweep, job: SweepJob, *, progress: bool) -> None:
    """Wait until the sweep ends, and print a line for each run that ends."""
    lines, printed_at = _Lines(job), time.monotonic()
    shot: Snapshot | None = None
    for shot in local.follow():
        if not progress:
            continue
        news = [] if shot.done == len(lines.known) else list(lines.of_ended_runs(local.store))
        if not news and time.monotonic() - printed_at >= PROGRESS_SECONDS:
            news = [f"{job.sweep_run}: {len(shot.unfinished)} runs in progress, {shot.done} done"]
        if news:
            print("\n".join(news), file=sys.stderr, flush=True)
            printed_at = time.monotonic()
    if shot is not None and shot.sweep.state is SweepState.PAUSED:
        warnings.warn(f"sweep {job.sweep_run} is paused: {shot.sweep.reason}", stacklevel=3)


class _Lines:
    """One line for each run that has ended, with the best score so far."""

    def __init__(self, job: SweepJob) -> None:
        self.known: set[int] = set()
        self._job, self._best = job, -math.inf

    def of_ended_runs(self, store: Store) -> Iterator[str]:
        ended = set(store.runs.numbers_in(self._job.sweep_run, FINISHED))
        for run in store.runs.numbered(self._job.sweep_run, ended - self.known):
            self.known.add(run.number)
            yield self._line(run_result(run, self._job))

    def _line(self, run: RunResult) -> str:
        most = self._job.budget.max_runs
        place = f"{run.id} ({len(self.known)}{f' of {most}' if most is not None else ''})"
        if run.score is None or run.cost is None:
            return f"{place}: {run.state}{f': {run.failure}' if run.failure else ''}"
        sign = 1.0 if self._job.sweep.goal == "maximize" else -1.0
        self._best = max(self._best, sign * run.score)
        return f"{place}: score {run.score:.6g}, cost {run.cost:.3g}; best {sign * self._best:.6g}"
