"""sweepctl report, from the store to the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.domain.run import RunState
from shared.store.store import Store
from sweepctl.report.collect import MOST_CURVES, runs_with_curves
from tests.finished_sweeps import a_sweep_of, some_runs
from tests.sweepctl.conftest import Sweepctl

if TYPE_CHECKING:
    from tests.conftest import ARun


@pytest.fixture
def url(store: Store) -> str:
    """Return the URL of a store with a sweep of 30 runs."""
    sweep = store.sweeps.create(a_sweep_of(30))
    store.sweeps.commit(sweep, sweep.move("", created=30), some_runs(sweep, 30))
    return store.url


@pytest.mark.slow
def test_a_report_is_written_where_it_is_wanted_and_changes_nothing(
    sweepctl: Sweepctl, store: Store, url: str, tmp_path: Path
) -> None:
    keys = store.client.dbsize()

    named = sweepctl("report", "s", "-o", "deep/report.html", REDIS_URL=url)
    usual = sweepctl("report", REDIS_URL=url)

    assert (named.returncode, usual.returncode) == (0, 0)
    assert named.stdout.startswith("deep/report.html (")
    assert usual.stdout.startswith("s.html (")
    assert "Sobol" in (tmp_path / "s.html").read_text()
    assert store.client.dbsize() == keys


@pytest.mark.slow
def test_with_json_the_numbers_are_printed_and_no_page_is_written(sweepctl: Sweepctl, url: str, tmp_path: Path) -> None:
    ended = sweepctl("report", "--json", REDIS_URL=url)

    reported = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (reported["sweep"], len(reported["history"]), reported["importance"]["runs"]) == ("s", 28, 28)
    assert set(reported["importance"]["indices"]) > {"trainer.gamma"}
    assert sorted(run for group in reported["failures"] for run in group["runs"]) == ["s.r.11", "s.r.22"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_report_is_made_without_the_importance_if_that_cannot_be_computed(
    sweepctl: Sweepctl, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")

    assert sweepctl("report", REDIS_URL=url).returncode == 0
    assert "Not computed: the process for it failed: it gave no reason." in (tmp_path / "s.html").read_text()


def test_a_place_that_cannot_be_written_is_one_line(sweepctl: Sweepctl, store: Store) -> None:
    store.sweeps.create(a_sweep_of(0))

    ended = sweepctl("report", "-o", "/dev/null/report.html", REDIS_URL=store.url)

    assert ended.returncode == 2
    assert ended.stderr == "error: /dev/null/report.html: File exists; choose another --output\n"


def test_the_curves_are_those_of_the_best_of_those_in_progress_and_of_some_others(a_run: ARun) -> None:
    runs = [a_run(RunState.OBSERVED, number=number) for number in range(1, 400)]
    runs += [a_run(RunState.TRAINING, number=400), a_run(RunState.QUEUED, number=401)]

    chosen = runs_with_curves(runs, [])

    assert len(chosen) == MOST_CURVES
    assert 400 in chosen
    assert 401 not in chosen
