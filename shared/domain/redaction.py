"""What looks like a secret is shown to nobody: not in an error, not in a failure, not in a log."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "********"
SECRET_VALUE: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\b(sk|rk)-[A-Za-z0-9_-]{20,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bhf_[A-Za-z0-9]{20,}|"
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bxox[abpr]-[A-Za-z0-9-]{10,}|(?<=://)[^/\s:@\[]*:(?!\*+@)[^/\s@]+(?=@)"
)


def redacted(text: str) -> str:
    """Return the text with what looks like a secret replaced: keys by their form, passwords in URLs."""
    return SECRET_VALUE.sub(MASK, text)
