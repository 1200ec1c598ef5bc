"""Trains runs and emits checkpoints: `celery -A services.trainer worker -Q gpu`."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    # Celery's name for the app of a package; made on demand, so that importing a part of it stays light.
    if name == "celery":
        from services.trainer.app import app

        return app
    raise AttributeError(name)
