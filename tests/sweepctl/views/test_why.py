"""Why a run was suggested, as people read it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared.control.why import Why
from shared.domain.run import Prediction, RunState
from sweepctl.views.why import replay_view, why_view
from tests.sweepctl.views.test_views import shown

if TYPE_CHECKING:
    from tests.conftest import ARun

EXPECTED = Prediction(source="refined", score=1.0, score_std=0.5, cost=10.0, log_cost_std=0.1)
REASONS = {"log_improvement": -1.5, "log_cost": 2.0, "cost_weight": 0.5}


@pytest.fixture
def found(a_run: ARun) -> Why:
    """A run that scored more than was predicted."""
    return Why(a_run(RunState.OBSERVED, score=2.5, cost=15.0, prediction=EXPECTED), (2,), 1, REASONS)


def words_of(found: Why) -> str:
    return " ".join(shown(why_view(found)).split())


def test_source_prediction_rank_and_outcome_are_shown(found: Why) -> None:
    text = words_of(found)

    assert "source refined: the top of a climb from one of the best candidates" in text
    assert "known before 1 scored run, 1 pending: 2" in text
    assert "predicted score 1 ± 0.5" in text
    assert "predicted cost 10, likely 9.048 to 11.05" in text
    assert "log expected improvement -1.500" in text
    assert "score 2.5, 3.0 standard deviations above the prediction (unexpected)" in text
    assert "1.50 x the predicted cost" in text


def test_a_suggestion_without_a_prediction_says_why_there_is_none(a_run: ARun) -> None:
    first = Why(a_run(), (), 0, {})

    assert "none: no run had a score yet" in words_of(first)
    assert "none: suggested without a prediction" in words_of(replace(first, observed=3))
    assert "queued: no score to compare with" in words_of(first)


def test_a_replicate_is_shown_with_its_expected_gain(found: Why) -> None:
    text = words_of(replace(found, reasons={"log_gain_again": -2.5, "log_gain_new": -3.25}))

    assert "expected gain of one more run of it -2.500" in text
    assert "expected gain of the best new candidate -3.250" in text


def test_a_replay_counts_what_is_reproduced_and_shows_what_differs() -> None:
    assert shown(replay_view(3, {}, restored=0)) == "3 of 3 suggestions reproduced to the bit\n"
    text = shown(replay_view(5, {4: ["x is 0.1, was 0.2"]}, restored=2))
    assert "run 4: x is 0.1, was 0.2" in text
    assert "2 runs not compared: restored, so the log lacks the suggestion" in text
    assert "2 of 3 suggestions reproduced to the bit" in text
