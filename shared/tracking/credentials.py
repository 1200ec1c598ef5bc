"""Whether this machine can log in to Weights & Biases. Does not import wandb, which would slow commands down."""

from __future__ import annotations

import base64
import json
import netrc
import os
import urllib.error
import urllib.request
from pathlib import Path

from shared.domain.errors import TrackerDenied

DEFAULT_URL = "https://api.wandb.ai"
ANSWER_SECONDS = 5.0
REFUSED = (401, 403)


def has_wandb_key() -> bool:
    """Whether a key is in WANDB_API_KEY or in the netrc file that `wandb login` writes."""
    return _key() is not None


def check_wandb_key() -> str | None:
    """Ask W&B whether it accepts the key. Return None if it does, and the reason if W&B gives no answer.

    Raises TrackerDenied if W&B refuses the key.
    """
    pair = base64.b64encode(f"api:{_key()}".encode()).decode()
    request = urllib.request.Request(
        f"{_url()}/graphql",
        data=json.dumps({"query": "query { viewer { id } }"}).encode(),
        headers={"Authorization": f"Basic {pair}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            viewer = json.load(answer)["data"]["viewer"]
    except urllib.error.HTTPError as error:
        error.close()
        if error.code not in REFUSED:
            return f"it answers with status {error.code}"
        viewer = None
    except (OSError, ValueError, LookupError, TypeError):
        return "it does not answer"
    if viewer is None:
        raise TrackerDenied(
            f"Weights & Biases at {_url()} refuses the key of this machine; set the right one in WANDB_API_KEY, or use "
            "wandb=offline"
        )
    return None


def _key() -> str | None:
    if key := os.environ.get("WANDB_API_KEY"):
        return key
    host = _url().partition("://")[2]
    file = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        found = netrc.netrc(str(file)).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return found[2] if found else None


def _url() -> str:
    return (os.environ.get("WANDB_BASE_URL") or DEFAULT_URL).rstrip("/")
