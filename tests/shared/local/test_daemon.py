"""A daemon of a folder: one at a time, found by a file, ended by a client, and never in the way once it is dead."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from shared.domain.errors import ConfigError, Conflict
from shared.local import daemon as daemons
from shared.local.daemon import Connection, Daemon, DidNotStart
from shared.local.daemon_server import Place

DAEMON = """
import json, os, sys, time
from pathlib import Path
from shared.local.daemon_server import Place, serve

class Counting:
    def start(self):
        if sys.argv[3] == "fails":
            print("first words\\nno such luck", file=sys.stderr)
            sys.exit(4)
    def greeting(self):
        heavy = [name for name in ("pydantic", "redis") if name in sys.modules]
        return json.dumps({"pid": os.getpid(), "modules": heavy})
    def look(self, clients):
        return True
    def stop(self):
        time.sleep(0.2)
        return "that is all"

sys.exit(serve(Place(Path(sys.argv[2]), "toy.json", "toy.sock"), Path(sys.argv[1]), lambda lock: Counting()))
"""


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """Yield a daemon that does nothing but count its clients; end it if it runs at the end."""
    (tmp_path / "daemon_of_a_test.py").write_text(DAEMON)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(daemons, "started", [])
    place = Place(tmp_path / "data" / ".toy", "toy.json", "toy.sock")
    yield Daemon(place, log=tmp_path / "data" / "logs" / "toy.log", called="toy", elsewhere="go there")
    for process in daemons.started:
        process.kill()
        process.wait()


def start(daemon: Daemon, how: str = "works") -> Connection:
    return daemon.start("daemon_of_a_test", str(daemon.place.folder), how, seconds=30)


def place_of(daemon: Daemon) -> dict[str, object]:
    read: dict[str, object] = json.loads((daemon.place.folder / daemon.place.file).read_text())
    return read


def test_a_daemon_is_found_by_every_client_until_one_of_them_ends_it(daemon: Daemon) -> None:
    assert daemon.attach() is None
    assert not daemon.is_held()

    with start(daemon) as first, start(daemon) as second:
        assert json.loads(first.greeting) == json.loads(second.greeting)
        assert daemon.is_held()
        assert not first.is_lost()

        found = daemon.attach()
        assert found is not None
        assert daemon.end(found, seconds=10) == "that is all"

        assert first.is_lost() is False, "it got the last word, too"
    assert not daemon.is_held()
    assert daemon.attach() is None
    assert len(daemons.started) == 1


def test_it_says_where_it_is_in_a_folder_for_its_user_alone(daemon: Daemon) -> None:
    with start(daemon) as connection:
        place = place_of(daemon)
        runtime = Path(str(place["runtime_dir"]))
        assert (place["host"], place["pid"]) == (socket.gethostname(), connection.pid)
        assert runtime.stat().st_mode & 0o777 == 0o700
        assert daemon.place.folder.stat().st_mode & 0o777 == 0o700

        daemon.end(connection, seconds=10)

    assert not runtime.exists()
    assert list(daemon.place.folder.iterdir()) == [daemon.place.folder / "lock"]


def test_it_starts_at_once_since_it_imports_the_standard_library_alone(daemon: Daemon) -> None:
    with start(daemon) as connection:
        assert json.loads(connection.greeting)["modules"] == []


def test_one_that_was_killed_is_noticed_by_its_clients_and_the_next_one_removes_its_files(daemon: Daemon) -> None:
    with start(daemon) as connection:
        left = Path(str(place_of(daemon)["runtime_dir"]))
        psutil.Process(connection.pid).kill()
        daemons.started[0].wait()

        assert connection.is_lost()
    assert left.exists()
    assert daemon.attach() is None

    with start(daemon) as connection:
        assert connection.pid != daemons.started[0].pid
        assert not left.exists()


def test_one_that_ends_just_now_is_waited_for_and_replaced(daemon: Daemon) -> None:
    with start(daemon) as connection:
        psutil.Process(connection.pid).terminate()
        while found := daemon.attach():
            found.close()
            time.sleep(0.01)

    with start(daemon) as again:
        assert again.pid != connection.pid


def test_one_that_cannot_start_is_reported_with_its_last_words_and_its_exit_code(daemon: Daemon) -> None:
    daemon.log.parent.mkdir(parents=True)
    daemon.log.write_text("words of an earlier one\n")

    with pytest.raises(DidNotStart) as caught:
        start(daemon, "fails")

    assert str(caught.value) == "no such luck"
    assert (caught.value.said, caught.value.exit_code) == ("first words\nno such luck\n", 4)


def test_a_folder_that_cannot_be_written_to_is_refused_in_one_line(daemon: Daemon) -> None:
    daemon.data_dir.touch()

    with pytest.raises(ConfigError, match=r"data/.toy: Not a directory; choose another --data-dir"):
        start(daemon)


def test_one_on_another_host_is_a_conflict_that_names_the_host(daemon: Daemon) -> None:
    daemon.place.folder.mkdir(parents=True)
    (daemon.place.folder / daemon.place.file).write_text('{"host": "node-17", "pid": 1, "runtime_dir": "/tmp"}')

    with pytest.raises(Conflict, match=r"data: its toy runs on host node-17; go there"):
        daemon.attach()


@pytest.mark.skipif(sys.platform == "win32", reason="no unix permissions")
def test_one_of_another_user_is_a_conflict(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_text(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", read_text)

    with pytest.raises(Conflict, match="its toy belongs to another user; choose another --data-dir"):
        daemon.attach()
