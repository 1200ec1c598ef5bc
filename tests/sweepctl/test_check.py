"""The command `check` where it trains nothing: config, space, fleet, exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.config.settings import WorkerSettings
from shared.execution.source import package_code
from shared.storage.identity import identify
from shared.store.fleet import LiveWorker
from shared.store.store import Store
from tests.sweepctl.conftest import Sweepctl

LOOK = ("check", "quick", "trainer=noop", "sim=none", "--no-run")
TYPO = "{lerning_rate: {distribution: uniform, min: 0, max: 1}}"


def join(store: Store, service: str, *queues: str, data_dir: Path, **changes: Any) -> None:
    usual = {
        "host": "h",
        "pid": 1,
        "slots": 1,
        "version": "1",
        "code": package_code(),
        "storage": identify(data_dir).id,
        "data_dir": str(data_dir),
        "settings": WorkerSettings().timing,
    }
    store.fleet.announce(LiveWorker(id=f"{service}@h:1", service=service, queues=queues, **{**usual, **changes}))


def test_a_config_that_is_well_is_one_line_a_finding_and_exit_code_0_and_writes_nothing(
    sweepctl: Sweepctl, tmp_path: Path
) -> None:
    ended = sweepctl(*LOOK)

    assert ended.returncode == 0
    assert [line.split()[:2] for line in ended.stdout.splitlines()] == [
        ["ok", "config"],
        ["ok", "space"],
        ["ok", "feasible"],
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_exit_code_1_and_a_mistake_in_the_config_is_2_as_elsewhere(sweepctl: Sweepctl) -> None:
    function = ("trainer=function", "trainer.function=m:train", "+trainer.learning_rate=1")
    slip = sweepctl(*LOOK, *function, f"+sweep.parameters.trainer={TYPO}")
    mistake = sweepctl(*LOOK, "budget.max_run=3")

    assert (slip.returncode, mistake.returncode) == (1, 2)
    assert "fail  space      trainer.lerning_rate is searched, but the config has trainer.learning_rate" in slip.stdout
    assert mistake.stderr.startswith("error: command line: budget.max_run: unknown key (did you mean max_runs?)")
    assert mistake.stdout == ""


def test_a_module_that_is_not_here_fails_without_a_run_too(sweepctl: Sweepctl) -> None:
    missing = sweepctl(*LOOK, "trainer=function", "trainer.function=clff:train")

    assert missing.returncode == 1
    assert "fail  training   module clff of clff:train cannot be imported here; install it" in missing.stdout


def test_it_is_said_which_metric_is_meant_where_none_is_named(sweepctl: Sweepctl) -> None:
    assert "maximize reward; no metric is named" in sweepctl(*LOOK, "~sweep.metric").stdout
    assert "no metric is named" not in sweepctl(*LOOK).stdout


def test_with_json_the_findings_alone_are_printed(sweepctl: Sweepctl) -> None:
    found = json.loads(sweepctl(*LOOK, "--json").stdout)

    assert [sorted(finding) for finding in found] == [["text", "topic", "verdict"]] * 3


def test_with_a_store_its_workers_are_looked_at(sweepctl: Sweepctl, store: Store, tmp_path: Path) -> None:
    nobody = sweepctl(*LOOK, REDIS_URL=store.url)
    join(store, "suggester", "suggest", "results", data_dir=tmp_path)
    join(store, "trainer", "gpu", data_dir=tmp_path)
    all_of_them = sweepctl(*LOOK, "--redis", store.url, "--data-dir", str(tmp_path))

    assert nobody.returncode == 1
    assert "fail  workers    no suggester is running for this sweep: start one with `celery -A" in nobody.stdout
    assert all_of_them.returncode == 0, all_of_them.stdout
    assert f"ok    storage    all workers write to the file system of {tmp_path}" in all_of_them.stdout
    assert store.sweeps.names() == []


def test_a_store_that_does_not_answer_is_a_finding(sweepctl: Sweepctl) -> None:
    ended = sweepctl(*LOOK, "--redis", "redis://127.0.0.1:1/0")

    assert ended.returncode == 1
    assert "fail  store      Redis at redis://127.0.0.1:1/0: no answer" in ended.stdout
