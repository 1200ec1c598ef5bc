"""The evaluator's worker."""

from __future__ import annotations

from shared.execution.forkserver import start_forkserver
from shared.execution.worker import make_worker
from shared.local.location import join
from shared.queues.names import EVAL

PRELOAD = ("numpy", "torch", "gymnasium", "services.evaluator.play")

worker = make_worker("evaluator", queues=[EVAL], join=join)
worker.lifecycle.at_start(lambda: start_forkserver(PRELOAD))
app = worker.app
