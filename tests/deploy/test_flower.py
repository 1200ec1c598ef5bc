"""Flower, started by the plain command: on this machine alone, read-only, never without a password."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from shared.local import private_store

ROOT = Path(__file__).parents[2]
READ = """
import json, runpy
settings = runpy.run_path("flowerconfig.py")
print(json.dumps([settings[name] for name in ("address", "read_only", "basic_auth")]))
"""


def read_settings(**environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FLOWER_")}
    return subprocess.run(
        [sys.executable, "-c", READ], cwd=ROOT, env=clean | environment, capture_output=True, text=True
    )


def test_flower_listens_on_this_machine_alone_and_changes_nothing() -> None:
    address, read_only, _ = json.loads(read_settings().stdout)

    assert address == "127.0.0.1"
    assert read_only is True


def test_a_password_is_made_up_for_each_start_and_printed_once() -> None:
    first, second = read_settings(), read_settings()

    (pair,) = json.loads(first.stdout)[2]
    user, _, password = pair.partition(":")
    assert user
    assert len(password) >= 16
    assert first.stderr.count(password) == 1
    assert json.loads(second.stdout)[2] != [pair]


def test_the_password_of_the_environment_is_taken_and_not_printed() -> None:
    read = read_settings(FLOWER_BASIC_AUTH="ann:one,bob:two")

    assert json.loads(read.stdout)[2] == ["ann:one", "bob:two"]
    assert read.stderr == ""


@pytest.mark.parametrize("wrong", ["nocolon", "user:", ":password"])
def test_a_password_that_is_none_is_refused_in_one_line(wrong: str) -> None:
    read = read_settings(FLOWER_BASIC_AUTH=wrong)

    assert read.returncode == 1
    assert "FLOWER_BASIC_AUTH is not a list of user:password" in read.stderr
    assert read.stderr.count("\n") == 1


@pytest.mark.slow
def test_the_plain_command_asks_for_the_password_and_cannot_queue_a_task(tmp_path: Path) -> None:
    port = "55571"
    with private_store.start(tmp_path / "data") as store:
        environment = {
            **os.environ,
            "REDIS_URL": store.url,
            "FLOWER_PORT": port,
            "FLOWER_BASIC_AUTH": "ann:pass",
            "FLOWER_UNAUTHENTICATED_API": "true",
        }
        command = [sys.executable, "-m", "celery", "-A", "services.trainer", "flower"]
        with (tmp_path / "flower.log").open("wb") as log:
            flower = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/healthcheck", flower)
            listening = [c.laddr.ip for c in psutil.Process(flower.pid).net_connections() if c.status == "LISTEN"]

            assert listening == ["127.0.0.1"]
            assert status_of(url) == 401
            assert status_of(f"{url}/api/workers") == 401
            assert status_of(f"{url}/workers", user="ann:pass") == 200
            queue = f"{url}/api/task/send-task/trainer.train_run"
            assert status_of(queue, user="ann:pass", body=b'{"args": ["x.r.1"]}') == 403
        finally:
            flower.terminate()
            flower.wait(20)


def wait_for(url: str, flower: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and flower.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError(f"Flower does not answer at {url}; its exit code is {flower.poll()}")


def status_of(url: str, *, user: str = "", body: bytes | None = None) -> int:
    headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
