"""The findings of a check: one line each, with the remedy where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """The result of one check. `log` has the last lines that a process printed about it."""

    verdict: Verdict
    topic: str
    text: str
    log: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        facts = {"verdict": self.verdict, "topic": self.topic, "text": self.text}
        return {**facts, "log": list(self.log)} if self.log else facts

    def lines(self) -> list[str]:
        """Return it as lines of text."""
        return [f"{self.verdict:<5} {self.topic:<10} {self.text}", *(f"      | {line}" for line in self.log)]
