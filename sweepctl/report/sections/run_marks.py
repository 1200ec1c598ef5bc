"""The marks of runs, which several charts share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.run import Run
from sweepctl import formats
from sweepctl.report.analysis import ScoredRun
from sweepctl.report.drawing import RUN, STEPS, STOPPED, Trace, dots, hover_text
from sweepctl.report.material import Material
from sweepctl.report.section import LegendEntry

NO_SCORE = "No chart: no run has a score yet."
STOPPED_ENTRY = LegendEntry(STOPPED, "diamond", "stopped early")
RUN_LEGEND = (LegendEntry(RUN, "dot", "run"), STOPPED_ENTRY)
FIFTHS_LEGEND = (
    LegendEntry(STEPS[4], "line", "best fifth of the scores"),
    LegendEntry(STEPS[3], "line", "second fifth"),
    LegendEntry(STEPS[2], "line", "third fifth"),
    LegendEntry(STEPS[1], "line", "fourth fifth"),
    LegendEntry(STEPS[0], "line", "worst fifth"),
)
MOST_PARAMETERS = 12
LONGEST_VALUE = 24
LONGEST_MESSAGE = 80


@dataclass(frozen=True)
class RunMark:
    """The mark of a run in a chart, and its hover text."""

    x: float
    y: float
    text: str
    stopped: bool


def run_traces(marks: Sequence[RunMark]) -> list[Trace]:
    """Return the traces of the marks: runs that were stopped early look different."""
    traces = []
    for stopped, color, symbol in ((False, RUN, "circle"), (True, STOPPED, "diamond")):
        shown = [mark for mark in marks if mark.stopped is stopped]
        if shown:
            x, y, text = [mark.x for mark in shown], [mark.y for mark in shown], [mark.text for mark in shown]
            traces.append(dots(x, y, text=text, color=color, symbol=symbol))
    return traces


def run_mark(material: Material, run: ScoredRun, x: float) -> RunMark:
    """Return the mark of a run at `x`, as high as its score."""
    how = ", stopped early" if run.stopped else ""
    cost = material.cost_unit().text(run.cost)
    params = formats.params_line({path: formats.shortened(_text(v), LONGEST_VALUE) for path, v in run.params.items()})
    lines = params.split("  ")[:MOST_PARAMETERS]
    text = hover_text(f"r.{run.run}{how}", f"score {formats.number(run.score)}, cost {cost}", *lines)
    return RunMark(x, run.score, text, run.stopped)


def run_text(run: Run) -> str:
    """Return the short hover text of a run: its score, or the message of its failure."""
    if run.failure is None:
        return hover_text(f"r.{run.number}", f"score {formats.number(run.score)}")
    return hover_text(f"r.{run.number}, failed", formats.shortened(run.failure.message, LONGEST_MESSAGE))


def score_title(material: Material) -> str:
    """Return the title of an axis of scores."""
    return f"score ({material.better} is better)"


def some_of(shown: Sequence[object], everything: Sequence[object], including: str) -> list[str]:
    """Return the sentence that says that a chart shows only some runs, if it does."""
    if len(shown) == len(everything):
        return []
    return [f"The charts show {len(shown)} of {len(everything)} runs, including {including}."]


def _text(value: object) -> str:
    return formats.number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
