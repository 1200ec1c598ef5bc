"""Starts a training in another Python: `python <this file> FD`, which reads its job from file descriptor FD.

That Python must be 3.9 or newer and does not need this package installed: it is loaded from the folder of this file.
"""

import importlib.util
import json
import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

OLDEST = (3, 9)


def main(descriptor: int) -> None:
    """Run the job; never returns. Every Python 3 can run this function, so that an old one reports its version."""
    connection = Connection(descriptor)
    job = json.loads(connection.recv_bytes().decode())
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the supervisor sends a request to stop through the pipe
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.version_info < OLDEST:
        found, oldest = (".".join(map(str, version[:2])) for version in (sys.version_info, OLDEST))
        why = "trainer.python is Python {}: use Python {} or newer".format(found, oldest)
        connection.send_bytes(json.dumps({"kind": "failed", "message": why}).encode())
        os._exit(0)
    os.set_inheritable(descriptor, False)
    folder = Path(__file__).resolve().parent
    _load_package(folder)
    from protein_sweeps import _child

    environment = [entry for entry in sys.path if entry and Path(entry).resolve() != folder]
    job["path"] = [str(Path.cwd()), *environment]
    _child.carry_out(job, _child.Channel(connection))


def _load_package(folder: Path) -> None:
    """Load only `protein_sweeps` from its folder: the packages beside it must not be importable."""
    place = str(folder / "__init__.py")
    spec = importlib.util.spec_from_file_location("protein_sweeps", place, submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise ImportError(place)
    package = importlib.util.module_from_spec(spec)
    sys.modules["protein_sweeps"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    main(int(sys.argv[1]))
