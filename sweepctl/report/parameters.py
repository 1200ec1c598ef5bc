"""The sections that say what the parameters did: which matter, the score by each, all of them together, failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shared.domain.run import Run, RunState
from sweepctl.report.drawing import (
    FAILED,
    RUN,
    Chart,
    Trace,
    dots,
    layout,
    lines_of,
    safe,
)
from sweepctl.report.findings import (
    Point,
    best_points,
    thinned,
    trained_params,
)
from sweepctl.report.outcome import RUN_MARKS, marks, score_title
from sweepctl.report.scales import Scale
from sweepctl.report.section import Mark, Section, Table
from sweepctl.views import formats

if TYPE_CHECKING:
    from sweepctl.report.collect import Material

MOST_SLICES = 24
MOST_IN_A_SLICE = 400
LONGEST_NAME = 22
BLIND = 0.3
"""Of the variance of left out scores: a surrogate that explains less says little about the parameters."""

METHOD = (
    "Total-order Sobol indices (Jansen's estimator) of the mean that Protein's surrogate, fitted to all runs with a "
    "score, predicts over the whole search space: the share of its variance that is left when all other parameters are "
    "known. With interactions they add up to more than 100 %. They are about the whole space, not about the "
    "surroundings of the best run."
)


def importance_section(material: Material) -> Section:
    """Return which parameters matter, by which method, and how far it can be trusted."""
    found = material.importance
    title = "Importance of the parameters"
    if found.missing:
        return Section("importance", title, [f"Not computed: {found.missing}."])
    if found.runs < found.wanted:
        text = f"Too few runs with a score to tell: {found.runs}; at least {found.wanted} are needed for this space."
        return Section("importance", title, [text])
    if not found.indices:
        return Section("importance", title, ["All runs score the same: no parameter matters as far as one can see."])
    ordered = sorted(found.indices.items(), key=lambda item: -item[1])
    shown = ordered[:MOST_SLICES]
    names = names_of(material)
    bars: Trace = {
        "type": "bar",
        "orientation": "h",
        "y": [names[path] for path, _ in shown],
        "x": [100 * share for _, share in shown],
        "text": [f"{100 * share:.0f} %" for _, share in shown],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": RUN},
        "hovertemplate": "%{y}: %{x:.1f} %<extra></extra>",
    }
    largest = max(100 * share for _, share in shown)
    figure = layout(
        "share of the variance of the predicted score (%)",
        "",
        xaxis={"range": [0, max(largest * 1.15, 1.0)]},
        yaxis={"autorange": "reversed", "type": "category", "nticks": 0},
    )
    figure["bargap"] = 0.35
    alt = "Importance: " + ", ".join(f"{path} {100 * share:.0f} %" for path, share in shown[:5]) + "."
    height = 90 + 26 * len(shown)
    chart = Chart("importance", "Share of each parameter in the score", alt, [bars], figure, height, wide=True)
    rows = [[path, f"{100 * share:.1f} %"] for path, share in ordered]
    table = Table("The indices", ["parameter", "total-order index"], rows)
    return Section("importance", title, [METHOD, _trust(material)], charts=[chart], tables=[table])


def _trust(material: Material) -> str:
    found = material.importance
    share = found.explained if found.explained is not None else 0.0
    told = f"Fitted to {found.runs} runs; of the variance of scores that are left out it predicts {100 * share:.0f} %."
    return told if share >= BLIND else f"{told} That is little: take the order of the parameters as a guess."


def slices_section(material: Material, points: Sequence[Point]) -> Section:
    """Return the score by each parameter; runs that failed stand at the bottom."""
    title = "Score by each parameter"
    if not points:
        return Section("slices", title, ["Nothing is drawn before a run has a score."])
    shown = thinned(points, MOST_IN_A_SLICE, keep=best_points(points, goal=material.sweep.goal)[:50])
    failed = thinned(failed_runs(material.runs), MOST_IN_A_SLICE // 4)
    paths = [path for path in most_important_first(material) if any(path in point.params for point in points)]
    text = []
    if len(shown) < len(points):
        text.append(f"Drawn are {len(shown)} of {len(points)} runs, the best 50 among them.")
    if len(paths) > MOST_SLICES:
        text.append(f"Drawn are {MOST_SLICES} of {len(paths)} parameters.")
    if material.space.is_conditional:
        text.append("Where a parameter is inactive, a run is left out; one that no run had is not drawn.")
    charts = [_slice(material, path, shown, points, failed) for path in paths[:MOST_SLICES]]
    legend = [
        *RUN_MARKS,
        *([Mark(FAILED, "cross", "failed: it has no score, and stands at the bottom")] * bool(failed)),
    ]
    return Section("slices", title, text, legend=legend, charts=charts)


def _slice(
    material: Material, path: str, shown: Sequence[Point], points: Sequence[Point], failed: Sequence[Run]
) -> Chart:
    scale = scales_of(material)[path]
    active = [point for point in shown if path in point.params]
    x = [scale.at(point.params[path]) for point in active]
    data = marks(material, active, x, [point.score for point in active])
    low, high = min(point.score for point in points), max(point.score for point in points)
    bottom = low - 0.08 * (high - low or 1.0)
    gone = [run for run in failed if path in run.params]
    if gone:
        text = [failure_text(run) for run in gone]
        places = [scale.at(trained_params(run)[path]) for run in gone]
        data.append(dots(places, [bottom] * len(gone), text=text, color=FAILED, symbol="x-thin-open", size=8))
        data[-1]["marker"]["line"] = {"width": 1.5, "color": FAILED}
        data[-1]["cliponaxis"] = False
    name = names_of(material)[path]
    everywhere = sum(path in point.params for point in points)
    inactive = f", inactive in {len(points) - everywhere} of them" if everywhere < len(points) else ""
    low_end, high_end = scale.ends()
    alt = f"Score of {formats.count(len(points), 'run')} by {path}, from {low_end} to {high_end}{inactive}."
    figure = layout(name, score_title(material), xaxis=scale.axis())
    return Chart(f"slice-{material.space.paths.index(path)}", f"Score by {path}", alt, data, figure, 260)


def failure_text(run: Run) -> str:
    """Return what a run that failed, or one beside it, says when it is pointed at."""
    if run.failure is None:
        return lines_of(f"r.{run.number}", f"score {formats.number(run.score)}")
    return lines_of(f"r.{run.number}, failed", formats.shortened(run.failure.message, 80))


def failed_runs(runs: Sequence[Run]) -> list[Run]:
    """Return those that failed."""
    return [run for run in runs if run.state is RunState.FAILED]


def scales_of(material: Material) -> Mapping[str, Scale]:
    """Return the scale of each parameter by its path."""
    return {parameter.path: Scale(parameter) for parameter in material.space.parameters}


def names_of(material: Material) -> dict[str, str]:
    """Return the short name of each parameter, safe to be drawn."""
    short = formats.short_names(material.space.paths)
    return {path: safe(formats.shortened(name, LONGEST_NAME)) for path, name in short.items()}


def most_important_first(material: Material) -> list[str]:
    """Return the paths by importance where that is known, else in the order of the sweep's file."""
    indices = material.importance.indices
    return sorted(material.space.paths, key=lambda path: -indices.get(path, 0.0))
