"""A training that is a script written for W&B: it gets its parameters through W&B, and its W&B log is read here.

The script's wandb reads the parameters of a sweep from a file; they replace those of the script. It writes what is
logged to another file every few seconds, also offline. That file has seven bytes of its own, then a log in LevelDB's
format: blocks of 32 KiB with chunks; a chunk has a header of checksum, length and type; chunks make up records; a
record is a protobuf message of W&B. These fields are read, by their numbers, which never change in a protobuf:

    Record         2 history   3 summary
    history        1 item
    summary        1 update
    item, update   1 key   2 nested_key (repeated)   16 value_json

Does not import wandb: that would take a second in each training's process, and the training can use another version.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from shared.domain.command import PREFIX, as_json
from shared.tracking.credentials import has_wandb_key
from shared.tracking.wandb_internals import FLUSH_VARIABLE, SWEEP_PARAMETERS_VARIABLE

FLUSH_SECONDS: Final = 1
HEADER_BYTES: Final = 7
BLOCK_BYTES: Final = 2**15
_CHUNK: Final = struct.Struct("<IHB")  # checksum, length, type
_FULL, _FIRST, _LAST = 1, 2, 4
_HISTORY, _SUMMARY, _ITEM = 2, 3, 1
_KEY, _NESTED_KEY, _VALUE_JSON = 1, 2, 16


def script_environment(
    folder: Path, *, run: str, config: Mapping[str, Any], params: Mapping[str, Any]
) -> dict[str, str]:
    """Return the variables that make a script's wandb write below `folder` and put `params` into wandb.config.

    It is online only if the sweep is and this machine has the key in a file, since no child's environment has secrets.
    """
    wandb = config["wandb"]
    online = wandb["mode"] == "online" and has_wandb_key()
    place = folder / "wandb_params.json"
    place.write_text(as_json({"wandb_version": 1, **{key: {"value": value} for key, value in _nested(params).items()}}))
    return {
        "WANDB_DIR": str(folder),
        "WANDB_MODE": "online" if online else "offline",
        SWEEP_PARAMETERS_VARIABLE: str(place),
        FLUSH_VARIABLE: str(FLUSH_SECONDS),
        "WANDB_PROJECT": wandb["project"],
        "WANDB_RUN_GROUP": wandb["group"] or config["sweep_run"],
        "WANDB_NAME": run,
        **({"WANDB_ENTITY": wandb["entity"]} if wandb["entity"] else {}),
    }


def wandb_files(folder: Path) -> list[Path]:
    """Return the log files below WANDB_DIR, in the order of their start, with which their names begin."""
    return sorted(folder.glob("wandb/*run-*/run-*.wandb"))


def _nested(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as nested sections, as in a sweep of W&B: wandb merges them into the script's config."""
    nested: dict[str, Any] = {}
    for path, value in params.items():
        *parents, last = path.removeprefix(PREFIX).split(".")
        node = nested
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return nested


class WandbLog:
    """The log of one run of a script's wandb, and how far it was read. Steps are W&B's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = HEADER_BYTES
        self._record = b""
        self._step = 0

    def read(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield (step, metrics) for everything written since the last call, the numbers of the summary included."""
        try:
            for record in self._records():
                yield from self._metrics_of(record)
        except (IndexError, ValueError) as error:
            self._position = sys.maxsize  # the rest cannot be read either
            print(f"{self._path}: damaged, or in the format of another wandb: {error}", file=sys.stderr, flush=True)

    def _metrics_of(self, record: bytes) -> Iterator[tuple[int, dict[str, float]]]:
        for number, content in _fields(record):
            if number in (_HISTORY, _SUMMARY) and isinstance(content, bytes):
                numbers = _items(content)
                self._step = int(numbers.pop("_step", self._step))
                metrics = {name: value for name, value in numbers.items() if not name.startswith("_")}
                if metrics:
                    yield self._step, metrics

    def _records(self) -> Iterator[bytes]:
        if self._position == sys.maxsize:
            return
        with self._path.open("rb") as file:
            while True:
                left = BLOCK_BYTES - self._position % BLOCK_BYTES
                if left < _CHUNK.size:
                    self._position += left
                file.seek(self._position)
                head = file.read(_CHUNK.size)
                if len(head) < _CHUNK.size:
                    return
                _, length, kind = _CHUNK.unpack(head)
                chunk = file.read(length)
                if len(chunk) < length or kind == 0:  # not written yet
                    return
                self._position += _CHUNK.size + length
                self._record = chunk if kind in (_FULL, _FIRST) else self._record + chunk
                if kind in (_FULL, _LAST):
                    yield self._record


def _items(content: bytes) -> dict[str, float]:
    """Return the numbers of a history or a summary; nested keys are joined by dots, as W&B shows them."""
    items = dict(_item(item) for number, item in _fields(content) if number == _ITEM and isinstance(item, bytes))
    typed = [name.removesuffix("_type") for name in items if name.endswith("._type")]  # images, histograms, tables
    found: dict[str, float] = {}
    for name, value in items.items():
        if not name.startswith(tuple(typed)):
            found |= _numbers(name, value)
    return found


def _item(item: bytes) -> tuple[str, Any]:
    texts = [(number, text) for number, text in _fields(item) if isinstance(text, bytes)]
    keys = [text.decode() for number, text in texts if number in (_KEY, _NESTED_KEY)]
    return ".".join(keys), next((json.loads(text) for number, text in texts if number == _VALUE_JSON), None)


def _numbers(name: str, value: Any) -> dict[str, float]:
    if isinstance(value, Mapping) and "_type" not in value:
        return {key: number for below, one in value.items() for key, number in _numbers(f"{name}.{below}", one).items()}
    if not isinstance(value, int | float) or abs(value) > sys.float_info.max or math.isnan(value):
        return {}
    return {name: float(value)}


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield the fields of a protobuf message: the number, and the bytes or the integer."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, position = _varint(message, position)
            yield number, value
            continue
        length, position = (8 if kind == 1 else 4, position) if kind in (1, 5) else _varint(message, position)
        yield number, message[position : position + length]
        position += length


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position
