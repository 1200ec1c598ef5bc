"""What a worker does beside its tasks, in a real worker."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.store.store import Store

PROGRAM = """
import os, sys, threading
from pathlib import Path
from shared.queues.app import make_app
from shared.queues.lifecycle import Lifecycle

notes = Path(sys.argv[1]).open("a", buffering=1)
app = make_app("trainer", os.environ["REDIS_URL"], queues=["gpu"], slots=1)
lifecycle = Lifecycle(app)
main = threading.main_thread()

def tick():
    print("tick", threading.current_thread() is main, file=notes)
    raise ValueError("a bug in a timer")

lifecycle.at_start(lambda: print("start", threading.current_thread() is main, file=notes))
lifecycle.at_end(lambda: print("end", lifecycle.shutdown.is_set(), file=notes))
lifecycle.every(0.05, tick)
app.worker_main(["worker", "-Q", "gpu", "--loglevel", "ERROR"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_worker_starts_ticks_whatever_happens_and_ends_in_order(
    store: Store, tmp_path: Path, number: signal.Signals
) -> None:
    notes = tmp_path / "notes"
    worker = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(notes)], env={"REDIS_URL": store.url}, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not (notes.exists() and notes.read_text().count("tick") >= 3):
        assert time.monotonic() < deadline
        time.sleep(0.02)

    worker.send_signal(number)

    worker.wait(20)
    lines = notes.read_text().splitlines()
    assert lines[0] == "start True"
    assert set(lines[1:-1]) == {"tick False"}
    assert lines[-1] == "end True"
