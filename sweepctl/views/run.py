"""Everything about one run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from sweepctl import formats
from sweepctl.views.tables import ALL_LINES, Sized, TableColumn, fitted_table

NAME_WIDTH, VALUE_WIDTH = 24, 30
CURVE_WIDTH = 48
EVENT_LINES = 3
SECONDS_OF_A_DAY = 86_400


def details_view(details: Mapping[str, Any]) -> RenderableType:
    """Return the record of a run, its prediction, its parameters, its files, and what happened to it."""
    parts: list[RenderableType] = [
        Text(details["run"], style="bold"),
        _facts(details),
        Text(),
        _parameters(details),
        Text(),
        _moves(details["moves"]),
    ]
    if details["log"]:
        parts += [Text(), Text("the end of its log", style="dim"), *map(Text, details["log"])]
    return Group(*parts)


def _facts(details: Mapping[str, Any]) -> RenderableType:
    rows = [(name, Text(str(value))) for name, value in _record(details).items() if value]
    if details["other_code"]:
        rows.append(("other code", Text(details["other_code"], style="yellow")))
    curve = [value for _, value in details.get("curve", [])]
    if curve:
        rows.append((details["metric"], Text(formats.sparkline(curve, CURVE_WIDTH), style="cyan")))
    return _pairs(rows)


def _parameters(details: Mapping[str, Any]) -> RenderableType:
    rows = []
    for name, value in details["params"].items():
        rows.append((name, Text(formats.number(value), style="bold")))
        if name in details["trained"]:
            rows.append(("  trained", Text(formats.number(details["trained"][name]))))
    return _pairs(rows)


def _pairs(rows: Sequence[tuple[str, Text]]) -> RenderableType:
    """Return names and values beside each other; nothing of them is cut."""
    if not rows:
        return Group()
    columns = [
        TableColumn("", [Text(name, style="dim") for name, _ in rows], least=NAME_WIDTH, lines=ALL_LINES),
        TableColumn("", [value for _, value in rows], least=VALUE_WIDTH, lines=ALL_LINES),
    ]
    return Sized(lambda width: fitted_table(columns, width))


def _record(details: Mapping[str, Any]) -> dict[str, str | None]:
    return {
        "state": f"{details['state']}, attempt {details['attempt']}"
        + (", cancel requested" if details["cancel_requested"] else ""),
        "score": formats.number(details["score"]),
        "cost": formats.number(details["cost"]),
        "rank": _rank(details["standing"]),
        "predicted": _prediction(details["prediction"]),
        "steps": formats.steps(details["steps"]),
        "seconds": f"{details['train_seconds']:.1f} training, {details['eval_seconds']:.1f} evaluation",
        "trained as": details["origin"],
        "ended": _early(details),
        "failure": (details["failure"] or {}).get("message") or details["setback"],
        "folder": formats.place(details["folder"]),
        "environment": _newest(details.get("environments", [])),
    }


def _prediction(prediction: Mapping[str, Any]) -> str:
    source = prediction["source"]
    if prediction["score"] is None and prediction["cost"] is None:
        return f"nothing (source: {source})"
    return f"score {formats.number(prediction['score'])}, cost {formats.number(prediction['cost'])} (source: {source})"


def _newest(environments: Sequence[str]) -> str | None:
    return str(Path(*Path(environments[-1]).parts[-2:])) + " in this folder" if environments else None


def _rank(standing: Mapping[str, Any] | None) -> str | None:
    """Return the rank of the run's configuration and its score; nothing for a run without a score."""
    if standing is None:
        return None
    words = [f"{standing['rank']} of {standing['of']} configurations"]
    if len(standing["runs"]) > 1:
        words.append(f"mean {formats.number(standing['score'])} of {', '.join(standing['runs'])}")
    if standing["interval"]:
        words.append(" to ".join(map(formats.number, standing["interval"])) + " with 95 % confidence")
    return ", ".join(words)


def _early(details: Mapping[str, Any]) -> str | None:
    stop = details["early_stop"]
    return f"{formats.early_stop(details['steps'], stop['of_steps'])}: {stop['why']}" if stop else None


def _moves(moves: Sequence[Mapping[str, Any]]) -> RenderableType:
    today = not moves or time.time() - moves[0]["at"] < SECONDS_OF_A_DAY
    columns = [
        TableColumn("time", [_clock(move["at"], today=today) for move in moves]),
        TableColumn("event", [str(move["kind"]) for move in moves]),
        TableColumn("", [Text(_details(move), style="dim") for move in moves], least=VALUE_WIDTH, lines=EVENT_LINES),
    ]
    return Sized(lambda width: fitted_table(columns, width))


def _clock(at: float, *, today: bool) -> str:
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", time.localtime(at))


def _details(move: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in move.items() if key not in ("at", "kind") and value is not None}
    return ", ".join(f"{key} {formats.number(value)}" for key, value in rest.items())
