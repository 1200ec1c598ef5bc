"""A helper process: its lines, its end, and the reason of its failure."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest

from shared.domain.errors import ConfigError, SweepError
from shared.local.helper_process import helper_process

HELPER = """
import json, os, sys, time
match sys.argv[1]:
    case "lines":
        for number in range(3):
            print(json.dumps({"number": number, "url": os.environ["REDIS_URL"]}), flush=True)
    case "fails":
        print("much " * 100_000, "\\nno such luck", file=sys.stderr)
        sys.exit(int(sys.argv[2]))
    case "garbage":
        print("Welcome!")
    case "stays":
        print(json.dumps({"pid": os.getpid()}), flush=True)
        sys.stdin.read()
        time.sleep(60)
"""


@pytest.fixture(autouse=True)
def a_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a helper that can be imported by its name."""
    (tmp_path / "helper_of_a_test.py").write_text(HELPER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def read(*arguments: str, seconds: float | None = None) -> list[dict[str, object]]:
    with helper_process("helper_of_a_test", *arguments, url="redis://x/0", called="it", seconds=seconds) as helper:
        return list(helper)


def test_its_lines_are_read_as_it_prints_them_and_it_gets_the_store_by_the_environment() -> None:
    assert read("lines") == [{"number": number, "url": "redis://x/0"} for number in range(3)]


def test_a_failure_is_reported_with_its_last_output_and_one_with_our_exit_code_is_that_error() -> None:
    with pytest.raises(SweepError, match=r"^it failed: no such luck$"):
        read("fails", "1")
    with pytest.raises(ConfigError, match=r"^no such luck$"):
        read("fails", "2")


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(SweepError, match=r"it printed 'Welcome!': expected a line of JSON"):
        read("garbage")


def test_one_that_does_not_end_in_time_is_killed() -> None:
    begun = time.monotonic()
    with pytest.raises(SweepError, match=r"it did not end within 0.5 s"):
        read("stays", seconds=0.5)
    assert time.monotonic() - begun < 10


def test_one_that_ends_without_an_answer_is_an_error() -> None:
    with (
        helper_process("helper_of_a_test", "nothing", url="", called="it") as helper,
        pytest.raises(SweepError, match="it ended without an answer"),
    ):
        helper.answer()


def test_it_ends_with_the_block() -> None:
    with helper_process("helper_of_a_test", "stays", url="", called="it") as helper:
        pid = helper.answer()["pid"]
        assert psutil.pid_exists(pid)

    assert not psutil.pid_exists(pid)
    assert sys.modules.get("helper_of_a_test") is None
