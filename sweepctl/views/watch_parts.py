"""The parts of the full-screen view as lines of text: which rows, in which order, fitted to a width."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from shared.control.missing import say_missing
from shared.control.snapshot import Snapshot, elapsed
from shared.control.watching import Picture, Queue
from shared.control.workers import LiveWorker
from shared.domain.progress import Progress
from shared.domain.run import FINISHED, Run, RunState
from sweepctl import formats
from sweepctl.views.live import COLOURS, SWEEP_COLOURS

SORTS = ("number", "score", "cost")
FILTERS = ("all", "unfinished", "observed", "failed", "cancelled")
CURVE_WIDTH = 14
LEAST_WIDTH, MOST_WIDTH = 9, 14  # of a parameter's column
SERVICES = {"trainer": 0, "evaluator": 1, "suggester": 2}  # in this order; a newer version may have more


@dataclass(frozen=True)
class Order:
    """Which runs are shown, and in what order: the best, the cheapest or the newest first, or the other way round."""

    by: str = "number"
    upside_down: bool = False
    state: str = "all"

    def sorted_by(self, key: str) -> Order:
        """Return the order by another key; by the same one, the other way round."""
        return Order(key, key == self.by and not self.upside_down, self.state)

    def next_filter(self) -> Order:
        """Return the same order of other runs."""
        following = FILTERS[(FILTERS.index(self.state) + 1) % len(FILTERS)]
        return Order(self.by, self.upside_down, following)


def arranged(runs: Sequence[Run], order: Order, *, goal: str) -> list[Run]:
    """Return the runs to show, in their order. Runs without a score or a cost come last."""
    shown = [run for run in runs if _passes(run, order.state)]
    if order.by == "number":
        return sorted(shown, key=lambda run: run.number, reverse=not order.upside_down)
    has = [run for run in shown if _value(run, order.by) is not None]
    lacks = [run for run in shown if _value(run, order.by) is None]
    highest_first = (order.by == "score" and goal == "maximize") != order.upside_down  # a low cost is better
    has.sort(key=lambda run: (_value(run, order.by) or 0.0, run.number), reverse=highest_first)
    return has + sorted(lacks, key=lambda run: -run.number)


def _passes(run: Run, state: str) -> bool:
    return state == "all" or (not run.is_finished if state == "unfinished" else run.state == state)


def _value(run: Run, by: str) -> float | None:
    return run.score if by == "score" else run.cost


@dataclass(frozen=True)
class Column:
    """One column of the table of runs."""

    title: str
    width: int
    cell: Callable[[Run, Progress | None], Text]
    right: bool = False


def columns(width: int, params: Mapping[str, str], *, metric: str, leading: Sequence[int]) -> list[Column]:
    """Return the columns that fit in `width`. `params` maps the path of each parameter to its short name."""
    found = [
        Column("run", 9, lambda run, _: _name(run, leading)),
        Column("state", 13, lambda run, _: Text(_state(run), style=COLOURS[run.state])),
        Column("score", 9, lambda run, _: Text(formats.number(run.score), style="bold"), right=True),
        Column("cost", 9, lambda run, _: Text(formats.number(run.cost)), right=True),
        Column("steps", 10, lambda run, progress: Text(_steps(run, progress)), right=True),
        Column(metric[:CURVE_WIDTH], CURVE_WIDTH, lambda _, progress: _curve(progress)),
    ]
    room = width - sum(column.width + 1 for column in found)
    for path, name in params.items():
        wide = min(max(len(name), LEAST_WIDTH), MOST_WIDTH)
        if room < wide + 1:
            break
        found.append(Column(name[-wide:], wide, _parameter(path), right=True))
        room -= wide + 1
    return [*found, Column("", room, lambda run, _: _remark(run))] if room > LEAST_WIDTH else found


def head_of(shown: Sequence[Column]) -> Text:
    """Return the titles of the columns."""
    return _line([_fitted(Text(column.title, style="dim"), column) for column in shown])


def row_of(run: Run, progress: Progress | None, shown: Sequence[Column]) -> Text:
    """Return the line of a run."""
    return _line([_fitted(column.cell(run, progress), column) for column in shown])


def _line(cells: Sequence[Text]) -> Text:
    return Text(" ", end="").join(cells)


def _fitted(text: Text, column: Column) -> Text:
    text.truncate(column.width, overflow="ellipsis")
    text.align("right" if column.right else "left", column.width)
    return text


def _name(run: Run, leading: Sequence[int]) -> Text:
    again = f" #{run.attempt}" if run.attempt > 1 else ""
    if run.number in leading:
        return Text(f"r.{run.number}{again} ★", style="bold green")
    return Text(f"r.{run.number}{again}")


def _state(run: Run) -> str:
    return "stopped early" if run.early_stop else run.state


def _steps(run: Run, progress: Progress | None) -> str:
    step, total = max(run.steps, progress.step if progress else 0), progress.total_steps if progress else None
    return f"{formats.steps(step)}/{formats.steps(total)}" if total and not run.is_finished else formats.steps(step)


def _curve(progress: Progress | None) -> Text:
    values = [value for _, value in progress.curve] if progress else []
    return Text(formats.sparkline(values, CURVE_WIDTH), style="cyan")


def _parameter(path: str) -> Callable[[Run, Progress | None], Text]:
    return lambda run, _: Text(formats.number(run.params.get(path)))


def _remark(run: Run) -> Text:
    if trouble := formats.trouble(run):
        return Text(trouble, style="red")
    return Text(formats.duration(elapsed(run)) if run.owner else "", style="dim")


def head(picture: Picture, width: int) -> Text:
    """Return the lines above the table: progress, forecast, the best configuration, missing workers."""
    shot = picture.shot
    lines = [_progress(shot, width), _forecast(shot), *_best(shot, width)]
    lines += [Text(shot.sweep.reason, style="yellow")] if shot.sweep.reason else []
    missing = say_missing(shot.sweep, shot.workers, private=shot.is_private)
    lines += [Text(sentence, style="yellow") for sentence in missing]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Text("\n").join(lines)


def _progress(shot: Snapshot, width: int) -> Text:
    sweep, most = shot.sweep, shot.sweep.limits.max_runs
    parts: list[Text] = [
        Text(sweep.name, style="bold"),
        Text(sweep.state, style=f"bold {SWEEP_COLOURS[sweep.state]}"),
        Text(formats.bar(shot.done / most if most else 0.0, 10 if width < 100 else 30), style="cyan"),
        Text(f"{shot.done} of {most} runs" if most else f"{shot.done} runs"),
    ]
    return Text("  ").join(parts)


def shown_runs(order: Order, shown: int, shot: Snapshot) -> Text:
    """Return which runs the table shows, in which order, and how many are in each state."""
    how = {
        ("number", False): "newest first",
        ("number", True): "oldest first",
        ("score", False): "best first",
        ("score", True): "worst first",
        ("cost", False): "cheapest first",
        ("cost", True): "most expensive first",
    }[order.by, order.upside_down]
    counts = [(state, shot.counts.get(state, 0)) for state in RunState if state not in FINISHED]
    counts += [(state, shot.counts.get(state, 0)) for state in (RunState.FAILED, RunState.CANCELLED)]
    parts = [Text(f"{shown} {'' if order.state == 'all' else f'{order.state} '}runs, {how}", style="dim")]
    parts += [Text(f"{count} {state}", style=COLOURS[state]) for state, count in counts if count]
    return Text("   ").join(parts)


def _forecast(shot: Snapshot) -> Text:
    sweep, kind = shot.sweep, shot.sweep.cost_kind
    passed, left = formats.duration(shot.now - sweep.created_at), shot.seconds_left
    time_text = f"took {passed}" if sweep.is_finished else f"{passed} so far"
    of = f" of {formats.cost(sweep.limits.max_cost, kind)}" if sweep.limits.max_cost else ""
    text = Text(time_text)
    if left is not None:
        text.append(f", about {formats.duration(left)} left", style="bold")
    return text.append(f"  ·  cost {formats.cost(sweep.spent, kind)}{of} spent")


def _best(shot: Snapshot, width: int) -> list[Text]:
    leading = shot.sweep.leading
    if shot.best is None or leading is None:
        return [Text("no run has a score yet", style="dim")]
    known = f" (95 %: {formats.interval(leading)})" if leading.low is not None else ""
    more = f" and {len(leading.runs) - 1} more" if len(leading.runs) > 1 else ""
    cost = formats.cost(leading.cost, shot.sweep.cost_kind)
    text = Text.assemble(
        ("best ", "dim"),
        (f"{formats.number(leading.score)}{known} by r.{shot.best.number}{more}, cost {cost}", "bold green"),
    )
    params = Text(formats.params_line(shot.best.params), style="green")
    if text.cell_len + params.cell_len + 2 <= width:
        return [Text("  ").join([text, params])]
    return [text, params]


def workers_of(workers: Sequence[LiveWorker], sweep: str) -> Table:
    """Return the workers with their GPUs and runs: a run of another sweep has its whole name."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=True)
    for title in ("worker", "queues", "busy", "GPUs"):
        table.add_column(title, no_wrap=True, overflow="ellipsis")
    table.add_column("runs", ratio=1, no_wrap=True, overflow="ellipsis")
    for worker in sorted(workers, key=lambda worker: (SERVICES.get(worker.service, 9), worker.id)):
        is_slotted = worker.service != "suggester"
        busy = f"{len(worker.busy)} of {worker.slots}" if is_slotted else ""
        runs = ", ".join(run.removeprefix(f"{sweep}.") for run in worker.busy)
        table.add_row(worker.id, ",".join(worker.queues), busy, ",".join(worker.gpus) or "-", runs)
    if not workers:
        table.add_row(Text("no worker is running", style="yellow"), "", "", "", "")
    return table


def waiting(queues: Sequence[Queue]) -> str:
    """Return how many runs wait in each queue."""
    return "waiting: " + ", ".join(f"{queue.name} {max(queue.runs, queue.messages)}" for queue in queues)
