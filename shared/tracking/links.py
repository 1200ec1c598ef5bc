"""The addresses of a sweep and its runs in Weights & Biases."""

from __future__ import annotations

import os
from urllib.parse import quote

from shared.domain.sweep import Sweep
from shared.tracking.credentials import DEFAULT_URL

HOME = "https://wandb.ai"  # what people open; programs ask DEFAULT_URL


def sweep_link(sweep: Sweep) -> str | None:
    """Return the address of the sweep's group of runs; None unless it is tracked online with an entity."""
    project = _project(sweep)
    group = (sweep.config.get("wandb") or {}).get("group") or sweep.name
    return f"{project}/groups/{quote(group)}" if project else None


def run_link(sweep: Sweep, run: str) -> str | None:
    """Return the address of a run; None as in `sweep_link`."""
    project = _project(sweep)
    return f"{project}/runs/{quote(run)}" if project else None


def _project(sweep: Sweep) -> str | None:
    settings = sweep.config.get("wandb") or {}
    entity, project = settings.get("entity"), settings.get("project")
    if settings.get("mode") != "online" or not entity or not project:
        return None
    server = (os.environ.get("WANDB_BASE_URL") or DEFAULT_URL).rstrip("/")
    return f"{HOME if server == DEFAULT_URL else server}/{quote(entity)}/{quote(project)}"
