"""Where the code of a training is, and the log line for code that differs from the code at the submit."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from protein_sweeps._packages import ROOT
from shared.config.frozen import to_plain
from shared.execution import source
from shared.execution.source import CodeComparison, code_version, package_code, package_version, read_source

if TYPE_CHECKING:
    from tests.conftest import AJob, ASweep

FUNCTION = ("trainer=function", "trainer.function=own_training:train")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a training in the current folder, which has no repository."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "own_training.py"
    file.write_text("def train(run): ...\n")
    return file


def test_the_code_of_the_package_is_its_version_with_a_digest_of_its_sources() -> None:
    assert package_code().startswith(f"{package_version()} (")
    assert package_code() == package_code()


def test_the_code_of_a_function_is_the_file_of_its_module(a_job: AJob, own: Path) -> None:
    found = read_source(a_job(*FUNCTION))

    assert (found.place, found.checkout, found.note) == (own, None, "no git repository")
    before = found.version
    own.write_text("def train(run): return 1\n")
    assert read_source(a_job(*FUNCTION)).version.sources not in (None, before.sources)


def test_the_code_of_a_function_in_a_package_is_all_of_the_package(a_job: AJob, own: Path) -> None:
    package = own.parent / "own_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "beside.py").write_text("a = 1\n")
    job = a_job("trainer=function", "trainer.function=own_package.training:train")
    before = read_source(job)

    (package / "beside.py").write_text("a = 2\n")

    assert before.place == package
    assert read_source(job).version != before.version


def test_the_code_of_a_built_in_training_is_this_package(a_job: AJob) -> None:
    assert read_source(a_job("trainer=noop")).place == ROOT
    assert code_version(a_job("trainer=noop")).commit is None


def test_the_module_of_an_environment_is_the_users_code(a_job: AJob, own: Path) -> None:
    job = a_job("trainer=ppo", "trainer.env=own_training:Maze-v0", "sim=sweep_eval")

    assert read_source(job).place == own


def test_code_that_cannot_be_found_has_a_note_and_is_not_compared(a_job: AJob, a_sweep: ASweep, own: Path) -> None:
    job = a_job(*FUNCTION)
    sweep = a_sweep(config=to_plain(job), code=code_version(job))
    own.unlink()

    assert read_source(job).note == "module own_training cannot be found here"
    assert CodeComparison().differs_from(sweep) is None


def test_other_code_is_logged_once_for_each_sweep_and_announced(
    a_job: AJob, a_sweep: ASweep, own: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LEAST_SECONDS", 0)
    monkeypatch.setattr(source, "SHARE", 1e9)
    job = a_job(*FUNCTION)
    sweep, comparison = a_sweep(config=to_plain(job), code=code_version(job)), CodeComparison()
    assert comparison.differs_from(sweep) is None

    own.write_text("def train(run): return 1\n")
    with caplog.at_level(logging.WARNING):
        found = [comparison.differs_from(sweep) for _ in range(3)]

    assert found[0] is not None
    assert found == [found[0]] * 3
    assert [record.message for record in caplog.records] == [
        f"sweep s: the code here differs from the code at its submit: {found[0]}"
    ]
    assert comparison.differences == {"s": found[0]}
    own.write_text("def train(run): ...\n")
    assert comparison.differs_from(sweep) is None
    assert comparison.differences == {}


def test_the_code_is_not_read_again_for_each_run(a_job: AJob, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = CodeComparison()
    first = comparison.source(a_job(*FUNCTION))
    monkeypatch.setattr(source, "read_source", lambda job: pytest.fail("read again"))

    assert comparison.source(a_job(*FUNCTION)) is first


def test_a_worker_reports_only_the_last_sweeps(a_job: AJob, a_sweep: ASweep) -> None:
    config, other = to_plain(a_job()), code_version(a_job()).model_copy(update={"package": "another"})
    comparison = CodeComparison()

    for number in range(40):
        comparison.differs_from(a_sweep(name=f"s{number}", config=config, code=other))

    assert list(comparison.differences) == [f"s{number}" for number in range(24, 40)]
