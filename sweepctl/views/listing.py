"""Lists and details: runs, one run, workers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.domain.audit import Audit
from shared.domain.run import Run
from shared.domain.sweep import Sweep
from shared.store.fleet import LiveWorker
from sweepctl.views import formats
from sweepctl.views.live import COLOURS


def runs_table(runs: Sequence[Run], sweep: Sweep, *, older: int = 0) -> RenderableType:
    """Return a table of runs by number; `older` ones beside them are told of."""
    if not runs:
        return Text(f"no such run in sweep {sweep.name}", style="dim")
    paths = formats.all_paths(run.params for run in runs)
    titles = _titles(paths)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    ids = max(len(run.id) for run in runs)
    for column in titles:  # an id that is cut could not be told from others, nor copied
        whole = ids if column == "run" else None
        table.add_column(column, justify="left" if column in LEFT else "right", no_wrap=column in LEFT, min_width=whole)
    for run in runs:
        name, state, *values, remark = _cells(run, paths)
        colour = "yellow" if run.early_stop else "red"
        table.add_row(name, Text(state, style=COLOURS[run.state]), *values, Text(remark, style=colour))
    if not older:
        return table
    return Group(
        table, Text(f"and {older} older ones: --all shows them, --json and `sweepctl export` too", style="dim")
    )


def runs_lines(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the same table as whole lines, however many there are: for a pager, for grep."""
    paths = formats.all_paths(run.params for run in runs)
    titles = _titles(paths)
    rows = [titles, *(_cells(run, paths) for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    line = "  ".join(
        f"{{:{'<' if title in LEFT else '>'}{width}}}" for title, width in zip(titles, widths, strict=True)
    )
    for row in rows:
        yield line.format(*row).rstrip()


LEFT = ("run", "state", "")


def _titles(paths: Sequence[str]) -> list[str]:
    names = formats.short_names(paths)
    return ["run", "state", "attempt", "score", "cost", *(names[path] for path in paths), ""]


def _cells(run: Run, paths: Sequence[str]) -> list[str]:
    remark = formats.trouble(run)
    if run.early_stop:
        remark = formats.early_stop(run.steps, run.early_stop.of_steps)
    facts = [str(run.attempt), formats.number(run.score), formats.number(run.cost)]
    return [run.id, run.state.value, *facts, *(formats.number(run.params.get(path)) for path in paths), remark]


def details_view(details: Mapping[str, Any]) -> RenderableType:
    """Return one run: what it was, what was expected of it, how it went, where it lies."""
    grid = Table.grid(padding=(0, 2))
    prediction = details["prediction"]
    expected = f"score {formats.number(prediction['score'])}, cost {formats.number(prediction['cost'])}"
    rows = {
        "state": f"{details['state']}, attempt {details['attempt']}",
        "score": formats.number(details["score"]),
        "cost": formats.number(details["cost"]),
        "standing": _standing(details["standing"]),
        "expected": f"{expected} ({prediction['source']})",
        "steps": formats.steps(details["steps"]),
        "seconds": f"{details['train_seconds']:.1f} training, {details['eval_seconds']:.1f} evaluation",
        "trained as": details["origin"],
        "ended": _early(details),
        "failure": (details["failure"] or {}).get("message") or details["setback"],
        "folder": details["folder"],
        "ran with": _newest(details.get("environments", [])),
    }
    for name, value in rows.items():
        if value:
            grid.add_row(Text(name, style="dim"), Text(str(value), overflow="fold"))
    if details["other_code"]:
        grid.add_row(Text("other code", style="yellow"), Text(details["other_code"], style="yellow", overflow="fold"))
    for name, value in details["params"].items():
        grid.add_row(Text(name, style="dim"), Text(formats.number(value), style="bold"))
        if name in details["trained"]:
            grid.add_row(Text("trained", style="dim"), Text(formats.number(details["trained"][name])))
    curve = [value for _, value in details.get("curve", [])]
    if curve:
        grid.add_row(Text(details["metric"], style="dim"), Text(formats.sparkline(curve, 48), style="cyan"))
    parts: list[RenderableType] = [Text(details["run"], style="bold"), grid, Text(), _moves(details["moves"])]
    if details["log"]:
        parts += [Text(), Text("the end of its log", style="dim"), *map(Text, details["log"])]
    return Group(*parts)


def _newest(environments: Sequence[str]) -> str | None:
    return "/".join(environments[-1].split("/")[-2:]) + " in it" if environments else None


def _standing(told: Mapping[str, Any] | None) -> str | None:
    """Return where the run's configuration stands, and what it is worth; nothing for a run without a score."""
    if told is None:
        return None
    words = [f"{told['rank']} of {told['of']} configurations"]
    if len(told["runs"]) > 1:
        words.append(f"mean {formats.number(told['score'])} of {', '.join(told['runs'])}")
    if told["interval"]:
        words.append(" to ".join(map(formats.number, told["interval"])) + " with 95 % confidence")
    return ", ".join(words)


def _early(details: Mapping[str, Any]) -> str | None:
    stop = details["early_stop"]
    return f"{formats.early_stop(details['steps'], stop['of_steps'])}: {stop['why']}" if stop else None


def workers_table(workers: Sequence[LiveWorker], notes: Sequence[str] = (), *, private: bool = False) -> RenderableType:
    """Return the workers that live, and what is odd about them."""
    if not workers:
        start = "`sweepctl up` starts them" if private else "start one with `celery -A services.trainer worker -Q gpu`"
        return Text(f"no worker lives: {start}", style="yellow")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("worker", "queues", "slots", "GPUs", "busy with"):
        table.add_column(column)
    for worker in sorted(workers, key=lambda worker: worker.id):
        gpus = ",".join(worker.gpus) or "-"
        table.add_row(worker.id, ",".join(worker.queues), str(worker.slots), gpus, ", ".join(worker.busy) or "-")
    return Group(table, *(Text(note, style="yellow") for note in notes))


ALL_IS_WELL = "the log is whole, every run ended at most once, and the records agree"


def audit_view(found: Audit) -> RenderableType:
    """Return what an audit found: the sums, every attempt that did not go through at once, the broken rules."""
    ended = {state: found.counts[state] for state in ("observed", "failed", "cancelled")}
    live = sum(found.counts.values()) - found.counts["suggested"] - sum(ended.values())
    sums = " + ".join(f"{count} {state}" for state, count in {**ended, "live": live}.items())
    parts: list[RenderableType] = [Text(f"{found.counts['suggested']} suggested = {sums}"), Text()]
    odd = [attempt for attempt in found.attempts if attempt.ended in ("lost", "released", "in progress")]
    if odd:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("run", "phase", "worker", "from step", "to step", "ended", "seconds lost"):
            table.add_column(column)
        for attempt in odd:
            lost = formats.number(attempt.lost_seconds) if attempt.lost_seconds else "-"
            steps = (formats.steps(attempt.from_step), formats.steps(attempt.last_step))
            table.add_row(str(attempt.run), attempt.phase, attempt.worker, *steps, attempt.ended, lost)
        parts += [table, Text()]
    attempts = len(found.attempts)
    parts.append(Text(f"{attempts} attempts, {formats.duration(found.lost_seconds)} of work lost with dead workers"))
    parts += [Text(note, style="yellow") for note in found.notes]
    if found.problems:
        parts += [Text(problem, style="red") for problem in found.problems]
    elif not found.notes:
        parts.append(Text(ALL_IS_WELL, style="green"))
    return Group(*parts)


def _moves(moves: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("time", "what", ""):
        table.add_column(column)
    for move in moves:
        rest = {key: value for key, value in move.items() if key not in ("at", "kind") and value is not None}
        text = ", ".join(f"{key} {formats.number(value)}" for key, value in rest.items())
        table.add_row(time.strftime("%H:%M:%S", time.localtime(move["at"])), move["kind"], Text(text, style="dim"))
    return table
