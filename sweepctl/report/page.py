"""The HTML of a report: one page that needs no network and no other file."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sweepctl.report.analysis import drawable
from sweepctl.report.drawing import Chart, Trace
from sweepctl.report.material import Material
from sweepctl.report.sections import sections_of
from sweepctl.report.sections.heading import heading_of


def page(material: Material, *, plotly: str) -> str:
    """Return the page. `plotly` is the source of plotly.js.

    The policy of the page names the two scripts that may run: text of a user can run nothing and load nothing.
    """
    sections = sections_of(material)
    return (
        templates()
        .get_template("page.html.j2")
        .render(
            heading=heading_of(material),
            sections=sections,
            charts=chart_data([chart for section in sections for chart in section.charts]),
            style=_source("page.css"),
            plotly=plotly,
            drawing=_source("page.js"),
        )
    )


def chart_data(charts: Sequence[Chart]) -> dict[str, Any]:
    """Return the charts as JSON data. Marks share hover texts: each is an index into the list `texts`."""
    indices: dict[str, int] = {}

    def indexed(trace: Trace) -> Trace:
        if not isinstance(trace.get("text"), list):
            return trace
        return {**trace, "text": [indices.setdefault(text, len(indices)) for text in trace["text"]]}

    figures = {
        chart.key: drawable({"data": [indexed(trace) for trace in chart.data], "layout": chart.layout})
        for chart in charts
    }
    return {"figures": figures, "texts": list(indices)}


@cache
def templates() -> Environment:
    """Return the templates of the page. They escape every value, and refuse names that have no value."""
    environment = Environment(
        loader=PackageLoader("sweepctl.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    environment.filters |= {"moment": _moment, "sha256": _sha256}
    return environment


def _source(name: str) -> str:
    return (files("sweepctl.report") / "templates" / name).read_text(encoding="utf-8")


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
