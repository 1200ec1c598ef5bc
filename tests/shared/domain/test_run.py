"""Every legal move of a run, and every illegal one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import IllegalMove
from shared.domain.events import RunAdopted, RunObserved, RunRetried, RunSuggested
from shared.domain.record_events import event_of_run
from shared.domain.run import (
    FINISHED,
    LEASED,
    Checkpoint,
    EarlierPoint,
    EarlyStop,
    Failure,
    Run,
    RunState,
    adopt,
    cancel,
    claim,
    ended_by_itself,
    fail,
    fall_back,
    finish_training,
    keep_checkpoint,
    lose_attempt,
    observe,
    release,
    retrain,
    retry,
    stop_early,
    sweep_of,
    training_seed,
)

if TYPE_CHECKING:
    from tests.conftest import ARun

QUEUED, TRAINING, TRAINED, EVALUATING, OBSERVED, FAILED, CANCELLED = RunState
Move = Callable[[Run], Run]


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint(step=step, path=f"{step}.a1", sha256="abc")


STOP = EarlyStop(step=15, score=0.5, cost=3.0, why="worse than the others")
MOVES: dict[str, Move] = {
    "claim": lambda run: claim(run, worker="me", nonce="mine", at=1.0),
    "keep_checkpoint": lambda run: keep_checkpoint(run, checkpoint(run.steps + 10), seconds=2.0),
    "fall_back": lambda run: fall_back(run, None),
    "stop_early": lambda run: stop_early(run, STOP),
    "retrain": lambda run: retrain(run, None, "its bytes changed", max_stuck=3),
    "finish_training": lambda run: finish_training(run, seconds=2.0, steps=100, metrics={"loss": 0.5}),
    "observe": lambda run: observe(run, score=3.0, cost=4.0, seconds=2.0, steps=100, metrics={"loss": 0.5}),
    "fail": lambda run: fail(run, Failure(kind="user code", message="boom"), cost=4.0),
    "lose_attempt": lambda run: lose_attempt(run, "killed", max_stuck=3),
    "release": release,
    "cancel": cancel,
    "retry": retry,
}
LEGAL: dict[tuple[RunState, str], RunState] = {
    (QUEUED, "claim"): TRAINING,
    (QUEUED, "cancel"): CANCELLED,
    (TRAINING, "keep_checkpoint"): TRAINING,
    (TRAINING, "fall_back"): TRAINING,
    (TRAINING, "stop_early"): TRAINING,  # only marked: its owner ends it
    (TRAINING, "finish_training"): TRAINED,
    (TRAINING, "observe"): OBSERVED,
    (TRAINING, "fail"): FAILED,
    (TRAINING, "lose_attempt"): QUEUED,
    (TRAINING, "release"): QUEUED,
    (TRAINING, "cancel"): TRAINING,  # only marked: its owner ends it
    (TRAINED, "claim"): EVALUATING,
    (TRAINED, "cancel"): CANCELLED,
    (EVALUATING, "retrain"): QUEUED,
    (EVALUATING, "observe"): OBSERVED,
    (EVALUATING, "fail"): FAILED,
    (EVALUATING, "lose_attempt"): TRAINED,
    (EVALUATING, "release"): TRAINED,
    (EVALUATING, "cancel"): EVALUATING,
    (FAILED, "retry"): QUEUED,
    (CANCELLED, "retry"): QUEUED,
}
EVERY_PAIR = [(state, move) for state in RunState for move in MOVES]


@pytest.mark.parametrize(("state", "move"), [pair for pair in EVERY_PAIR if pair in LEGAL])
def test_a_legal_move_leads_to_its_state_and_to_the_next_version(a_run: ARun, state: RunState, move: str) -> None:
    run = a_run(state)
    if (state, move) == (TRAINING, "finish_training"):
        run = MOVES["keep_checkpoint"](run)

    after = MOVES[move](run)

    assert after.state is LEGAL[state, move]
    assert after.version == run.version + 1
    assert (after.owner is not None) == (after.state in LEASED)


@pytest.mark.parametrize(("state", "move"), [pair for pair in EVERY_PAIR if pair not in LEGAL])
def test_any_other_move_is_illegal_and_says_which_state_is_in_its_way(a_run: ARun, state: RunState, move: str) -> None:
    run = a_run(state)

    with pytest.raises(IllegalMove, match=rf"run s\.r\.1 is {state}"):
        MOVES[move](run)


def test_a_claim_takes_the_next_token_and_only_a_training_is_an_attempt(a_run: ARun) -> None:
    training = claim(a_run(), worker="one", nonce="n1", at=5.0)
    evaluating = claim(a_run(TRAINED, token=training.token), worker="two", nonce="n2", at=6.0)

    assert (training.attempt, training.token, training.started_at) == (1, 1, 5.0)
    assert training.owner is not None
    assert (training.owner.worker, training.owner.token, training.owner.nonce) == ("one", 1, "n1")
    assert (evaluating.attempt, evaluating.token) == (1, 2)


def test_a_run_waits_in_its_own_queue_then_in_the_evaluators_and_then_nowhere(a_run: ARun) -> None:
    assert {state: a_run(state).due_queue for state in RunState if a_run(state).due_queue} == {
        QUEUED: "gpu",
        TRAINED: "eval",
    }


def test_only_the_last_two_checkpoints_are_named(a_run: ARun) -> None:
    run = a_run(TRAINING)
    for step in (10, 20, 30):
        run = keep_checkpoint(run, checkpoint(step), seconds=1.5)

    assert [kept.step for kept in run.checkpoints] == [20, 30]
    assert [kept.train_seconds for kept in run.checkpoints] == [3.0, 4.5]
    assert (run.steps, run.train_seconds) == (30, 4.5)


@pytest.mark.parametrize("step", [5, 10])
def test_a_checkpoint_that_is_not_newer_is_no_progress(a_run: ARun, step: int) -> None:
    run = keep_checkpoint(a_run(TRAINING), checkpoint(10), seconds=1.0)

    with pytest.raises(IllegalMove, match=f"at step 10: one at step {step} is no progress"):
        keep_checkpoint(run, checkpoint(step), seconds=1.0)


def test_falling_back_forgets_what_could_not_be_read(a_run: ARun) -> None:
    run = a_run(TRAINING)
    for step in (10, 20):
        run = keep_checkpoint(run, checkpoint(step), seconds=1.0)

    once, twice = fall_back(run, run.checkpoints[0]), fall_back(run, None)

    assert (once.checkpoints, once.steps, once.train_seconds) == (run.checkpoints[:1], 10, 1.0)
    assert (twice.checkpoints, twice.steps, twice.train_seconds) == ((), 0, 0.0)
    assert event_of_run(once).plain() == {"kind": "fell back", "run": 1, "step": 10}


def test_a_damaged_checkpoint_at_step_0_is_forgotten_too(a_run: ARun) -> None:
    run = keep_checkpoint(a_run(TRAINING), checkpoint(0), seconds=1.0)

    again = keep_checkpoint(fall_back(run, None), checkpoint(0), seconds=1.0)

    assert [kept.step for kept in again.checkpoints] == [0]


def test_an_evaluation_whose_checkpoint_is_damaged_sends_the_run_back_to_training(a_run: ARun) -> None:
    run = a_run(TRAINING)
    for step in (10, 20):
        run = keep_checkpoint(run, checkpoint(step), seconds=1.0)
    run = MOVES["claim"](MOVES["finish_training"](run))

    back = retrain(run, run.checkpoints[0], "its bytes changed", max_stuck=3)

    assert (back.state, back.owner, back.steps, back.train_seconds) == (QUEUED, None, 10, 1.0)
    assert (back.stuck_attempts, back.setback, back.metrics) == (1, "its bytes changed", {})
    assert event_of_run(back).plain() == {"kind": "damaged", "run": 1, "why": "its bytes changed", "step": 10}


def test_training_over_and_over_up_to_a_checkpoint_that_is_damaged_each_time_ends(a_run: ARun) -> None:
    run, rounds = a_run(), 0
    while not run.is_finished:
        run = keep_checkpoint(MOVES["claim"](run), checkpoint(10), seconds=1.0)
        run = retrain(MOVES["claim"](MOVES["finish_training"](run)), None, "its bytes changed", max_stuck=3)
        rounds += 1

    assert (run.state, rounds) == (FAILED, 3)
    assert run.failure is not None
    assert run.failure.message == "3 attempts without progress; the last one: its bytes changed"


def test_only_a_checkpoint_beyond_all_earlier_ones_is_progress(a_run: ARun) -> None:
    run = keep_checkpoint(a_run(TRAINING), checkpoint(10), seconds=1.0)
    run = fall_back(MOVES["claim"](lose_attempt(run, "killed", max_stuck=3)), None)

    same = lose_attempt(keep_checkpoint(run, checkpoint(10), seconds=1.0), "killed", max_stuck=3)
    further = lose_attempt(keep_checkpoint(run, checkpoint(11), seconds=1.0), "killed", max_stuck=3)

    assert (same.stuck_attempts, further.stuck_attempts) == (1, 0)


def test_a_training_without_a_checkpoint_cannot_be_handed_to_the_evaluator(a_run: ARun) -> None:
    with pytest.raises(IllegalMove, match="ended without a checkpoint"):
        finish_training(a_run(TRAINING), seconds=1.0, steps=10, metrics={})


def test_a_run_that_scores_itself_counts_its_seconds_as_training(a_run: ARun) -> None:
    run = keep_checkpoint(a_run(TRAINING), checkpoint(10), seconds=1.5)

    observed = observe(run, score=3.0, cost=4.0, seconds=2.0, steps=25, metrics={"loss": 0.5})

    assert (observed.train_seconds, observed.eval_seconds, observed.steps) == (3.5, 0.0, 25)
    assert (observed.score, observed.cost, observed.metrics) == (3.0, 4.0, {"loss": 0.5})


def test_an_evaluation_counts_its_seconds_apart(a_run: ARun) -> None:
    run = a_run(EVALUATING)

    observed = observe(run, score=3.0, cost=4.0, seconds=2.0, steps=run.steps, metrics={})

    assert (observed.train_seconds, observed.eval_seconds) == (run.train_seconds, 2.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_neither_score_nor_cost_may_be_anything_but_a_finite_number(a_run: ARun, bad: float) -> None:
    for score, cost in ((bad, 1.0), (1.0, bad)):
        with pytest.raises(ValueError, match="both must be finite"):
            observe(a_run(TRAINING), score=score, cost=cost, seconds=1.0, steps=1, metrics={})


def test_metrics_that_are_no_finite_numbers_are_left_out_so_that_the_record_can_be_read_back(a_run: ARun) -> None:
    metrics = {"loss": math.nan, "worst": -math.inf, "reward": 1.0}
    training = keep_checkpoint(a_run(TRAINING), checkpoint(10), seconds=1.0)

    trained = finish_training(training, seconds=1.0, steps=1, metrics=metrics)
    observed = observe(training, score=1.0, cost=1.0, seconds=1.0, steps=1, metrics=metrics)

    for run in (trained, observed):
        assert run.metrics == {"reward": 1.0}
        assert Run.model_validate_json(run.model_dump_json(exclude_defaults=True)) == run


def test_attempts_without_progress_end_a_run_but_those_with_a_new_checkpoint_do_not(a_run: ARun) -> None:
    run = a_run()
    for step in (10, 20, 30, 40):
        run = keep_checkpoint(MOVES["claim"](run), checkpoint(step), seconds=1.0)
        run = lose_attempt(run, "killed", max_stuck=1)

    assert (run.state, run.attempt, run.stuck_attempts, run.setback) == (QUEUED, 4, 0, "killed")


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_run_fails_after_so_many_lost_attempts_in_a_row(a_run: ARun, most: int) -> None:
    run = a_run()
    for _ in range(most):
        assert run.state is QUEUED
        run = lose_attempt(MOVES["claim"](run), "killed by signal 9", max_stuck=most)

    assert run.state is FAILED
    assert run.failure is not None
    assert run.failure.kind == "crash loop"
    assert run.failure.message == f"{most} attempts without progress; the last one: killed by signal 9"


def test_a_lost_evaluation_goes_back_to_the_evaluators_and_fails_alike(a_run: ARun) -> None:
    run = a_run(EVALUATING)

    once = lose_attempt(run, "killed", max_stuck=2)
    twice = lose_attempt(MOVES["claim"](once), "killed", max_stuck=2)

    assert (once.state, once.checkpoint) == (TRAINED, run.checkpoint)
    assert twice.state is FAILED
    assert twice.cost == run.train_seconds + run.eval_seconds


def test_a_released_run_waits_again_without_a_failure(a_run: ARun) -> None:
    run = lose_attempt(a_run(TRAINING), "killed", max_stuck=3)

    released = release(MOVES["claim"](run))

    assert (released.state, released.stuck_attempts, released.failure) == (QUEUED, 1, None)


@pytest.mark.parametrize("move", ["lose_attempt", "release", "fail"])
@pytest.mark.parametrize("state", [TRAINING, EVALUATING])
def test_a_run_whose_cancelling_was_requested_is_cancelled_however_it_ends(
    a_run: ARun, state: RunState, move: str
) -> None:
    marked = cancel(a_run(state))

    assert MOVES[move](marked).state is CANCELLED


def test_a_run_that_was_cancelled_while_it_trained_is_not_evaluated(a_run: ARun) -> None:
    marked = cancel(keep_checkpoint(a_run(TRAINING), checkpoint(10), seconds=1.0))

    assert MOVES["finish_training"](marked).state is CANCELLED


def test_a_score_that_arrives_after_a_cancelling_was_requested_is_kept(a_run: ARun) -> None:
    assert MOVES["observe"](cancel(a_run(EVALUATING))).state is OBSERVED


# ------------------------------------------------------------------------------------------------ stopped early


def saved_and_marked(run: Run, *steps: int) -> Run:
    for step in steps:
        run = keep_checkpoint(run, checkpoint(step), seconds=1.0)
    return stop_early(run, STOP)


def test_a_run_is_marked_once_and_not_after_it_was_cancelled(a_run: ARun) -> None:
    for run in (stop_early(a_run(TRAINING), STOP), cancel(a_run(TRAINING))):
        with pytest.raises(IllegalMove, match="is already marked to end"):
            stop_early(run, STOP)


def test_the_event_of_the_mark_says_at_which_step_and_why(a_run: ARun) -> None:
    assert event_of_run(stop_early(a_run(TRAINING), STOP)).plain() == {
        "kind": "stopped early",
        "run": 1,
        "step": 15,
        "score": 0.5,
        "cost": 3.0,
        "why": "worse than the others",
    }


def test_the_mark_stays_with_the_run_through_lost_workers_and_its_evaluation_to_its_score(a_run: ARun) -> None:
    run = saved_and_marked(a_run(TRAINING), 10)
    for name in ("lose_attempt", "claim", "release", "claim", "finish_training", "claim", "lose_attempt", "claim"):
        run = MOVES[name](run)
        assert run.early_stop == STOP

    assert MOVES["observe"](run).early_stop == STOP


@pytest.mark.parametrize("name", ["lose_attempt", "release", "fail", "finish_training"])
def test_a_marked_run_that_is_cancelled_is_cancelled(a_run: ARun, name: str) -> None:
    ended = MOVES[name](cancel(saved_and_marked(a_run(TRAINING), 10)))

    assert (ended.state, ended.early_stop) == (CANCELLED, None)


def test_a_run_that_fails_after_it_was_marked_has_failed(a_run: ARun) -> None:
    failed = MOVES["fail"](stop_early(a_run(TRAINING), STOP))

    assert (failed.state, failed.early_stop) == (FAILED, None)


def test_a_marked_run_is_in_no_crash_loop_because_it_is_not_trained_again(a_run: ARun) -> None:
    assert lose_attempt(stop_early(a_run(TRAINING), STOP), "killed", max_stuck=1).state is QUEUED


def test_a_mark_holds_as_long_as_there_is_a_checkpoint_to_score(a_run: ARun) -> None:
    run = saved_and_marked(a_run(TRAINING), 10, 20)

    assert fall_back(run, run.checkpoints[0]).early_stop == STOP
    assert fall_back(run, None).early_stop is None


def test_a_marked_run_whose_checkpoints_are_all_damaged_is_trained_again(a_run: ARun) -> None:
    evaluating = MOVES["claim"](MOVES["finish_training"](saved_and_marked(a_run(TRAINING), 10, 20)))

    assert retrain(evaluating, evaluating.checkpoints[0], "its bytes changed", max_stuck=3).early_stop == STOP
    assert retrain(evaluating, None, "its bytes changed", max_stuck=3).early_stop is None


def test_a_training_that_was_done_before_the_mark_reached_it_was_not_stopped(a_run: ARun) -> None:
    marked = stop_early(a_run(TRAINING), STOP)

    assert ended_by_itself(marked) == marked.model_copy(update={"early_stop": None})


def test_an_observation_tells_what_was_trained_instead_and_what_its_curve_says(a_run: ARun) -> None:
    point = EarlierPoint(params={"trainer.x": 0.1}, score=0.5, cost=1.0)
    scored = {"score": 3.0, "cost": 4.0, "seconds": 2.0, "steps": 100, "metrics": {}}

    run = observe(a_run(EVALUATING), **scored, trained={"trainer.x": 0.25}, earlier=(point,))  # type: ignore[arg-type]

    event = event_of_run(run)
    assert event == RunObserved(run=1, score=3.0, cost=4.0, trained={"trainer.x": 0.25}, earlier=(point,))


# ------------------------------------------------------------------------------------------------ tried again


def failed_in_training(run: Run) -> Run:
    run = keep_checkpoint(run, checkpoint(10), seconds=2.0)
    run = fall_back(keep_checkpoint(run, checkpoint(20), seconds=2.0), run.checkpoint)
    return fail(run, Failure(kind="user code", message="boom"), cost=7.0)


def test_a_failed_run_waits_again_at_its_last_checkpoint_and_has_not_failed(a_run: ARun) -> None:
    failed = failed_in_training(a_run(TRAINING)).model_copy(update={"stuck_attempts": 2})

    again = retry(failed)

    assert (again.state, again.due_queue, again.failure, again.cost) == (QUEUED, "gpu", None, None)
    assert (again.checkpoint, again.steps, again.train_seconds) == (failed.checkpoint, 10, 2.0)
    assert (again.stuck_attempts, again.setback) == (0, "boom")
    assert claim(again, worker="w", nonce="n", at=0.0).attempt == failed.attempt + 1, "files are named by it"


@pytest.mark.parametrize("state", [TRAINED, EVALUATING])
def test_what_ended_after_its_training_is_evaluated_again_and_not_trained_twice(a_run: ARun, state: RunState) -> None:
    run = a_run(state)
    ended = cancel(run) if state is TRAINED else fail(run, Failure(kind="bad score", message="none"), cost=1.0)

    again = retry(ended)

    assert (again.state, again.due_queue, again.trained_whole) == (TRAINED, "eval", False)
    assert (again.steps, again.train_seconds, again.metrics) == (run.steps, run.train_seconds, run.metrics)


def test_a_run_that_was_stopped_early_and_failed_in_its_evaluation_is_trained_on(a_run: ARun) -> None:
    failed = fail(a_run(EVALUATING, early_stop=STOP), Failure(kind="bad score", message="none"), cost=1.0)

    assert retry(failed).state is QUEUED


def test_a_run_that_was_cancelled_while_a_worker_held_it_is_not_cancelled_again(a_run: ARun) -> None:
    cancelled = release(cancel(a_run(TRAINING)))

    assert release(claim(retry(cancelled), worker="w", nonce="n", at=0.0)).state is QUEUED


def test_the_log_of_a_retry_tells_what_it_takes_back_of_the_totals(a_run: ARun) -> None:
    for before, taken_back in ((a_run(FAILED), 1.0), (a_run(CANCELLED), 0.0)):
        event = event_of_run(retry(before), before)

        assert isinstance(event, RunRetried)
        assert (event.params, event.state, event.step) == ({"trainer.x": 0.5}, QUEUED, 0)
        assert (event.was, event.cost) == (before.state, taken_back)


# ------------------------------------------------------------------------------------------------ adopted


def test_an_adopted_run_is_trained_has_cost_what_it_cost_and_knows_where_it_comes_from(a_run: ARun) -> None:
    trained = a_run(OBSERVED, sweep="old", number=7, early_stop=STOP)

    run = adopt(
        trained, checkpoint(20), sweep="s", number=2, queue="gpu", metrics={"steps_per_second": 5.0, "bad": math.inf}
    )

    assert (run.id, run.state, run.due_queue, run.origin) == ("s.r.2", TRAINED, "eval", "old.r.7")
    assert (run.params, run.train_seconds, run.steps) == (trained.params, trained.train_seconds, trained.steps)
    assert (run.eval_seconds, run.attempt, run.score, run.metrics) == (0.0, 0, None, {"steps_per_second": 5.0})
    assert run.checkpoints == (checkpoint(20),)
    event = event_of_run(run)
    assert event == RunAdopted(run=2, params=run.params, origin="old.r.7", step=20, early_stop=STOP)


# ------------------------------------------------------------------------------------------------ the log, and ids


def test_the_log_of_a_suggestion_holds_what_a_replay_needs(a_run: ARun) -> None:
    assert event_of_run(a_run()) == RunSuggested(run=1, params={"trainer.x": 0.5}, source="test")


def test_the_event_of_each_end_tells_the_score_the_cost_and_the_kind_of_failure(a_run: ARun) -> None:
    assert event_of_run(a_run(OBSERVED)).plain() == {"kind": "observed", "run": 1, "score": 1.0, "cost": 2.0}
    assert event_of_run(a_run(FAILED)).plain() == {"kind": "failed", "run": 1, "cost": 1.0, "failure": "user code"}
    assert event_of_run(a_run(CANCELLED)).plain() == {"kind": "cancelled", "run": 1}


@pytest.mark.parametrize("text", ["", "s", "s.r.", ".r.1", "s.r.x", "s.r.-1", "s.r.1.5"])
def test_what_is_no_run_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a run id"):
        sweep_of(text)


def test_a_run_id_gives_back_its_sweep_even_if_that_looks_like_one() -> None:
    assert sweep_of("a.r.1.r.22") == ("a.r.1", 22)


def test_each_run_of_a_sweep_trains_with_a_seed_of_its_own() -> None:
    seeds = {training_seed(seed, number) for seed in (0, 1, 2) for number in range(1, 100)}

    assert len(seeds) == 3 * 99
    assert all(0 <= seed < 2**31 for seed in seeds)


@given(st.lists(st.sampled_from(sorted(MOVES)), max_size=40))
def test_whatever_is_tried_the_run_stays_sound(a_run: ARun, tried: list[str]) -> None:
    run = a_run()
    for name in tried:
        try:
            after = MOVES[name](run)
        except IllegalMove:
            continue
        assert run.state not in FINISHED or name == "retry", "an end is final, except for a retry"
        assert after.version == run.version + 1
        assert after.token >= run.token
        assert (after.owner is not None) == (after.state in LEASED)
        assert len(after.checkpoints) <= 2
        if name == "retry":
            assert after.stuck_attempts == 0
        elif name not in ("fall_back", "retrain"):
            assert after.steps >= run.steps
            assert (after.checkpoint.step if after.checkpoint else 0) >= (run.checkpoint.step if run.checkpoint else 0)
        assert (after.score is not None) == (after.state is OBSERVED)
        assert (after.failure is not None) == (after.state is FAILED)
        assert Run.model_validate_json(after.model_dump_json(exclude_defaults=True)) == after
        json.dumps(event_of_run(after, run).plain(), allow_nan=False)
        run = after
