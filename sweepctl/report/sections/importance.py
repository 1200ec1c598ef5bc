"""The section of the importance of the parameters."""

from __future__ import annotations

from shared.domain.importance import Importance
from sweepctl.report.drawing import RUN, Chart, bars, escaped, layout
from sweepctl.report.material import Material
from sweepctl.report.section import Section, TextTable
from sweepctl.report.sections.parameter_rows import MOST_PARAMETERS, drawn_parameters

ENOUGH_EXPLAINED = 0.3
"""Share of the variance of left-out scores: a surrogate that predicts less says little about the parameters."""
METHOD = (
    "Importance is measured by total-order Sobol indices (Jansen's estimator) of Protein's surrogate, fitted to all "
    "runs with a score. The index of a parameter is the share of the variance of the predicted score that remains "
    "when all other parameters are known. Interactions make the sum larger than 100 %. The indices describe the whole "
    "search space, not the surroundings of the best run."
)


def importance_section(material: Material) -> Section:
    """Return which parameters matter, by which method, and how reliable this is."""
    title, found = "Importance of the parameters", material.importance
    if reason := _reason_for_none(found):
        return Section("importance", title, [reason])
    rows = [
        [one.path, f"{100 * found.indices[one.path]:.1f} %"]
        for one in drawn_parameters(material)
        if one.path in found.indices
    ]
    table = TextTable("Indices", ["parameter", "total-order index"], rows)
    return Section("importance", title, [METHOD, _trust(found)], charts=[_chart(material)], tables=[table])


def _reason_for_none(found: Importance) -> str:
    if found.missing:
        return f"Not computed: {found.missing}."
    if found.runs < found.wanted:
        return f"Too few runs have a score: {found.runs}. This search space needs at least {found.wanted}."
    return "" if found.indices else "All runs have the same score: no effect of a parameter can be measured."


def _trust(found: Importance) -> str:
    share = found.explained if found.explained is not None else 0.0
    text = (
        f"Fitted to {found.runs} runs, the surrogate predicts {100 * share:.0f} % of the variance of left-out scores."
    )
    doubt = "" if share >= ENOUGH_EXPLAINED else " This is little: treat the order of the parameters as a guess."
    return text + doubt


def _chart(material: Material) -> Chart:
    indices = material.importance.indices
    shown = [one for one in drawn_parameters(material) if one.path in indices][:MOST_PARAMETERS]
    shares = [100 * indices[one.path] for one in shown]
    trace = {
        **bars(shares, [escaped(one.name) for one in shown], text=[f"{share:.0f} %" for share in shares], color=RUN),
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{x:.1f} %<extra></extra>",
    }
    figure = layout(
        "share of the variance of the predicted score (%)",
        "",
        xaxis={"range": [0, max(max(shares) * 1.15, 1.0)]},
        yaxis={"autorange": "reversed", "type": "category", "nticks": 0},
    )
    figure["bargap"] = 0.35
    alt = "Importance: " + ", ".join(f"{one.path} {100 * indices[one.path]:.0f} %" for one in shown[:5]) + "."
    height = 90 + 26 * len(shown)
    return Chart("importance", "Share of each parameter in the score", alt, [trace], figure, height, wide=True)
