"""The process of a training has the user's packages and the user's Python. Real children, a real server."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from services.evaluator.evaluate_run import evaluate_due_runs
from services.trainer.train_run import refuses, train_due_runs
from shared.domain.run import Run, RunState, cancel
from shared.store.store import Store
from tests.pythons import installed_pythons

if TYPE_CHECKING:
    from tests.conftest import AJob, ARun, ASweep, AWorker

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("children")]
Train = Callable[..., Run]
OURS = ("shared", "services", "configs", "sweepctl")
WHOSE = "import shared, services, configs, sweepctl\nmine = [m.WHOSE for m in (shared, services, configs, sweepctl)]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a user's folder with packages that have the names of ours."""
    for name in OURS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("WHOSE = 'the user'\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def train(store: Store, a_run: ARun, a_sweep: ASweep, a_job: AJob, a_worker: AWorker, folder: Path) -> Train:
    """Train a run to its end with `overrides`; return its record."""

    def carry_out(*overrides: str, params: dict[str, Any] | None = None) -> Run:
        sweep = store.sweeps.create(a_sweep(config=a_job(*overrides).model_dump(mode="json")))
        store.sweeps.commit(sweep, sweep.move(""), [a_run(params=params or {})])
        train_due_runs(a_worker("trainer", "gpu", allow=("*", "env:*", "command:*"), heartbeat_seconds=0.1), "s.r.1")
        return store.runs.get("s.r.1")

    return carry_out


def write(folder: Path, name: str, code: str) -> None:
    (folder / f"{name}.py").write_text(code)


def log_of(folder: Path) -> str:
    return (folder / "sweep/s/runs/s.r.1/logs/train.1.log").read_text()


def test_a_function_imports_the_users_packages_even_if_ours_have_the_same_names(train: Train, folder: Path) -> None:
    write(
        folder, "own", f"{WHOSE}def train(run):\n    assert mine == ['the user'] * 4, mine\n    return {{'score': 1}}\n"
    )

    run = train("trainer=function", "trainer.function=own:train")

    assert (run.state, run.score) == (RunState.OBSERVED, 1.0), log_of(folder)


def test_a_function_can_be_in_a_package_with_the_name_of_ours(train: Train, folder: Path) -> None:
    write(folder, "shared/training", "def train(run):\n    return 2.5\n")

    run = train("trainer=function", "trainer.function=shared.training:train")

    assert (run.state, run.score) == (RunState.OBSERVED, 2.5), log_of(folder)


def test_the_process_of_a_training_has_only_one_of_our_packages(train: Train, folder: Path) -> None:
    write(
        folder,
        "own",
        "import sys\ndef train(run):\n"
        f"    held = [name for name in sys.modules if name.partition('.')[0] in {(*OURS, 'redis', 'celery')}]\n"
        "    assert not held, held\n"
        "    assert sys.path[0] == " + repr(str(folder)) + ", sys.path\n"
        "    import protein_sweeps\n"
        "    assert isinstance(run.checkpoint_step, int)\n"
        "    return 1\n",
    )

    run = train("trainer=function", "trainer.function=own:train")

    assert run.state is RunState.OBSERVED, log_of(folder)


def test_an_environment_of_the_built_in_ppo_imports_the_users_own_packages(
    train: Train, folder: Path, store: Store, a_worker: AWorker
) -> None:
    write(
        folder,
        "own_env",
        f"{WHOSE}assert mine == ['the user'] * 4\n"
        "import gymnasium\nfrom gymnasium.envs.classic_control import CartPoleEnv\n"
        "gymnasium.register('Own-v0', entry_point=CartPoleEnv, max_episode_steps=50)\n",
    )
    small = ("trainer.total_timesteps=256", "trainer.num_envs=4", "trainer.batch_size=128", "trainer.hidden_sizes=[8]")

    own = ("trainer.env=own_env:Own-v0", "sim=sweep_eval", "sim.simulations.cartpole.env=own_env:Own-v0")

    run = train("trainer=ppo", *own, "sim.num_episodes=2", *small)

    assert (run.state, run.steps) == (RunState.TRAINED, 256), log_of(folder)
    evaluate_due_runs(a_worker("evaluator", "eval", allow=("env:*",)), "s.r.1")
    assert store.runs.get("s.r.1").state is RunState.OBSERVED


def test_a_command_imports_the_users_own_packages(train: Train, folder: Path) -> None:
    write(folder, "script", f"{WHOSE}import json, os\nassert mine == ['the user'] * 4\n"
          "open(os.environ['SWEEP_REPORT'], 'a').write(json.dumps({'score': 3}))\n")  # fmt: skip

    run = train("trainer=command", f"trainer.command=[{sys.executable},script.py]")

    assert (run.state, run.score) == (RunState.OBSERVED, 3.0), log_of(folder)


# ------------------------------------------------------------------------------------------------ another Python


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a Python that has only the standard library."""
    place = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    return str(place / "bin" / "python")


def test_a_function_trains_in_another_python_that_has_none_of_our_packages(
    train: Train, folder: Path, python: str
) -> None:
    write(
        folder,
        "own",
        f"{WHOSE}import sys\nimport protein_sweeps as ps\ndef train(run: ps.TrainingRun):\n"
        "    assert mine == ['the user'] * 4, mine\n"
        "    assert sys.prefix == " + repr(str(Path(python).parents[1])) + ", sys.prefix\n"
        "    run.report(step=1, reward=run.params['trainer.x'])\n"
        "    run.save_checkpoint(2, lambda path: path.write_text('saved'))\n"
        "    return run.params['trainer.x'] * 2\n",
    )

    run = train("trainer=function", "trainer.function=own:train", f"trainer.python={python}", params={"trainer.x": 0.5})

    assert (run.state, run.score, run.metrics["reward"]) == (RunState.OBSERVED, 1.0, 0.5), log_of(folder)
    assert run.checkpoint is not None
    saved = folder / "sweep/s/runs/s.r.1/checkpoints" / run.checkpoint.path / "state"
    assert saved.read_text() == "saved"


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15"])
def test_a_function_trains_in_every_python_that_is_installed(train: Train, folder: Path, version: str) -> None:
    path = installed_pythons().get(version)
    if path is None:
        pytest.skip(f"no python{version} on this machine")
    write(
        folder,
        "own",
        "import sys\nimport protein_sweeps as ps\ndef train(run: ps.TrainingRun):\n"
        f"    assert '%d.%d' % sys.version_info[:2] == {version!r}, sys.version\n"
        "    run.report(step=1, reward=0.5)\n"
        "    run.save_checkpoint(1, lambda path: path.write_text('saved'))\n"
        "    return 2\n",
    )

    run = train("trainer=function", "trainer.function=own:train", f"trainer.python={path}")

    assert (run.state, run.score, run.metrics["reward"]) == (RunState.OBSERVED, 2.0, 0.5), log_of(folder)
    assert run.checkpoint is not None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('the loss is gone')", "ValueError: the loss is gone"),
        ("import os; os._exit(3)", "the process ended with exit code 3 before it was done"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_a_fault_in_another_python_fails_the_run_with_the_reason(
    train: Train, folder: Path, python: str, body: str, message: str
) -> None:
    write(folder, "own", f"def train(run):\n    {body}\n")

    run = train("trainer=function", "trainer.function=own:train", f"trainer.python={python}")

    assert run.state is RunState.FAILED
    assert run.failure is not None
    assert run.failure.message == message


def test_a_cancelled_run_in_another_python_ends_and_leaves_no_process(
    train: Train, folder: Path, python: str, store: Store
) -> None:
    write(
        folder,
        "own",
        "import time\nfrom protein_sweeps import Stop\ndef train(run):\n"
        "    try:\n"
        "        while True:\n"
        "            run.report(step=1, reward=1.0)\n"
        "            time.sleep(0.01)\n"
        "    except Stop as stop:\n"
        "        open('stopped', 'w').write(stop.reason)\n"
        "        raise\n",
    )

    def cancel_it() -> None:
        while not store.runs.progress("s", [1]):
            time.sleep(0.05)
        run = store.runs.get("s.r.1")
        store.runs.commit(run, cancel(run), lease="keep")

    canceller = threading.Thread(target=cancel_it)
    canceller.start()
    run = train("trainer=function", "trainer.function=own:train", f"trainer.python={python}")
    canceller.join()

    assert run.state is RunState.CANCELLED
    assert (folder / "stopped").read_text() == "cancelled"
    assert not [one for one in psutil.process_iter(["exe", "cmdline"]) if python in (one.info["cmdline"] or [])]


def test_a_command_that_starts_python_starts_the_one_in_the_config(train: Train, folder: Path, python: str) -> None:
    write(
        folder,
        "script",
        "import os, sys\nopen(os.environ['SWEEP_REPORT'], 'a').write('{\"score\": 1}')\n"
        "open('prefix', 'w').write(sys.prefix)\n",
    )

    run = train("trainer=command", "trainer.command=[python,script.py]", f"+trainer.python={python}")

    assert run.state is RunState.OBSERVED, log_of(folder)
    assert (folder / "prefix").read_text() == str(Path(python).parents[1])


def test_a_python_that_cannot_be_started_here_leaves_the_run_to_another_worker(
    store: Store, a_run: ARun, a_sweep: ASweep, a_job: AJob, a_worker: AWorker, folder: Path
) -> None:
    job = a_job("trainer=function", "trainer.function=own:train", "trainer.python=/no/such/python")
    sweep = a_sweep(config=job.model_dump(mode="json"))

    reason = refuses(a_worker("trainer", "gpu", allow=("*", "command:*")), a_run(), sweep)
    refused = refuses(a_worker("trainer", "gpu", allow=("own:*",)), a_run(), sweep)

    assert str(reason).startswith("command /no/such/python: no such program here; install it")
    assert refused is not None
    assert (refused.kind, refused.entry_point) == ("rights", "command:/no/such/python")
