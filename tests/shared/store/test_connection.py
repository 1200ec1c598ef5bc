"""The errors of a connection to Redis: each has a remedy, and none shows the password."""

from __future__ import annotations

import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.domain.errors import ConfigError, StoreDenied, StoreUnreachable
from shared.domain.run import claim
from shared.store.connection import asks_for_no_password, connect, exposure, masked
from shared.store.server_program import find_server
from shared.store.store import Store, open_store

if TYPE_CHECKING:
    from tests.conftest import ARun, ASweep, Gate

PASSWORD = "s3cret-w0rd"
StartServer = Callable[..., str]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start real servers with options of their own, on a unix socket or a TCP port."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> str:
        place = tmp_path / f"{len(servers)}.sock"
        command = [find_server(), "--port", "0", "--unixsocket", str(place), "--save", "", "--dir", str(tmp_path)]
        servers.append(subprocess.Popen([*command, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        deadline = time.monotonic() + 10
        while not place.exists():
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        return f"unix://{place}?db=0"

    yield start
    for server in servers:
        server.terminate()
        server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def complaint(store: Store, *, exit_code: int) -> str:
    """Return the sentence that a use of the store ends with."""
    with pytest.raises((StoreUnreachable, StoreDenied)) as caught:
        store.sweeps.names()
    store.close()
    assert caught.value.exit_code == exit_code
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return str(caught.value)


def test_a_port_where_nothing_listens_is_reported_within_two_seconds() -> None:
    port, begun = free_port(), time.monotonic()

    said = complaint(open_store(f"redis://:{PASSWORD}@127.0.0.1:{port}/0"), exit_code=3)

    expected = f"Redis at redis://:***@127.0.0.1:{port}/0: no answer: start it, or set REDIS_URL"
    assert said == expected
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("name", ["nothing", "auth-and-ssl"])
def test_a_socket_that_does_not_exist_is_reported_whatever_its_name(tmp_path: Path, name: str) -> None:
    said = complaint(open_store(f"unix://{tmp_path}/{name}.sock?db=0"), exit_code=3)

    assert "no answer: start it, or set REDIS_URL" in said


def test_a_server_that_accepts_and_never_answers_is_reported_after_the_timeout() -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"redis://127.0.0.1:{mute.getsockname()[1]}/0"
        begun = time.monotonic()

        said = complaint(open_store(url, client=connect(url, timeout=0.2)), exit_code=3)

    assert "does not answer in time: is it overloaded or disconnected?" in said
    assert time.monotonic() - begun < 2


def test_something_that_is_not_redis_is_reported() -> None:
    class Web(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(4096):
                self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Web) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        said = complaint(open_store(f"redis://127.0.0.1:{server.server_address[1]}/0"), exit_code=3)
        server.shutdown()
        thread.join()

    assert said.endswith("answers, but is not Redis: fix the port in REDIS_URL")


@contextmanager
def answering(reply: bytes, wrap: Callable[[socket.socket], socket.socket] = lambda plain: plain) -> Iterator[int]:
    """Yield the port of a server that says the same to everything: states that no real server keeps for a test."""

    class Parrot(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                talk = wrap(self.request)
                while talk.recv(4096):
                    talk.sendall(reply)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Parrot) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("reply", "exit_code", "said"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", 3, "is loading its data: wait and try again"),
        (b"-MASTERDOWN Link with MASTER is down\r\n", 3, "is a replica without its primary: point REDIS_URL at that"),
        (b"-ERR max number of clients reached\r\n", 3, "has too many clients: raise its maxclients"),
        (b"-MISCONF Errors writing to the AOF file\r\n", 3, "cannot write its files: is its disk full?"),
        (
            b"-DENIED Redis is running in protected mode\r\n",
            4,
            "is in protected mode and serves only its own host: set a password there (requirepass) and in REDIS_URL",
        ),
    ],
)
def test_each_state_of_a_server_has_its_sentence(reply: bytes, exit_code: int, said: str) -> None:
    with answering(reply) as port:
        url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"

        assert complaint(open_store(url), exit_code=exit_code) == f"Redis at redis://:***@127.0.0.1:{port}/0 {said}"


def test_tls_to_a_server_without_it_is_reported_with_what_to_write(start_server: StartServer) -> None:
    port = free_port()
    start_server("--port", str(port))
    url = f"rediss://:{PASSWORD}@127.0.0.1:{port}/0"

    said = complaint(open_store(url, client=connect(url, timeout=0.5)), exit_code=3)

    assert said.endswith(
        "does not answer in time: is it overloaded, disconnected, or without TLS (then write redis://)?"
    )


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """Return the settings of a TLS server whose certificate is of an unknown authority."""
    files = [str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")]
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the openssl program")
    asked = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([program, *asked, "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    return context


def test_a_certificate_of_an_unknown_authority_is_reported_with_the_remedy(certificate: ssl.SSLContext) -> None:
    with answering(b"+PONG\r\n", lambda plain: certificate.wrap_socket(plain, server_side=True)) as port:
        said = complaint(open_store(f"rediss://:{PASSWORD}@127.0.0.1:{port}/0"), exit_code=3)

    remedy = "add the authority of its certificate with ?ssl_ca_certs=FILE"
    assert said == f"Redis at rediss://:***@127.0.0.1:{port}/0: the TLS handshake failed: {remedy}"


def test_plain_text_to_a_server_with_tls_is_reported_with_what_to_write(certificate: ssl.SSLContext) -> None:
    with answering(b"", lambda plain: certificate.wrap_socket(plain, server_side=True)) as port:
        said = complaint(open_store(f"redis://:{PASSWORD}@127.0.0.1:{port}/0"), exit_code=3)

    assert said.endswith("closed the connection: is it stopping, or does it need TLS (then write rediss://)?")


def test_a_missing_and_a_wrong_password_are_denied_and_the_right_one_is_not(start_server: StartServer) -> None:
    url = start_server("--requirepass", PASSWORD)

    for attempt in (url, f"{url}&password=wr0ng"):
        said = complaint(open_store(attempt), exit_code=4)
        assert "refuses the password: set the right one in REDIS_URL" in said
        assert "wr0ng" not in said
    right = open_store(f"{url}&password={PASSWORD}")
    assert right.sweeps.names() == []
    assert right.place == f"{url}&password=***"
    right.close()


def test_a_user_without_the_rights_is_denied_with_the_command(start_server: StartServer) -> None:
    url = start_server("--user", *["default", "on", "nopass", "~*", "+@all", "-zrange"])

    assert "forbids the command" in complaint(open_store(url), exit_code=4)


def test_a_full_memory_is_reported_and_leaves_nothing_half_written(
    start_server: StartServer, a_run: ARun, a_sweep: ASweep
) -> None:
    store = open_store(start_server("--maxmemory-policy", "noeviction"))
    sweep, run = store.sweeps.create(a_sweep()), a_run()
    sweep = store.sweeps.commit(sweep, sweep.move("", created=1), [run])
    (queued,) = store.runs.all("s")
    store.client.config_set("maxmemory", "1")

    with pytest.raises(StoreUnreachable, match="is out of memory: raise maxmemory or free some"):
        store.runs.claim(queued, claim(queued, worker="w", nonce="n", at=0.0), lease_ms=1000)

    assert store.runs.all("s") == [queued]
    store.client.config_set("maxmemory", "0")
    store.runs.claim(queued, claim(queued, worker="w", nonce="n", at=0.0), lease_ms=1000)
    store.close()


def test_a_read_only_replica_is_reported(start_server: StartServer, a_sweep: ASweep) -> None:
    store = open_store(start_server("--replicaof", "127.0.0.1", str(free_port())))

    with pytest.raises(StoreUnreachable, match="is a read-only replica: point REDIS_URL at the primary"):
        store.sweeps.create(a_sweep())
    store.close()


def test_a_server_that_is_back_in_a_moment_was_never_away(gate: Gate, store: Store) -> None:
    store.ping()
    gate.shut()
    timer = threading.Timer(0.1, gate.open)
    timer.start()

    assert store.sweeps.names() == []

    timer.join()


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis://host:port/0", "redis://[::1", ""])
def test_a_url_that_is_none_is_refused_with_the_forms_that_are(url: str) -> None:
    with pytest.raises(ConfigError, match=r"write redis://\[:password@\]host:port/0, rediss:// or unix:///path"):
        connect(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://:pw@host:6379/0", "redis://:***@host:6379/0"),
        ("rediss://user:pw@host/1", "rediss://user:***@host/1"),
        ("redis://user@host/1", "redis://user@host/1"),
        ("redis://:p/w?x#y@z@host/1", "redis://:***@host/1"),
        ("redis://host/0?password=pw&db=1", "redis://host/0?password=***&db=1"),
        ("unix:///tmp/a:b@c/redis.sock?db=0", "unix:///tmp/a:b@c/redis.sock?db=0"),
        ("redis://:pw@[::1", "redis://:***@[::1"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert masked(url) == shown


@pytest.mark.parametrize(
    ("url", "warning"),
    [
        ("unix:///tmp/x/redis.sock?db=0", None),
        ("redis://127.0.0.1:6379/0", None),
        ("redis://localhost/0", None),
        ("rediss://:pw@head:6379/0", None),
        ("rediss://head/0?password=pw", None),
        (
            "redis://head:6379/0",
            "Redis at redis://head:6379/0 has no password: "
            "anyone who reaches it can change every sweep: set a password",
        ),
        (
            "rediss://head:6379/0",
            "Redis at rediss://head:6379/0 has no password: "
            "anyone who reaches it can change every sweep: set a password",
        ),
        (
            "redis://:pw@head:6379/0",
            "Redis at redis://:***@head:6379/0 is used without TLS: use it only in a private network, or write rediss://",
        ),
    ],
)
def test_a_store_that_others_could_reach_is_warned_of(url: str, warning: str | None) -> None:
    assert exposure(url) == warning


@pytest.mark.parametrize(
    ("url", "open_to_all"),
    [
        ("unix:///tmp/x/redis.sock?db=0", False),
        ("redis://127.0.0.1:6379/0", True),
        ("redis://user@head/0", True),
        ("redis://:pw@127.0.0.1:6379/0", False),
        ("redis://head/0?password=pw", False),
    ],
)
def test_a_port_without_a_password_takes_orders_from_everybody(url: str, open_to_all: bool) -> None:
    assert asks_for_no_password(url) is open_to_all
