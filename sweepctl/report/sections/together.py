"""The section of all parameters of each run: parallel coordinates, from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence

from sweepctl import formats
from sweepctl.report.analysis import ScoredRun, best_scores_first, thinned
from sweepctl.report.drawing import HOVER, STEPS, Trace, hover_text
from sweepctl.report.material import Material
from sweepctl.report.section import Section
from sweepctl.report.sections.parameter_rows import DrawnParameter, parameter_rows, row_chart, row_points
from sweepctl.report.sections.run_marks import FIFTHS_LEGEND, NO_SCORE, some_of

MOST_LINES = 150


def together_section(material: Material) -> Section:
    """Return each run as a line through its parameters and its score."""
    title, runs = "Configurations as lines", material.scored
    if not runs:
        return Section("together", title, [NO_SCORE])
    best = best_scores_first(runs, goal=material.sweep.goal)[: MOST_LINES // 2]
    shown = thinned(runs, MOST_LINES, keep=best)
    rows = parameter_rows(material)
    scores = [run.score for run in runs]
    ends = (min(scores), max(scores))
    groups = [[run for run in shown if material.fifths[run.run] == fifth] for fifth in range(len(STEPS))]
    data = [_bundle(group, rows, ends, color) for group, color in zip(groups, STEPS, strict=True) if group]
    text = ["Each line is a run. Each row shows the position of its value in the range of a parameter."]
    if material.space.is_conditional:
        text.append("Where a line has no dot in a row, the parameter is inactive.")
    text += some_of(shown, runs, f"the best {len(best)}")
    count = formats.count(len(shown), "run")
    alt = (
        f"Parallel coordinates of {count}: one line each, from its parameters at the top to its score at the bottom, "
        "coloured by score."
    )
    last = ("score", formats.number(min(scores)), formats.number(max(scores)))
    chart = row_chart("together", f"{count} as lines", alt, data, rows, last=last)
    return Section("together", title, text, legend=FIFTHS_LEGEND, charts=[chart])


def _bundle(group: Sequence[ScoredRun], rows: Sequence[DrawnParameter], ends: tuple[float, float], color: str) -> Trace:
    low, high = ends
    corners: list[tuple[float | None, int | None, str]] = []
    for run in group:
        text = hover_text(f"r.{run.run}", f"score {formats.number(run.score)}")
        score = round((run.score - low) / (high - low), 4) if high > low else 0.5
        corners += [(x, row, text) for x, row in (*row_points(rows, run.params), (score, len(rows)))]
        corners.append((None, None, ""))  # ends the line of the run
    x, y, texts = zip(*corners, strict=True)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(x),
        "y": list(y),
        "text": list(texts),
        "hovertemplate": HOVER,
        "line": {"color": color, "width": 1.2},
        "marker": {"color": color, "size": 4},
        "opacity": 0.75,
    }
