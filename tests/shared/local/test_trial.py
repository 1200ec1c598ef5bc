"""When a trial kills, when it has seen enough, and what it makes of that; the page of errors has the sentences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.control.findings import Finding
from shared.domain.progress import Progress
from shared.domain.run import Checkpoint, Failure, Run, RunState
from shared.execution.permission import NO_GPU
from shared.local.trial import Seen, is_enough, judge, may_be_killed

if TYPE_CHECKING:
    from tests.conftest import AJob, ARun

PAGE = Path(__file__).parents[3] / "docs/reference/errors.md"
SECTION = PAGE.read_text().partition("## A dry run\n")[2].partition("\n## ")[0]
ROWS = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in SECTION.splitlines() if row.startswith("| ")]
SAID = [row for row in ROWS if row[1] in ("fail", "warn")]
AT_20 = Checkpoint(step=20, path="20.a1", sha256="")


def training(a_run: ARun, **changes: Any) -> Run:
    return a_run(RunState.TRAINING, **{"checkpoints": (AT_20,), **changes})


def verdicts(job_of: AJob, seen: Seen, *overrides: str) -> dict[str, Finding]:
    return {finding.topic: finding for finding in judge(job_of(*overrides), seen)}


@pytest.mark.parametrize(
    ("began", "attempt", "kills"),
    [
        (1, 1, True),
        (20, 1, False),  # one that does not resume would begin at 20 as well, as one that does may
        (None, 1, False),  # nothing reported yet
        (1, 0, False),  # the progress is not that of this attempt
    ],
)
def test_a_training_is_killed_when_beginning_again_would_show(
    a_run: ARun, began: int | None, attempt: int, kills: bool
) -> None:
    assert may_be_killed(training(a_run), Progress(attempt=attempt, began=began, step=20)) is kills


def test_nothing_is_killed_before_a_checkpoint_is_committed_nor_in_an_evaluation(a_run: ARun) -> None:
    reported = Progress(attempt=1, began=1, step=20)

    assert not may_be_killed(training(a_run, checkpoints=()), reported)
    assert not may_be_killed(a_run(RunState.EVALUATING), reported)


def test_a_trial_continues_until_metric_and_resume_are_known_and_to_the_score_where_one_is_evaluated(
    a_job: AJob, a_run: ARun
) -> None:
    resumed = Seen(training(a_run), {"reward": 1.0}, killed=True, given=20, began=30)

    assert is_enough(a_job(), resumed)
    assert not is_enough(a_job("sim=sweep_eval"), resumed)
    assert not is_enough(a_job(), Seen(training(a_run), {"loss": 1.0}, killed=True, given=20, began=30))
    assert not is_enough(a_job(), Seen(training(a_run), {"reward": 1.0}))


def test_a_trial_is_over_when_the_training_begins_again(a_job: AJob, a_run: ARun) -> None:
    assert is_enough(a_job("sim=sweep_eval"), Seen(training(a_run), {}, killed=True, given=20, began=10))


def test_a_training_that_is_scored_and_resumes_is_well(a_job: AJob, a_run: ARun) -> None:
    seen = Seen(a_run(RunState.OBSERVED), {"reward": 1.0}, killed=True, given=20, began=20, seconds=3.0)

    assert {topic: finding.verdict for topic, finding in verdicts(a_job, seen).items()} == {
        "training": "ok",
        "metric": "ok",
        "resume": "ok",
    }


def test_a_training_that_is_longer_than_the_time_is_no_failure_if_the_metric_appeared(a_job: AJob, a_run: ARun) -> None:
    seen = Seen(training(a_run), {"reward": 1.0}, step=30, killed=True, given=20, began=30, seconds=120, cut=True)

    found = verdicts(a_job, seen)

    assert {finding.verdict for finding in found.values()} == {"ok"}
    assert found["training"].text == "cancelled at step 30 after 120 s"


def test_an_evaluation_that_was_not_reached_is_a_warning(a_job: AJob, a_run: ARun) -> None:
    seen = Seen(training(a_run), {"reward": 1.0}, killed=True, given=20, began=30, seconds=120, cut=True)

    assert verdicts(a_job, seen, "sim=sweep_eval")["metric"].verdict == "warn"


def cases(a_run: ARun) -> dict[str, tuple[Seen, tuple[str, ...]]]:
    """Return what is seen of each case of the page, and the overrides of its job."""
    failed = training(a_run, state=RunState.FAILED)
    reported = {"reward": 1.0}
    by_user = failed.model_copy(update={"failure": Failure(kind="user code", message="ValueError: no such file")})
    unscored = failed.model_copy(update={"failure": Failure(kind="bad score", message="metric never reported")})
    return {
        "raises": (Seen(by_user), ()),
        "raises after the kill": (Seen(by_user, reported, killed=True), ()),
        "cannot run on this machine": (Seen(a_run(), refusal=NO_GPU), ()),
        "ends without the metric": (Seen(unscored, {"rewards": 1.0}), ()),
        "does not report the metric in time": (Seen(training(a_run), {}, seconds=120, cut=True), ()),
        "does not report the metric of `cost`": (
            Seen(training(a_run), reported, seconds=120, cut=True),
            ("cost=joules",),
        ),
        "restarts from the beginning after the kill": (
            Seen(training(a_run), reported, killed=True, given=20, began=10),
            (),
        ),
        "saves no checkpoint": (Seen(training(a_run, checkpoints=()), reported, seconds=120, cut=True), ()),
        "is a command that saves no checkpoint": (
            Seen(training(a_run, checkpoints=()), reported, seconds=120, cut=True),
            ("trainer=command", "trainer.command=./train.sh"),
        ),
        "ends at once": (Seen(a_run(RunState.OBSERVED), reported), ()),
        "saves one checkpoint, at its first report": (Seen(training(a_run), reported, seconds=120, cut=True), ()),
        "reports nothing after the kill": (Seen(training(a_run), reported, killed=True, seconds=120, cut=True), ()),
        "takes longer than that, before its evaluation": (
            Seen(training(a_run), {}, seconds=120, cut=True),
            ("sim=sweep_eval",),
        ),
    }


@pytest.mark.parametrize(("case", "verdict", "topic", "text"), SAID)
def test_what_is_said_is_what_the_page_has(
    a_job: AJob, a_run: ARun, case: str, verdict: str, topic: str, text: str
) -> None:
    seen, overrides = cases(a_run)[case]

    found = verdicts(a_job, seen, *overrides)[topic]

    assert (found.verdict, found.text) == (verdict, text)


def test_the_page_has_all_cases(a_run: ARun) -> None:
    assert {row[0] for row in SAID} == set(cases(a_run))
