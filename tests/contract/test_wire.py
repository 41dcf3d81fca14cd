"""What no HTTP client would send, byte by byte, to the live hosts."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.running import FUNCTION, GUNICORN, running
from tests.hosts import Host, Live

GOOD = b'{"features":[1,2,3]}'
TEN = b'{"prediction":10.0,"model_version":"1.0"}'
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

LIMIT = 1000


@pytest.fixture(scope="module", params=[GUNICORN, FUNCTION], ids=["gunicorn", "functions-framework"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    log: Path = tmp_path_factory.mktemp("wire") / "log"
    with running(request.param, log, MAX_BODY_BYTES=str(LIMIT)) as server:
        yield "127.0.0.1", server.port
        assert server.process.poll() is None
    assert "Traceback" not in server.output()


def exchange(address: tuple[str, int], sent: bytes, *, end: bool = True) -> bytes:
    """Send bytes, close the writing side where the client is done, and return all that comes back."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(sent)
        if end:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(65536):
            received += data
        return received


def answers(received: bytes) -> list[tuple[int, bytes, bytes]]:
    """Return status, header lines and body of each response in a row."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        length = re.search(rb"(?i)\r\nContent-Length: (\d+)", head)
        size = int(length[1]) if length else 0
        found.append((status, head.lower(), rest[:size]))
        received = rest[size:]
    return found


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize(
    "sent",
    [
        CHUNKED + chunk(GOOD) + b"0\r\n\r\n",
        CHUNKED + b"".join(chunk(GOOD[i : i + 1]) for i in range(len(GOOD))) + b"0\r\n\r\n",
        CHUNKED + b"14;name=value\r\n" + GOOD + b"\r\n0\r\nX-Digest: x\r\n\r\n",
        HEAD + b"Content-Length: 20\r\n\r\n" + GOOD,
        HEAD + b"Content-Length: 0020\r\n\r\n" + GOOD,
        HEAD + b"Content-Length: 20\r\nExpect: 100-continue\r\n\r\n" + GOOD,
        HEAD.replace(b"1.1", b"1.0") + b"Content-Length: 20\r\n\r\n" + GOOD,
        HEAD.replace(b"Host: x\r\n", b"") + b"Content-Length: 20\r\n\r\n" + GOOD,
        HEAD.replace(b"/predict", b"/predict?a=1&b=%00#x") + b"Content-Length: 20\r\n\r\n" + GOOD,
        HEAD.replace(b"/predict", b"http://other.host/predict") + b"Content-Length: 20\r\n\r\n" + GOOD,
    ],
    ids=["chunked", "byte chunks", "extension", "length", "zeros", "expect", "1.0", "no host", "query", "absolute"],
)
def test_odd_but_good_requests(address: tuple[str, int], sent: bytes) -> None:
    status, _, body = answers(exchange(address, sent))[-1]
    assert (status, body) == (200, TEN)


@pytest.mark.parametrize(
    ("sent", "status", "detail"),
    [
        (HEAD + b"Content-Length: 500\r\n\r\n" + GOOD, 400, b"the body ended after 20 of 500 bytes"),
        (HEAD + b"Content-Length: 1\r\n\r\n", 400, b"the body ended after 0 of 1 bytes"),
        (CHUNKED, 400, b"the body is broken or was cut short"),
        (CHUNKED + b"14\r\n" + GOOD[:5], 400, b"the body is broken or was cut short"),
        (CHUNKED + chunk(GOOD), 400, b"the body is broken or was cut short"),
        (CHUNKED + chunk(GOOD) + b"0\r\n", 400, b"the body is broken or was cut short"),
        (CHUNKED + b"zz\r\n" + GOOD + b"\r\n0\r\n\r\n", 400, b"the body is broken or was cut short"),
        (CHUNKED + b"-1\r\n" + GOOD + b"\r\n0\r\n\r\n", 400, b"the body is broken or was cut short"),
        (CHUNKED + b"5\r\n" + GOOD + b"\r\n0\r\n\r\n", 400, b"the body is broken or was cut short"),
        (CHUNKED + chunk(b" " * 600) * 2 + b"0\r\n\r\n", 413, b"the body is larger than 1000 bytes"),
        (CHUNKED + chunk(GOOD + b" " * 981) + b"0\r\n\r\n", 413, b"the body is larger than 1000 bytes"),
        (HEAD + b"Content-Length: 1001\r\n\r\n", 413, b"the body is larger than 1000 bytes"),
        (HEAD + b"Content-Length: 1" + b"0" * 16 + b"\r\n\r\n", 413, b"the body is larger than 1000 bytes"),
    ],
)
def test_bodies_that_are_not_what_they_promise(
    address: tuple[str, int], sent: bytes, status: int, detail: bytes
) -> None:
    [(got, head, body)] = answers(exchange(address, sent))
    assert (got, detail in body) == (status, True), body
    assert b"content-type: application/problem+json" in head
    assert b"connection: close" in head


@pytest.mark.parametrize(
    "coding", [b"Content-Length: 100000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5f5e100\r\n"]
)
def test_too_large_a_body_is_refused_without_waiting_for_it(address: tuple[str, int], coding: bytes) -> None:
    sent = HEAD + coding + b" " * (0 if b"Length" in coding else 2000)
    [(status, head, _)] = answers(exchange(address, sent, end=False))
    assert status == 413
    assert b"connection: close" in head


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: 20\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(GOOD) + b"0\r\n\r\n",
        HEAD + b"Content-Length: 20\r\nContent-Length: 21\r\n\r\n" + GOOD,
        HEAD + b"Content-Length: -20\r\n\r\n" + GOOD,
        HEAD + b"Content-Length: +20\r\n\r\n" + GOOD,
        HEAD + b"Content-Length: 2_0\r\n\r\n" + GOOD,
        HEAD + b"Content-Length: 20, 20\r\n\r\n" + GOOD,
        HEAD + b"Content-Length: 1" + b"0" * 30 + b"\r\n\r\n" + GOOD,
        HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + GOOD,
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + GOOD,
        HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n" + GOOD,
        HEAD + b"Expect: something\r\n\r\n",
        HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
        HEAD + b"bad header\r\n\r\n",
        b"POST /predict HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 100,
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_the_http_parser_refuses_is_no_fault_of_ours(address: tuple[str, int], sent: bytes) -> None:
    received = exchange(address, sent)
    assert all(status < 500 or status == 501 for status, _, _ in answers(received)), received
    assert TEN not in received or b"Content-Length: 20\r\nTransfer" in sent


def test_pipelined_requests_are_answered_in_turn(address: tuple[str, int]) -> None:
    one = HEAD + b"Content-Length: 20\r\n\r\n" + GOOD
    bad = HEAD + b"Content-Length: 2\r\n\r\n{}"
    got = answers(exchange(address, one + bad + one))
    assert [status for status, _, _ in got] == [200, 422, 200]


def test_a_request_behind_an_unread_body_is_never_mistaken_for_another(address: tuple[str, int]) -> None:
    smuggled = HEAD + b"Content-Length: 20\r\n\r\n" + GOOD
    refused = (
        HEAD.replace(b"application/json", b"text/plain") + b"Content-Length: %d\r\n\r\n" % len(smuggled) + smuggled
    )
    assert [status for status, _, _ in answers(exchange(address, refused + smuggled))] == [415]


def test_a_client_that_leaves_early_harms_nobody(address: tuple[str, int]) -> None:
    for sent in (b"", HEAD, HEAD + b"Content-Length: 500\r\n\r\n{", CHUNKED + b"14\r\n{"):
        with socket.create_connection(address) as connection:
            connection.sendall(sent)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    host: Host = Live("wire", "http://{}:{}".format(*address))
    assert host.send(GOOD).body == TEN


def test_any_host_header_is_answered_as_json(address: tuple[str, int]) -> None:
    for name in (b"", b"x y", b"[::1", b"a:b:c", b"\xff", b"<script>", b"x" * 5000, b"x\r\nHost: y"):
        sent = HEAD.replace(b"Host: x", b"Host: " + name) + b"Content-Length: 20\r\n\r\n" + GOOD
        for status, _, _ in answers(exchange(address, sent)):
            assert status in {200, 400}
