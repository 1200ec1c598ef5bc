"""sweepctl dashboard: what it says, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from shared.local.dashboard import serve_dashboard
from shared.store.store import Store
from tests.finished_sweeps import a_sweep_of
from tests.sweepctl.conftest import Sweepctl

SOURCES = Path(__file__).parents[3]


def test_without_the_extra_one_line_says_what_to_install(
    sweepctl: Sweepctl, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_spec(name: str, *rest: Any) -> None:
        return None

    monkeypatch.setattr("shared.local.dashboard.find_spec", find_spec)

    ended = sweepctl("dashboard", REDIS_URL=store.url)

    assert ended.returncode == 2
    assert ended.stderr == (
        "error: sweepctl dashboard shows sweeps in optuna-dashboard, which is not installed here: "
        "pip install 'protein-sweeps[dashboard]'\n"
    )


def test_a_sweep_that_does_not_exist_is_exit_code_5(sweepctl: Sweepctl, store: Store) -> None:
    assert sweepctl("dashboard", "nobody", REDIS_URL=store.url).returncode == 5


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_in_one_line(sweepctl: Sweepctl, store: Store, tmp_path: Path) -> None:
    with serve_dashboard(store, [], host="127.0.0.1", port=0, data_dir=tmp_path) as shown:
        port = shown.url.rpartition(":")[2]

        ended = sweepctl("dashboard", "--port", port, REDIS_URL=store.url)

    assert ended.returncode == 2
    assert f"127.0.0.1:{port} cannot be listened on" in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_the_dashboard_says_where_it_is_and_ends_with_its_command(
    store: Store, tmp_path: Path, end: signal.Signals
) -> None:
    sweep = a_sweep_of(0)
    online = {**sweep.config["wandb"], "mode": "online", "entity": "us"}
    store.sweeps.create(sweep.model_copy(update={"config": {**sweep.config, "wandb": online}}))
    command = [sys.executable, "-m", "sweepctl", "dashboard", "--port", "0", "--json"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SOURCES), "REDIS_URL": store.url},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
        reported = json.loads("".join(lines))
        with urllib.request.urlopen(f"{reported['url']}/api/studies", timeout=20) as answer:
            shown = json.loads(answer.read())
        process.send_signal(end)
        process.wait(20)

    assert [study["study_name"] for study in shown["study_summaries"]] == ["s"]
    assert reported["wandb"] == {"s": "https://wandb.ai/us/protein-sweeps/groups/s"}
    assert (reported["flower"], reported["flower_lives"]) == (None, False), "whatever answers at Flower's usual port"
    assert is_gone(reported["url"])


def is_gone(url: str) -> bool:
    for _ in range(100):
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            return True
    return False
