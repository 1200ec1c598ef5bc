"""The workers that are running."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from shared.control.workers import LiveWorker, RunningWorkers
from sweepctl import formats
from sweepctl.views.tables import Sized, TableColumn, fitted_table

ID_WIDTH, LIST_WIDTH, RUN_WIDTH = 20, 10, 24
RUNS_LINES = 8


def workers_table(found: RunningWorkers) -> RenderableType:
    """Return a table of the workers, and the notes about them."""
    if not found.workers:
        remedy = "`sweepctl up`" if found.is_private else "`celery -A services.trainer worker -Q gpu`"
        return Text(f"no worker is running: start one with {remedy}", style="yellow")
    workers = sorted(found.workers, key=lambda worker: worker.id)
    columns = [
        TableColumn("worker", [worker.id for worker in workers], least=ID_WIDTH),
        TableColumn("queues", [",".join(worker.queues) for worker in workers], least=LIST_WIDTH),
        TableColumn("slots", [str(worker.slots) for worker in workers], right=True),
        TableColumn("GPUs", [",".join(worker.gpus) or "-" for worker in workers], least=LIST_WIDTH),
        TableColumn("runs", [_runs(worker) for worker in workers], least=RUN_WIDTH, lines=RUNS_LINES),
    ]
    notes = [Text(note, style="yellow") for note in found.notes]
    return Group(Sized(lambda width: fitted_table(columns, width)), *notes)


def _runs(worker: LiveWorker) -> str:
    return " ".join(formats.shortened(run, RUN_WIDTH) for run in worker.busy) or "-"
