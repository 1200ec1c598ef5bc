"""docker-compose.yml, as far as it can be checked without an engine."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.control.missing import COMMANDS

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
WORKERS = ("suggester", "trainer", "trainer-cpu", "evaluator")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return content


def test_the_file_fits_the_schema_of_compose() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]

    checked = subprocess.run(command, capture_output=True, text=True)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_service_that_is_waited_for_exists_and_can_be_healthy(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for name, condition in service.get("depends_on", {}).items():
            assert name in services
            assert condition["condition"] != "service_healthy" or "healthcheck" in services[name]


def test_every_volume_is_declared_or_a_file_of_this_repository(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in compose["volumes"]


def test_every_network_is_declared(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service.get("networks", ())) <= set(compose.get("networks", ()))


def test_everything_that_is_built_is_built_from_a_file_that_exists(compose: dict[str, Any]) -> None:
    builds = [service["build"] for service in compose["services"].values() if "build" in service]

    assert builds
    for build in builds:
        assert (ROOT / build["context"] / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", WORKERS)
def test_a_service_starts_what_sweepctl_starts_on_one_machine(compose: dict[str, Any], name: str) -> None:
    expected = ["celery", *COMMANDS[name.removesuffix("-cpu")]]
    if name.endswith("-cpu"):
        expected = ["cpu" if part == "gpu" else part for part in expected]

    assert shlex.split(compose["services"][name]["command"]) == expected


def test_flower_is_the_plain_command_published_on_this_machine_alone(compose: dict[str, Any]) -> None:
    flower = compose["services"]["flower"]

    assert shlex.split(flower["command"]) == ["celery", "-A", "services.trainer", "flower"]
    assert flower["ports"] == ["127.0.0.1:5555:5555"]


def test_nothing_but_flower_is_published(compose: dict[str, Any]) -> None:
    assert [name for name, service in compose["services"].items() if service.get("ports")] == ["flower"]


def test_trainer_and_evaluator_keep_their_data_in_one_volume(compose: dict[str, Any]) -> None:
    for name in WORKERS:
        service = compose["services"][name]
        assert f"sweeps:{service['environment']['DATA_DIR']}" in service["volumes"]


def test_the_trainer_reserves_gpus_and_the_one_of_the_cpu_profile_none(compose: dict[str, Any]) -> None:
    services = compose["services"]
    (device,) = services["trainer"]["deploy"]["resources"]["reservations"]["devices"]

    assert device["capabilities"] == ["gpu"]
    assert "deploy" not in services["trainer-cpu"]
    assert (services["trainer"]["profiles"], services["trainer-cpu"]["profiles"]) == (["gpu"], ["cpu"])


def test_everything_starts_again_when_it_ends(compose: dict[str, Any]) -> None:
    assert all(service["restart"] == "unless-stopped" for service in compose["services"].values())


def test_without_a_password_nothing_starts(compose: dict[str, Any]) -> None:
    redis, services = compose["services"]["redis"], compose["services"]

    assert redis["environment"]["REDIS_PASSWORD"].startswith("${REDIS_PASSWORD:?")
    for name in WORKERS:
        assert services[name]["environment"]["REDIS_URL"].startswith("redis://:${REDIS_PASSWORD:?")
    assert "requirepass" in redis["command"][-1]


def test_redis_loses_no_acknowledged_write_and_drops_no_record() -> None:
    lines = (ROOT / "deploy/redis.conf").read_text().splitlines()

    settings = dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))

    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["maxmemory-policy"] == "noeviction"
