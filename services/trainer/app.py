"""The trainer's worker: one slot for each GPU, a forkserver with torch loaded."""

from __future__ import annotations

from shared.execution.forkserver import start_forkserver
from shared.execution.worker import make_worker
from shared.queues.names import GPU

PRELOAD = ("numpy", "torch", "gymnasium", "services.trainer.trainables", "services.trainer.ppo")

worker = make_worker("trainer", queues=[GPU])
worker.lifecycle.at_start(lambda: start_forkserver(PRELOAD))
app = worker.app
