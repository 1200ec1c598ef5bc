"""What a rollout returns of the logs of its run while the run is in progress."""

from __future__ import annotations

import os
from pathlib import Path

from shared.local.rollout import _GrowingLogs


def test_what_was_printed_is_returned_once_the_older_log_first(tmp_path: Path) -> None:
    logs = _GrowingLogs(tmp_path)
    assert logs.read() == ""

    (tmp_path / "train.1.log").write_text("one\n")
    (tmp_path / "eval.1.log").write_text("two\n")
    os.utime(tmp_path / "train.1.log", (1.0, 1.0))
    assert logs.read() == "one\ntwo\n"

    with (tmp_path / "eval.1.log").open("a") as log:
        log.write("three\n")
    assert logs.read() == "three\n"
    assert logs.read() == ""


def test_a_log_that_was_cut_is_read_from_its_start(tmp_path: Path) -> None:
    logs, log = _GrowingLogs(tmp_path), tmp_path / "train.1.log"
    log.write_text("a long line\n")
    logs.read()

    log.write_text("cut\n")

    assert logs.read() == "cut\n"
