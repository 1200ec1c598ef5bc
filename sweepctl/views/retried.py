"""Runs that were queued again."""

from __future__ import annotations

from collections.abc import Sequence

from shared.control.retry import Retried
from sweepctl import formats


def retried_view(done: Retried, missing: Sequence[str]) -> str:
    """Return where each run begins, the state of the sweep, and which workers are missing."""
    name = done.sweep.name
    lines = [
        f"run {run.id} is queued again, from {f'step {formats.steps(run.steps)}' if run.checkpoint else 'its start'}"
        for run in done.runs
    ]
    if done.was_finished:
        lines.append(f"sweep {name} was finished and is {done.sweep.state} again")
    if done.sweep.state == "paused":
        lines.append(f"sweep {name} is paused: {done.sweep.reason}; to continue, run `sweepctl resume {name}`")
    if missing:
        lines += missing
    elif done.sweep.state != "paused":
        lines.append("its workers start as soon as a slot is free")
    return "\n".join(lines)
