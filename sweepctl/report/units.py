"""Units of time and cost that suit the size of a value."""

from __future__ import annotations

from dataclasses import dataclass

from sweepctl import formats


@dataclass(frozen=True)
class Unit:
    """A unit of an axis. `size` is its length in the stored unit, such as 60 seconds for a minute."""

    name: str
    size: float
    is_time: bool = True

    def of(self, value: float) -> float:
        """Return a stored value in this unit."""
        return value / self.size

    def text(self, value: float) -> str:
        """Return a stored value as people read it."""
        return formats.duration(value) if self.is_time else formats.number(float(value))

    @property
    def note(self) -> str:
        """The name of the unit, to be shown beside a value. Empty for times: their text contains it."""
        return "" if self.is_time else self.name


def time_unit(largest: float) -> Unit:
    """Return seconds, minutes or hours, as they suit the largest number of seconds."""
    if largest >= 3 * 3600:
        return Unit("hours", 3600.0)
    return Unit("minutes", 60.0) if largest >= 300 else Unit("seconds", 1.0)
