"""The supervisor of a local stack: `python -m shared.local.supervisor RUNTIME_DIR OPTIONS`.

It starts the parts, starts those again that end, describes them to its clients, and ends them all when a client asks
for it. If it is killed, nothing stays either: the workers watch their parent, and the store ends when nobody holds it.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from shared.domain.errors import SweepError
from shared.local import private_store
from shared.local.daemon_server import serve
from shared.local.flower import flower_address, flower_login
from shared.local.private_store import Hold
from shared.local.restarts import Life
from shared.local.stack import EVERYTHING, Ended, Options, Part, Stack, place_in
from shared.local.workers import LOCAL_SETTINGS, LocalWorkers, take_from_the_dead
from shared.store.connection import masked
from shared.store.store import open_store

QUEUES = "gpu,cpu"

log = logging.getLogger("up")


@dataclass
class Supervisor:
    """Runs the parts of one stack: the service of a daemon (`shared.local.daemon_server.Service`)."""

    options: Options
    hold: Hold | None = None
    workers: LocalWorkers | None = None
    store_life: Life = field(default_factory=Life)

    @property
    def data_dir(self) -> Path:
        """The folder that everything is kept in."""
        return Path(self.options.data_dir)

    def start(self) -> None:
        """Start the store and all parts. Raises SweepError when the store does not start."""
        self._start_all()

    def greeting(self) -> str:
        """Describe the stack as it is now."""
        return self._stack().model_dump_json()

    def look(self, clients: int) -> bool:
        """Start again what has ended: the store first, since the workers cannot run without it."""
        now = time.monotonic()
        if self.store_life.runs and self.hold is not None and self.hold.is_lost():
            self._lose_store(now)
        if self.store_life.runs:
            self._look_at_workers(now)
        elif self.store_life.is_due(now):
            self._start_again(now)
        return True

    def stop(self) -> str:
        """End all parts, and return which of them had to be killed."""
        log.info("ending")
        killed = self.workers.end() if self.workers else []
        for service in killed:
            log.warning("%s did not end in time and was killed", service)
        if self.hold:
            self.hold.release()
        log.info("ended")
        return Ended(killed=tuple(killed)).model_dump_json()

    def _start_all(self) -> None:
        url = os.environ.get("REDIS_URL")
        if not url:
            self.hold = private_store.start(self.data_dir)
            url = self.hold.url
        self.store_life.start(time.monotonic())
        log.info("the store is at %s", masked(url))
        local = self.hold is not None
        self.workers = LocalWorkers(
            url,
            self.data_dir,
            queue=QUEUES,
            allow=EVERYTHING if local else (),
            flower=self.options.flower,
            defaults=LOCAL_SETTINGS if local else {},  # all workers of a store that others use have the same timing
            lives=self.workers.lives if self.workers else {},
        )
        self.workers.start_all()
        for service in self.workers.services:
            log.info("%s started (process %d)", service, self.workers.processes[service].pid)

    def _look_at_workers(self, now: float) -> None:
        assert self.workers is not None
        deaths = self.workers.note_deaths(now)
        for death in deaths:
            if death.wait is None:
                log.error("%s; it is not started again, see %s", death.sentence, death.log)
            else:
                log.warning(
                    "%s ended with exit code %d (%d in a row): %s; starting it again in %g s",
                    death.service,
                    death.exit_code,
                    death.in_a_row,
                    death.reason,
                    death.wait,
                )
        if deaths:
            self._take_from_the_dead()
        for service in self.workers.start_due(now):
            log.info("%s started again (process %d)", service, self.workers.processes[service].pid)

    def _take_from_the_dead(self) -> None:
        # Only a private store is certain to belong to this host alone: containers may share a host's name.
        if self.hold is None:
            return
        store = open_store(self.hold.url)
        try:
            for name in store.sweeps.live():
                take_from_the_dead(store, name)
        except SweepError as reason:
            log.warning("runs of dead workers are recovered when their leases expire: %s", reason)
        finally:
            store.close()

    def _lose_store(self, now: float) -> None:
        wait = self.store_life.die(now)
        log.warning("the store ended (%d in a row); starting everything again in %g s", self.store_life.in_a_row, wait)
        if self.workers:
            for process in self.workers.processes.values():  # without a store nothing could be handed back
                process.kill()
                process.wait()
        if self.hold:
            self.hold.release()

    def _start_again(self, now: float) -> None:
        try:
            self._start_all()
            self._take_from_the_dead()
        except SweepError as reason:
            log.error("%s; trying again in %g s", reason, self.store_life.die(now))

    def _stack(self) -> Stack:
        assert self.workers is not None
        parts = [self._part(service) for service in self.workers.services]
        return Stack(
            url=self.workers.url,
            pid=os.getpid(),
            data_dir=self.options.data_dir,
            folder=str(Path.cwd()),
            allow=tuple(part for part in (*os.environ.get("SWEEP_ALLOW", "").split(","), *self.workers.allow) if part),
            parts=tuple(parts),
            slots=self.options.slots,
            flower=f"http://{flower_address(os.environ)}" if self.options.flower else None,
            flower_login=os.environ["FLOWER_BASIC_AUTH"] if self.options.flower else None,
        )

    def _part(self, service: str) -> Part:
        assert self.workers is not None
        life, process = self.workers.lives[service], self.workers.processes[service]
        death, now = self.workers.deaths.get(service), time.monotonic()
        return Part(
            name=service,
            pid=process.pid if life.runs and process.poll() is None else None,
            deaths=life.deaths,
            starts_in=max((life.start_at or now) - now, 0.0),
            log=str(self.workers.log_file(service)),
            failed=life.is_over,
            exit_code=death.exit_code if death else None,
            reason=death.reason if death else None,
        )


def main(runtime_dir: Path, options: Options) -> int:
    """Supervise the stack of a folder, and return the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    if options.slots is not None:
        os.environ["SWEEP_SLOTS"] = str(options.slots)
    if options.flower:
        os.environ["FLOWER_BASIC_AUTH"] = flower_login(os.environ)
    try:
        return serve(place_in(Path(options.data_dir)), runtime_dir, lambda _: Supervisor(options))
    except SweepError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Options.model_validate_json(sys.argv[2])))
