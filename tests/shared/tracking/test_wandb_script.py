"""What a script that was written for W&B gets and what is read of it, with the real client."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.tracking.wandb_script import BLOCK_BYTES, HEADER_BYTES, WandbLog, script_environment, wandb_files

Config = dict[str, Any]


@pytest.fixture
def config() -> Config:
    """Return as much of a config as is looked at."""
    return {"sweep_run": "s", "wandb": {"mode": "off", "project": "p", "entity": None, "group": None}}


@pytest.fixture
def script(tmp_path: Path, config: Config) -> Callable[..., subprocess.Popen[str]]:
    """Start a script as a command is started."""

    def start(text: str, params: Mapping[str, Any]) -> subprocess.Popen[str]:
        environment = script_environment(tmp_path, run="s.r.1", config=config, params=params)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
        return subprocess.Popen(
            [sys.executable, "-c", text], env={**clean, **environment}, stdout=subprocess.PIPE, text=True
        )

    return start


def logged_in(folder: Path) -> list[tuple[int, dict[str, float]]]:
    return [logged for path in wandb_files(folder) for logged in WandbLog(path).read()]


@pytest.mark.slow
def test_a_script_finds_its_parameters_in_wandb_config_above_its_own_and_beside_them(
    script: Callable[..., subprocess.Popen[str]],
) -> None:
    text = """if True:
        import json, os, wandb
        wandb.login()
        run = wandb.init(project="mine", config={"lr": 0.5, "seed": 3, "net": {"width": 1, "depth": 2}})
        found = {"config": dict(run.config), "offline": run.offline, "name": run.name, "group": run.group}
        print("found", json.dumps(found))
    """
    params = {"trainer.lr": 1e-5, "trainer.net.width": 64, "trainer.kind_of": "a b"}

    said, _ = script(text, params).communicate(timeout=60)

    found = json.loads(said.partition("found ")[2].partition("\n")[0])
    assert found["config"] == {"lr": 1e-5, "seed": 3, "net": {"width": 64, "depth": 2}, "kind_of": "a b"}
    assert (found["offline"], found["name"], found["group"]) == (True, "s.r.1", "s")


@pytest.mark.slow
def test_what_a_script_logs_is_read_by_the_names_that_it_gives(
    script: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    text = """if True:
        import wandb
        run = wandb.init(project="mine")
        run.define_metric("acc", summary="max")
        run.log({"eval/return": 1, "acc": 3, "deep": {"er": 2}, "text": "x", "bad": float("nan"), "on": True})
        run.log({"eval/return": 2.5, "acc": 1, "hist": wandb.Histogram([1, 2, 3])}, step=10)
        run.summary["best"] = 7
        run.summary["deep"] = {"est": 8}
    """

    script(text, {}).communicate(timeout=60)

    logged = logged_in(tmp_path)
    steps = {step: metrics for step, metrics in logged if "eval/return" in metrics}
    assert steps.keys() == {0, 10}
    assert steps[0] == {"eval/return": 1.0, "acc": 3.0, "deep.er": 2.0, "on": 1.0}
    assert {name: value for _, metrics in logged for name, value in metrics.items()} == {
        "eval/return": 2.5,
        "acc": 1.0,
        "acc.max": 3.0,
        "deep.er": 2.0,
        "deep.est": 8.0,
        "on": 1.0,
        "best": 7.0,
    }


@pytest.mark.slow
def test_it_is_read_within_seconds_while_the_script_is_running(
    script: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    text = """if True:
        import time, wandb
        run = wandb.init(project="mine")
        for step in range(2000):
            run.log({"reward": step, **{f"metric/{number}": number for number in range(100)}})
            time.sleep(0.01)
    """
    process = script(text, {})
    try:
        deadline, logs, logged = time.monotonic() + 60, dict[Path, WandbLog](), list[tuple[int, dict[str, float]]]()
        while len(logged) < 200 and time.monotonic() < deadline:
            assert process.poll() is None
            for path in wandb_files(tmp_path):
                logged += [one for one in logs.setdefault(path, WandbLog(path)).read() if "reward" in one[1]]
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    assert len(logged) >= 200, "many blocks of the file, and none of them torn"
    assert all(metrics["reward"] == step and metrics["metric/99"] == 99 for step, metrics in logged)


def record(step: int, value: float, *, padding: int = 0) -> bytes:
    """Return the protobuf of one history, as W&B's client writes it."""

    def field(number: int, content: bytes) -> bytes:
        return varint(number << 3 | 2) + varint(len(content)) + content

    def varint(number: int) -> bytes:
        return bytes([number]) if number < 128 else bytes([number % 128 + 128]) + varint(number // 128)

    def item(name: str, text: str) -> bytes:
        return field(1, field(2, name.encode()) + field(16, text.encode()))

    pad = item("text", json.dumps("x" * padding)) if padding else b""
    return field(2, item("reward", str(value)) + pad + item("_step", str(step)))


def chunk(content: bytes, kind: int = 1) -> bytes:
    return struct.pack("<IHB", 0, len(content), kind) + content


def test_a_record_that_is_half_written_is_read_once_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "run-x.wandb"
    whole = b":W&B\xe1\xbe\x00" + chunk(record(1, 2.0))
    log = WandbLog(file)

    read = []
    for end in range(HEADER_BYTES, len(whole) + 1):
        file.write_bytes(whole[:end])
        read.append(list(log.read()))

    assert read == [*[[]] * (len(read) - 1), [(1, {"reward": 2.0})]]


def test_a_record_may_go_over_the_end_of_a_block(tmp_path: Path) -> None:
    file = tmp_path / "run-x.wandb"
    long = record(1, 2.0, padding=BLOCK_BYTES)
    room = BLOCK_BYTES - HEADER_BYTES - 7
    blocks = b":W&B\xe1\xbe\x00" + chunk(long[:room], 2) + chunk(long[room:], 4) + chunk(record(2, 3.0))
    file.write_bytes(blocks)

    assert list(WandbLog(file).read()) == [(1, {"reward": 2.0}), (2, {"reward": 3.0})]


def test_a_file_that_cannot_be_read_is_reported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "run-x.wandb"
    file.write_bytes(b":W&B\xe1\xbe\x00" + chunk(b"\x12\xff") + chunk(record(1, 2.0)))
    log = WandbLog(file)

    assert (list(log.read()), list(log.read())) == ([], [])
    assert capsys.readouterr().err.count("damaged, or in the format of another wandb") == 1


def test_a_script_is_online_only_where_the_sweep_is_and_the_key_lies_in_a_file(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mode(wanted: str) -> str:
        wandb = {**config["wandb"], "mode": wanted}
        return script_environment(tmp_path, run="s.r.1", config={**config, "wandb": wandb}, params={})["WANDB_MODE"]

    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    without = [mode("off"), mode("offline"), mode("online")]
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password x\n")
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)

    assert without == ["offline", "offline", "offline"]
    assert [mode("off"), mode("offline"), mode("online")] == ["offline", "offline", "online"]
