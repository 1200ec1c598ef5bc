"""Run a sweep of a function, or ask for its runs and tell their results."""

from __future__ import annotations

import math
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
    """Search the parameters that `train` scores best with, and wait for the result.

    Without `redis` and REDIS_URL everything runs on this machine: a private store in `data_dir`, and workers that end
    with this call. A function of a notebook or of a script is trained there, too. With a store that others use,
    `train` needs to be importable, since workers elsewhere import it.

    Args:
        train: The training, `train(run)`, or its import path, `"package.module:function"`. It returns its score as a
            number, or a mapping of numbers, or nothing if it reports `metric`.
        space: Distributions by name.
        name: The sweep's name. The same name, space and settings continue an earlier sweep. A new one by default.
        metric: What the score is where the training does not return a number.
        goal: Whether a higher or a lower score is better.
        max_runs: The most runs; None for no limit.
        max_cost: The most that all runs together may cost, in the unit of `cost`.
        max_hours: The most hours since the start.
        target_score: A score that ends the sweep.
        cost: What a run costs: `"seconds"` of training, `"steps"`, or the name of a metric.
        method: How parameters are chosen; `"bayes"` is Protein.
        seed: The seed of the search and of the runs.
        slots: How many runs train at once on this machine; by default one for each GPU, or for every four cores.
        constraints: Conditions over parameters, such as `"a <= b"`.
        protein: Settings of Protein.
        early_stop_quantile: End a run that is worse than this share of the others at equal cost.
        warm_start: Names of earlier sweeps, or tables that `sweepctl export` wrote, to learn from.
        python: Another Python interpreter that trains; `train` needs to be importable there.
        data_dir: The folder for everything that is kept; DATA_DIR or `./train_dir` by default.
        redis: The URL of a store that others use; REDIS_URL by default.
        progress: Whether to print a line on stderr for each run that ends.

    Returns:
        The runs and the best one. If runs fail one after the other the sweep pauses: then `state` is `"paused"`.

    Raises:
        ConfigError: Something cannot be used as it was given; the message says what to do.
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
            if not store.is_private or python is not None:
                where = "workers of a shared store" if not store.is_private else "another Python"
                raise ConfigError(
                    f"{callable_!r} cannot be imported by {where}: put it into a module of its own and import it"
                )
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
    """A sweep in its store: ask for runs and tell their results, look at it, steer it.

    Use `Sweep.create` for a new one and `load_sweep` for one that exists. It can be used in a `with` statement; it
    closes its connection to the store when it is closed or garbage-collected.
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
        """Create a sweep whose runs this program carries out itself, or continue the one of this name.

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
            data_dir: The folder for everything that is kept; DATA_DIR or `./train_dir` by default.
            redis: The URL of a store that others use; REDIS_URL by default.

        Returns:
            The sweep.

        Raises:
            ConfigError: Something cannot be used as it was given; the message says what to do.
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
        """All runs, by number."""
        return tuple(run_result(run, self._job) for run in self._store.runs.all(self.name))

    @property
    def result(self) -> SweepResult:
        """Everything that was found so far."""
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
        """Return a run to carry out: its `params` are suggested, and it is this program's until `tell`.

        Several runs may be asked for before a result is told, by several threads or programs. If this program ends,
        its runs are given out again.

        Returns:
            The run.

        Raises:
            Conflict: There is no run to ask for: the sweep is over, paused, or its budget is in progress.
            ConfigError: The runs of this sweep are trained by workers.

        Example:
            ```python
            run = sweep.ask()
            ```
        """
        return run_result(self._asking().ask(), self._job)

    def ask_all(self) -> Iterator[RunResult]:
        """Yield one run after the other until the sweep has no further run.

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
        """Tell the result of a run.

        Args:
            run: The run that `ask` returned, or its id.
            score: The score: a finite number.
            cost: What it consumed; the seconds since `ask` if it is left out.
            failed: True, or the reason, for a run that has no score. The optimizer learns where runs fail.
            metrics: Other numbers to keep, by name.

        Returns:
            The run as it is recorded.

        Raises:
            ValueError: A number is not finite, the cost is negative, or neither a score nor a failure is given.
            Conflict: The run is over, or somebody else holds it.
            NotFound: There is no such run.

        Example:
            ```python
            sweep.tell(run, score=0.8, cost=12.0)
            sweep.tell(run, failed="out of memory")
            ```
        """
        told = self._asking().tell(
            run if isinstance(run, str) else run.id,
            score=None if score is None else float(score),
            cost=None if cost is None else float(cost),
            failure=(failed if isinstance(failed, str) else "reported as failed") if failed else None,
            metrics={key: float(value) for key, value in (metrics or {}).items()},
        )
        return run_result(told, self._job)

    def enqueue(self, params: Mapping[str, Any] | None = None, /, **named: Any) -> Mapping[str, Any]:
        """Let the sweep try these parameters next. A parameter that is left out has the value of the search centre.

        Args:
            params: Parameters by name.
            **named: The same as keywords.

        Returns:
            The complete parameters.

        Raises:
            ConfigError: A parameter is unknown, out of its bounds, or inactive.
            Conflict: The sweep starts no further run.

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
        """Let a paused or stopping sweep go on.

        Raises:
            Conflict: There is nothing to resume.
        """
        resume_sweep(self._store, self.name)

    def stop(self) -> None:
        """End the sweep: nothing more is suggested, runs in progress end.

        Raises:
            Conflict: The sweep is over or stopping already.
        """
        stop_sweep(self._store, self.name)
        if self._job.queue == ASK_QUEUE:  # no suggester has to be running for it
            self._asking().settle()

    def set(self, **limits: float | int | None) -> None:
        """Change the budget or the parallelism. A finished sweep goes on if its budget has room then.

        Args:
            **limits: `max_runs`, `max_cost`, `max_hours`, `target_score`, `parallelism`, `look_ahead`,
                `max_consecutive_failures`, `max_stuck_attempts`; None for no limit.

        Raises:
            ConfigError: A limit is unknown, or its value cannot be used.
            Conflict: The change makes no sense, for example fewer runs than there are.

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
        """Yield what happens in the sweep, from its beginning, until it is finished.

        Args:
            after: How many events to leave out.

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
        """Give back the runs that were asked for and not told, and close the connection to the store."""
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
                f"the runs of sweep {self.name} are trained by workers: create one to ask and tell with Sweep.create"
            )
        if self._asker is None:
            if self._store.is_private:
                take_from_the_dead(self._store, self.name)
            self._asker = Asker(self._store, self.name, worker_settings())
        return self._asker


def load_sweep(name: str, *, data_dir: str | Path | None = None, redis: str | None = None) -> Sweep:
    """Open a sweep that exists, whoever started it.

    Args:
        name: The sweep's name.
        data_dir: The folder that it is kept in; DATA_DIR or `./train_dir` by default.
        redis: The URL of its store; REDIS_URL by default.

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
    """Return the import path of a training, and the training itself if it can only be handed over."""
    if isinstance(train, str):
        return train, None
    if not callable(train):
        raise ConfigError(f"train is {train!r}: expected a function, or its import path, 'package.module:function'")
    module, qualified = getattr(train, "__module__", None), getattr(train, "__qualname__", "")
    if module and module != MODULE and _imports(module, qualified) is train:
        return f"{module}:{qualified}", None
    name = getattr(train, "__name__", "")
    return f"{MODULE}:{name if name.isidentifier() else 'function'}", train


