"""The section of the score by each parameter."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.run import Run
from sweepctl import formats
from sweepctl.report.analysis import ScoredRun, best_scores_first, thinned, trained_params
from sweepctl.report.drawing import FAILED, Chart, Trace, dots, layout
from sweepctl.report.material import Material
from sweepctl.report.section import LegendEntry, Section
from sweepctl.report.sections.parameter_rows import MOST_PARAMETERS, DrawnParameter, drawn_parameters
from sweepctl.report.sections.run_marks import (
    NO_SCORE,
    RUN_LEGEND,
    run_mark,
    run_text,
    run_traces,
    score_title,
    some_of,
)

MOST_RUNS = 400
MOST_FAILED = 100
ALL_OF_THE_BEST = 50


def slices_section(material: Material) -> Section:
    """Return the score by each parameter. Runs that failed are at the bottom."""
    title, runs = "Score by each parameter", material.scored
    if not runs:
        return Section("slices", title, [NO_SCORE])
    shown = thinned(runs, MOST_RUNS, keep=best_scores_first(runs, goal=material.sweep.goal)[:ALL_OF_THE_BEST])
    failed = thinned(material.failed, MOST_FAILED)
    active = [one for one in drawn_parameters(material) if any(one.path in run.params for run in runs)]
    text = some_of(shown, runs, f"the best {ALL_OF_THE_BEST}")
    if len(active) > MOST_PARAMETERS:
        text.append(f"The charts show {MOST_PARAMETERS} of {len(active)} parameters.")
    if material.space.is_conditional:
        text.append("A chart has no mark for runs in which its parameter is inactive.")
    if len(active) < len(material.space.parameters):
        text.append("Parameters that are inactive in all runs have no chart.")
    charts = [_chart(material, one, shown, failed) for one in active[:MOST_PARAMETERS]]
    cross = LegendEntry(FAILED, "cross", "failed: no score, drawn at the bottom")
    return Section("slices", title, text, legend=[*RUN_LEGEND, *([cross] if failed else [])], charts=charts)


def _chart(material: Material, parameter: DrawnParameter, shown: Sequence[ScoredRun], failed: Sequence[Run]) -> Chart:
    path, scale, runs = parameter.path, parameter.scale, material.scored
    marks = [run_mark(material, run, scale.at(run.params[path])) for run in shown if path in run.params]
    active = sum(path in run.params for run in runs)
    inactive = f", inactive in {len(runs) - active} of them" if active < len(runs) else ""
    low, high = scale.ends()
    alt = f"Score of {formats.count(len(runs), 'run')} by {path}, from {low} to {high}{inactive}."
    data = [*run_traces(marks), *_failed(material, parameter, [run for run in failed if path in run.params])]
    figure = layout(parameter.name, score_title(material), xaxis=scale.axis())
    return Chart(f"slice-{material.space.paths.index(path)}", f"Score by {path}", alt, data, figure, 260)


def _failed(material: Material, parameter: DrawnParameter, failed: Sequence[Run]) -> list[Trace]:
    if not failed:
        return []
    scores = [run.score for run in material.scored]
    bottom = min(scores) - 0.08 * (max(scores) - min(scores) or 1.0)
    places = [parameter.scale.at(trained_params(run)[parameter.path]) for run in failed]
    text = [run_text(run) for run in failed]
    crosses = dots(places, [bottom] * len(failed), text=text, color=FAILED, symbol="x-thin-open", size=8, stroke=1.5)
    return [{**crosses, "cliponaxis": False}]
