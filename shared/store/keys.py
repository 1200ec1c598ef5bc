"""The data dictionary: every key that this system keeps in Redis.

| key                     | type   | what                                                                   |
|-------------------------|--------|------------------------------------------------------------------------|
| store:id                | string | id of this store, written once; workers of another store stop          |
| sweeps                  | zset   | name of each sweep, by creation (ms)                                   |
| sweeps:live             | set    | names of the sweeps that are not finished                              |
| sweep:<name>            | string | the sweep's record (JSON of `domain.sweep.Sweep`, defaults left out)   |
| sweep:<name>:runs       | hash   | run number -> record (JSON of `domain.run.Run`, defaults left out)     |
| sweep:<name>:states     | zset   | run number, by the ordinal of its state                                |
| sweep:<name>:events     | stream | the log: ids 1-0, 2-0, ... without a gap; fields `at` (ms), `e` (JSON) |
| sweep:<name>:progress   | hash   | run number -> last report and curve (JSON of `domain.progress`)        |
| tracked                 | hash   | sweep -> position in its log up to which the tracker is up to date     |
| leases                  | zset   | id of each claimed run, by the end of its lease (ms)                   |
| due:<queue>             | zset   | id of each run that waits for a worker of that queue, since when (ms)  |
| workers                 | hash   | worker -> what it announced (JSON of `store.fleet.LiveWorker`)         |
| workers:seen            | zset   | worker, by its last heartbeat (ms)                                     |
| <queue>                 | list   | Celery's messages: kombu writes them, we count them                    |

All times are the server's.
"""

from __future__ import annotations

STORE_ID = "store:id"
SWEEPS = "sweeps"
LIVE_SWEEPS = "sweeps:live"
TRACKED = "tracked"
LEASES = "leases"
WORKERS = "workers"
WORKERS_SEEN = "workers:seen"


def sweep(name: str) -> str:
    """Return the key of a sweep's record."""
    return f"sweep:{name}"


def runs(name: str) -> str:
    """Return the key of a sweep's run records."""
    return f"sweep:{name}:runs"


def states(name: str) -> str:
    """Return the key of the index of a sweep's runs by state."""
    return f"sweep:{name}:states"


def events(name: str) -> str:
    """Return the key of a sweep's log."""
    return f"sweep:{name}:events"


def progress(name: str) -> str:
    """Return the key of the last reports of a sweep's runs."""
    return f"sweep:{name}:progress"


def due(queue: str) -> str:
    """Return the key of the runs that wait for a worker of `queue`."""
    return f"due:{queue}"
