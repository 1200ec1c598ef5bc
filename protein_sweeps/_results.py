"""The results of a sweep, as plain frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.config.schema import SweepJob
from shared.config.searched import user_params
from shared.control.results import Standing, pareto_front, ranked
from shared.domain.errors import NotFound
from shared.domain.run import Run, RunState
from shared.domain.sweep import Sweep as SweepRecord
from shared.storage.folders import RunFolder

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class RunResult:
    """One run of a sweep, as it was when it was read.

    Attributes:
        id: `<sweep>.r.<number>`.
        number: The number of the run in its sweep, from 1.
        state: `queued`, `training`, `trained`, `evaluating`, `observed`, `failed` or `cancelled`.
        params: The parameters, by the names of the search space.
        score: The score; None without one.
        cost: What the run consumed, in the unit of the sweep's `cost` (default: seconds); None while unknown.
        metrics: The reported metrics, by name.
        failure: Why the run failed; None if it did not.
        attempt: How often its training was started.
        seconds: Seconds of training and evaluation.
        steps: The last step that was reported.
        predicted_score: The score that the optimizer predicted; None without a prediction.
        predicted_cost: The cost that the optimizer predicted; None without a prediction.
        folder: The folder of the run's files.
        checkpoint: The path of the last checkpoint; None without one.
    """

    id: str
    number: int
    state: str
    params: Mapping[str, Any]
    score: float | None = None
    cost: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    failure: str | None = None
    attempt: int = 0
    seconds: float = 0.0
    steps: int = 0
    predicted_score: float | None = None
    predicted_cost: float | None = None
    folder: Path | None = None
    checkpoint: Path | None = None


@dataclass(frozen=True)
class SweepEvent:
    """An entry in the log of a sweep.

    Attributes:
        kind: What happened, for example `suggested`, `claimed`, `observed`, `failed`, `paused`, `finished`.
        at: When, in seconds since the epoch, by the clock of the store.
        run: The run's id; None for an event of the whole sweep.
        data: The other fields of the entry, as plain data.
    """

    kind: str
    at: float
    run: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True)
class SweepResult:
    """The result of a sweep.

    Attributes:
        name: The sweep's name; `load_sweep(name)` opens it again.
        goal: `maximize` or `minimize`.
        state: `running`, `paused`, `stopping` or `finished`.
        reason: Why it is in that state.
        runs: All runs, in the order of their numbers.
        ranking: The runs with a score, the best first; one run for each configuration.
        front: The Pareto front: the runs that no other run beats on both score and cost, the cheapest first.
    """

    name: str
    goal: str
    state: str
    reason: str
    runs: Sequence[RunResult]
    ranking: Sequence[RunResult]
    front: Sequence[RunResult]

    @property
    def best(self) -> RunResult:
        """The best run.

        Raises:
            NotFound: No run has a score.

        Example:
            ```python
            result.best.params, result.best.score
            ```
        """
        return require_best_run(self.name, self.runs, self.ranking)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with one row for each run and one column for each parameter and metric.

        Raises:
            ImportError: pandas is not installed.

        Example:
            ```python
            result.to_pandas().sort_values("score")
            ```
        """
        return to_pandas(self.runs)


def require_best_run(name: str, runs: Sequence[RunResult], ranking: Sequence[RunResult]) -> RunResult:
    """Return the best run. Raises NotFound, with the last failure, if no run has a score."""
    if ranking:
        return ranking[0]
    failures = [run.failure for run in runs if run.failure]
    why = f"; the last failure: {failures[-1]}" if failures else ""
    raise NotFound(f"no run of sweep {name} has a score{why}")


def to_pandas(runs: Sequence[RunResult]) -> pandas.DataFrame:
    """Return one row for each run. Raises ImportError if pandas is not installed."""
    try:
        import pandas
    except ImportError:
        raise ImportError("to_pandas() needs pandas: pip install pandas") from None
    rows = []
    for run in runs:
        facts = {key: value for key, value in asdict(run).items() if key not in ("params", "metrics")}
        metrics = {f"metrics.{name}": value for name, value in run.metrics.items()}
        rows.append({"id": run.id, **run.params, **{k: v for k, v in facts.items() if k != "id"}, **metrics})
    return pandas.DataFrame(rows)


def read_result(sweep: SweepRecord, job: SweepJob, runs: Sequence[Run]) -> SweepResult:
    """Return the result of a sweep from its records."""
    found = ranked([run for run in runs if run.state is RunState.OBSERVED], sweep)

    def read(standings: Sequence[Standing]) -> tuple[RunResult, ...]:
        return tuple(run_result(one.run, job) for one in standings)

    return SweepResult(
        name=sweep.name,
        goal=sweep.goal,
        state=str(sweep.state),
        reason=sweep.reason,
        runs=tuple(run_result(run, job) for run in runs),
        ranking=read(found),
        front=read(pareto_front(found, goal=sweep.goal)),
    )


def run_result(run: Run, job: SweepJob) -> RunResult:
    """Return the public form of a run's record."""
    folder = RunFolder(Path(job.runs_dir) / run.id)
    return RunResult(
        id=run.id,
        number=run.number,
        state=str(run.state),
        params=user_params(job, {**run.params, **run.trained}),
        score=run.score,
        cost=run.cost,
        metrics=run.metrics,
        failure=run.failure.message if run.failure else None,
        attempt=run.attempt,
        seconds=run.train_seconds + run.eval_seconds,
        steps=run.steps,
        predicted_score=run.prediction.score,
        predicted_cost=run.prediction.cost,
        folder=folder.path,
        checkpoint=folder.checkpoints / run.checkpoint.path / "state" if run.checkpoint else None,
    )
