"""The private names of Optuna and its dashboard that we rely on: no other module of ours uses one.

A storage returns its studies as `FrozenStudy`, which Optuna does not export. It shows the name of the metric and a note
under keys that only functions of Optuna write. A test names each of them, and fails when a release moves one.
"""

from __future__ import annotations

from typing import Any

from optuna.study._frozen import FrozenStudy

__all__ = ["FrozenStudy", "system_attributes"]

METRIC_NAMES = "study:metric_names"
NOTE_VERSION, NOTE_TEXT = "dashboard:note_ver", "dashboard:note_str:0"


def system_attributes(*, metric: str, note: str) -> dict[str, Any]:
    """Return what a study holds that shows the name of its metric, and a note in Markdown."""
    return {METRIC_NAMES: [metric], NOTE_VERSION: 1, NOTE_TEXT: note}
