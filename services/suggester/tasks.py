"""The suggester's tasks: notifications."""

from __future__ import annotations

from services.suggester.app import app, suggester
from shared.domain.run import sweep_of
from shared.queues.names import ADVANCE_SWEEP, OBSERVE_RUN


@app.task(name=ADVANCE_SWEEP)
def advance_sweep_task(sweep: str) -> None:
    """Advance the sweep."""
    suggester.advance(sweep)


@app.task(name=OBSERVE_RUN)
def observe_run_task(run_id: str) -> None:
    """Advance the sweep of a run that ended. Raises ValueError for an argument that is not a run id."""
    suggester.advance(sweep_of(run_id)[0])
