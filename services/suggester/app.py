"""The suggester's worker: its tasks, and a tick that needs no message."""

from __future__ import annotations

from services.suggester.advance_sweep import Suggester
from services.suggester.reap import Reaper
from services.suggester.republish import republish
from services.suggester.retain import LOOK_SECONDS, drop_old_logs
from services.suggester.stop_early import EarlyStopping
from services.suggester.track import Tracking
from shared.execution.worker import make_worker
from shared.local.location import join
from shared.queues.names import RESULTS, SUGGEST

TRACK_SECONDS = 2.0

worker = make_worker("suggester", queues=[SUGGEST, RESULTS], join=join, slots=1)
suggester = Suggester(worker.store, worker.notifications)
reaper = Reaper(worker.store, worker.notifications, lease_seconds=worker.settings.lease_seconds)
early_stopping = EarlyStopping(worker.store)
tracking = Tracking(worker.store, worker.data_dir)
worker.lifecycle.every(worker.settings.tick_seconds, suggester.advance_all)
worker.lifecycle.every(worker.settings.tick_seconds, early_stopping.stop_bad_runs)
worker.lifecycle.every(worker.settings.reap_seconds, reaper.reap)
worker.lifecycle.every(worker.settings.republish_seconds, lambda: republish(worker.store, worker.notifications))
worker.lifecycle.every(TRACK_SECONDS, tracking.follow_all)
if worker.settings.log_retention_days is not None:
    days = worker.settings.log_retention_days
    worker.lifecycle.every(LOOK_SECONDS, lambda: drop_old_logs(worker.store, days=days))
worker.lifecycle.at_end(tracking.close)
app = worker.app
