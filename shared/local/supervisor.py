"""The supervisor of a local stack: `python -m shared.local.supervisor RUNTIME_DIR OPTIONS`.

It starts the parts, starts those again that die, tells whoever connects how they are, and ends them all when it is told
to. Killed outright it leaves nothing behind either: the workers watch their parent, and the store ends when nobody
holds it any more.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import select
import shutil
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from shared.domain.errors import SweepError
from shared.local.flower import flower_address, flower_login
from shared.local.restarts import Life
from shared.local.stack import (
    ALREADY_RUNNING,
    END,
    EVERYTHING,
    FOLDER,
    LOCK,
    PLACE,
    RUNTIME_PREFIX,
    SOCKET,
    Ended,
    Options,
    Part,
    Stack,
)
from shared.local.workers import LOCAL_SETTINGS, LocalWorkers, take_from_the_dead
from shared.store import embedded
from shared.store.connection import masked
from shared.store.embedded import Hold
from shared.store.store import open_store

LOOK_SECONDS = 0.2
QUEUES = "gpu,cpu"

log = logging.getLogger("up")


@dataclass
class Supervisor:
    """Runs the parts of one stack until it is told to end."""

    options: Options
    runtime_dir: Path
    hold: Hold | None = None
    workers: LocalWorkers | None = None
    lives: dict[str, Life] = field(default_factory=dict)
    store_life: Life = field(default_factory=Life)
    clients: list[socket.socket] = field(default_factory=list)
    asked_to_end: bool = False

    @property
    def data_dir(self) -> Path:
        """The folder that everything is kept in."""
        return Path(self.options.data_dir)

    def run(self) -> None:
        """Serve until somebody says `end` or SIGTERM comes. Raises SweepError when the store does not start."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        killed: list[str] = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            try:
                self._forget_the_killed()
                self._start_all()
                listener.bind(str(self.runtime_dir / SOCKET))
                listener.listen(16)
                self._write_place()
                while not self.asked_to_end:
                    self._listen(listener)
                    self._look()
            finally:
                killed = self._end_all()
        for client in self.clients:
            with suppress(OSError):
                client.sendall((Ended(killed=tuple(killed)).model_dump_json() + "\n").encode())

    def _start_all(self) -> None:
        url = os.environ.get("REDIS_URL")
        if not url:
            self.hold = embedded.start(self.data_dir)
            self.hold.connection.setblocking(False)
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
            defaults=LOCAL_SETTINGS if local else {},  # a store that others use, too, has one timing for all
        )
        self.lives = self.lives or {service: Life() for service in self.workers.services}
        self.workers.start_all()
        for service, life in self.lives.items():
            life.start(time.monotonic())
            log.info("%s started (process %d)", service, self.workers.processes[service].pid)

    def _end_all(self) -> list[str]:
        log.info("ending")
        killed = self.workers.end() if self.workers else []
        for service in killed:
            log.warning("%s did not end in time and was killed", service)
        if self.hold:
            self.hold.release()
        (self.data_dir / FOLDER / PLACE).unlink(missing_ok=True)
        shutil.rmtree(self.runtime_dir, ignore_errors=True)
        log.info("ended")
        return killed

    def _look(self) -> None:
        """See to what died: the store first, since the workers go with it."""
        now = time.monotonic()
        if self.store_life.start_at is None and self._store_is_gone():
            self._lose_store(now)
        if self.store_life.start_at is not None:
            if self.store_life.is_due(now):
                self._start_again(now)
            return
        for service, life in self.lives.items():
            self._look_at(service, life, now)

    def _look_at(self, service: str, life: Life, now: float) -> None:
        assert self.workers is not None
        code = self.workers.processes[service].poll()
        if code is None:
            return
        if life.start_at is None:
            wait = life.die(now)
            log.warning(
                "%s ended with exit code %d (%d in a row): it is started again in %g s",
                service,
                code,
                life.in_a_row,
                wait,
            )
            self._take_from_the_dead()
        elif life.is_due(now):
            self.workers.start(service)
            life.start(now)
            log.info("%s started again (process %d)", service, self.workers.processes[service].pid)

    def _take_from_the_dead(self) -> None:
        # Only an embedded store is certain to be this host's alone: containers may share a host's name.
        if self.hold is None:
            return
        store = open_store(self.hold.url)
        try:
            for name in store.sweeps.live():
                take_from_the_dead(store, name)
        except SweepError as reason:  # the leases run out in any case
            log.warning("the runs of the dead wait for their leases: %s", reason)
        finally:
            store.close()

    def _store_is_gone(self) -> bool:
        """Whether the guardian closed the connection that holds it: it does so when it dies."""
        if self.hold is None:
            return False
        try:
            return self.hold.connection.recv(64) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _lose_store(self, now: float) -> None:
        wait = self.store_life.die(now)
        log.warning("the store is gone (%d in a row): all is started again in %g s", self.store_life.in_a_row, wait)
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

    def _listen(self, listener: socket.socket) -> None:
        readable, _, _ = select.select([listener, *self.clients], [], [], LOOK_SECONDS)
        for ready in readable:
            if ready is listener:
                self._welcome(listener)
                continue
            try:
                said = ready.recv(64)
            except OSError:
                said = b""
            if said == END:
                self.asked_to_end = True
            elif not said:
                self.clients.remove(ready)
                ready.close()

    def _welcome(self, listener: socket.socket) -> None:
        client, _ = listener.accept()
        try:
            client.sendall((self._stack().model_dump_json() + "\n").encode())
        except OSError:
            client.close()
            return
        self.clients.append(client)

    def _stack(self) -> Stack:
        assert self.workers is not None
        now = time.monotonic()
        parts = []
        for service, life in self.lives.items():
            process = self.workers.processes[service]
            runs = life.start_at is None and process.poll() is None
            parts.append(
                Part(
                    name=service,
                    pid=process.pid if runs else None,
                    deaths=life.deaths,
                    starts_in=max((life.start_at or now) - now, 0.0),
                    log=str(self.workers.log_file(service)),
                )
            )
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

    def _forget_the_killed(self) -> None:
        """Remove what a supervisor that was killed has left."""
        place = self.data_dir / FOLDER / PLACE
        with suppress(OSError, ValueError, KeyError, TypeError):
            left = Path(json.loads(place.read_text())["runtime_dir"])
            place.unlink()
            if left.name.startswith(RUNTIME_PREFIX):
                shutil.rmtree(left, ignore_errors=True)

    def _write_place(self) -> None:
        place = {"host": socket.gethostname(), "pid": os.getpid(), "runtime_dir": str(self.runtime_dir)}
        folder = self.data_dir / FOLDER
        beside = folder / f"{PLACE}.new"
        beside.write_text(json.dumps(place))
        beside.replace(folder / PLACE)

    def _end(self, signal_number: int, frame: object) -> None:
        self.asked_to_end = True


def main(runtime_dir: Path, options: Options) -> int:
    """Supervise one stack; return at once, with `ALREADY_RUNNING`, when another supervisor holds the folder."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with (Path(options.data_dir) / FOLDER / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            shutil.rmtree(runtime_dir, ignore_errors=True)
            return ALREADY_RUNNING
        if options.slots is not None:
            os.environ["SWEEP_SLOTS"] = str(options.slots)
        if options.flower:
            os.environ["FLOWER_BASIC_AUTH"] = flower_login(os.environ)
        try:
            Supervisor(options, runtime_dir).run()
        except SweepError as error:
            print(error, file=sys.stderr)
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Options.model_validate_json(sys.argv[2])))
