"""What is kept of a log, and what a person sees of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shared.storage import logs
from shared.storage.folders import RunFolder
from shared.storage.logs import bound_log, last_lines


def a_log(folder: Path, content: bytes, *, phase: str = "train", attempt: int = 1) -> Path:
    log = RunFolder(folder).log_file(phase, attempt)
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(content)
    return log


def test_a_log_that_is_too_large_loses_its_middle_and_its_writer_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 1000)
    monkeypatch.setattr(logs, "KEPT_HEAD", 10)
    monkeypatch.setattr(logs, "KEPT_TAIL", 20)
    log = a_log(tmp_path, b"begin" + b"." * 2000 + b"end")
    writer = os.open(log, os.O_WRONLY | os.O_APPEND)

    assert bound_log(log)
    os.write(writer, b" and more")
    os.close(writer)

    cut = b"\n... 1978 bytes were removed here, because the log was too large ...\n"
    assert log.read_bytes() == b"begin....." + cut + b"." * 17 + b"end and more"
    assert not bound_log(log)


def test_a_log_that_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    assert not bound_log(tmp_path / "no.log")
    assert last_lines(RunFolder(tmp_path)) == []


def test_the_last_forty_lines_of_the_newest_log_are_shown(tmp_path: Path) -> None:
    old = a_log(tmp_path, b"old\n", attempt=1)
    os.utime(old, (0, 0))
    a_log(tmp_path, b"".join(b"line %d\n" % number for number in range(100_000)), attempt=2)

    assert last_lines(RunFolder(tmp_path)) == [f"line {number}" for number in range(99_960, 100_000)]


def test_what_is_shown_cannot_change_the_terminal_and_holds_no_secret(tmp_path: Path) -> None:
    secret = b"hf_" + b"S3cret" * 5
    a_log(tmp_path, b"\x1b[2J\x07 \xff\x00 " + secret + b"\n" + b"x" * 10_000)

    assert last_lines(RunFolder(tmp_path)) == [r"\x1b[2J\x07 \xff\x00 ********", "x" * 300 + "..."]
