"""The store that a caller works on: every operation of this package takes it as an argument."""

from __future__ import annotations

from shared.store.connection import masked
from shared.store.store import Store

__all__ = ["Store", "masked"]
