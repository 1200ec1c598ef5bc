"""The configs that come with the package: each loads, and says what the schema says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from shared.config.compose import Composed
from shared.config.explain import TRAINERS
from shared.config.files import GROUPS, installed_dir
from shared.config.guard import check_file
from shared.config.schema import SweepJob

Compose = Callable[..., Composed]
FILES = sorted(path.relative_to(installed_dir()).as_posix() for path in installed_dir().rglob("*.yaml"))
TABLE = {
    "ppo.gamma": ("logit_normal", 0.001, 0.999, 0.99, 0.3),
    "ppo.gae_lambda": ("logit_normal", 0.001, 0.999, 0.95, 0.3),
    "ppo.clip_coef": ("logit_normal", 0.001, 0.999, 0.2, 0.3),
    "ppo.vf_coef": ("logit_normal", 0.001, 0.999, 0.5, 0.3),
    "ppo.vf_clip_coef": ("logit_normal", 0.001, 0.999, 0.2, 0.3),
    "ppo.ent_coef": ("log_normal", 1e-5, 1e-1, 1e-3, 0.5),
    "update_epochs": ("int_uniform", 1, 16, 4, 0.25),
    "optimizer.learning_rate": ("log_normal", 1e-5, 1e-1, 1e-3, 0.5),
    "optimizer.beta1": ("logit_normal", 0.1, 0.999, 0.9, 0.2),
    "optimizer.beta2": ("logit_normal", 0.8, 0.999, 0.999, 0.1),
    "optimizer.eps": ("log_normal", 1e-12, 1e-6, 1e-8, 0.5),
}


@pytest.mark.parametrize("name", FILES)
def test_every_file_passes_the_guard(name: str) -> None:
    assert check_file(installed_dir() / name).text


@pytest.mark.parametrize("group", GROUPS)
def test_every_choice_composes(composed: Compose, group: str) -> None:
    for path in sorted((installed_dir() / group).glob("*.yaml")):
        choice = () if group == "sweep" else (f"{group}={path.stem}",)
        own = {"function": ("trainer.function=a.b:train",), "command": ("trainer.command=./train.sh", "sim=none")}
        scored = ("trainer=noop",) if (group, path.stem) == ("sim", "none") else own.get(path.stem, ())

        assert composed(path.stem if group == "sweep" else "quick", *choice, *scored).job


def test_full_searches_what_the_published_one_does(composed: Compose) -> None:
    searched = composed("full").job.sweep.parameters["trainer"]
    for path, row in TABLE.items():
        leaf = searched
        for key in path.split("."):
            leaf = leaf[key]
        assert tuple(leaf[key] for key in ("distribution", "min", "max", "mean", "scale")) == row


@pytest.mark.parametrize("kind", ["ppo", "noop"])
def test_the_files_of_the_trainers_say_the_defaults_of_the_schema(kind: str) -> None:
    written = yaml.safe_load((installed_dir() / "trainer" / f"{kind}.yaml").read_text().replace("1e-8", "1.0e-8"))

    assert TRAINERS[kind].model_validate(written) == TRAINERS[kind].model_validate({"kind": kind})


def test_sweep_job_says_the_defaults_of_the_schema(composed: Compose) -> None:
    written = yaml.safe_load((installed_dir() / "sweep_job.yaml").read_text())
    defaults = {key: field.default for key, field in SweepJob.model_fields.items() if not field.is_required()}

    for key in set(written) & set(defaults) - {"data_dir"}:
        assert getattr(composed("quick").job, key) == defaults[key]


def test_the_macbook_needs_no_gpu(composed: Compose) -> None:
    job = composed("quick", "+hardware=macbook").job

    assert (job.device, job.queue, job.vectorization) == ("cpu", "cpu", "serial")
