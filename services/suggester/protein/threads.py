"""One thread while a suggestion is computed: with more of them torch adds in another order, and rounds differently."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in the calling thread alone, and restore its number of threads afterwards.

    It is also faster: the matrices are small, and threads that wait for each other take the cores from trainings.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
