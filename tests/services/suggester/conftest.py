"""A suggester on the real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.suggester.advance_sweep import Suggester
from shared.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import AWorker
    from tests.shared.control.scenarios import Advance


@pytest.fixture
def suggester(store: Store, a_worker: AWorker) -> Suggester:
    """Return a suggester with a worker of its own."""
    return Suggester(store, a_worker("suggester", "suggest", "results").notifications)


@pytest.fixture
def advance(suggester: Suggester) -> Advance:
    """Return what advances a sweep in the scenarios of the floor below: the real suggester."""
    return suggester.advance
