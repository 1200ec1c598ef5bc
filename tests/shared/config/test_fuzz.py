"""Whatever is written: it composes, or one line says what is wrong. Never a traceback, never a secret, never a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.config.compose import compose
from shared.config.settings import WorkerSettings, worker_settings
from shared.domain.errors import SweepError
from shared.storage.folders import sweep_folder

QUICK = (Path(__file__).parents[3] / "configs/sweep/quick.yaml").read_text()
SECRET = "hf_" + "S3cret" * 5
KEYS = st.sampled_from(
    [
        "sweep",
        "sweep_run",
        "run",
        "trainer",
        "sim",
        "wandb",
        "hardware",
        "seed",
        "cost",
        "device",
        "queue",
        "budget.max_runs",
        "budget",
        "parallelism",
        "data_dir",
        "runs_dir",
        "trainer.kind",
        "trainer.env",
        "trainer.function",
        "trainer.num_envs",
        "trainer.optimizer.learning_rate",
        "trainer.optimizer",
        "sweep.goal",
        "sweep.metric",
        "sweep.method",
        "sweep.parameters",
        "sweep.parameters.trainer.optimizer.learning_rate.min",
        "sweep.parameters.trainer.num_steps",
        "sweep.protein.max_suggestion_cost",
        "sweep.protein",
        "sim.simulations",
        "sim.simulations.x.env",
        "defaults",
        "hydra",
        "hydra.searchpath",
        "_target_",
        "trainer._target_",
    ]
)
VALUES = st.sampled_from(
    [
        "",
        "null",
        "none",
        "true",
        "no",
        "017",
        "12:30:45",
        "-1",
        "0",
        "1e309",
        "nan",
        "-inf",
        "1e3",
        "9" * 400,
        "[]",
        "[1,2",
        "[[[]]]",
        "{}",
        "{a:1}",
        "{min:1,max:0,distribution:uniform}",
        "{distribution:log_normal,min:0,max:1,mean:2,scale:auto}",
        "{distribution:uniform_pow2,min:5,max:7}",
        "{distribution:logit_normal,min:0,max:1}",
        "{distribution:categorical,values:[1,a,null]}",
        "{value:3}",
        "choice(1,2)",
        "range(1,5)",
        "${seed}",
        "${nothing}",
        "${oc.env:HOME}",
        "${oc.env:WANDB_API_KEY}",
        "${oc.decode:'${seed}'}",
        "${${seed}}",
        "../x",
        "/etc/passwd",
        "\0",
        "\u202egnp",
        "a" * 300,
        "'",
        '"',
        "$(reboot)",
        "; ls",
        "!!python/object/apply:os.system [ls]",
        "module:Env",
        "quick",
        "full",
        "ppo",
        "noop",
        "maximize",
        "protein",
        SECRET,
    ]
)
OVERRIDE = st.one_of(
    st.builds(
        "{}{}{}{}".format, st.sampled_from(["", "+", "++", "~"]), KEYS, st.sampled_from(["=", " ", "@a=", "=="]), VALUES
    ),
    st.builds("{}={}".format, KEYS, st.text(max_size=20)),
    st.builds("{}={}".format, st.text(max_size=12), VALUES),
    st.text(max_size=30),
)
LINE = st.one_of(
    st.sampled_from(QUICK.splitlines()),
    st.builds("{}{}: {}".format, st.sampled_from(["", "  ", "    ", "\t", "- "]), KEYS, VALUES),
    st.builds("{}: {}".format, KEYS, VALUES),
    st.sampled_from(
        ["---", "...", "&a [*a]", "x: *a", "<<: *a", "? [a]", "%YAML 1.2", "# @package trainer", "{", "]", "- - -"]
    ),
    st.text(max_size=20),
)
FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which nothing must appear."""
    return tmp_path_factory.mktemp("empty")


def composes_or_says_why(name: str | None, overrides: list[str], *, data_dir: Path, config_dir: Path | None) -> None:
    composed = refusal = None
    try:
        composed = compose(name, overrides, data_dir=data_dir, config_dir=config_dir)
    except SweepError as error:
        refusal = error
    assert list(data_dir.iterdir()) == []
    if refusal is not None:
        assert refusal.exit_code == 2
        is_one_line(str(refusal))
    elif composed is not None:
        name = composed.job.sweep_run
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name)
        assert sweep_folder(data_dir, name).resolve().parent == (data_dir / "sweep").resolve()
        assert SECRET not in composed.job.model_dump_json()
        for note in composed.notes:
            is_one_line(note)


def is_one_line(sentence: str) -> None:
    """Fail unless it can be shown to a person as it is."""
    assert sentence.isprintable()  # a line's end is not
    assert len(sentence) < 2000
    assert SECRET not in sentence


@FUZZ
@given(st.lists(OVERRIDE, max_size=4))
@example(["sweep_run=${oc.env:WANDB_API_KEY}"])
@example([f"sweep={SECRET}"])
@example([f"~sweep{'9' * 400}"])
def test_any_command_line_composes_or_says_in_one_line_why_not(empty: Path, overrides: list[str]) -> None:
    composes_or_says_why("quick", overrides, data_dir=empty, config_dir=None)


@FUZZ
@given(lines=st.lists(LINE, max_size=8), kept=st.integers(0, 30), overrides=st.lists(OVERRIDE, max_size=1))
def test_any_file_composes_or_says_in_one_line_why_not(
    empty: Path, tmp_path_factory: pytest.TempPathFactory, lines: list[str], kept: int, overrides: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("configs")
    (folder / "sweep").mkdir()
    text = "\n".join([*QUICK.splitlines()[:kept], *lines])
    (folder / "sweep" / "fuzzed.yaml").write_bytes(text.encode(errors="surrogatepass"))

    composes_or_says_why("fuzzed", overrides, data_dir=empty, config_dir=folder)


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_for_a_file_are_refused_in_one_line(
    empty: Path, tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("configs")
    (folder / "sweep").mkdir()
    (folder / "sweep" / "fuzzed.yaml").write_bytes(data)

    composes_or_says_why("fuzzed", [], data_dir=empty, config_dir=folder)


@FUZZ
@given(
    st.sampled_from([f"SWEEP_{name.upper()}" for name in WorkerSettings.model_fields]),
    st.one_of(VALUES, st.text(max_size=20)),
)
@example("SWEEP_LEASE_SECONDS", SECRET)
def test_any_setting_of_a_worker_is_taken_or_refused_in_one_line(variable: str, text: str) -> None:
    refusal = None
    try:
        worker_settings({variable: text})
    except SweepError as error:
        refusal = error
    if refusal is not None:
        assert refusal.exit_code == 2
        is_one_line(str(refusal))
