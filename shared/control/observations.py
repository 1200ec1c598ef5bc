"""Finished runs as observations: export them for other programs, and read them to warm-start a sweep."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.config.schema import SweepJob
from shared.domain.errors import ConfigError
from shared.domain.run import Run, RunState
from shared.domain.wording import wrong_value
from shared.store.store import Store

if TYPE_CHECKING:  # numpy would slow every command down
    from shared.domain.search_space import SearchSpace

ENDED = (RunState.OBSERVED, RunState.FAILED)
COLUMNS = (
    "run",
    "state",
    "score",
    "cost",
    "train_seconds",
    "eval_seconds",
    "steps",
    "attempt",
    "source",
    "stopped_early",
)
MOST = 5000
LARGEST_FILE = 50_000_000
A_TABLE = "give the path of a table that `sweepctl export` wrote"


def table(runs: Sequence[Run]) -> tuple[list[str], list[list[Any]]]:
    """Return the columns and a row for each run; parameters and metrics have columns of their own.

    The parameters are those that were trained: for a run that was stopped early, its actual length.
    """
    params = list(dict.fromkeys(path for run in runs for path in run.params))
    metrics = list(dict.fromkeys(name for run in runs for name in run.metrics))
    rows = []
    for run in runs:
        facts = [
            run.id,
            run.state.value,
            run.score,
            run.cost,
            run.train_seconds,
            run.eval_seconds,
            run.steps,
            run.attempt,
        ]
        trained = {**run.params, **run.trained}
        values = [trained.get(path) for path in params] + [run.metrics.get(name) for name in metrics]
        stopped = run.early_stop.step if run.early_stop else None
        rows.append([*facts, run.prediction.source, stopped, *values])
    return [*COLUMNS, *params, *(f"metrics.{name}" for name in metrics)], rows


def as_csv(runs: Sequence[Run]) -> str:
    """Return the runs as a table; floats are written without loss of precision."""
    columns, rows = table(runs)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if value is None else value for value in row] for row in rows])
    return text.getvalue()


def read_earlier(store: Store, job: SweepJob, space: SearchSpace) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the observations that `sweep.warm_start` names, moved into `space`, and a note for each source.

    A parameter that an earlier run did not have is taken from the search centre, one that is inactive in this space is
    dropped; a run outside of the space, or one that the constraints forbid, is left out. Raises ConfigError for a file
    that cannot be read, NotFound for a sweep that this store does not have.
    """
    found: list[dict[str, Any]] = []
    notes = []
    for source in job.sweep.warm_start:
        observations = list(_file(Path(source)) if source.endswith(".csv") else _sweep(store, source))
        moved = [fitting for observation in observations if (fitting := _moved(observation, space)) is not None]
        found += moved
        notes.append(f"warm start from {source}: {len(moved)} of {len(observations)} runs fit this space")
    if len(found) > MOST:
        problem, expected = f"names sources of {len(found)} runs", f"at most {MOST} runs"
        raise ConfigError(problem, path="sweep.warm_start", expected=expected, remedy="name fewer sources")
    return found, notes


def _sweep(store: Store, name: str) -> Iterator[dict[str, Any]]:
    store.sweeps.get(name)  # raises NotFound with the known sweeps, if this is none of them
    for run in store.runs.in_states(name, ENDED):
        cost = run.cost if run.cost is not None else run.train_seconds
        yield {"params": {**run.params, **run.trained}, "score": run.score, "cost": cost}


def _file(path: Path) -> Iterator[dict[str, Any]]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            problem = f"larger than {LARGEST_FILE // 10**6} MB"
            raise ConfigError(problem, place=str(path), remedy="remove runs that are not needed")
        rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig")))
        header = next(rows, [])
        body = list(enumerate(rows, start=2))
    except OSError as error:
        raise ConfigError(str(error.strerror), place=str(path), remedy=A_TABLE) from None
    except (UnicodeDecodeError, csv.Error):
        raise ConfigError("not a table of text", place=str(path), remedy=A_TABLE) from None
    if not {"score", "cost"} <= set(header):
        got, expected = f"the columns {', '.join(header[:8])}", "score, cost and one for each parameter"
        raise ConfigError(place=f"{path}:1", got=got, expected=expected)
    for line, cells in body:
        row = dict(zip(header, cells, strict=False))
        if row.get("state", RunState.OBSERVED) not in ENDED:
            continue
        params = {key: value for key, value in row.items() if key not in COLUMNS and not key.startswith("metrics.")}
        score, cost = (_number(row[name], name, place=f"{path}:{line}") for name in ("score", "cost"))
        if cost is None:
            raise ConfigError("missing", place=f"{path}:{line}", path="cost", remedy="give the cost of every run")
        yield {"params": params, "score": score, "cost": cost}


def _number(text: str, name: str, *, place: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise wrong_value(name, text, "a finite number").at(place)
    return value


def _moved(observation: Mapping[str, Any], space: SearchSpace) -> dict[str, Any] | None:
    """Return the observation in `space`, None if it is outside of it."""
    known = {path: value for path, value in observation["params"].items() if value not in (None, "")}
    given = {p.path: _typed(known[p.path], p.values) for p in space.parameters if p.path in known}
    try:
        params = space.completed(given)
    except ConfigError:
        return None
    return {**observation, "params": params} if space.allows(params) else None


def _typed(value: Any, categories: Sequence[Any]) -> Any:
    """Return the value of a cell of a table: one of the categories, or a number."""
    if not isinstance(value, str):
        return value
    for category in categories:
        if str(category) == value:
            return category
    try:
        return float(value)
    except ValueError:
        return value
