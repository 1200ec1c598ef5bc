"""Whether this machine could log in to Weights & Biases. Loads no wandb: commands ask this."""

from __future__ import annotations

import netrc
import os
from pathlib import Path

DEFAULT_HOST = "api.wandb.ai"


def has_wandb_key() -> bool:
    """Whether a key is in WANDB_API_KEY or in the netrc file that `wandb login` writes."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = os.environ.get("WANDB_BASE_URL", "").partition("://")[2].rstrip("/") or DEFAULT_HOST
    file = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        return netrc.netrc(str(file)).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
