"""One rule says which store is meant."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from shared.domain.errors import StoreUnreachable
from shared.local import daemon, location, private_store
from shared.local.location import DEFAULT_URL, Purpose, locate, located_store

EVERY_PURPOSE = get_args(Purpose)


@pytest.fixture(autouse=True)
def no_redis_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a shell that names no server."""
    monkeypatch.delenv("REDIS_URL", raising=False)


@pytest.mark.parametrize("purpose", EVERY_PURPOSE)
def test_first_what_was_named_then_the_environment_even_beside_a_running_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, purpose: Purpose
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://environment/0")
    with private_store.start(tmp_path):
        with locate(tmp_path, redis_url="redis://named/0", purpose=purpose) as url:
            assert url == "redis://named/0"
        with locate(tmp_path, redis_url=None, purpose=purpose) as url:
            assert url == "redis://environment/0"


@pytest.mark.parametrize("purpose", EVERY_PURPOSE)
def test_second_the_private_server_that_runs(tmp_path: Path, purpose: Purpose) -> None:
    with private_store.start(tmp_path) as held, locate(tmp_path, redis_url=None, purpose=purpose) as url:
        assert url == held.url


def test_third_the_private_server_is_started_to_start_something_and_to_look_at_its_files(tmp_path: Path) -> None:
    with locate(tmp_path, redis_url=None, purpose="look") as url:
        assert url == DEFAULT_URL
    assert list(tmp_path.iterdir()) == []

    for purpose in ("start", "look"):
        with located_store(tmp_path, redis_url=None, purpose=purpose) as store:
            assert store.url.startswith("unix://")
            store.client.incr("visits")
    with located_store(tmp_path, redis_url=None, purpose="look") as store:
        assert store.client.get("visits") == "2"


def test_fourth_a_worker_that_joins_uses_the_usual_port_of_this_machine_and_writes_nothing(tmp_path: Path) -> None:
    with locate(tmp_path, redis_url=None, purpose="join") as url:
        assert url == DEFAULT_URL == "redis://127.0.0.1:6379/0"
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_does_not_answer_is_an_error_before_it_is_used(tmp_path: Path) -> None:
    with (
        pytest.raises(StoreUnreachable, match="no answer"),
        located_store(tmp_path, redis_url=f"unix://{tmp_path}/none.sock", purpose="look"),
    ):
        pytest.fail("a store that does not answer")


def test_a_worker_that_joins_a_folder_where_nothing_runs_learns_what_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(location, "DEFAULT_URL", "redis://127.0.0.1:1/0")  # where nobody answers, on any machine
    with (
        pytest.raises(StoreUnreachable, match="no sweep was run in"),
        located_store(tmp_path, redis_url=None, purpose="join"),
    ):
        pytest.fail("a store that does not answer")
    with private_store.start(tmp_path):
        pass
    daemon.started[-1].wait(10)

    with (
        pytest.raises(StoreUnreachable) as caught,
        located_store(tmp_path, redis_url=None, purpose="join"),
    ):
        pytest.fail("a store that does not run")

    assert str(caught.value) == f"nothing runs in {tmp_path}; start its workers with `sweepctl up`, or set REDIS_URL"
