"""Reads a YAML file's node tree before Hydra does, and refuses what would be read differently than it is written.

YAML 1.1 silently reads `017` as 15, `12:30:45` as 45045 and `no` as false. A few nested aliases expand to millions of
nodes. A tag may name a Python object. Such files never reach the loader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import yaml

from shared.domain.errors import ConfigError
from shared.domain.wording import show

LARGEST_BYTES: Final = 256 * 1024
MOST_ALIASES: Final = 100
MOST_NODES: Final = 20_000  # after the aliases are written out
DEEPEST: Final = 40
LONGEST_NUMBER: Final = 40  # digits

_PLAIN_TAGS: Final = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_READ_AS_TEXT: Final = {"tag:yaml.org,2002:timestamp"}  # OmegaConf reads no dates
_MERGE: Final = "tag:yaml.org,2002:merge"
_OCTAL: Final = re.compile(r"[-+]?0[0-9_]+")
_SEXAGESIMAL: Final = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9_.]*([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Checked:
    """A file that may be loaded: its text, and the line of every key by its dotted path."""

    text: str
    lines: dict[str, int] = field(default_factory=dict)


def check_file(path: Path, *, shown: str | None = None) -> Checked:
    """Read and check one file; `shown` is its name in messages. Raise ConfigError with file, line and remedy."""
    name = shown or str(path)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", place=name) from None
    return check_text(data, shown=name)


@lru_cache(maxsize=64)  # sweep_job.yaml is read twice for one config
def check_text(data: bytes, *, shown: str) -> Checked:
    """Check the bytes of a YAML file; see `check_file`."""
    text = _decode(data, shown)
    try:
        _check_events(text, shown)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _malformed(error, shown) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {' '.join(str(error).split())}", place=shown) from None
    if root is None or (isinstance(root, yaml.ScalarNode) and root.value == ""):
        raise ConfigError("empty", place=shown, expected="keys and values", remedy="write {} for none on purpose")
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(place=_place(shown, root), got=_kind(root), expected="keys and values (`key: value`)")
    _count_nodes(root, shown, {}, set())
    lines: dict[str, int] = {}
    _check_node(root, shown, "", lines)
    return Checked(text, lines)


def _decode(data: bytes, shown: str) -> str:
    if len(data) > LARGEST_BYTES:
        problem = f"larger than {LARGEST_BYTES // 1024} KiB"
        raise ConfigError(problem, place=shown, expected="a config", remedy="check that it is the right file")
    if b"\0" in data:
        raise ConfigError("binary data", place=shown, expected="YAML text in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problem = f"not UTF-8 text (byte {error.start})"
        raise ConfigError(problem, place=f"{shown}:{line}", remedy="save the file as UTF-8") from None


def _malformed(error: yaml.MarkedYAMLError, shown: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    where = f"{shown}:{mark.line + 1}:{mark.column + 1}" if mark else shown
    what = " ".join(part for part in (error.context, error.problem) if part)
    remedy = "check this line and the line above it"
    return ConfigError(f"malformed YAML: {what or 'cannot be read'}", place=where, remedy=remedy)


def _check_events(text: str, shown: str) -> None:
    """Refuse what must not even be composed into nodes: depth, aliases, tags, several documents."""
    depth = aliases = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        where = f"{shown}:{event.start_mark.line + 1}" if event.start_mark else shown
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        if depth > DEEPEST:
            raise ConfigError(f"more than {DEEPEST} levels of nesting", place=where, remedy="flatten it")
        if aliases > MOST_ALIASES:
            remedy = "write the values instead"
            raise ConfigError(f"more than {MOST_ALIASES} aliases (*name)", place=where, remedy=remedy)
        if documents > 1:
            remedy = "put it into a file of its own"
            raise ConfigError("a second document (`---`)", place=where, expected="one document", remedy=remedy)
        tag = getattr(event, "tag", None)
        if tag and tag != "!" and tag not in _PLAIN_TAGS:
            got = f"the tag {show(tag)}"
            raise ConfigError(place=where, got=got, expected="plain values", remedy="remove the tag")


def _count_nodes(node: yaml.Node, shown: str, sizes: dict[int, int], open_: set[int]) -> int:
    """Return the number of nodes below `node` with its aliases expanded."""
    if id(node) in open_:
        remedy = "write the values instead"
        raise ConfigError("an alias that contains itself", place=_place(shown, node), remedy=remedy)
    if id(node) not in sizes:
        open_.add(id(node))
        sizes[id(node)] = 1 + sum(_count_nodes(child, shown, sizes, open_) for child in _children(node))
        open_.discard(id(node))
    if sizes[id(node)] > MOST_NODES:
        problem = f"more than {MOST_NODES} values, aliases expanded"
        raise ConfigError(problem, place=_place(shown, node), remedy="shorten it")
    return sizes[id(node)]


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _check_node(node: yaml.Node, shown: str, path: str, lines: dict[str, int]) -> None:
    if isinstance(node, yaml.ScalarNode):
        _check_scalar(node, shown, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _check_node(child, shown, f"{path}[{index}]", lines)
    else:
        _check_mapping(node, shown, path, lines)


def _check_mapping(node: yaml.Node, shown: str, path: str, lines: dict[str, int]) -> None:
    seen: dict[str, int] = {}
    for key, value in node.value:
        if key.tag == _MERGE:
            _check_node(value, shown, path, lines)
            continue
        if key.tag != "tag:yaml.org,2002:str":
            got = show(key.value) if isinstance(key, yaml.ScalarNode) else _kind(key)
            raise ConfigError(f"the key {got} is not a text", place=_place(shown, key), remedy="put quotes around it")
        inner = f"{path}.{key.value}" if path else str(key.value)
        if key.value in seen:
            problem = f"written twice (first in line {seen[key.value]})"
            raise ConfigError(problem, place=_place(shown, key), path=inner, remedy="keep one of them")
        seen[key.value] = _line(key)
        lines.setdefault(inner, _line(key))
        _check_node(value, shown, inner, lines)


def _check_scalar(node: yaml.ScalarNode, shown: str, path: str) -> None:
    if node.style is not None:  # quoted, or a block: it is read as it is written
        return
    found = _misread(str(node.value), str(node.tag))
    if found:
        problem, remedy = found
        raise ConfigError(problem, place=_place(shown, node), path=path, remedy=remedy)


def _misread(text: str, tag: str) -> tuple[str, str] | None:
    """Return what is wrong with a plain scalar, and the remedy; None if it is read as it is written."""
    if _OCTAL.fullmatch(text):
        return f"{text} would be read as an octal number", f"quote it ('{text}') or remove the zero"
    if _SEXAGESIMAL.fullmatch(text):
        return f"{text} would be read as a number to base 60", f"quote it ('{text}')"
    if tag == "tag:yaml.org,2002:bool" and text.lower() not in ("true", "false"):
        meant = "true" if text.lower() in ("yes", "on", "y") else "false"
        return f"{text} would be read as {meant}", f"quote it ('{text}') or write {meant}"
    if len(text) > LONGEST_NUMBER and _NUMBER.fullmatch(text):
        return f"a number of {len(text)} characters", "shorten it, or quote it if it is a text"
    if tag not in _PLAIN_TAGS | _READ_AS_TEXT:
        return f"{show(text)} has a special meaning in YAML", "quote it"
    return None


def _place(shown: str, node: yaml.Node) -> str:
    return f"{shown}:{_line(node)}"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "a single value"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
