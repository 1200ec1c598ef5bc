"""The logs of trainings: their size is bounded, and the end of one can be shown in a terminal."""

from __future__ import annotations

from pathlib import Path

from shared.domain.redaction import redacted
from shared.storage.folders import RunFolder

MOST_BYTES = 256 * 2**20
KEPT_HEAD, KEPT_TAIL = 2**20, 64 * 2**20
LAST_LINES, LAST_BYTES, LONGEST_LINE = 40, 2**16, 300


def bound_log(log: Path) -> bool:
    """Remove the middle of a log that is larger than MOST_BYTES; return whether it was.

    Its writers append (O_APPEND), so they continue at the new end. What they write meanwhile may be lost.
    """
    try:
        size = log.stat().st_size
        if size <= MOST_BYTES:
            return False
        with log.open("r+b") as file:
            file.seek(size - KEPT_TAIL)
            last = file.read(KEPT_TAIL)
            file.seek(KEPT_HEAD)
            lost = size - KEPT_HEAD - KEPT_TAIL
            file.write(f"\n... {lost} bytes were removed here, because the log was too large ...\n".encode())
            file.write(last)
            file.truncate()
    except OSError:  # a training is worth more than its log
        return False
    return True


def last_lines(folder: RunFolder) -> list[str]:
    """Return the end of a run's newest log for a terminal: no control characters, no secrets, no long lines."""
    logs = sorted((folder.path / "logs").glob("*.log"), key=lambda log: log.stat().st_mtime)
    if not logs:
        return []
    with logs[-1].open("rb") as file:
        file.seek(max(logs[-1].stat().st_size - LAST_BYTES, 0))
        lines = file.read().decode(errors="backslashreplace").splitlines()
    return [_fit(line) for line in lines[-LAST_LINES:]]


def _fit(line: str) -> str:
    plain = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
    return redacted(plain if len(plain) <= LONGEST_LINE else f"{plain[:LONGEST_LINE]}...")
