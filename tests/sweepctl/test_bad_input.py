"""Each sentence of the page of errors, as a person meets it: the whole line, the exit code, and nothing written."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from shared.config.files import installed_dir
from shared.control.submit import submit
from shared.storage.folders import RunFolder
from shared.store.store import Store
from tests.conftest import AJob, ARun
from tests.sweepctl.conftest import Sweepctl

KIND = "type: {distribution: categorical, values: [adam, sgd]}"
MOMENTUM = "momentum: {distribution: uniform, min: 0, max: 1, when: {trainer.optimizer.type: sgd}}"
PAGE = Path(__file__).parents[2] / "docs/reference/errors.md"


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading of the page."""
    section = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.fixture
def url(store: Store, a_job: AJob, tmp_path: Path) -> str:
    """Return the URL of a store with a sweep `mine` in it, and with `optimizers`, which has a conditional parameter."""
    submit(store, a_job("sweep_run=mine"))
    submit(store, a_job("sweep_run=optimizers", f"+sweep.parameters.trainer.optimizer={{{KIND}, {MOMENTUM}}}"))
    return store.url


@pytest.mark.parametrize(("command", "code", "said"), rows("Commands"))
def test_a_command_that_cannot_be_carried_out_says_so_in_one_line_and_writes_nothing(
    sweepctl: Sweepctl, store: Store, url: str, tmp_path: Path, command: str, code: str, said: str
) -> None:
    before = sorted(tmp_path.rglob("*"))
    keys = store.client.dbsize()

    ended = sweepctl(*shlex.split(command.strip("`"))[1:], REDIS_URL=url)

    expected = said.replace("CONFIGS", str(installed_dir() / "sweep"))
    assert ended.stderr == f"error: {expected}\n"
    assert (ended.returncode, ended.stdout) == (int(code), "")
    assert sorted(tmp_path.rglob("*")) == before
    assert store.client.dbsize() == keys


@pytest.mark.parametrize(("line", "said"), rows("Files"))
def test_a_file_that_cannot_be_used_says_so_in_one_line_with_its_place(
    sweepctl: Sweepctl, tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "configs/sweep").mkdir(parents=True)
    (tmp_path / "configs/sweep/mine.yaml").write_text(line.strip("`") + "\n")

    ended = sweepctl("config", "mine", "trainer=noop", "sim=none")

    assert ended.stderr == f"error: {said.replace('FILE', 'configs/sweep/mine.yaml')}\n"
    assert (ended.returncode, ended.stdout) == (2, "")


def test_an_alias_bomb_is_refused_before_it_goes_off(sweepctl: Sweepctl, tmp_path: Path) -> None:
    (tmp_path / "configs/sweep").mkdir(parents=True)
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (tmp_path / "configs/sweep/mine.yaml").write_text("\n".join(levels))

    ended = sweepctl("config", "mine")

    assert ended.returncode == 2
    assert ended.stderr == ("error: configs/sweep/mine.yaml:5: more than 20000 values, aliases expanded; shorten it\n")


@pytest.mark.parametrize(
    "arguments",
    [("run", "quick"), ("submit", "quick"), ("status",), ("config", "quick"), ("doctor",), ("restore", "x" * 300)],
)
def test_a_data_folder_that_cannot_be_is_never_a_traceback(
    sweepctl: Sweepctl, tmp_path: Path, url: str, arguments: tuple[str, ...]
) -> None:
    for impossible in ("x" * 300, "/dev/null/x"):
        ended = sweepctl(*arguments, "--data-dir", impossible, REDIS_URL=url)

        assert ended.returncode in (0, 1, 2, 5)
        assert "Traceback" not in ended.stderr
        assert len(ended.stderr.splitlines()) <= 1


def test_a_run_that_failed_is_shown_with_the_end_of_its_log(
    sweepctl: Sweepctl, store: Store, a_job: AJob, a_run: ARun, tmp_path: Path
) -> None:
    from shared.domain.run import RunState

    sweep = submit(store, a_job("sweep_run=s")).sweep
    failed = a_run(RunState.FAILED)
    store.sweeps.commit(sweep, sweep.move("", created=1), [a_run()])
    queued = store.runs.get("s.r.1")
    store.runs.commit(queued, failed.model_copy(update={"version": queued.version}))
    log = RunFolder(Path(sweep.config["runs_dir"]) / "s.r.1").log_file("train", 1)
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\n" for number in range(100)) + "ValueError: \x1b[2Jboom\n")

    shown = sweepctl("show", "s.r.1", REDIS_URL=store.url)

    lines = shown.stdout.splitlines()
    assert shown.returncode == 0
    assert lines[-41:] == ["the end of its log", *[f"line {n}" for n in range(61, 100)], r"ValueError: \x1b[2Jboom"]
