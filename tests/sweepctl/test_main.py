"""The command line as a person meets it: one line, the right exit code, and nothing written before all is valid."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import NotFound
from shared.local import private_store
from shared.storage.folders import RunFolder
from shared.store.store import Store
from sweepctl.main import app
from tests.sweepctl.conftest import Ended, Sweepctl

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep

COMMAND = "from sweepctl.main import app; app()"
PASSWORD = "s3cret-w0rd"
HEAVY = ("torch", "gpytorch", "gymnasium", "optuna", "wandb", "celery", "hydra", "jinja2", "plotly", "numpy", "textual")


def one_line(ended: Ended, exit_code: int) -> str:
    assert ended.returncode == exit_code, ended.stderr
    (line,) = ended.stderr.strip().splitlines()
    assert ended.stdout == ""
    assert "Traceback" not in line
    return line


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("cancel", "s.r.1"),
        ("submit", "quick", "trainer=noop", "sim=none"),
        ("run", "quick", "trainer=noop", "sim=none"),
    ],
)
def test_a_store_that_cannot_be_reached_is_exit_code_3(
    sweepctl: Sweepctl, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    url = f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0"

    line = one_line(sweepctl(*arguments, REDIS_URL=url), 3)

    assert line.startswith("error: Redis at redis://:***@127.0.0.1:")
    assert PASSWORD not in line
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_password_is_exit_code_4(sweepctl: Sweepctl, store: Store, tmp_path: Path) -> None:
    store.client.config_set("requirepass", PASSWORD)
    try:
        line = one_line(sweepctl("status", REDIS_URL=f"{store.url}&password=wr0ng"), 4)
    finally:
        store.client.config_set("requirepass", "")

    assert "refuses the password" in line
    assert "wr0ng" not in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [("show", "s.r.9"), ("cancel", "s.r.9"), ("status", "nobody"), ("best", "s"), ("show", "nonsense")]
)
def test_what_does_not_exist_is_exit_code_5(
    sweepctl: Sweepctl, store: Store, a_sweep: ASweep, arguments: tuple[str, ...]
) -> None:
    store.sweeps.create(a_sweep())

    said = one_line(sweepctl(*arguments, REDIS_URL=store.url), 5)

    assert said.startswith("error: ")
    assert arguments[-1] in said


def test_a_name_that_is_taken_is_exit_code_6(sweepctl: Sweepctl, store: Store, a_sweep: ASweep) -> None:
    quick = ("submit", "quick", "trainer=noop", "sim=none", "sweep_run=mine")
    assert sweepctl(*quick, REDIS_URL=store.url).returncode == 0

    line = one_line(sweepctl(*quick, "budget.max_runs=3", REDIS_URL=store.url), 6)

    assert "budget.max_runs: 12 -> 3" in line


def test_a_store_on_another_host_is_exit_code_6_with_its_name(sweepctl: Sweepctl, tmp_path: Path) -> None:
    place = tmp_path / "train_dir" / private_store.STORE_FOLDER / "server.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps({"host": "node-17", "pid": 1, "runtime_dir": "/tmp"}))

    assert "node-17" in one_line(sweepctl("status"), 6)


@pytest.mark.parametrize(
    "arguments",
    [
        ("submit", "quick", "budget.max_run=3"),
        ("submit", "quick", "budget.max_runs=0"),
        ("submit", "no_such_config"),
        ("run", "quick", "sweep_run=../x"),
        ("run", "quick", "trainer=noop", "sweep=full"),
        ("best", "s", "--yaml", "--json"),
    ],
)
def test_what_cannot_be_used_is_exit_code_2_and_starts_nothing(
    sweepctl: Sweepctl, store: Store, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    one_line(sweepctl(*arguments, REDIS_URL=store.url), 2)

    assert store.sweeps.names() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("stattus",), "no command 'stattus' (did you mean status?): see `sweepctl --help`"),
        (("xyzzy",), "no command 'xyzzy': see `sweepctl --help`"),
        (("status", "--jsn"), "no option --jsn (did you mean --json?): see `sweepctl status --help`"),
        (("--colour", "status"), "no option --colour: see `sweepctl --help`"),
        (("cancel",), "RUN is missing: write `sweepctl cancel RUN`"),
        (("enqueue", "s"), "PARAMS is missing: write `sweepctl enqueue SWEEP PARAMS...`"),
    ],
)
def test_arguments_that_cannot_be_read_are_exit_code_2_and_one_line_with_the_remedy(
    sweepctl: Sweepctl, arguments: tuple[str, ...], said: str
) -> None:
    assert one_line(sweepctl(*arguments), 2) == f"error: {said}"


@pytest.mark.parametrize(
    "arguments",
    [
        ("logs", "s.r.1", "--attempt", "0"),
        ("logs", "s.r.1", "--attempt", "first"),
        ("runs", "a", "b"),
        ("status", "--redis"),
    ],
)
def test_a_value_that_does_not_fit_is_one_line_that_names_the_help(
    sweepctl: Sweepctl, arguments: tuple[str, ...]
) -> None:
    line = one_line(sweepctl(*arguments), 2)

    assert line.startswith("error: ")
    assert line.endswith(f": see `sweepctl {arguments[0]} --help`")


def test_without_a_command_the_help_is_printed_and_the_exit_code_is_2(sweepctl: Sweepctl) -> None:
    ended = sweepctl()

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Usage: sweepctl")


def test_ctrl_c_is_one_line_and_exit_code_130(sweepctl: Sweepctl, monkeypatch: pytest.MonkeyPatch) -> None:
    def press_ctrl_c(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shared.local.doctor.examine", press_ctrl_c)

    assert one_line(sweepctl("doctor"), 130) == "interrupted"


def test_show_logs_and_why_without_a_run_take_the_latest_one(
    sweepctl: Sweepctl, store: Store, a_sweep: ASweep, a_run: ARun, tmp_path: Path
) -> None:
    config = {"runs_dir": str(tmp_path), "sweep": {"metric": "reward"}}
    sweep = store.sweeps.create(a_sweep(config=config))
    store.sweeps.commit(sweep, sweep.move("", created=2), [a_run(number=1), a_run(number=2)])
    log = RunFolder(tmp_path / "s.r.2").log_file("train", 1)
    log.parent.mkdir(parents=True)
    log.write_text("hello\n")

    assert sweepctl("show", REDIS_URL=store.url).stdout.splitlines()[0] == "s.r.2"
    assert sweepctl("why").stdout.splitlines()[0] == "s.r.2 (queued)"
    assert json.loads(sweepctl("show", "--json").stdout)["run"] == "s.r.2"


def test_show_without_a_run_says_that_there_is_none_yet(sweepctl: Sweepctl, store: Store, a_sweep: ASweep) -> None:
    assert "this store has no sweep yet" in one_line(sweepctl("show", REDIS_URL=store.url), 5)
    store.sweeps.create(a_sweep())
    assert "sweep s has no run yet: see `sweepctl status s`" in one_line(sweepctl("show"), 5)


def test_a_url_that_is_none_is_exit_code_2(sweepctl: Sweepctl, tmp_path: Path) -> None:
    assert "store URL localhost:6379" in one_line(sweepctl("status", "--redis", "localhost:6379"), 2)
    assert list(tmp_path.iterdir()) == []


def test_json_is_alone_on_stdout(sweepctl: Sweepctl, store: Store, a_sweep: ASweep) -> None:
    store.sweeps.create(a_sweep())

    for command in ("status", "runs", "workers"):
        ended = sweepctl(command, "--json", REDIS_URL=store.url)
        assert (ended.returncode, ended.stderr) == (0, "")
        json.loads(ended.stdout)


def test_a_traceback_is_shown_to_who_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, sweepctl: Sweepctl, store: Store
) -> None:
    monkeypatch.setattr(sys, "argv", ["sweepctl", "show", "s.r.1", "--debug"])
    monkeypatch.setenv("REDIS_URL", store.url)

    with pytest.raises(NotFound):
        app()


# ------------------------------------------------------------------------------------------------ as a process


def typed(*arguments: str, folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Type a command in a shell of its own."""
    sources = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": sources, "REDIS_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("workers",), 0),
        (("show", "s.r.1"), 5),
        (("pause", "done"), 6),
        (("submit", "quick", "budget.max_run=3"), 2),
        (("status", "--redis", "redis://127.0.0.1:1/0"), 3),
    ],
)
def test_a_process_ends_with_the_exit_code_of_its_error(
    store: Store, a_sweep: ASweep, tmp_path: Path, arguments: tuple[str, ...], exit_code: int
) -> None:
    store.sweeps.create(a_sweep(name="done", state="finished"))

    ended = typed(*arguments, folder=tmp_path, url=store.url)

    assert ended.returncode == exit_code, ended.stderr
    assert len(ended.stderr.strip().splitlines()) == (1 if exit_code else 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_help_comes_within_half_a_second(tmp_path: Path) -> None:
    seconds = []
    for _ in range(5):
        begun = time.perf_counter()
        assert typed("--help", folder=tmp_path, url="").returncode == 0
        seconds.append(time.perf_counter() - begun)

    assert min(seconds) < 0.5


@pytest.mark.parametrize("command", [(), ("status",), ("run",), ("doctor",), ("report",), ("dashboard",)])
def test_help_loads_nothing_heavy(tmp_path: Path, command: tuple[str, ...]) -> None:
    program = f"import sys\ntry:\n    {COMMAND}\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    ended = subprocess.run(
        [sys.executable, "-c", program.replace("; ", "\n    "), *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    loaded = {name.partition(".")[0] for name in ended.stderr.split()}
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)
