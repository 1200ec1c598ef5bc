"""Mask what looks like a secret: in errors, in failures, in logs."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "********"
SECRET_VALUE: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\b(sk|rk)-[A-Za-z0-9_-]{20,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bhf_[A-Za-z0-9]{20,}|"
    r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bxox[abpr]-[A-Za-z0-9-]{10,}|(?<=://)[^/\s:@\[]*:(?!\*+@)[^/\s@]+(?=@)"
)
SECRET_VARIABLE: Final = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|REDIS_URL|BROKER|FLOWER|BASIC_AUTH", re.IGNORECASE
)
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_ASSIGNED: Final = re.compile(
    r"""(?ix) \b (\w*(?:key|token|secret|passw(?:or)?d|passphrase|credentials?)["']?\s*[:=]\s*)  # a name of one ...
    ( "[^"\n]{4,}" | '[^'\n]{4,}' | (?<=[=])[A-Za-z0-9+/_.-]{12,} (?=\s|$) )  # ... and a text, or a long word"""
)
_STORE_URL: Final = re.compile(r"rediss?://[^@\s]*:[^@\s]*@|rediss?://.*[?&]password=", re.IGNORECASE)


def is_secret_variable(name: str, value: str) -> bool:
    """Whether an environment variable has the name of a secret, or contains the URL of a store."""
    return bool(SECRET_VARIABLE.search(name) or _STORE_URL.search(value))


def redacted(text: str) -> str:
    """Return the text with keys (known by their form) and passwords in URLs masked."""
    return SECRET_VALUE.sub(MASK, text)


def redacted_source(text: str) -> str:
    """Return source text with secrets masked, also those that are assigned to a name of a secret."""
    return redacted(_ASSIGNED.sub(rf"\1{MASK}", _PRIVATE_KEY.sub(MASK, text)))
