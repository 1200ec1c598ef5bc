"""Why a run was suggested; and whether every suggestion can be made again."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from shared.control.why import SOURCES, Why
from shared.local.replay import Replay
from sweepctl.views import formats

MOST_SHOWN = 10
FAR = 2.0
"""Standard deviations from which on a prediction is called a surprise."""


def why_view(found: Why) -> RenderableType:
    """Return where it came from, what was expected, what its rank was made of, and what came of it."""
    source = found.prediction.source
    facts = Table.grid(padding=(0, 2))
    facts.add_row("from", f"{source}: {SOURCES.get(source, '')}")
    facts.add_row("known then", f"{found.observed} scored runs, {_pending(found.pending)}")
    facts.add_row("predicted score", _score(found))
    facts.add_row("predicted cost", _cost(found))
    parts: list[RenderableType] = [Text(f"{found.run.id} ({found.run.state})", style="bold"), facts]
    if found.reasons:
        parts += [Text(), _reasons(found.reasons)]
    return Group(*parts, Text(), Text(_outcome(found)))


def _pending(numbers: tuple[int, ...]) -> str:
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
    factor = math.exp(min(std, 50.0)) if std is not None else None
    between = f", likely {formats.number(expected / factor)} to {formats.number(expected * factor)}" if factor else ""
    return formats.number(expected) + between


def _unpredicted(found: Why) -> str:
    return "none: suggested without a prediction" if found.observed else "none: nothing was known yet"


def _reasons(reasons: dict[str, float]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("its rank")
    table.add_column("", justify="right")
    if "log_improvement" in reasons:
        table.add_row("log expected improvement", f"{reasons['log_improvement']:+.3f}")
    if "log_success" in reasons:
        table.add_row("log chance of success", f"{reasons['log_success']:+.3f}")
    if "log_cost" in reasons:
        weight = reasons.get("cost_weight", 0.0)
        table.add_row(f"{weight:.2f} x log cost", f"{-weight * reasons['log_cost']:+.3f}")
    if "log_gain_again" in reasons:
        table.add_row("log of what one more run is expected to gain", f"{reasons['log_gain_again']:+.3f}")
        table.add_row("the same of the candidate that it was preferred to", f"{reasons['log_gain_new']:+.3f}")
    return table


def _outcome(found: Why) -> str:
    if found.run.score is None:
        return f"{found.run.state}: no score to compare with"
    parts = [f"scored {formats.number(found.run.score)}"]
    if found.run.early_stop:
        parts.append(formats.early_stop(found.run.steps, found.run.early_stop.of_steps))
    if found.score_off is not None:
        word = "a surprise" if abs(found.score_off) > FAR else "as expected"
        parts.append(f"{abs(found.score_off):.1f} sd {'above' if found.score_off > 0 else 'below'}: {word}")
    if found.run.cost is not None:
        parts.append(f"cost {formats.number(found.run.cost)}")
    if found.cost_ratio is not None:
        parts.append(f"{found.cost_ratio:.2f} x the prediction")
    return ", ".join(parts)


def replay_view(found: Replay) -> RenderableType:
    """Return whether all is as it was, else what is different."""
    parts: list[RenderableType] = []
    for run, differences in list(found.differing.items())[:MOST_SHOWN]:
        parts += [Text(f"run {run}: {what}", style="red") for what in differences]
    if len(found.differing) > MOST_SHOWN:
        parts.append(Text(f"and {len(found.differing) - MOST_SHOWN} more"))
    if found.untold:
        parts.append(Text(f"{len(found.untold)} came back by a restore: how they were made is not in the log"))
    made = found.suggestions - len(found.untold)
    same = made - len(found.differing)
    style = "green" if same == made else "red"
    return Group(*parts, Text(f"{same} of {made} suggestions are the same to the bit", style=style))
