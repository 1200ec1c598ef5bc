"""The files of a new sweep: training code, the config of its trainer, and the sweep."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.config.files import installed_dir
from shared.domain.errors import ConfigError
from shared.domain.wording import nearest, show, wrong_value

TEMPLATES = Path(__file__).resolve().parent / "templates"
PLACEHOLDER = "NAME"
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Kind:
    """A kind of training: what it is for, and the default name of its sweep."""

    what: str
    name: str
    code: str = "code.py"


KINDS: Mapping[str, Kind] = {
    "function": Kind("a Python function train(run) that reports, saves checkpoints, and resumes after a kill", "train"),
    "command": Kind("a program in any language that gets the suggested values as arguments", "train", "code.sh"),
    "ppo": Kind("the built-in PPO on your own gymnasium environment", "my_env"),
    "wandb": Kind("a Python script that logs to Weights & Biases, without changes", "train"),
}


def plan(kind: str, name: str | None) -> dict[Path, str]:
    """Return the texts to write by their paths, relative to the folder: the code first, then trainer and sweep.

    Raises ConfigError for an unknown kind, and for a name that is in use.
    """
    if kind not in KINDS:
        meant = nearest(kind, KINDS)
        remedy = "" if meant else "use function for anything that Python trains"
        raise ConfigError(f"no kind {show(kind)}", meant=meant, expected=f"one of {', '.join(KINDS)}", remedy=remedy)
    chosen = KINDS[kind]
    called = name or chosen.name
    _check_name(called, is_module=chosen.code.endswith(".py"))
    places = {
        chosen.code: f"{called}{Path(chosen.code).suffix}",
        "trainer.yaml": f"configs/trainer/{called}.yaml",
        "sweep.yaml": f"configs/sweep/{called}.yaml",
    }
    return {
        Path(place): (TEMPLATES / kind / source).read_text(encoding="utf-8").replace(PLACEHOLDER, called)
        for source, place in places.items()
    }


def next_commands(name: str) -> Iterator[tuple[str, str]]:
    """Yield the next commands, each with what it does."""
    yield f"sweepctl check {name}", "try one short run and kill it once, to see whether it resumes"
    yield f"sweepctl rollout {name}", "carry out one run and print its log"
    yield f"sweepctl run {name}", "run the sweep"


def _check_name(name: str, *, is_module: bool) -> None:
    if not _NAME.fullmatch(name):
        expected = "small letters, digits and underscores, the first a letter, since files and a module get this name"
        raise wrong_value("--name", name, expected)
    for group in ("sweep", "trainer"):
        if (installed_dir() / group / f"{name}.yaml").is_file():
            problem = f"an installed {group} has this name"
            raise ConfigError(problem, path="--name", got=name, remedy="choose another --name")
    if is_module and (name in sys.stdlib_module_names or _is_installed(name)):
        problem = f"{name}.py would hide the installed module {name}"
        raise ConfigError(problem, path="--name", got=name, remedy="choose another --name")


def _is_installed(name: str) -> bool:
    """Whether a module of this name is found elsewhere than in the current folder."""
    found = importlib.util.find_spec(name)
    return found is not None and (found.origin is None or Path(found.origin).parent.resolve() != Path.cwd().resolve())
