"""What people see: the live view, the results, the lists, at the width of an old terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console, RenderableType

from shared.config.compose import compose
from shared.config.frozen import to_plain
from shared.control.news import FinishedRun, LostAttempt
from shared.control.results import ranked
from shared.control.snapshot import Snapshot, describe
from shared.control.why import Why
from shared.control.workers import RunningWorkers
from shared.domain.audit import Attempt, Audit
from shared.domain.configuration import Configuration
from shared.domain.forecast import Forecast
from shared.domain.progress import Progress
from shared.domain.run import EarlyStop, Failure, Run, RunState, claim, retry
from shared.domain.sweep import Sweep, SweepState
from sweepctl.views.audit import audit_view
from sweepctl.views.live import render
from sweepctl.views.results import summary
from sweepctl.views.run import details_view
from sweepctl.views.runs import runs_lines, runs_table
from sweepctl.views.session import ending, news_line, outcome, run_line
from sweepctl.views.why import why_view
from sweepctl.views.workers import workers_table

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep

WIDTH = 80
NEXT = ["sweepctl report s"]


def shown(view: RenderableType) -> str:
    console = Console(width=WIDTH, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(view)
    text = capture.get()
    assert max(len(line) for line in text.splitlines()) <= WIDTH
    return text


def a_scored(a_run: ARun, number: int, score: float, cost: float, *, rate: float | None = None) -> Run:
    """A run of a configuration of its own, unless `rate` says which."""
    params = {"trainer.optimizer.learning_rate": 0.0005 * (number if rate is None else rate)}
    return a_run(RunState.OBSERVED, number=number, score=score, cost=cost, params=params)


@pytest.fixture(scope="module")
def sweep(a_sweep: ASweep) -> Sweep:
    config = to_plain(compose("quick", ["sweep_run=s"]).job)
    return a_sweep(config=config, limits={"max_runs": 12}, created=3, created_at=1000.0)


def a_snapshot(
    sweep: Sweep, runs: list[Run], *, best: Run | None = None, now: float = 1060.0, forecast: Forecast | None = None
) -> Snapshot:
    counts = {state: sum(run.state is state for run in runs) for state in RunState}
    counts[RunState.OBSERVED] = counts[RunState.OBSERVED] or (1 if best else 0)
    progress = {1: Progress(step=120_000, total_steps=250_000, metrics={"reward": 164.8}, curve=((1, 9.0), (2, 90.0)))}
    unfinished = [run for run in runs if not run.is_finished]
    if best and sweep.leader is None and best.score is not None:
        leader = Configuration(runs=(best.number,), score=best.score, cost=best.cost or 0.0)
        sweep = sweep.model_copy(update={"leader": leader})
    return Snapshot(
        sweep=sweep,
        counts=counts,
        unfinished=unfinished,
        progress=progress,
        best=best,
        workers=[],
        forecast=forecast,
        now=now,
        is_private=False,
    )


def test_a_run_in_training_is_shown_with_its_steps_its_reward_and_its_curve(sweep: Sweep, a_run: ARun) -> None:
    text = shown(render(a_snapshot(sweep, [a_run(RunState.TRAINING)])))

    row = next(line for line in text.splitlines() if "r.1" in line)
    for part in ("training", "120k/250k", "164.8", "▁█"):
        assert part in row


def test_the_curve_bears_the_name_of_the_sweeps_metric(sweep: Sweep, a_run: ARun) -> None:
    named = sweep.model_copy(update={"config": {**sweep.config, "sweep": {**sweep.config["sweep"], "metric": "loss"}}})
    run = a_run(RunState.TRAINING)
    shot = a_snapshot(named, [run])
    more: dict[str, Any] = {"metric": "loss", "standing": None, "moves": [], "folder": "f", "log": []}

    for text in (shown(render(shot)), shown(details_view({**describe(run, named, shot.progress[1]), **more}))):
        assert "loss" in text
        assert "reward" not in text


AHEAD = Forecast(
    limit="max_cost",
    runs_left=11,
    seconds_left=660.0,
    cost_at_end=612.0,
    run_seconds=120.0,
    run_cost=50.0,
    of_runs=5,
    slots=2,
)


def test_the_forecast_is_shown_with_what_it_goes_by(sweep: Sweep) -> None:
    limits = sweep.limits.model_copy(update={"max_cost": 600.0})
    budgeted = sweep.model_copy(update={"limits": limits, "spent": 62.0})

    text = " ".join(shown(render(a_snapshot(budgeted, [], forecast=AHEAD))).replace("│", "").split())

    assert "cost 1 min 02 s of 10 min 00 s, about 10 min 12 s at the end" in text
    assert "forecast: 11 more runs (max_cost) on 2 slots, each like the last 5 runs (2 min 00 s)" in text


def test_a_cost_that_is_no_time_is_shown_beside_it(sweep: Sweep) -> None:
    by_steps = sweep.model_copy(update={"config": {**sweep.config, "cost": "steps"}})
    ahead = replace(AHEAD, runs_left=1, slots=1)

    text = " ".join(shown(render(a_snapshot(by_steps, [], forecast=ahead))).replace("│", "").split())

    assert "1 more run (max_cost) on 1 slot, each like the last 5 runs (2 min 00 s, cost 50)" in text


def test_where_no_end_can_be_foreseen_none_is_shown(sweep: Sweep) -> None:
    ahead = replace(AHEAD, limit=None, runs_left=None, seconds_left=None, cost_at_end=None)

    text = shown(render(a_snapshot(sweep, [], forecast=ahead)))

    assert "no forecast: the budget sets no limit" in " ".join(text.split())
    assert "left" not in text


def test_the_best_so_far_is_shown_with_its_parameters_and_the_time_left(sweep: Sweep, a_run: ARun) -> None:
    best = a_run(RunState.OBSERVED, score=480.0, cost=12.5, params={"trainer.optimizer.learning_rate": 0.0005})

    text = shown(render(a_snapshot(sweep, [], best=best, forecast=AHEAD)))

    assert "best so far 480 by r.1, cost 12 s" in text
    assert "learning_rate=0.0005" in text
    assert "1 of 12 runs" in text
    assert "about 11 min 00 s left" in text


def test_the_best_so_far_of_several_runs_is_shown_with_their_mean_and_what_it_is_worth(
    sweep: Sweep, a_run: ARun
) -> None:
    leader = Configuration(runs=(7, 3, 4), score=455.0, cost=12.5, low=430.25, high=470.0)
    best = a_run(RunState.OBSERVED, number=7, score=480.0, params={"trainer.optimizer.learning_rate": 0.0005})

    text = shown(render(a_snapshot(sweep.model_copy(update={"leader": leader}), [], best=best)))

    assert "best so far 455 (95 %: 430.2 to 470) by r.7 and 2 more, cost 12 s" in text


def test_a_paused_sweep_says_why_and_a_finished_one_how_long_it_took(sweep: Sweep) -> None:
    paused = sweep.model_copy(update={"state": SweepState.PAUSED, "reason": "3 runs failed in a row"})
    finished = sweep.model_copy(update={"state": SweepState.FINISHED})

    assert "3 runs failed in a row; to continue, run `sweepctl resume s`" in shown(render(a_snapshot(paused, [])))
    assert "took 1 min 00 s" in shown(render(a_snapshot(finished, [])))


def test_runs_without_a_score_are_counted_and_of_failed_ones_the_remedy_is_named(sweep: Sweep, a_run: ARun) -> None:
    over = sweep.model_copy(update={"state": SweepState.FINISHED, "reason": "all 4 runs done"})
    scored, failed = a_run(RunState.OBSERVED), a_run(RunState.FAILED)
    cancelled = a_run(RunState.CANCELLED)

    def reported(*runs: Run) -> tuple[str, str]:
        shot = a_snapshot(over, list(runs))
        return " ".join(shown(render(shot)).replace("│", " ").split()), str(ending(shot))

    remedy = "1 scored, 1 failed, 1 cancelled: `sweepctl runs s --state failed`, `sweepctl retry s --failed`"
    status, end = reported(scored, failed, cancelled)
    assert remedy in status
    assert end == f"sweep s is finished: all 4 runs done; {remedy}"
    assert "1 scored, 2 cancelled" in reported(scored, cancelled, cancelled)[0]
    status, end = reported(scored, scored)
    assert "scored" not in status
    assert end == "sweep s is finished: all 4 runs done"


def test_the_result_names_the_best_runs_the_front_and_the_folder(sweep: Sweep, a_run: ARun) -> None:
    outcomes = ((9.0, 30.0), (5.0, 10.0), (4.0, 20.0))
    runs = [a_scored(a_run, number, score, cost) for number, (score, cost) in enumerate(outcomes, start=1)]

    text = shown(summary(sweep, ranked(runs, sweep), NEXT))

    assert "Best runs of s (3 with a score)" in text
    assert "learning_rate" in text
    assert "95 %" not in text
    assert text.count("●") >= 2
    assert "train_dir/sweep/s" in text
    assert [line.strip() for line in text.splitlines()[-2:]] == ["next      sweepctl report s", "sweepctl show s.r.1"]


def test_with_repeated_runs_and_known_noise_the_result_is_one_of_configurations(sweep: Sweep, a_run: ARun) -> None:
    known = sweep.model_copy(update={"memory": {"noise": [2.0, 40.0]}})
    runs = [a_scored(a_run, number, score, 2.0, rate=rate) for number, rate, score in ((1, 1, 9), (2, 2, 8), (3, 1, 7))]

    text = shown(summary(known, ranked(runs, known), NEXT))

    assert "Best configurations of s (2 with a score)" in text
    rows = [line.split() for line in text.splitlines() if line.startswith("s.r.")]
    assert [(row[0], row[1], row[5]) for row in rows] == [("s.r.1", "8", "2"), ("s.r.2", "8", "1")]
    assert [row[3] for row in rows] == ["to", "to"]


@pytest.mark.parametrize("memory", [{}, {"noise": [2.0, 40.0]}])
def test_many_parameters_become_rows(sweep: Sweep, a_run: ARun, memory: dict[str, Any]) -> None:
    many = {f"trainer.p{number}": number / 7 for number in range(11)}
    known = sweep.model_copy(update={"memory": memory})
    runs = [
        a_run(RunState.OBSERVED, number=n, score=-20.25 * n, cost=1.0, params={**many, "trainer.p0": n})
        for n in range(101, 106)
    ]

    text = shown(summary(known, ranked(runs, known), NEXT))

    assert all(any(line.startswith(f"p{number} ") for line in text.splitlines()) for number in range(11))
    assert any(line.startswith("95 % ") for line in text.splitlines()) == bool(memory)


@pytest.mark.parametrize("more", [0, 4])
def test_where_a_parameter_is_inactive_a_dash_stands(sweep: Sweep, a_run: ARun, more: int) -> None:
    both = {f"trainer.p{number}": 1.0 for number in range(more)}
    swept = [{**both, "trainer.beta1": 0.875}, {**both, "trainer.momentum": 0.125}]
    runs = [a_run(RunState.OBSERVED, number=n, score=float(-n), cost=1.0, params=p) for n, p in enumerate(swept)]

    for text in (shown(summary(sweep, ranked(runs, sweep), NEXT)), shown(runs_table(runs, sweep))):
        rows = [line.split() for line in text.splitlines() if "0.875" in line or "0.125" in line]
        assert len(rows) == 2
        assert all("-" in row for row in rows)


def test_runs_that_score_the_same_are_said_to_do_so_instead_of_drawn(sweep: Sweep, a_run: ARun) -> None:
    runs = [a_scored(a_run, number, 500.0, float(number)) for number in (1, 2)]

    assert "All 2 scores are 500: the cheapest run is the best." in shown(summary(sweep, ranked(runs, sweep), NEXT))


def test_a_failed_run_is_listed_with_its_reason(sweep: Sweep, a_run: ARun) -> None:
    text = shown(runs_table([a_run(RunState.FAILED)], sweep))

    assert "failed" in text


def test_a_run_that_is_tried_again_does_not_bear_its_old_failure(sweep: Sweep, a_run: ARun) -> None:
    again = retry(a_run(RunState.FAILED))
    lost = a_run(setback="its worker died")

    for text in (shown(runs_table([again, lost], sweep)), shown(render(a_snapshot(sweep, [again, lost])))):
        assert "queued again" in text
        assert "its worker died" in text
        assert "boom" not in text
    assert "boom" not in shown(runs_table([claim(again, worker="w", nonce="n", at=0.0)], sweep))


STOP = EarlyStop(step=9, score=0.5, cost=1.0, of_steps=90, why="worse than the others")


def test_a_run_that_is_stopped_early_is_shown_as_such_while_it_ends_and_afterwards(sweep: Sweep, a_run: ARun) -> None:
    ending = a_run(RunState.TRAINING, early_stop=STOP)
    over = a_run(RunState.OBSERVED, early_stop=STOP, trained={"trainer.x": 0.25})

    assert "stopped early" in shown(render(a_snapshot(sweep, [ending])))
    assert "stopped early at step 20 of 90" in " ".join(shown(runs_table([over], sweep)).split())
    details = {**describe(over, sweep), "standing": None, "moves": [], "folder": "f", "log": []}
    assert "stopped early at step 20 of 90: worse than the others" in shown(details_view(details))
    assert "trained  0.25" in shown(details_view(details))
    assert "score 1, stopped early at step 20 of 90" in shown(why_view(Why(over, (), 0, {})))


def test_a_line_of_a_log_says_that_a_run_was_stopped_early(a_run: ARun) -> None:
    line = run_line(a_run(RunState.OBSERVED, early_stop=STOP), 3, 12)

    assert line == "[3/12] s.r.1 observed  score 1  cost 2  stopped early at step 20 of 90  x=0.5"


def test_each_thing_that_happens_is_one_line_however_long_its_reason_is(a_run: ARun) -> None:
    failed = a_run(RunState.FAILED, failure=Failure(kind="user code", message="ValueError:\nno such file"))

    assert news_line(FinishedRun(failed, 2), None) == "[2] s.r.1 failed  ValueError: no such file  x=0.5"
    assert news_line(LostAttempt("s.r.1", "its worker\ndied"), 9) == "run s.r.1 lost an attempt: its worker died"


def test_what_came_of_a_rollout_is_said_with_few_digits(a_run: ARun) -> None:
    scored = a_run(RunState.OBSERVED, score=0.123456789, cost=4.659437862999766)

    assert outcome(scored) == "score 0.1235, cost 4.659"
    assert outcome(a_run(RunState.FAILED)) == "boom"


def test_no_worker_is_said_with_the_command_that_starts_one() -> None:
    elsewhere, private = RunningWorkers((), (), False), RunningWorkers((), (), True)

    assert "start one with `celery -A services.trainer worker -Q gpu`" in shown(workers_table(elsewhere))
    assert "no worker is running: start one with `sweepctl up`" in shown(workers_table(private))


def test_an_audit_shows_the_sums_the_lost_work_and_each_broken_rule() -> None:
    lost = Attempt(run=2, phase="training", worker="trainer@vm:7", from_step=0, ended="lost", lost_seconds=4.4)
    sound = Audit(attempts=[lost], counts={"suggested": 3, "observed": 2, "failed": 1, "cancelled": 0})

    assert "3 suggested = 2 observed + 1 failed + 0 cancelled + 0 unfinished" in shown(audit_view(sound))
    assert "1 attempt; 4.4 s of work was lost" in shown(audit_view(sound))
    assert "records agree" in shown(audit_view(sound))
    sound.problems.append("run 2: gone")
    assert "run 2: gone" in shown(audit_view(sound))
    assert "records agree" not in shown(audit_view(sound))
    sound.problems.clear()
    sound.notes.append("its log was dropped")
    assert "its log was dropped" in shown(audit_view(sound))
    assert "records agree" not in shown(audit_view(sound))


def test_of_many_runs_the_older_ones_are_counted_and_no_line_is_cut(sweep: Sweep, a_run: ARun) -> None:
    swept = {f"trainer.p{number}": 0.123456 for number in range(20)}
    runs = [a_run(RunState.FAILED, number=number, params=swept) for number in (9, 10)]

    assert "7 older runs: `sweepctl runs s --all`" in shown(runs_table(runs, sweep, older=7))
    title, *rows = runs_lines(runs)
    assert title.split()[:5] == ["run", "state", "attempt", "score", "cost"]
    assert [row.split()[:2] for row in rows] == [["s.r.9", "failed"], ["s.r.10", "failed"]]
    assert all(row.endswith("boom") and row.count("0.1235") == 20 for row in rows)
