"""Plotly traces and layouts as plain data.

A colour is a name of the page's palette, such as `@ink`. The script of the page replaces it with the colour of the
light or the dark theme.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

Trace = dict[str, Any]

INK, MUTED, GRID, CARD = "@ink", "@muted", "@grid", "@card"
RUN, BEST, STOPPED, FAILED, OTHER, EVALUATING = "@run", "@best", "@stopped", "@failed", "@other", "@evaluating"
STEPS: Final = ("@step0", "@step1", "@step2", "@step3", "@step4")
"""From the worst fifth of the scores to the best."""
HOVER: Final = "%{text}<extra></extra>"
BLANK: Final = "rgba(0,0,0,0)"
LOG_AXIS: Final = {"type": "log", "nticks": 6}


@dataclass(frozen=True)
class Chart:
    """A chart: its id in the page (`key`), its title, a sentence that says what it shows, and Plotly's figure."""

    key: str
    title: str
    alt: str
    data: Sequence[Trace]
    layout: dict[str, Any]
    height: int = 300
    wide: bool = False


def escaped(text: object) -> str:
    """Return the text of a user for Plotly, which reads some HTML tags in labels."""
    return html.escape(str(text), quote=False)


def hover_text(*lines: str) -> str:
    """Return the text that is shown at the pointer, without empty lines."""
    return "<br>".join(escaped(line) for line in lines if line)


def dots(
    x: Sequence[Any],
    y: Sequence[Any],
    *,
    text: Sequence[str],
    color: str,
    symbol: str = "circle",
    size: float = 7,
    stroke: float = 0,
) -> Trace:
    """Return a mark for each point, with its hover text. Symbols that are not filled need a `stroke`, in pixels."""
    outline = {"width": stroke, **({"color": color} if stroke else {})}
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(x),
        "y": list(y),
        "text": list(text),
        "hovertemplate": HOVER,
        "marker": {"color": color, "symbol": symbol, "size": size, "line": outline, "opacity": 0.85},
    }


def line(
    x: Sequence[Any], y: Sequence[Any], *, color: str, width: float = 2, shape: str = "linear", text: str = ""
) -> Trace:
    """Return a line through the points, with one hover text for all of it. None interrupts the line."""
    hover = {"text": [text] * len(x), "hovertemplate": HOVER} if text else {"hoverinfo": "skip"}
    stroke = {"color": color, "width": width, "shape": shape}
    return {"type": "scatter", "mode": "lines", "x": list(x), "y": list(y), "line": stroke, **hover}


def bars(x: Sequence[float], y: Sequence[Any], *, text: Sequence[str], color: str) -> Trace:
    """Return horizontal bars of the lengths `x` in the rows `y`, with their texts."""
    return {
        "type": "bar",
        "orientation": "h",
        "x": list(x),
        "y": list(y),
        "text": list(text),
        "marker": {"color": color},
    }


def layout(x: str, y: str, *, xaxis: dict[str, Any] | None = None, yaxis: dict[str, Any] | None = None) -> Trace:
    """Return the layout of a chart with the titles of its axes."""
    return {
        "margin": {"l": 12, "r": 14, "t": 10, "b": 12},
        "paper_bgcolor": BLANK,
        "plot_bgcolor": BLANK,
        "font": {"color": MUTED, "size": 12, "family": "system-ui, sans-serif"},
        "hoverlabel": {"bgcolor": CARD, "bordercolor": GRID, "align": "left", "font": {"color": INK}},
        "showlegend": False,
        "dragmode": False,  # a finger that moves over a chart scrolls the page
        "hovermode": "closest",
        "xaxis": _axis(x, xaxis or {}),
        "yaxis": _axis(y, yaxis or {}),
    }


def row_axis(names: Sequence[str]) -> dict[str, Any]:
    """Return a vertical axis with a row for each name, the first at the top."""
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [escaped(name) for name in names],
        "range": [len(names) - 0.4, -0.6],
        "nticks": 0,
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
        usual["title"] = {"text": escaped(title), "standoff": 8}
    return {**usual, **more}
