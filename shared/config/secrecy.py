"""Keeps secrets out of configs: a config is stored, tracked and printed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from shared.domain.errors import ConfigError
from shared.domain.redaction import MASK, SECRET_VALUE, is_secret_variable

STORED: Final = "and a config is stored and shown"
FROM_A_FILE: Final = "let the training read it from a file"
_KEY: Final = re.compile(
    r"(^|_)(api_?key|access_?key(_id)?|private_?key|secret(_key)?|passw(or)?d|passphrase|credentials?|"
    r"((api|auth|access|bearer|refresh|session|hf|github|wandb|bot|service)_?)?token)$"
)


def find_secret(node: Any, path: str = "") -> str | None:
    """Return the dotted path of the first thing in `node` that looks like a secret."""
    if isinstance(node, dict):
        for key, value in node.items():
            inner = f"{path}.{key}" if path else str(key)
            if is_secret(str(key), value):
                return inner
            found = find_secret(value, inner)
            if found:
                return found
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            found = find_secret(value, f"{path}[{index}]") or (f"{path}[{index}]" if is_secret("", value) else None)
            if found:
                return found
    return None


def is_secret(key: str, value: object) -> bool:
    """Whether this key with this value looks like a secret; an empty one and a number do not."""
    if not isinstance(value, str) or not value or value == MASK:
        return False
    return bool(_KEY.search(_snake(key)) or SECRET_VALUE.search(value))


def mask_secrets(node: Any) -> Any:
    """Return plain data with what looks like a secret replaced."""
    if isinstance(node, dict):
        return {key: MASK if is_secret(str(key), value) else mask_secrets(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [MASK if is_secret("", value) else mask_secrets(value) for value in node]
    return node


@contextmanager
def guarded_environment() -> Iterator[None]:
    """Let `${oc.env:NAME}` read all variables but secrets meanwhile. Its ConfigError is the cause of OmegaConf's."""
    from omegaconf import OmegaConf
    from omegaconf.resolvers import oc

    def read(name: str, *default: Any) -> Any:
        if is_secret_variable(name, os.environ.get(name, "")):
            raise ConfigError(f"the environment variable {name} may be a secret, {STORED}", remedy=FROM_A_FILE)
        if name not in os.environ and not default:
            remedy = f"set it, or write ${{oc.env:{name},default}}"
            raise ConfigError(f"the environment variable {name} is not set", remedy=remedy)
        return oc.env(name, *default)

    OmegaConf.register_new_resolver("oc.env", read, replace=True)
    try:
        yield
    finally:
        OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()
