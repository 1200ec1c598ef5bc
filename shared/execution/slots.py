"""The slots of a worker: how many runs it carries out at once, and which GPUs each of them sees."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import pynvml

CORES_PER_SLOT = 4


@dataclass(frozen=True)
class Slot:
    """The place of one run on a worker: the GPUs that the run sees, and the threads that it may use."""

    gpus: tuple[str, ...]
    threads: int

    @property
    def device(self) -> str:
        """The device that `device: auto` means in this slot."""
        return "cuda" if self.gpus else "cpu"

    def environment(self) -> dict[str, str]:
        """Return the variables that pin a child to this slot."""
        return {"CUDA_VISIBLE_DEVICES": ",".join(self.gpus), "OMP_NUM_THREADS": str(self.threads)}


def visible_gpus(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the GPUs that this worker may use: CUDA_VISIBLE_DEVICES, else all that NVML sees. Never calls CUDA."""
    listed = environment.get("CUDA_VISIBLE_DEVICES")
    if listed is not None:
        return tuple(part.strip() for part in listed.split(",") if part.strip() and part.strip() != "-1")
    try:
        pynvml.nvmlInit()
        count = int(pynvml.nvmlDeviceGetCount())
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return ()
    return tuple(str(index) for index in range(count))


class Slots:
    """Gives the slots of this worker to runs."""

    def __init__(self, count: int | None, gpus: tuple[str, ...]) -> None:
        self.count = count or len(gpus) or max(1, (os.cpu_count() or 1) // CORES_PER_SLOT)
        self.gpus = gpus
        self._runs_on = dict.fromkeys(gpus, 0)
        self._share = -(-self.count // len(gpus)) if gpus else 0  # runs on each GPU, if there are more slots than GPUs
        self._held: dict[str, Slot] = {}
        self._lock = threading.Lock()

    @property
    def busy(self) -> tuple[str, ...]:
        """The ids of the runs that are held now."""
        return tuple(self._held)

    def take(self, run: str, *, gpus: int) -> Slot | None:
        """Take a slot for `run`; None if too few slots or GPUs are free. A worker without GPUs uses the CPU."""
        wanted = gpus if self.gpus else 0
        with self._lock:
            free = sorted(
                (gpu for gpu, runs in self._runs_on.items() if runs < self._share), key=self._runs_on.__getitem__
            )
            if run in self._held or len(self._held) >= self.count or len(free) < wanted:
                return None
            slot = Slot(tuple(free[:wanted]), max(1, (os.cpu_count() or 1) // self.count))
            for gpu in slot.gpus:
                self._runs_on[gpu] += 1
            self._held[run] = slot
            return slot

    def give_back(self, run: str) -> None:
        """Free the slot of `run`."""
        with self._lock:
            slot = self._held.pop(run, None)
            for gpu in slot.gpus if slot else ():
                self._runs_on[gpu] -= 1
