"""Reads what a command writes to SWEEP_REPORT: lines of JSON, each a report, a checkpoint or the result."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shared.domain.errors import SweepError
from shared.domain.wording import show

EXPECTED: Final = (
    'expected JSON such as {"step": 10, "reward": 1.5}, {"step": 10, "checkpoint": "model.bin"} or {"score": 0.9}'
)
LONGEST_LINE: Final = 2**20  # bytes


class BadReport(SweepError):
    """A line of SWEEP_REPORT that cannot be used."""


@dataclass(frozen=True)
class Report:
    """The content of one line. Without a step it is the result."""

    step: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    checkpoint: str | None = None


def parse_line(line: bytes, number: int) -> Report:
    """Return the content of line `number`. Raises BadReport with the line and what was expected."""
    place = f"line {number} of SWEEP_REPORT is {show(line.decode(errors='backslashreplace').strip())}"
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        raise BadReport(f"{place}: {EXPECTED}") from None
    if not isinstance(content, dict):
        raise BadReport(f"{place}: {EXPECTED}")
    step, checkpoint = content.pop("step", None), content.pop("checkpoint", None)
    if isinstance(step, float) and step.is_integer():
        step = int(step)
    if step is not None and (not _is_number(step) or isinstance(step, float) or step < 0):
        raise BadReport(f"{place}: step is {show(step)}: expected a whole number, 0 or more")
    if checkpoint is not None and (not isinstance(checkpoint, str) or step is None):
        raise BadReport(f'{place}: expected {{"step": 10, "checkpoint": "model.bin"}}, the name of a file and its step')
    for name, value in content.items():
        if not _is_number(value):
            raise BadReport(f"{place}: {name} is {show(value)}: a metric must be a number")
    if step is None and not {"score", "cost"} & content.keys():
        raise BadReport(f'{place}: a report needs a "step", a result a "score" or a "cost"; {EXPECTED}')
    return Report(step, {name: float(value) for name, value in content.items()}, checkpoint)


class LineReader:
    """Splits the bytes of a growing file into complete lines."""

    def __init__(self) -> None:
        self._rest = b""
        self.number = 0

    def feed(self, data: bytes, *, at_end: bool = False) -> list[Report]:
        """Return the reports of the complete lines; at the end the last one needs no newline. Raises BadReport."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if at_end:
            lines, self._rest = [*lines, self._rest], b""
        if len(self._rest) > LONGEST_LINE:
            raise BadReport(f"line {self.number + len(lines) + 1} of SWEEP_REPORT is longer than a MiB: {EXPECTED}")
        found = []
        for line in lines:
            self.number += 1
            if line.strip():
                found.append(parse_line(line, self.number))
        return found


def _is_number(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) <= sys.float_info.max
    return isinstance(value, float)  # also NaN and infinity: a report leaves them out, a score refuses them
