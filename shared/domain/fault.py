"""What is wrong with something that a person wrote: kept as data, and put into words here alone."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.redaction import redacted


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault in a config, an override, a name or a setting.

    Its text has one form, without the parts that are empty: `PLACE: PATH is GOT: PROBLEM; expected EXPECTED; REMEDY`.
    """

    problem: str = ""
    """What is wrong, where `got` and `expected` do not say it: `unknown key`."""
    place: str = ""
    """Where it was written: `mine.yaml:3`, `command line`."""
    path: str = ""
    """The dotted key, the option or the variable."""
    got: str = ""
    """Its value, as `wording.show` writes it."""
    expected: str = ""
    meant: str = ""
    """What was probably meant."""
    remedy: str = ""
    """What to do about it, as an imperative."""
    more: int = 0
    """How many other faults were found."""

    def __str__(self) -> str:
        subject = f"{self.path} is {self.got}" if self.path and self.got else self.path
        got = f"got {self.got}" if self.got and not self.path else ""
        expected = f"expected {self.expected}" if self.expected else ""
        said, *rest = [part for part in (self.problem, got, expected, self.remedy) if part] or [""]
        clauses = "; ".join([f"{said}{hint(self.meant)}", *rest])
        others = f" (and {self.more} more)" if self.more else ""
        return redacted(": ".join(part for part in (self.place, subject, f"{clauses}{others}") if part))


def hint(meant: str | None) -> str:
    """Return ` (did you mean x?)`, or nothing where nothing was probably meant."""
    return f" (did you mean {meant}?)" if meant else ""
