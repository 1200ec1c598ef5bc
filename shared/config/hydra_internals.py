"""The private names of Hydra that we rely on: no other module of ours imports one.

A test names each of them, and fails when a release of Hydra moves one. Import this module inside functions: loading
Hydra takes a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra._internal.defaults_list import create_defaults_list
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigSource
from omegaconf import DictConfig

__all__ = ["FileConfigSource", "compose_files", "header_of", "parse_override"]


def compose_files(
    folders: Sequence[Path], primary: str, overrides: Sequence[str], *, source: type[ConfigSource]
) -> tuple[DictConfig, dict[str, Any]]:
    """Compose `primary` with the config groups that `overrides` choose; return the config and the choices by group.

    `source` reads files from `folders`; the first folder that has a file wins. Hydra's own config is left out: it takes
    as much time as all of ours. No global state is set, no folder changed, no logging touched, no plugin loaded.
    """
    loader = _make_loader(folders, source)
    repository = CachingConfigRepository(loader.repository)
    parsed = [parse_override(text) for text in overrides]
    found = create_defaults_list(repository, primary, parsed, prepend_hydra=False, skip_missing=False)
    config = loader._compose_config_from_defaults_list(defaults=found.defaults, repo=repository)
    return config, dict(found.overrides.known_choices)


def parse_override(text: str) -> Override:
    """Read one override in Hydra's grammar. Raises HydraException for a fault."""
    return OverridesParser.create().parse_override(text)


def header_of(text: str) -> dict[str, str | None]:
    """Return what the lines `# @key value` at the start of a file say. Raises ValueError for a fault."""
    return ConfigSource._get_header_dict(text[:512])


def _make_loader(folders: Sequence[Path], source: type[ConfigSource]) -> ConfigLoaderImpl:
    version.setbase("1.3")
    sources = SourcesRegistry.instance().types
    sources[source.scheme()] = source
    sources.setdefault("structured", StructuredConfigSource)
    search = ConfigSearchPathImpl()
    for folder in folders:
        search.append("main", f"{source.scheme()}://{folder}")
    search.append("schema", "structured://")
    return ConfigLoaderImpl(config_search_path=search)
