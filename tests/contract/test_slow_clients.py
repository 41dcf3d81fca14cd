"""Clients of the web app that are slow on purpose: they cost nobody else more than READ_TIMEOUT and a second."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from servers.processes import cpu_seconds, workers_of
from servers.running import GUNICORN, ROOT, Server, running
from tests.hosts import Live

pytestmark = [pytest.mark.slow, pytest.mark.alone]

THREADS = 2
READ_TIMEOUT = 2
GOOD = b'{"features":[1,2,3]}'
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"

SLOW = {
    "idle": b"",
    "half a header": HEAD[:30],
    "half a body": HEAD + GOOD,
    "half a chunk": HEAD.replace(b"Content-Length: 500", b"Transfer-Encoding: chunked") + b"14\r\n" + GOOD[:9],
    "a closing connection that stays open": b"GET /health HTTP/1.0\r\n\r\n",
    "a slow second request": b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + HEAD[:30],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log: Path = tmp_path_factory.mktemp("slow") / "log"
    with running(GUNICORN, log, THREADS=str(THREADS), READ_TIMEOUT=str(READ_TIMEOUT)) as started:
        yield started
        # A worker that died would have been replaced, and a simple request could not tell.
        assert started.output().count("Booting worker") == 1, started.output()
        assert "Traceback" not in started.output()


def open_slow(server: Server, sent: bytes, opened: ExitStack) -> list[socket.socket]:
    connections = []
    for _ in range(4 * THREADS):
        connection = opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
        connection.sendall(sent)
        connections.append(connection)
    return connections


def assert_a_good_request_is_in_time(server: Server) -> None:
    began = time.monotonic()
    got = Live("slow", server.url).send(GOOD)
    assert (got.status, got.body) == (200, b'{"prediction":10.0,"model_version":"1.0"}')
    assert time.monotonic() - began < READ_TIMEOUT + 1


def read_to_the_end(connection: socket.socket) -> bytes:
    received = b""
    while data := connection.recv(65536):
        received += data
    return received


@pytest.mark.parametrize("kind", SLOW)
def test_slow_clients_do_not_stop_the_server(server: Server, kind: str) -> None:
    with ExitStack() as opened:
        connections = open_slow(server, SLOW[kind], opened)
        assert_a_good_request_is_in_time(server)
        for connection in connections:
            statuses = re.findall(rb"^HTTP/1.. (\d+)", read_to_the_end(connection), re.MULTILINE)
            assert statuses in ([], [b"408"], [b"200"])
        assert_a_good_request_is_in_time(server)


def test_a_byte_now_and_then_does_not_keep_a_thread(server: Server) -> None:
    with ExitStack() as opened:
        connections = open_slow(server, HEAD[:1], opened)
        good: list[float] = []
        open_ones = set(connections)
        until = time.monotonic() + 4 * READ_TIMEOUT
        for byte in HEAD[1:] + b" " * 500:
            for connection in list(open_ones):
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    open_ones.discard(connection)
            if not open_ones or time.monotonic() > until:
                break
            began = time.monotonic()
            assert Live("slow", server.url).send(GOOD).status == 200
            good.append(time.monotonic() - began)
            assert good[-1] < READ_TIMEOUT + 1
        assert not open_ones


def test_many_slow_clients_of_every_kind_under_load(server: Server) -> None:
    with ExitStack() as opened:
        for sent in SLOW.values():
            open_slow(server, sent, opened)
        until = time.monotonic() + READ_TIMEOUT + 1
        while time.monotonic() < until:
            assert_a_good_request_is_in_time(server)


def test_kept_connections_that_stay_idle_cost_nothing(server: Server) -> None:
    with ExitStack() as opened:
        open_slow(server, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", opened)
        assert_a_good_request_is_in_time(server)


def test_a_late_body_is_told_so(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(HEAD + GOOD)
        received = read_to_the_end(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nConnection: close\r\n" in head
    assert body == (
        b'{"type":"about:blank","title":"Request Timeout","status":408,"detail":"the body did not arrive in time"}'
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "sent", [b"", HEAD[:30], b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["silent", "half", "kept"]
)
def test_a_thousand_connections_leave_room_for_a_good_request(tmp_path: Path, sent: bytes) -> None:
    with running(GUNICORN, tmp_path / "log") as server, ExitStack() as opened:
        for _ in range(1100):
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            connection.sendall(sent)
        began = time.monotonic()
        assert Live("good", server.url).send(GOOD).status == 200
        assert time.monotonic() - began < 12
        assert server.output().count("Booting worker") == 1, server.output()
        assert "Traceback" not in server.output()


@pytest.mark.slow
def test_clients_that_never_read_give_their_threads_back(tmp_path: Path) -> None:
    body = b'{"instances":[' + b"[1,2,3]," * 99_999 + b"[1,2,3]]}"
    whole = HEAD.replace(b"500\r\n", b"%d\r\n" % len(body)) + body
    with running(GUNICORN, tmp_path / "log", THREADS="4", READ_TIMEOUT="5") as server, ExitStack() as opened:
        for _ in range(4):
            connection = opened.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(30)
            connection.connect(("127.0.0.1", server.port))
            for _ in range(12):  # more than what the system keeps for a client
                try:
                    connection.sendall(whole)
                except OSError:
                    break
        began = time.monotonic()
        got = Live("good", server.url).send(b'{"instances":[[1,2,3]]}' + b" " * 5000)  # for a thread of the pool
        assert got.status == 200
        assert time.monotonic() - began < 35
        assert "Traceback" not in server.output()


# A sitecustomize module: no file descriptor is kept for anything else.
GREEDY = "import worker.room\nworker.room.OTHER_FILES = -1000\n"


@pytest.mark.slow
@pytest.mark.parametrize("customised", ["", GREEDY], ids=["some descriptors kept", "none kept"])
def test_more_clients_than_file_descriptors_end_no_worker(tmp_path: Path, customised: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(customised)
    command = ["sh", "-c", 'ulimit -n 100; exec "$0"', *GUNICORN]
    environ = {"READ_TIMEOUT": "2", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with running(command, tmp_path / "log", **environ) as server, ExitStack() as opened:
        [worker] = workers_of(server.process.pid)
        for sent in (b"", HEAD[:30], b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"):
            for _ in range(80):
                connection = opened.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
                connection.sendall(sent)
        began, computed = time.monotonic(), cpu_seconds(worker)
        assert Live("good", server.url).send(GOOD).status == 200
        seconds = time.monotonic() - began
        assert seconds < 12
        assert cpu_seconds(worker) - computed < 0.5 + seconds / 2  # it does not ask again and again
        assert workers_of(server.process.pid) == [worker], server.output()
        assert "Traceback" not in server.output()
