"""Whether this machine could log in to Weights & Biases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import TrackerDenied
from shared.tracking.credentials import check_wandb_key, has_wandb_key

if TYPE_CHECKING:
    from tests.shared.tracking.conftest import SmallWandb


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def test_without_a_variable_and_a_file_there_is_no_key() -> None:
    assert not has_wandb_key()


def test_a_key_in_the_environment_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "a-key")

    assert has_wandb_key()


def test_a_key_that_wandb_login_wrote_is_found_for_its_own_host_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine api.wandb.ai\n  login user\n  password a-key\n")

    assert has_wandb_key()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not has_wandb_key()


def test_a_key_that_is_known_is_taken(small_wandb: SmallWandb) -> None:
    assert check_wandb_key() is None


@pytest.mark.parametrize(("status", "known"), [(401, True), (403, True), (200, False)])
def test_the_error_for_a_refused_key_has_the_remedy_and_never_the_key(
    small_wandb: SmallWandb, status: int, known: bool
) -> None:
    small_wandb.status, small_wandb.known = status, known

    with pytest.raises(TrackerDenied) as caught:
        check_wandb_key()

    assert str(caught.value) == (
        f"Weights & Biases at {small_wandb.url} refuses the key of this machine; "
        "set the right one in WANDB_API_KEY, or use wandb=offline"
    )
    assert caught.value.exit_code == 4


def test_a_wandb_that_is_busy_or_away_says_nothing_about_the_key(small_wandb: SmallWandb) -> None:
    small_wandb.status = 429
    assert check_wandb_key() == "it answers with status 429"

    small_wandb.go_away()
    assert check_wandb_key() == "it does not answer"
