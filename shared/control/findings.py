"""What an examination finds: one line each, with its remedy where something is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `log` is the end of what a process printed about it."""

    verdict: Verdict
    topic: str
    text: str
    log: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        told = {"verdict": self.verdict, "topic": self.topic, "text": self.text}
        return {**told, "log": list(self.log)} if self.log else told

    def lines(self) -> list[str]:
        """Return what a person reads of it."""
        return [f"{self.verdict:<5} {self.topic:<10} {self.text}", *(f"      | {line}" for line in self.log)]
