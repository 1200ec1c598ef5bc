"""The section of the best configuration."""

from __future__ import annotations

from shared.control.results import Standing
from sweepctl import formats
from sweepctl.report.material import Material
from sweepctl.report.scales import Scale
from sweepctl.report.section import Fact, Section, TextTable

MOST_ROWS = 20
BOUNDS = (
    "The bounds contain the mean over many seeds with 95 % confidence. "
    "They account for the luck of the best of many runs."
)


def best_section(material: Material) -> Section:
    """Return the best configuration: its score, its parameters, and the configurations after it."""
    title, standings = "Best configuration", material.standings
    if not standings:
        return Section(
            "best", title, ["No run has a score yet." if material.runs else "No run has been suggested yet."]
        )
    is_known = standings[0].configuration.low is not None
    return Section(
        "best",
        title,
        [BOUNDS] if is_known else [],
        _facts(material, standings[0]),
        tables=[_parameters(material, standings[0]), _ranking(material)],
        code=f"sweepctl best {material.sweep.name} --yaml",
    )


def _facts(material: Material, first: Standing) -> list[Fact]:
    one, unit = first.configuration, material.cost_unit()
    if one.low is not None:
        bounds = Fact("95 % bounds", formats.interval(one))
    else:
        bounds = Fact("95 % bounds", "not known", "too few runs to estimate the noise")
    return [
        Fact("score", formats.number(one.score), f"mean of {len(one.runs)} runs" if len(one.runs) > 1 else ""),
        bounds,
        Fact("cost", unit.text(one.cost), unit.note),
        Fact("run", first.run.id, "stopped early" if first.run.early_stop else ""),
    ]


def _parameters(material: Material, first: Standing) -> TextTable:
    rows = []
    for parameter in material.space.parameters:
        scale = Scale(parameter)
        value = first.run.params.get(parameter.path)
        text = "inactive" if value is None else scale.text(value)
        if parameter.path in first.run.trained:
            text += f" (trained: {scale.text(first.run.trained[parameter.path])})"
        listed = ", ".join(str(value) for value in parameter.values)
        rows.append([parameter.path, text, listed or " to ".join(scale.ends())])
    return TextTable("Parameters", ["parameter", "value", "search range"], rows, is_open=True)


def _ranking(material: Material) -> TextTable:
    unit = material.cost_unit()
    names = formats.short_names(material.space.paths)
    is_known = any(one.configuration.low is not None for one in material.standings)
    columns = ["run", "score", *(["95 %"] if is_known else []), "runs", "cost", *names.values()]
    rows = []
    for one in material.standings[:MOST_ROWS]:
        found = one.configuration
        bounds = [formats.interval(found)] if is_known else []
        facts = [one.run.id, formats.number(found.score), *bounds, str(len(found.runs)), unit.text(found.cost)]
        rows.append([*facts, *(formats.number(one.run.params.get(path)) for path in names)])
    count = len(material.standings)
    return TextTable(f"The best {len(rows)} of {formats.count(count, 'configuration')}", columns, rows)
