"""A worker process at its start and at its end."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.execution.worker import make_worker
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import AWorker, Gate


def test_a_worker_announces_itself_to_the_fleet_and_signs_off(store: Store, a_worker: AWorker) -> None:
    worker = a_worker("trainer", "gpu", "cpu", slots=3, gpus=("0",))
    worker.slots.take("s.r.1", gpus=1)

    worker.announce()

    (live,) = store.fleet.live()
    assert (live.id, live.queues, live.slots, live.busy) == (worker.id, ("gpu", "cpu"), 3, ("s.r.1",))
    worker.sign_off()
    assert store.fleet.live() == []


def test_a_worker_can_end_while_the_store_is_away(gate: Gate, a_worker: AWorker) -> None:
    worker = a_worker("trainer", "gpu")
    gate.shut()

    worker.sign_off()


@pytest.mark.parametrize(
    ("variable", "value", "exit_code"),
    [("SWEEP_SLOTS", "0", 2), ("SWEEP_LEASE_SECONDS", "1", 2), ("REDIS_URL", "localhost", 2)],
)
def test_a_worker_whose_environment_is_invalid_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    store: Store,
    variable: str,
    value: str,
    exit_code: int,
) -> None:
    monkeypatch.setenv("REDIS_URL", store.url)
    monkeypatch.setenv(variable, value)

    with pytest.raises(SystemExit) as ended:
        make_worker("trainer", queues=["gpu"], join=lambda _: nullcontext(os.environ["REDIS_URL"]))

    (line,) = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == exit_code
    assert line.startswith("trainer: ")
    assert value in line


@pytest.mark.parametrize("name", ["services", "shared"])
def test_a_package_of_the_same_name_from_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere" / name).mkdir(parents=True)
    (tmp_path / "elsewhere" / name / "__init__.py").touch()
    sources = Path(__file__).parents[3]
    program = f"""
import sys
from contextlib import nullcontext
sys.path.insert(0, {str(sources)!r})
from shared.execution.worker import make_worker
del sys.modules[{name!r}]
sys.path.insert(0, {str(tmp_path / "elsewhere")!r})
make_worker("trainer", queues=["gpu"], join=nullcontext)
"""
    if name == "services":
        program = program.replace("del sys.modules['services']\n", "")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)

    assert ended.returncode == 2
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith(f"trainer: {tmp_path / 'elsewhere'} has a package `{name}`, which hides the one of")


@pytest.mark.slow
def test_a_worker_warns_at_its_start_of_a_store_that_others_can_reach(tmp_path: Path) -> None:
    program = """
import os
from contextlib import nullcontext
from shared.execution.worker import make_worker
make_worker("trainer", queues=["gpu"], join=lambda _: nullcontext(os.environ["REDIS_URL"]))
"""
    environment = {
        **os.environ,
        "REDIS_URL": "redis://head.invalid:6379/0",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }

    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == 0
    assert ended.stderr.splitlines()[0] == (
        "trainer: WARNING: Redis at redis://head.invalid:6379/0 has no password: "
        "anyone who reaches it can change every sweep: set a password"
    )
