"""A report as one HTML page that needs nothing else: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from sweepctl.report.findings import drawable, points_of
from sweepctl.report.outcome import best_section, cost_unit, front_section, history_section
from sweepctl.report.parameters import importance_section, slices_section
from sweepctl.report.rows import failures_section, together_section
from sweepctl.report.section import Fact, Mark, Section, Table
from sweepctl.report.work import curves_section, predictions_section, workers_section

if TYPE_CHECKING:
    from sweepctl.report.collect import Material

WORDY = 40  # characters of a cell from which on a table wraps its words
SHAPES = {
    "dot": '<circle cx="9" cy="6" r="4.5" fill="{0}"/>',
    "diamond": '<path d="M9 0.5 14.5 6 9 11.5 3.5 6Z" fill="{0}"/>',
    "cross": '<path d="M5 2l8 8M13 2l-8 8" stroke="{0}" stroke-width="2"/>',
    "line": '<path d="M0 6h18" stroke="{0}" stroke-width="3"/>',
    "bar": '<rect y="1" width="18" height="10" fill="{0}"/>',
}


def sections_of(material: Material) -> list[Section]:
    """Return all sections of a report, in their order."""
    points = points_of(material.runs, material.timeline.ended, goal=material.sweep.goal)
    return [
        best_section(material),
        history_section(material, points),
        front_section(material),
        importance_section(material),
        slices_section(material, points),
        together_section(material, points),
        curves_section(material, points),
        predictions_section(material),
        failures_section(material),
        workers_section(material),
    ]


def page(material: Material, *, plotly: str) -> str:
    """Return the page; `plotly` is the source of plotly.js.

    Only the two scripts of the page may run: whatever a user's text says, it can run nothing and load nothing.
    """
    sections = sections_of(material)
    charts = {chart.key: {"data": chart.data, "layout": chart.layout} for part in sections for chart in part.charts}
    drawing = _resource("page.js")
    # Without the sign that ends a script, a text in the data cannot end it either.
    data = json.dumps(_drawable(charts), separators=(",", ":")).replace("<", "\\u003c")
    policy = (
        f"default-src 'none'; script-src {_digest(plotly)} {_digest(drawing)}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    name = _text(material.sweep.name)
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            '<link rel="icon" href="data:,">',
            f"<title>{name}: report of a sweep</title>",
            f"<style>{_resource('page.css')}</style>",
            "</head>",
            "<body>",
            *_head(material, sections),
            "<main>",
            *(line for part in sections for line in _section(part)),
            "</main>",
            f"<footer><p>Made by <code>sweepctl report {name}</code>, {_moment(material.now)}.</p></footer>",
            f'<script type="application/json" id="charts">{data}</script>',
            f"<script>{plotly}</script>",
            f"<script>{drawing}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _head(material: Material, sections: Sequence[Section]) -> Iterable[str]:
    sweep, unit = material.sweep, cost_unit(material)
    states = [str(run.state) for run in material.runs]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(sorted(states))) or "none yet"
    stopped = sum(run.early_stop is not None and run.is_finished for run in material.runs)
    early = f" ({stopped} stopped early)" if stopped else ""
    spent = unit.text(sum(run.cost or 0.0 for run in material.runs))
    reason = f": {sweep.reason}" if sweep.reason else ""
    settings = sweep.config.get("sweep", {})
    yield "<header>"
    yield f"<h1>{_text(sweep.name)}</h1>"
    yield (
        f"<p>{_text(str(sweep.goal).capitalize())} <strong>{_text(settings.get('metric', 'the score'))}</strong>, "
        f"method {_text(settings.get('method', '?'))}. The sweep is {_text(sweep.state)}{_text(reason)}.</p>"
    )
    yield (
        f'<p class="quiet">Runs: {_text(counts)}{early}. Spent: {_text(spent)} {_text(unit.note)}'.rstrip()
        + f". Started {_moment(sweep.created_at)}, as of {_moment(material.now)}.</p>"
    )
    links = "".join(f'<li><a href="#{part.key}">{_text(part.title)}</a></li>' for part in sections)
    yield f'<nav aria-label="Sections"><ul>{links}</ul></nav>'
    yield '<noscript><p class="quiet">The charts need JavaScript; the numbers stand in the tables.</p></noscript>'
    yield "</header>"


def _section(part: Section) -> Iterable[str]:
    yield f'<section id="{part.key}" aria-labelledby="{part.key}-title">'
    yield f'<h2 id="{part.key}-title">{_text(part.title)}</h2>'
    if part.facts:
        yield f'<dl class="facts">{"".join(map(_fact, part.facts))}</dl>'
    yield from (f"<p>{_text(sentence)}</p>" for sentence in part.text)
    if part.legend and part.charts:
        yield f'<ul class="legend">{"".join(map(_mark, part.legend))}</ul>'
    if part.charts:
        yield '<div class="charts">'
        for chart in part.charts:
            yield f'<figure class="{"wide" if chart.wide else "small"}"><figcaption>{_text(chart.title)}</figcaption>'
            place = f'id="plot-{chart.key}" class="plot" style="height:{chart.height}px"'
            yield f'<div {place} role="img" aria-label="{_text(chart.alt)}"></div></figure>'
        yield "</div>"
    for table in part.tables:
        yield from _table(table)
    if part.code:
        yield f"<pre><code>{_text(part.code)}</code></pre>"
    yield "</section>"


def _fact(fact: Fact) -> str:
    note = f"<small>{_text(fact.note)}</small>" if fact.note else ""
    return f"<div><dt>{_text(fact.name)}</dt><dd>{_text(fact.value)}{note}</dd></div>"


def _mark(mark: Mark) -> str:
    shape = SHAPES[mark.form].format(f"var(--{mark.color[1:]})")
    return f'<li><svg viewBox="0 0 18 12" aria-hidden="true">{shape}</svg>{_text(mark.meaning)}</li>'


def _table(table: Table) -> Iterable[str]:
    wordy = ' class="words"' if any(len(cell) > WORDY for row in table.rows for cell in row) else ""
    columns = "".join(f'<th scope="col">{_text(column)}</th>' for column in table.columns)
    yield f"<details{' open' if table.is_open else ''}><summary>{_text(table.caption)}</summary>"
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(table.caption)}"><table{wordy}>'
    yield f"<thead><tr>{columns}</tr></thead><tbody>"
    for first, *rest in table.rows:
        cells = "".join(f"<td>{_text(cell)}</td>" for cell in rest)
        yield f'<tr><th scope="row">{_text(first)}</th>{cells}</tr>'
    yield "</tbody></table></div></details>"


def _text(value: object) -> str:
    return html.escape(str(value))


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _digest(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _resource(name: str) -> str:
    return (files("sweepctl.report") / name).read_text(encoding="utf-8")


def _drawable(value: Any) -> Any:
    walk: dict[type, Callable[[Any], Any]] = {
        dict: lambda found: {key: _drawable(item) for key, item in found.items()},
        list: lambda found: [_drawable(item) for item in found],
        tuple: lambda found: [_drawable(item) for item in found],
    }
    return walk.get(type(value), drawable)(value)
