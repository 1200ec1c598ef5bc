"""What a command may report, line by line."""

from __future__ import annotations

import math

import pytest

from services.trainer.report_lines import BadReport, LineReader, Report, parse_line


@pytest.mark.parametrize(
    ("line", "report"),
    [
        ('{"step": 10, "reward": 1.5}', Report(10, {"reward": 1.5})),
        ('{"step": 10}', Report(10)),
        ('{"step": 1e3, "eval/return": 2}', Report(1000, {"eval/return": 2.0})),
        ('{"step": 10, "checkpoint": "model.bin"}', Report(10, checkpoint="model.bin")),
        ('{"step": 10, "checkpoint": "a/b", "loss": 0.5}', Report(10, {"loss": 0.5}, "a/b")),
        ('{"score": 0.9}', Report(None, {"score": 0.9})),
        ('{"cost": 12, "score": 0.9, "size": 3}', Report(None, {"cost": 12.0, "score": 0.9, "size": 3.0})),
        ('{"step": 10, "score": 1}', Report(10, {"score": 1.0})),
    ],
)
def test_a_line_is_a_report_a_checkpoint_or_the_result(line: str, report: Report) -> None:
    assert parse_line(line.encode(), 1) == report


def test_nan_is_accepted_in_a_report() -> None:
    assert math.isnan(parse_line(b'{"step": 1, "loss": NaN}', 1).metrics["loss"])


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("step=10", "line 7 of SWEEP_REPORT is 'step=10': expected JSON such as"),
        ('{"step": 10', "expected JSON such as"),
        ("[1, 2]", "expected JSON such as"),
        ("[" * 100_000, "expected JSON such as"),
        ('{"reward": 1}', 'a report needs a "step", a result a "score" or a "cost"'),
        ('{"step": 1.5}', "step is 1.5: expected a whole number, 0 or more"),
        ('{"step": -1}', "step is -1: expected a whole number, 0 or more"),
        ('{"step": "10"}', "step is '10': expected a whole number, 0 or more"),
        ('{"step": true}', "step is true: expected a whole number, 0 or more"),
        ('{"step": 1, "reward": "high"}', "reward is 'high': a metric must be a number"),
        ('{"step": 1, "reward": null}', "reward is null: a metric must be a number"),
        ('{"step": 1, "reward": ' + "9" * 400 + "}", "reward is .*: a metric must be a number"),
        ('{"checkpoint": "model.bin"}', "the name of a file and its step"),
        ('{"step": 1, "checkpoint": 3}', "the name of a file and its step"),
        ("\xff\x00", "expected JSON such as"),
    ],
)
def test_any_other_line_is_an_error_with_its_number_and_what_was_expected(line: str, fault: str) -> None:
    with pytest.raises(BadReport, match=fault) as caught:
        parse_line(line.encode("latin-1"), 7)

    assert str(caught.value).isprintable()


def test_a_line_is_read_once_it_is_complete() -> None:
    lines = LineReader()

    assert lines.feed(b'{"step": 1}\n{"st') == [Report(1)]
    assert lines.feed(b'ep": 2}') == []
    assert lines.feed(b"\n\n \n") == [Report(2)]
    assert lines.number == 4


def test_the_last_line_needs_no_newline() -> None:
    lines = LineReader()

    assert lines.feed(b'{"score": 1}') == []
    assert lines.feed(b"", at_end=True) == [Report(None, {"score": 1.0})]
    assert lines.feed(b"", at_end=True) == []


def test_a_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(BadReport, match="line 1 of SWEEP_REPORT is longer than a MiB"):
        LineReader().feed(b"x" * (2**20 + 1))