def _imports(module: str, qualified: str) -> object:
    if not qualified.isidentifier():
        return None
    try:
        return getattr(import_module(module), qualified, None)
    except ImportError:
        return None


def _follow(local: LocalSweep, job: SweepJob, *, progress: bool) -> None:
    """See the sweep through, and print a line for each run that ends."""
    lines, said_at = _Lines(job), time.monotonic()
    shot: Snapshot | None = None
    for shot in local.follow():
        if not progress:
            continue
        said = [] if shot.done == len(lines.known) else list(lines.of_the_ended(local.store))
        if not said and time.monotonic() - said_at >= PROGRESS_SECONDS:
            said = [f"{job.sweep_run}: {len(shot.unfinished)} runs in progress, {shot.done} done"]
        if said:
            print("\n".join(said), file=sys.stderr, flush=True)
            said_at = time.monotonic()
    if shot is not None and shot.sweep.state is SweepState.PAUSED:
        warnings.warn(f"sweep {job.sweep_run} is paused: {shot.sweep.reason}", stacklevel=3)


class _Lines:
    """One line for each run that has ended, with the best score so far."""

    def __init__(self, job: SweepJob) -> None:
        self.known: set[int] = set()
        self._job, self._best = job, -math.inf

    def of_the_ended(self, store: Store) -> Iterator[str]:
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
