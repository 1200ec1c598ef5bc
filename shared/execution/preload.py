"""What the forkserver loads before its first child, so that a child starts in milliseconds with torch loaded.

Only the forkserver process imports this. It must never use torch.cuda: CUDA does not survive a fork.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal

from protein_sweeps._process import die_with_parent
from shared.execution.job import PRELOADED_VARIABLE

PARENT = os.getppid()

die_with_parent(signal.SIGKILL)
if os.getppid() != PARENT:
    os._exit(1)
# systemd and Slurm send SIGTERM to the whole group: it would kill a training before it can write its checkpoint.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
importlib.import_module("protein_sweeps._child")
for name in os.environ.get(PRELOADED_VARIABLE, "").split(","):
    with contextlib.suppress(ImportError):
        if name:
            importlib.import_module(name)
