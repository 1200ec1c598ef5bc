"""A folder to stand in, and what a person sees who starts something there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from textwrap import dedent

import pytest

from shared.config.compose import Composed, compose
from shared.domain.errors import ConfigError

NOON = datetime(2026, 1, 2, 12, 30, 45)
Write = Callable[[str, str], Path]
Compose = Callable[..., Composed]
Refusal = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Stand in an empty folder; write a file below it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_DIR", raising=False)

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    return write_file


@pytest.fixture
def composed(write: Write) -> Compose:
    """Compose in that folder at noon."""
    return lambda name="quick", *overrides, **options: compose(name, overrides, now=NOON, **options)


@pytest.fixture
def refusal(composed: Compose) -> Refusal:
    """Return the sentence that a person sees instead of a job."""

    def sentence(name: str | None = "quick", *overrides: str, **options: object) -> str:
        with pytest.raises(ConfigError) as caught:
            composed(name, *overrides, **options)
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return sentence
