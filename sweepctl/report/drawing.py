"""The strokes that all charts are made of, as plain data for Plotly.

A colour is a name of the page's palette, such as `@ink`: the page puts in the colour of the light or the dark one.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

Trace = dict[str, Any]

INK, MUTED, GRID = "@ink", "@muted", "@grid"
RUN, BEST, STOPPED, FAILED, OTHER = "@run", "@best", "@stopped", "@failed", "@other"
STEPS: Final = ("@step0", "@step1", "@step2", "@step3", "@step4")
"""From the worst fifth of the scores to the best."""
HOVER: Final = "%{text}<extra></extra>"
BLANK: Final = "rgba(0,0,0,0)"


@dataclass(frozen=True)
class Chart:
    """One chart: its place in the page (`key`), what it shows in a word and in a sentence, and Plotly's figure."""

    key: str
    title: str
    alt: str
    data: list[Trace]
    layout: dict[str, Any]
    height: int = 300
    wide: bool = False


def safe(text: object) -> str:
    """Return a text of a user's for Plotly, which reads a small part of HTML in labels."""
    return html.escape(str(text), quote=False)


def lines_of(*lines: str) -> str:
    """Return what is shown where the pointer is."""
    return "<br>".join(safe(line) for line in lines if line)


def dots(
    x: Sequence[Any], y: Sequence[Any], *, text: Sequence[str], color: str, symbol: str = "circle", size: float = 7
) -> Trace:
    """Return a mark for each point; `text` is what it says when it is pointed at."""
    marker = {"color": color, "symbol": symbol, "size": size, "line": {"width": 0}, "opacity": 0.85}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(x),
        "y": list(y),
        "text": list(text),
        "hovertemplate": HOVER,
        "marker": marker,
    }


def line(x: Sequence[Any], y: Sequence[Any], *, color: str, width: float = 2, shape: str = "linear") -> Trace:
    """Return a line through the points; a missing one, None, interrupts it."""
    stroke = {"color": color, "width": width, "shape": shape}
    return {"type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "line": stroke, "hoverinfo": "skip"}


def layout(x: str, y: str, *, xaxis: dict[str, Any] | None = None, yaxis: dict[str, Any] | None = None) -> Trace:
    """Return the layout of a chart with the titles of its axes."""
    return {
        "margin": {"l": 12, "r": 14, "t": 10, "b": 12},
        "paper_bgcolor": BLANK,
        "plot_bgcolor": BLANK,
        "font": {"color": MUTED, "size": 12, "family": "system-ui, sans-serif"},
        "hoverlabel": {"bgcolor": "@card", "bordercolor": GRID, "align": "left", "font": {"color": INK}},
        "showlegend": False,
        "dragmode": False,  # a finger that goes over a chart scrolls the page
        "hovermode": "closest",
        "xaxis": _axis(x, xaxis or {}),
        "yaxis": _axis(y, yaxis or {}),
    }


def _axis(title: str, more: dict[str, Any]) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "gridcolor": GRID,
        "linecolor": GRID,
        "zeroline": False,
        "automargin": True,
        "nticks": 7,
    }
    if title:
        usual["title"] = {"text": safe(title), "standoff": 8}
    return {**usual, **more}
