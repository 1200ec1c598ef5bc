"""The mirror of a run's record in its folder: what `restore` reads when the store is lost, and nobody else."""

from __future__ import annotations

import logging

from shared.domain.run import Run
from shared.storage.folders import RunFolder, write_text

log = logging.getLogger(__name__)


def write_record(folder: RunFolder, run: Run) -> None:
    """Mirror the record into the run's folder. The store has the truth: a disk that takes no file is only logged."""
    try:
        write_text(folder.record_file, run.model_dump_json(exclude_defaults=True, exclude={"commits"}))
    except OSError as error:
        log.warning("run %s: %s cannot be written: %s", run.id, folder.record_file, error.strerror)
