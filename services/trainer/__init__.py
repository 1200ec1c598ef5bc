"""Trains runs and saves checkpoints: `celery -A services.trainer worker -Q gpu`."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    # Celery looks for `celery` in a package. It is made on demand, so that other modules here import quickly.
    if name == "celery":
        from services.trainer.app import app

        return app
    raise AttributeError(name)
