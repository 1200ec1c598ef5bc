"""A config is stored, tracked and printed: no secret may get into it, and no sentence may repeat one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.config.compose import Composed
from shared.config.secrecy import mask_secrets

Compose = Callable[..., Composed]
Refusal = Callable[..., str]
Write = Callable[[str, str], Path]

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "key", ["api_key", "apiKey", "API-KEY", "password", "db_passwd", "token", "hf_token", "aws_secret", "private_key"]
)
def test_a_key_that_looks_like_a_secret_is_refused_without_its_value(refusal: Refusal, write: Write, key: str) -> None:
    write("configs/trainer/noop.yaml", f"kind: noop\nmine:\n  {key}: {SECRET}\n")

    assert refusal("quick", "trainer=noop") == (
        f"configs/trainer/noop.yaml:3: trainer.mine.{key}: looks like a secret, and a config is stored and shown; "
        "remove it, and let the training read it from a file"
    )


@pytest.mark.parametrize(
    "value",
    [
        "sk-abcdefghijklmnopqrstuvwx",
        "ghp_abcdefghijklmnopqrstuvwx",
        "hf_abcdefghijklmnopqrstuvwx",
        "AKIAABCDEFGHIJKLMNOP",
        "redis://:hunter2@example.org:6379/0",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_a_value_that_looks_like_a_secret_is_refused_without_being_shown(
    refusal: Refusal, write: Write, value: str
) -> None:
    write("configs/trainer/noop.yaml", f"kind: noop\nmine: [a, '{value}']\n")

    sentence = refusal("quick", "trainer=noop")

    assert sentence.startswith("configs/trainer/noop.yaml:2: trainer.mine[1]: looks like a secret")
    assert value not in sentence


@pytest.mark.parametrize("override", [f"wandb.api_key={SECRET}", f"+wandb.token={SECRET}", f"password={SECRET}"])
def test_a_secret_on_the_command_line_is_refused_without_its_value(refusal: Refusal, override: str) -> None:
    sentence = refusal("quick", override)

    assert sentence.startswith("command line: ")
    assert "looks like a secret" in sentence
    assert SECRET not in sentence


@pytest.mark.parametrize(
    "override", [f"wandb.api_key={SECRET}(", f"wandb.api_key={SECRET},b", f"trainer.token={SECRET}"]
)
def test_no_other_sentence_repeats_a_secret_either(refusal: Refusal, override: str) -> None:
    assert SECRET not in refusal("quick", "trainer=noop", override)


@pytest.mark.parametrize(
    "line", ["num_tokens: 512", "tokenizer: bpe", "keyboard: us", "api_key: null", "max_token: 4096"]
)
def test_what_only_sounds_like_a_secret_is_accepted(composed: Compose, write: Write, line: str) -> None:
    write("configs/trainer/noop.yaml", f"kind: noop\n{line}\n")

    assert composed("quick", "trainer=noop").job.trainer.kind == "noop"


@pytest.mark.parametrize(
    "name",
    ["WANDB_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS", "DB_PASSWORD", "REDIS_URL", "redis_url", "CELERY_BROKER_URL"],
)
def test_a_secret_of_the_environment_cannot_be_read(
    refusal: Refusal, write: Write, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, SECRET)
    write("configs/wandb/off.yaml", f"mode: 'off'\nentity: ${{oc.env:{name},nobody}}\n")

    assert refusal("quick") == (
        f"configs/wandb/off.yaml:2: wandb.entity: the environment variable {name} may be a secret, "
        "and a config is stored and shown; let the training read it from a file"
    )


@pytest.mark.parametrize(
    "override",
    [
        "wandb.entity=${oc.env:${wandb.project}}",
        "wandb.entity=a-${oc.env:REDIS_URL}-b",
        "wandb.entity=${oc.decode:${oc.env:REDIS_URL}}",
        "sweep_run=${oc.env:REDIS_URL}",
        "seed=${oc.env:REDIS_URL}",
    ],
)
def test_no_detour_leads_to_a_secret(refusal: Refusal, monkeypatch: pytest.MonkeyPatch, override: str) -> None:
    monkeypatch.setenv("REDIS_URL", SECRET)

    sentence = refusal("quick", "wandb.project=REDIS_URL", override)

    assert SECRET not in sentence


def test_any_other_variable_can_be_read(
    composed: Compose, write: Write, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB", "deep")

    assert composed("quick", "wandb.entity=${oc.env:LAB}").job.wandb.entity == "deep"
    monkeypatch.delenv("LAB")
    assert refusal("quick", "wandb.entity=${oc.env:LAB}") == (
        "command line: wandb.entity: the environment variable LAB is not set; set it, or write ${oc.env:LAB,default}"
    )


def test_the_environment_is_readable_again_after_composing(composed: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    from omegaconf import OmegaConf

    monkeypatch.setenv("MY_TOKEN", "x")
    composed("quick")

    assert OmegaConf.create({"a": "${oc.env:MY_TOKEN}"}).a == "x"


def test_what_looks_like_a_secret_is_masked_at_any_depth() -> None:
    shown = mask_secrets({"a": [{"api_key": SECRET}], "url": "redis://:pw@host", "list": ["redis://u:pw@host"], "b": 1})

    assert shown == {"a": [{"api_key": "********"}], "url": "********", "list": ["********"], "b": 1}
