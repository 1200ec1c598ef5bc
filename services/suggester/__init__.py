"""Owns the state of Protein: `celery -A services.suggester worker -Q suggest,results`."""

from __future__ import annotations

import os
from typing import Any


def __getattr__(name: str) -> Any:
    # Celery looks for this name; the app is made on demand, so that an import of another module stays fast.
    if name == "celery":
        # numpy reads it when it is loaded: its matrices are small here, and threads that wait would take the cores.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        from services.suggester.app import app

        return app
    raise AttributeError(name)
