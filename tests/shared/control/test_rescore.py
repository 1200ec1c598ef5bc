"""A sweep that is scored again: it has the trained runs of the old sweep, and nothing is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.config.schema import SweepJob
from shared.control.audit import audit_sweep
from shared.control.rescore import rescore, rescoring_job
from shared.control.restore import restore
from shared.domain.errors import ConfigError, Conflict, NotFound
from shared.domain.sweep import Sweep
from shared.storage.checkpoints import open_checkpoint
from shared.store.store import Store
from tests.shared.control.scenarios import Advance, carry_out, checkpoint_of, configs, folder_of, old

__all__ = ["configs", "old"]


def the_job(old: Sweep, *overrides: str, configs: Path, name: str | None = None) -> SweepJob:
    return rescoring_job(old, overrides, sim="hard", name=name, config_dir=configs)


def test_what_was_trained_waits_for_the_evaluators_with_its_checkpoint_and_what_its_training_took(
    store: Store, old: Sweep, configs: Path, tmp_path: Path, advance: Advance
) -> None:
    done = rescore(store, old, the_job(old, configs=configs))

    runs = store.runs.all("s-hard")
    assert [run.origin for run in runs] == ["s.r.1", "s.r.4"]
    assert [run.params for run in runs] == [store.runs.get(run.origin or "").params for run in runs]
    assert {(run.state, run.train_seconds, run.eval_seconds, run.steps) for run in runs} == {("trained", 6.0, 0.0, 9)}
    assert [run.metrics for run in runs] == [{"flops": 3.0}] * 2, "those of the earlier evaluation mean nothing here"
    assert [due.id for due in store.runs.due("eval")] == ["s-hard.r.1", "s-hard.r.2"]
    for run in runs:
        assert run.checkpoint is not None
        saved = open_checkpoint(folder_of(tmp_path, run.id), run.checkpoint).read_text()
        assert saved == f"weights of {(run.origin or '').rpartition('.')[2]}"
    assert store.runs.progress("s-hard", [2])[2].curve == ((9, 1.0),)
    (second, why_not), (third, damaged) = done.left_out
    assert (second, why_not, third) == ("s.r.2", "it is failed", "s.r.3")
    assert "state is missing or was changed" in damaged
    advance("s-hard")
    assert store.sweeps.get("s-hard").created == 2, "nothing is suggested, and so nothing is trained"
    assert audit_sweep(store, "s-hard").problems == []


def test_it_comes_back_by_a_restore_at_any_time(
    store: Store, old: Sweep, configs: Path, tmp_path: Path, advance: Advance
) -> None:
    rescore(store, old, the_job(old, configs=configs))
    store.client.flushall()

    back = restore(store, tmp_path / "sweep" / "s-hard")

    runs = store.runs.all("s-hard")
    assert (back.runs, back.sweep.origin) == (2, "s")
    assert [(run.state, run.origin) for run in runs] == [("trained", "s.r.1"), ("trained", "s.r.4")]
    carry_out(store, tmp_path, runs[0])
    advance("s-hard")
    assert audit_sweep(store, "s-hard").problems == []


def test_the_old_sweep_is_not_touched(store: Store, old: Sweep, configs: Path, tmp_path: Path) -> None:
    before = store.runs.all("s"), len(store.sweeps.events("s")), store.sweeps.get("s")

    rescore(store, old, the_job(old, configs=configs))

    assert (store.runs.all("s"), len(store.sweeps.events("s")), store.sweeps.get("s")) == before
    assert open_checkpoint(folder_of(tmp_path, "s.r.4"), checkpoint_of(store, "s.r.4")).read_text() == "weights of 4"


def test_the_same_call_again_continues_and_another_sweep_of_that_name_is_a_conflict(
    store: Store, old: Sweep, configs: Path
) -> None:
    first = rescore(store, old, the_job(old, configs=configs))

    again = rescore(store, old, the_job(old, configs=configs))

    assert (first.existed, again.existed) == (False, True)
    assert len(store.runs.all("s-hard")) == 2
    with pytest.raises(Conflict, match=r"s-hard exists with another config \(sim.num_episodes: 3 -> 4\)"):
        rescore(store, old, the_job(old, "sim.num_episodes=4", configs=configs))
    with pytest.raises(Conflict, match="sweep s exists, and does not rescore s: choose another name with --as"):
        rescore(store, old, the_job(old, configs=configs, name="s"))


def test_a_call_that_was_cut_short_leaves_nothing_that_misleads_the_next(
    store: Store, old: Sweep, configs: Path, tmp_path: Path
) -> None:
    def die(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rescore(store, old, the_job(old, configs=configs), on_step=die)
    open_checkpoint(folder_of(tmp_path, "s.r.1"), checkpoint_of(store, "s.r.1")).unlink()

    rescore(store, old, the_job(old, configs=configs))

    (run,) = store.runs.all("s-hard")
    assert run.checkpoint is not None
    assert (run.id, run.origin) == ("s-hard.r.1", "s.r.4")
    assert open_checkpoint(folder_of(tmp_path, run.id), run.checkpoint).read_text() == "weights of 4"


def test_where_no_checkpoint_is_left_there_is_nothing_to_score(
    store: Store, old: Sweep, configs: Path, tmp_path: Path
) -> None:
    for number in (1, 4):
        open_checkpoint(folder_of(tmp_path, f"s.r.{number}"), checkpoint_of(store, f"s.r.{number}")).unlink()

    with pytest.raises(NotFound, match=r"no checkpoint of sweep s can be read; s\.r\.4: checkpoint .* is missing"):
        rescore(store, old, the_job(old, configs=configs))

    assert store.sweeps.names() == ["s"]


@pytest.mark.parametrize(
    ("sim", "overrides", "problem"),
    [
        (None, [], "sweep s was scored in this way already; choose another suite with --sim, or set sim.KEY=..."),
        ("hard", ["trainer.total_timesteps=5"], "trainer.total_timesteps: 250000 -> 5, but rescore trains nothing"),
        ("hard", ["budget.max_runs=5"], "budget.max_runs: 4 -> 5, but rescore trains nothing; change keys of sim only"),
        ("hard", ["sweep.metric=loss"], "the suite hard does not measure loss, the metric of sweep s"),
        ("hard", ["sweep=full"], "command line: sweep=full: the config of sweep s is used; remove it"),
        ("none", [], "sim has no simulations"),
        ("soft", [], "sim=soft: no such config; expected one of hard, none, sweep_eval"),
        (None, ["sim.num_episode=3"], "command line: sim.num_episode: unknown key (did you mean num_episodes?)"),
    ],
)
def test_what_is_no_other_suite_is_refused(
    old: Sweep, configs: Path, sim: str | None, overrides: list[str], problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        rescoring_job(old, overrides, sim=sim, config_dir=configs)

    assert problem in str(caught.value)


def test_a_simulation_may_be_the_metric(old: Sweep, configs: Path) -> None:
    assert the_job(old, "sweep.metric=long/reward", configs=configs).sweep.metric == "long/reward"
