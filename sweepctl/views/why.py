"""Why a run was suggested; and whether its sweep's log reproduces every suggestion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.control.why import SOURCES, Why
from sweepctl import formats
from sweepctl.views.tables import ALL_LINES, Sized, TableColumn, fitted_table

MOST_SHOWN, VALUE_WIDTH = 10, 30
LARGEST_EXPONENT = 50.0
FAR = 2.0
"""Standard deviations from which on an outcome counts as unexpected."""


def why_view(found: Why) -> RenderableType:
    """Return the source of the suggestion, what was predicted, how it was ranked, and how right the prediction was."""
    source = found.prediction.source
    facts = {
        "source": f"{source}: {SOURCES.get(source, '')}",
        "known before": f"{formats.count(found.observed, 'scored run')}, {_pending(found.pending)}",
        "predicted score": _score(found),
        "predicted cost": _cost(found),
    }
    columns = [TableColumn("", list(facts)), TableColumn("", list(facts.values()), least=VALUE_WIDTH, lines=ALL_LINES)]
    parts: list[RenderableType] = [
        Text(f"{found.run.id} ({found.run.state})", style="bold"),
        Sized(lambda width: fitted_table(columns, width)),
    ]
    if found.reasons:
        parts += [Text(), _reasons(found.reasons)]
    return Group(*parts, Text(), Text(_outcome(found)))


def _pending(numbers: Sequence[int]) -> str:
    if not numbers:
        return "none pending"
    shown = ", ".join(str(number) for number in numbers[:MOST_SHOWN])
    return f"{len(numbers)} pending: {shown}{', ...' if len(numbers) > MOST_SHOWN else ''}"


def _score(found: Why) -> str:
    expected, std = found.prediction.score, found.prediction.score_std
    if expected is None:
        return _unpredicted(found)
    return formats.number(expected) + (f" ± {formats.number(std)}" if std is not None else "")


def _cost(found: Why) -> str:
    expected, std = found.prediction.cost, found.prediction.log_cost_std
    if expected is None:
        return _unpredicted(found)
    factor = math.exp(min(std, LARGEST_EXPONENT)) if std is not None else None
    between = f", likely {formats.number(expected / factor)} to {formats.number(expected * factor)}" if factor else ""
    return formats.number(expected) + between


def _unpredicted(found: Why) -> str:
    return "none: suggested without a prediction" if found.observed else "none: no run had a score yet"


def _reasons(reasons: Mapping[str, float]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("rank of the candidate")
    table.add_column("", justify="right")
    if "log_improvement" in reasons:
        table.add_row("log expected improvement", f"{reasons['log_improvement']:+.3f}")
    if "log_success" in reasons:
        table.add_row("log probability of success", f"{reasons['log_success']:+.3f}")
    if "log_cost" in reasons:
        weight = reasons.get("cost_weight", 0.0)
        table.add_row(f"{weight:.2f} x log cost", f"{-weight * reasons['log_cost']:+.3f}")
    if "log_gain_again" in reasons:
        table.add_row("log expected gain of one more run of it", f"{reasons['log_gain_again']:+.3f}")
        table.add_row("log expected gain of the best new candidate", f"{reasons['log_gain_new']:+.3f}")
    return table


def _outcome(found: Why) -> str:
    if found.run.score is None:
        return f"{found.run.state}: no score to compare with"
    parts = [f"score {formats.number(found.run.score)}"]
    if found.run.early_stop:
        parts.append(formats.early_stop(found.run.steps, found.run.early_stop.of_steps))
    if found.score_off is not None:
        word = "unexpected" if abs(found.score_off) > FAR else "as expected"
        side = "above" if found.score_off > 0 else "below"
        parts.append(f"{abs(found.score_off):.1f} standard deviations {side} the prediction ({word})")
    if found.run.cost is not None:
        parts.append(f"cost {formats.number(found.run.cost)}")
    if found.cost_ratio is not None:
        parts.append(f"{found.cost_ratio:.2f} x the predicted cost")
    return ", ".join(parts)


def replay_view(suggestions: int, differing: Mapping[int, Sequence[str]], *, restored: int) -> RenderableType:
    """Return whether the log reproduces all suggestions, else what differs.

    Args:
        suggestions: Number of suggestions in the log.
        differing: For each run that differs, the differences.
        restored: Number of suggestions that came back by a restore: the log does not say how they were made.
    """
    parts: list[RenderableType] = []
    for run, differences in list(differing.items())[:MOST_SHOWN]:
        parts += [Text(f"run {run}: {what}", style="red") for what in differences]
    if len(differing) > MOST_SHOWN:
        parts.append(Text(f"and {len(differing) - MOST_SHOWN} more"))
    if restored:
        parts.append(Text(f"{formats.count(restored, 'run')} not compared: restored, so the log lacks the suggestion"))
    made = suggestions - restored
    same = made - len(differing)
    verdict = f"{same} of {formats.count(made, 'suggestion')} reproduced to the bit"
    return Group(*parts, Text(verdict, style="green" if same == made else "red"))
