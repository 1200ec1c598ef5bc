"""Flower is never started without its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.errors import ConfigError
from shared.queues.flower import refuse_open_flower

COMMAND = ["celery", "-A", "services.trainer", "flower"]


def test_flower_without_its_settings_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"without a password; start it in the repository's folder, or add --conf="):
        refuse_open_flower(COMMAND, tmp_path)


def test_flower_is_started_beside_its_settings_or_with_their_path(tmp_path: Path) -> None:
    refuse_open_flower([*COMMAND, "--conf=elsewhere/flowerconfig.py"], tmp_path)
    (tmp_path / "flowerconfig.py").touch()
    refuse_open_flower(COMMAND, tmp_path)


def test_a_worker_needs_no_settings_of_flower(tmp_path: Path) -> None:
    refuse_open_flower(["celery", "-A", "services.trainer", "worker", "-Q", "gpu"], tmp_path)
