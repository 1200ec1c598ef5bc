"""What an audit of a sweep found."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from shared.domain.audit import Attempt, Audit
from sweepctl import formats
from sweepctl.views.tables import Sized, TableColumn, fitted_table

ALL_IS_WELL = "the log is complete, every run ended at most once, and the records agree with the log"
INTERRUPTED = ("lost", "released", "in progress")
WORKER_WIDTH = 20


def audit_view(found: Audit) -> RenderableType:
    """Return the sums, every attempt that did not go through at once, and the broken rules."""
    ended = {state: found.counts[state] for state in ("observed", "failed", "cancelled")}
    unfinished = sum(found.counts.values()) - found.counts["suggested"] - sum(ended.values())
    sums = " + ".join(f"{count} {state}" for state, count in {**ended, "unfinished": unfinished}.items())
    parts: list[RenderableType] = [Text(f"{found.counts['suggested']} suggested = {sums}"), Text()]
    odd = [attempt for attempt in found.attempts if attempt.ended in INTERRUPTED]
    if odd:
        parts += [_attempts(odd), Text()]
    lost = f"{formats.duration(found.lost_seconds)} of work was" if found.lost_seconds else "no work was"
    parts.append(Text(f"{formats.count(len(found.attempts), 'attempt')}; {lost} lost with dead workers"))
    parts += [Text(note, style="yellow") for note in found.notes]
    if found.problems:
        parts += [Text(problem, style="red") for problem in found.problems]
    elif not found.notes:
        parts.append(Text(ALL_IS_WELL, style="green"))
    return Group(*parts)


def _attempts(attempts: Sequence[Attempt]) -> RenderableType:
    columns = [
        TableColumn("run", [str(attempt.run) for attempt in attempts], right=True),
        TableColumn("phase", [attempt.phase for attempt in attempts]),
        TableColumn("worker", [attempt.worker for attempt in attempts], least=WORKER_WIDTH),
        TableColumn("from step", [formats.steps(attempt.from_step) for attempt in attempts], right=True),
        TableColumn("to step", [formats.steps(attempt.last_step) for attempt in attempts], right=True),
        TableColumn("ended", [attempt.ended for attempt in attempts]),
        TableColumn("seconds lost", [_seconds(attempt.lost_seconds) for attempt in attempts], right=True),
    ]
    return Sized(lambda width: fitted_table(columns, width))


def _seconds(seconds: float) -> str:
    return formats.number(seconds) if seconds else "-"
