"""Read the output of a run from its folder, and follow it while the run is in progress."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from shared.domain.errors import NotFound
from shared.storage.folders import RunFolder
from shared.store.store import Store

LOOK_SECONDS = 0.3
CHUNK = 2**16


def newest_log(store: Store, run_id: str, *, attempt: int | None = None) -> Path:
    """Return the log of a run's newest attempt, or of one `attempt`. Raises NotFound if there is none here."""
    run = store.runs.get(run_id)
    folder = RunFolder(Path(store.sweeps.get(run.sweep).runs_dir) / run_id)
    found = sorted((folder.path / "logs").glob("*.log"), key=lambda log: log.stat().st_mtime_ns)
    wanted = [log for log in found if attempt is None or log.name.endswith(f".{attempt}.log")]
    if wanted:
        return wanted[-1]
    if found:
        known = ", ".join(sorted({log.stem.rpartition(".")[2] for log in found}))
        raise NotFound(f"run {run_id} has no log of attempt {attempt}: expected one of {known}")
    if not run.attempt:
        raise NotFound(f"run {run_id} is {run.state}: it has not printed anything yet")
    raise NotFound(f"{folder.path} has no log: look on a machine where the workers' data folder is mounted")


def follow_log(store: Store, run_id: str, *, attempt: int | None = None, follow: bool = False) -> Iterator[bytes]:
    """Yield the output of a run; with `follow` also its later output, also of its next attempts, until it is over."""
    log, read = newest_log(store, run_id, attempt=attempt), 0
    while True:
        is_over = store.runs.get(run_id).is_finished  # before the log is read, so that its last lines are not missed
        with log.open("rb") as file:
            file.seek(read)
            while chunk := file.read(CHUNK):
                yield chunk
            read = file.tell()
        following = log if attempt is not None else newest_log(store, run_id)
        if follow and following != log:
            log, read = following, 0
            yield f"--- {log.name} ---\n".encode()
        elif not follow or is_over:
            return
        else:
            time.sleep(LOOK_SECONDS)
