"""The private server of a data folder: there is one, it runs as long as it is held, and it loses nothing."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from shared.domain.errors import ConfigError, Conflict, StoreUnreachable
from shared.local import private_store
from shared.local.daemon_server import LOCK
from shared.local.store_guardian import HOLD_SOCKET, PLACE
from shared.store.store import open_store

if TYPE_CHECKING:
    from tests.conftest import ASweep

pytestmark = pytest.mark.slow

HOLDER = """
import sys, time
from pathlib import Path
from shared.local import private_store
held = private_store.start(Path(sys.argv[1]))
print(held.url, flush=True)
time.sleep(120)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start processes that hold the server of the folder."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLDER, str(tmp_path)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def url_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def guardian_of(folder: Path) -> psutil.Process:
    return psutil.Process(json.loads((folder / private_store.STORE_FOLDER / PLACE).read_text())["pid"])


def wait_until(claim: Callable[[], object], *, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


def test_two_commands_that_start_at_once_share_one_server(
    tmp_path: Path, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    one, other = holder(), holder()

    assert url_of(one) == url_of(other) != ""
    assert len(guardian_of(tmp_path).children()) == 1


def test_a_running_server_is_found_and_no_second_one_is_started(tmp_path: Path) -> None:
    with private_store.start(tmp_path) as first, private_store.start(tmp_path) as second:
        assert second.url == first.url
        found = private_store.attach(tmp_path)
        assert found is not None
        found.release()


def test_a_folder_without_a_server_has_none_to_find(tmp_path: Path) -> None:
    assert private_store.attach(tmp_path) is None
    assert not private_store.has_files(tmp_path)


def test_the_server_is_for_its_owner_alone(tmp_path: Path) -> None:
    with private_store.start(tmp_path):
        place = json.loads((tmp_path / private_store.STORE_FOLDER / PLACE).read_text())
        runtime = Path(place["runtime_dir"])
        assert runtime.stat().st_mode & 0o777 == 0o700
        assert (tmp_path / private_store.STORE_FOLDER).stat().st_mode & 0o777 == 0o700
        server = guardian_of(tmp_path).children()[0]
        assert [c for c in server.net_connections() if c.family != socket.AF_UNIX] == []


def test_it_ends_within_five_seconds_when_its_only_holder_is_killed(
    tmp_path: Path, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    process = holder()
    url_of(process)
    guardian = guardian_of(tmp_path)
    family = [guardian, *guardian.children(recursive=True)]
    runtime = Path(json.loads((tmp_path / private_store.STORE_FOLDER / PLACE).read_text())["runtime_dir"])

    process.kill()

    wait_until(lambda: not any(member.is_running() and member.status() != "zombie" for member in family))
    assert not runtime.exists()
    assert not (tmp_path / private_store.STORE_FOLDER / PLACE).exists()


@pytest.mark.slow
def test_it_keeps_running_while_somebody_else_holds_it(
    tmp_path: Path, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    process = holder()
    url = url_of(process)
    with private_store.start(tmp_path):
        process.kill()
        process.wait()
        time.sleep(1.0)  # longer than its grace

        open_store(url).ping()


@pytest.mark.slow
def test_a_server_that_is_started_again_has_its_data_even_while_the_one_before_it_ends(tmp_path: Path) -> None:
    for number in range(3):
        with private_store.start(tmp_path) as held:
            store = open_store(held.url)
            assert store.client.incr("counter") == number + 1
            store.close()
        guardian = guardian_of(tmp_path)
        time.sleep(0.55)  # just beyond its grace: it is about to end, and still has the folder
    guardian.wait(10)
    assert private_store.has_files(tmp_path)


def test_a_folder_whose_guardian_is_about_to_end_is_used_as_soon_as_it_is_free(tmp_path: Path) -> None:
    import fcntl
    import threading

    place = tmp_path / private_store.STORE_FOLDER
    place.mkdir()
    lock = (place / LOCK).open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    timer = threading.Timer(0.5, lock.close)
    timer.start()

    begun = time.monotonic()
    with private_store.start(tmp_path):
        assert 0.4 < time.monotonic() - begun < 10
    timer.join()


def test_a_server_that_is_killed_comes_back_with_every_acknowledged_write(tmp_path: Path) -> None:
    with private_store.start(tmp_path) as held:
        store = open_store(held.url)
        for number in range(50):
            store.client.rpush("list", number)
        (server,) = guardian_of(tmp_path).children()

        server.kill()

        def answers() -> bool:
            try:
                store.ping()
            except StoreUnreachable:
                return False
            return True

        wait_until(answers, seconds=10)
        assert store.client.lrange("list", 0, -1) == [str(number) for number in range(50)]
        store.close()


def test_a_server_ends_with_its_killed_guardian_and_the_next_command_starts_another(tmp_path: Path) -> None:
    with private_store.start(tmp_path) as held:
        store = open_store(held.url)
        store.client.set("key", "value")
        store.close()
        guardian = guardian_of(tmp_path)
        (server,) = guardian.children()

        guardian.kill()

        assert private_store.attach(tmp_path) is None
        with private_store.start(tmp_path) as again:
            assert not server.is_running() or server.status() == "zombie"
            store = open_store(again.url)
            assert store.client.get("key") == "value"
            store.close()


def test_clients_that_connect_and_leave_at_once_do_not_disturb_the_others(tmp_path: Path) -> None:
    with private_store.start(tmp_path) as held:
        runtime = Path(json.loads((tmp_path / private_store.STORE_FOLDER / PLACE).read_text())["runtime_dir"])
        for number in range(30):
            visitor = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            visitor.connect(str(runtime / HOLD_SOCKET))
            if number % 2:
                time.sleep(0.02)  # greeted by now, and leaves without having read it
            visitor.close()
        time.sleep(0.3)

        store = open_store(held.url)
        store.ping()
        store.close()


def test_a_server_on_another_host_is_a_conflict_that_names_the_host(tmp_path: Path) -> None:
    place = tmp_path / private_store.STORE_FOLDER / PLACE
    place.parent.mkdir()
    place.write_text(json.dumps({"host": "node-17", "pid": 1, "runtime_dir": "/tmp"}))

    for use in (private_store.attach, private_store.start):
        with pytest.raises(Conflict, match="its store runs on host node-17; run this there, set REDIS_URL, or delete"):
            use(tmp_path)
    assert Conflict.exit_code == 6


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"host": "HOST", "pid": 1, "runtime_dir": "/nowhere"}'])
def test_a_stale_or_broken_place_file_means_that_no_server_runs(tmp_path: Path, text: str) -> None:
    place = tmp_path / private_store.STORE_FOLDER / PLACE
    place.parent.mkdir()
    place.write_text(text.replace("HOST", socket.gethostname()))

    assert private_store.attach(tmp_path) is None


def test_a_server_is_started_beside_a_stale_place_file(tmp_path: Path) -> None:
    place = tmp_path / private_store.STORE_FOLDER / PLACE
    place.parent.mkdir()
    place.write_text(json.dumps({"host": socket.gethostname(), "pid": 1, "runtime_dir": "/nowhere"}))

    with private_store.start(tmp_path) as held:
        open_store(held.url).ping()


def test_a_server_that_cannot_start_is_reported_with_its_last_words_and_its_log(tmp_path: Path) -> None:
    folder = tmp_path / private_store.STORE_FOLDER / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("garbage\n")

    with pytest.raises(StoreUnreachable, match=r"did not start: the redis-server ended with exit code 1; see .*\.log"):
        private_store.start(tmp_path)


def test_a_data_folder_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="choose another --data-dir"):
        private_store.start(tmp_path / "file")


def test_ctrl_c_ends_the_command_and_not_the_server(tmp_path: Path) -> None:
    with private_store.start(tmp_path) as held:
        guardian = guardian_of(tmp_path)
        assert os.getpgid(guardian.pid) != os.getpgid(0)
        guardian.send_signal(signal.SIGINT)
        time.sleep(0.2)

        open_store(held.url).ping()


def stopped_with_a_log(folder: Path, a_sweep: ASweep) -> Path:
    """Write a sweep with twenty events, stop the server, and return the file that its writes are in."""
    with private_store.start(folder) as held:
        guardian = guardian_of(folder)
        store = open_store(held.url)
        sweep = store.sweeps.create(a_sweep())
        for _ in range(20):
            sweep = store.sweeps.commit(sweep, sweep.move("paused"))
        store.close()
    wait_until(lambda: not guardian.is_running() or guardian.status() == psutil.STATUS_ZOMBIE, seconds=15)
    return folder / private_store.STORE_FOLDER / "appendonlydir" / "appendonly.aof.1.incr.aof"


def test_a_write_that_was_cut_off_at_the_end_is_dropped_whole_and_the_rest_is_there(
    tmp_path: Path, a_sweep: ASweep
) -> None:
    written = stopped_with_a_log(tmp_path, a_sweep)
    written.write_bytes(written.read_bytes()[:-20])

    with private_store.start(tmp_path) as held:
        store = open_store(held.url)
        assert store.sweeps.get("s").version == 20
        assert [event.position for event in store.sweeps.whole_log("s")] == list(range(1, 21))
        store.close()


def test_files_that_are_damaged_in_the_middle_are_refused_with_the_ways_to_repair_them(
    tmp_path: Path, a_sweep: ASweep
) -> None:
    written = stopped_with_a_log(tmp_path, a_sweep)
    content = bytearray(written.read_bytes())
    command = content.index(b"\r\n*", len(content) // 2)
    content[command : command + 24] = b"GARBAGE!" * 3
    written.write_bytes(content)

    with pytest.raises(StoreUnreachable) as caught:
        private_store.start(tmp_path)

    store_dir = tmp_path / private_store.STORE_FOLDER
    assert str(caught.value) == (
        f"the private store in {store_dir} did not start: its files are damaged; copy {store_dir}, then remove what "
        f"follows the damage (redis-check-aof --fix {store_dir}/appendonlydir/appendonly.aof.manifest), or move "
        f"{store_dir} away and restore each sweep from its folder (sweepctl restore); see {store_dir}/server.log"
    )
