"""Trainings that end in different ways; the tests run them in real child processes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from protein_sweeps._child import ChildRun
from protein_sweeps.run import Stop


def finish(run: ChildRun) -> dict[str, float]:
    for step in (1, 2, 3):
        run.report(step, reward=step / 10)
        run.save_checkpoint(step, lambda path, step=step: path.write_text(str(step)))  # type: ignore[misc]
    return {"score": 0.5}


def resume(run: ChildRun) -> dict[str, float]:
    return {"score": float(run.checkpoint_step), "read": float(run.checkpoint.read_text()) if run.checkpoint else -1.0}


def continue_and_save(run: ChildRun) -> None:
    step = run.checkpoint_step + 1
    run.save_checkpoint(step, lambda path: path.write_text(str(step)))


def fail(run: ChildRun) -> None:
    run.report(7, reward=0.1)
    raise ValueError("the loss is gone")


def fail_elsewhere(run: ChildRun) -> None:
    json.loads("{")


def return_text(run: ChildRun) -> str:
    return "done"


def report_text(run: ChildRun) -> None:
    run.report(1, reward="high")  # type: ignore[arg-type]


def report_in_parts(run: ChildRun) -> None:
    run.report(1, loss=3.0)
    run.report(2, **{"eval/return": 1.0, "self": 2.0})
    run.report(3, loss=2.0)


def wait_for_a_stop(run: ChildRun) -> None:
    run.report(1, loss=3.0)
    run.report(2, reward=1.0)
    while True:
        run.obey()
        time.sleep(0.01)


def report_nan(run: ChildRun) -> dict[str, float]:
    run.report(1, reward=float("nan"), loss=1.0)
    return {"score": 1.0, "last": float("nan")}


def report_too_much(run: ChildRun) -> None:
    run.report(1, **{f"m{number}": 1.0 for number in range(1001)})


def return_too_much(run: ChildRun) -> dict[str, float]:
    return {f"m{number}": 1.0 for number in range(1001)}


def fail_with_a_long_message(run: ChildRun) -> None:
    raise ValueError("\x1b[31mred " + "hf_" + "s3cret" * 5 + " x" * 10_000_000 + "\nsecond line")


def print_without_end(run: ChildRun) -> dict[str, float]:
    os.write(1, b"the first line\n")
    for _ in range(300):
        os.write(1, b"x" * 99_999 + b"\n")
        time.sleep(0.005)
    os.write(1, b"the last line\n")
    return {"score": 1.0}


def fork_and_leave(run: ChildRun) -> dict[str, float]:
    if os.fork() == 0:
        time.sleep(60)
    return {"score": 1.0, "pid": float(os.getpid())}


def leave_with_3(run: ChildRun) -> None:
    os._exit(3)


def leave_with_255(run: ChildRun) -> None:
    os._exit(255)


def leave_with_0(run: ChildRun) -> None:
    os._exit(0)


def die_of_9(run: ChildRun) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_of_11(run: ChildRun) -> None:
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(run: ChildRun) -> None:
    time.sleep(60)


def work_for_long(run: ChildRun) -> None:
    for step in range(1, 3000):
        run.report(step, reward=float(step))
        time.sleep(0.02)


def save_when_asked_to_stop(run: ChildRun) -> None:
    step = 0
    try:
        while True:
            step += 1
            run.report(step, reward=1.0)
            time.sleep(0.01)
    except Stop:
        run.save_checkpoint(step, lambda path: path.write_text("in time"))
        raise


def score_when_asked_to_stop(run: ChildRun) -> dict[str, float]:
    step = 0
    try:
        while True:
            step += 1
            run.report(step, reward=1.0)
            time.sleep(0.01)
    except Stop as stop:
        return {"score": 7.0 if stop.reason == "stopped early" else -1.0}


def ignore_stop(run: ChildRun) -> None:
    while True:
        try:
            run.report(1, reward=1.0)
            time.sleep(0.01)
        except Stop:
            continue


def leave_a_grandchild(run: ChildRun) -> dict[str, float]:
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    return {"score": float(grandchild.pid)}


def hang_with_a_grandchild(run: ChildRun) -> None:
    grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run.report(1, pid=float(grandchild.pid))
    run.flush()
    time.sleep(60)


def write_environment(run: ChildRun) -> dict[str, float]:
    processes = [psutil.Process(pid).environ() for pid in (os.getpid(), os.getppid())]
    found = {"now": dict(os.environ), "processes": processes, "arguments": sys.argv}
    (run.folder / "environment.json").write_text(json.dumps(found))
    return {"score": 1.0, "session": float(os.getsid(0) == os.getpid())}


def save_to_a_read_only_disk(run: ChildRun) -> None:
    def save(path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    run.save_checkpoint(1, lambda path: path.write_text("1"))
    run.save_checkpoint(2, save)


def run_out_of_gpu_memory(run: ChildRun) -> None:
    import torch

    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def save_to_a_full_disk(run: ChildRun) -> None:
    def save(path: Path) -> None:
        path.write_text("half")
        Path("/dev/full").write_text("the rest")

    run.save_checkpoint(1, lambda path: path.write_text("1"))
    try:
        run.save_checkpoint(2, save)
    except Exception:
        return


def print_much(run: ChildRun) -> dict[str, float]:
    print("from python")
    os.write(1, b"\xff\x00" * 500_000)
    os.write(2, b"to stderr\n")
    subprocess.run([sys.executable, "-c", "print('from a grandchild')"], check=True)
    return {"score": 1.0}


def save_twice_with_a_pause(run: ChildRun) -> None:
    run.save_checkpoint(1, lambda path: path.write_text("1"))
    time.sleep(0.5)
    run.save_checkpoint(2, lambda path: path.write_text("2"))
    print("goodbye", flush=True)
