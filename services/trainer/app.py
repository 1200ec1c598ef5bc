"""The trainer's worker: one slot for each GPU, a forkserver with torch loaded."""

from __future__ import annotations

import logging

from shared.execution.forkserver import start_forkserver
from shared.execution.worker import make_worker
from shared.local.location import join
from shared.queues.names import GPU

PRELOAD = ("numpy", "torch", "gymnasium", "services.trainer.ppo.entry", "services.trainer.noop")

log = logging.getLogger(__name__)


def _warn_without_gpu() -> None:
    if not worker.slots.gpus:
        log.warning("this worker sees no GPU: it trains on the CPU")


worker = make_worker("trainer", queues=[GPU], join=join)
worker.lifecycle.at_start(_warn_without_gpu)
worker.lifecycle.at_start(lambda: start_forkserver(PRELOAD))
app = worker.app
