"""The register of live workers: what each of them announces."""

from __future__ import annotations

import secrets
from typing import Any

import redis
from pydantic import ConfigDict

from shared.domain.errors import StoreReplaced
from shared.domain.refusal import Refusal
from shared.domain.run import Frozen
from shared.store import keys
from shared.store.connection import SCRIPTS, masked, plain_errors

SILENT_SECONDS = 20.0
FORGET_SECONDS = 3600.0


class LiveWorker(Frozen):
    """What a worker announces with each heartbeat."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer worker may announce more

    id: str
    service: str
    host: str
    pid: int
    queues: tuple[str, ...]
    slots: int
    busy: tuple[str, ...] = ()  # ids of the runs in its slots
    gpus: tuple[str, ...] = ()
    version: str
    code: str = ""  # the package's version, with a digest of its sources
    differs: dict[str, str] = {}  # sweep -> how the code here differs from that of its submit
    data_dir: str = ""
    storage: str | None = None  # id of that folder; None: it has none, or cannot use it
    storage_fault: str | None = None
    settings: dict[str, float] = {}  # its timing (seconds)
    allow: tuple[str, ...] = ()  # entry points that it may run, beside the built-in ones
    refusals: dict[str, Refusal] = {}  # sweep -> why it could not take a run of it, as far as it knows


class Fleet:
    """The register of workers."""

    def __init__(self, client: redis.Redis, url: str) -> None:
        self._client: Any = client  # redis-py types its answers as unions of all modes
        self._url = url
        self._store_id = ""
        self._beat = client.register_script((SCRIPTS / "heartbeat.lua").read_text())

    def announce(self, worker: LiveWorker) -> None:
        """Record that this worker is live. Raises StoreReplaced if the store is not that of the first announcement."""
        self._store_id = self._send(worker.id, worker.model_dump_json())

    def sign_off(self, worker_id: str) -> None:
        """Remove a worker that ends. Raises StoreReplaced as `announce` does."""
        self._send(worker_id, "")

    def live(self, *, silent_seconds: float = SILENT_SECONDS) -> list[LiveWorker]:
        """Return the workers that announced themselves within the last `silent_seconds`."""
        with plain_errors(self._url):
            seconds, micros = self._client.time()
            since = seconds * 1000 + micros // 1000 - int(silent_seconds * 1000)
            ids = self._client.zrangebyscore(keys.WORKERS_SEEN, since, "+inf")
            texts = self._client.hmget(keys.WORKERS, ids) if ids else []
        return [LiveWorker.model_validate_json(text) for text in texts if text]

    def live_slots(self, queue: str) -> int:
        """Return how many runs of `queue` the live workers can hold at the same time."""
        return sum(worker.slots for worker in self.live() if queue in worker.queues)

    def _send(self, worker_id: str, text: str) -> str:
        with plain_errors(self._url):
            answer: str = self._beat(
                keys=[keys.WORKERS, keys.WORKERS_SEEN, keys.STORE_ID],
                args=[worker_id, text, int(FORGET_SECONDS * 1000), self._store_id, secrets.token_hex(8)],
            )
        if self._store_id not in ("", answer):
            raise StoreReplaced(
                f"the store at {masked(self._url)} was {'replaced' if answer else 'emptied'} while this worker ran: "
                "bring its data back, or rebuild each sweep with `sweepctl restore`, then start the workers again"
            )
        return answer
