"""One thread for each process of the tests, unless OMP_NUM_THREADS says otherwise: import it before numpy and torch.

Several processes run at once, and what they compute is small: with a thread for each core, most of their time would go
into threads that wait for each other.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
