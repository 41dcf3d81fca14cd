"""The answers to any bytes are those of stock gthread: their number, their status and their framing, to the byte."""

import contextlib
import functools
import logging
import os
import random
import re
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import ThreadWorker

from handlers.service import Service, process_service
from servers.running import GUNICORN, Server, running
from tests.workers import Driven
from webapp import create_app
from worker.lane import MAX_REQUEST, QuickWorker

CASES = int(os.environ.get("TANDEM_WIRE_CASES", "20000"))
MAX_BODY_BYTES = 1500
SMALL = {"limit_request_line": 60, "limit_request_fields": 6, "limit_request_field_size": 100}

Parts = list[bytes]

BODIES = (
    b'{"features":[1,2,3]}', b'{"features":{"x1":1,"x2":2,"x3":3}}', b'{"instances":[[1,2,3]]}', b'{"features":[1,2]}',
    b"[", b"", b"{}", b" " * 170, b'{"features":[1,2,3]}' + b" " * 2000,
)  # fmt: skip
LINES = (
    b"POST /predict HTTP/1.1", b"POST /predict HTTP/1.0", b"GET /predict HTTP/1.1", b"POST /predict?a=1 HTTP/1.1",
    b"POST http://x/predict HTTP/1.1", b"OPTIONS /predict HTTP/1.1", b"GET /health HTTP/1.1", b"POST /nothing HTTP/1.1",
    b"POST //predict HTTP/1.1", b"POST /predict HTTP/1.1 ", b"POST /predict", b"POST * HTTP/1.1",
    b"\r\nPOST /predict HTTP/1.1",
)  # fmt: skip
FIELDS = (
    b"X-Forwarded-Proto: https", b"X-Forwarded-Proto: http", b"X-Forwarded-Ssl: on", b"Connection: close",
    b"Connection: keep-alive", b"Connection: Keep-Alive, TE", b"Connection: upgrade", b"Upgrade: websocket",
    b"Expect: 100-continue", b"Expect: more", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
    b"Content-Length: 20", b"Content-Length: +20", b"X_Y: 1", b"SCRIPT_NAME: /predict", b"PATH_INFO: /health",
    b"Host: y", b"X-Request-Id: my-id", b"X-Request-Id: a b", b"Content-Encoding: gzip", b"Content-Type: text/plain",
    b"X: \xff", b"X: \x00", b" folded", b"X : 1", b": 1", b"X", b"TE: trailers", b"Trailer: x", b"Host: x y",
    b"Proxy: x",
)  # fmt: skip


def request(line: bytes, fields: Parts, body: bytes) -> bytes:
    return b"\r\n".join([line, *fields, b"Content-Length: %d" % len(body), b"", body])


PLAIN = [b"Host: x", b"Content-Type: application/json"]
WHOLE = request(LINES[0], PLAIN, BODIES[0])


def edges() -> Iterator[Parts]:
    """Yield requests at gunicorn's limits and at ours, and everything cut at every byte, whole and padded."""
    for cut in range(1, len(WHOLE)):
        yield [WHOLE[:cut]]
        yield [WHOLE[:cut], WHOLE[cut:]]
        yield [WHOLE + WHOLE[:cut], WHOLE[cut:] + WHOLE]
    for size in range(MAX_REQUEST - 140, MAX_REQUEST + 5):
        padded = [*PLAIN, b"X-Pad: " + b"x" * (size - len(WHOLE) - 9)]
        yield [request(LINES[0], padded, BODIES[0])]
        # A head without an end, as long as what is looked at, with the next request behind it.
        yield [request(LINES[0], padded, b"")[: size - len(BODIES[0])] + b"\r\n" + WHOLE]
    for count in range(96, 103):
        yield [request(LINES[0], PLAIN + [b"X-%d: x" % n for n in range(count - 3)], BODIES[0])]
    for size in (*range(88, 102), *range(8175, 8195)):
        yield [request(LINES[0], [*PLAIN, b"X-Pad: " + b"x" * (size - 7)], BODIES[0])]
        yield [request(b"POST /predict?" + b"x" * (size - 23) + b" HTTP/1.1", PLAIN, BODIES[0])]


EDGES = list(edges())


def arbitrary(chance: random.Random) -> Parts:
    """Return one to three requests in one to four parts, many of them odd in one way or another."""
    data = b""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if chance.random() < 0.5:
            data += request(LINES[0], PLAIN, chance.choice(BODIES[:2]))
            continue
        fields = [*PLAIN, *chance.sample(FIELDS, chance.choice((0, 0, 1, 1, 2, 3)))]
        chance.shuffle(fields)
        line = chance.choice(LINES) if chance.random() < 0.3 else LINES[0]
        data += request(line, fields, chance.choice(BODIES))
    for _ in range(chance.choice((0, 0, 1, 2))):
        data = mutated(chance, data)
    cuts = sorted(chance.sample(range(len(data)), min(len(data), chance.choice((0, 0, 0, 1, 3)))))
    parts = [data[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return [part for part in parts if part]


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Return bytes with one of them changed, put in, taken out, or a stretch said twice."""
    at = chance.randrange(len(data) + 1)
    byte = chance.choice(
        (b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\x00", b"0", b"9", bytes([chance.randrange(256)]))
    )
    return chance.choice(
        (data[:at] + byte + data[at + 1 :], data[:at] + byte + data[at:], data[:at] + data[at + 1 :], data[:at],
         data[: at + 20] + data[at:])
    )  # fmt: skip


def constant(received: bytes) -> bytes:
    """Return an answer without what two answers may differ in: clock, times, and ids that are made."""
    received = re.sub(rb"\r\n(Date|Server-Timing): [^\r]*", rb"\r\n\1", received)
    return re.sub(rb"[0-9a-f]{32}", b"ID", received)


class Pair:
    """Our worker and stock gthread, with the same settings, driven by the test, and the answers of both."""

    def __init__(self, **settings: Any) -> None:
        service = Service(process_service().predictor, max_body_bytes=MAX_BODY_BYTES)
        self.quick = Driven(QuickWorker, create_app(service), **settings)
        self.stock = Driven(ThreadWorker, create_app(service), **settings)

    def compare(self, parts: Parts, about: str = "") -> bytes:
        """Return the answers to some bytes, which both give."""
        # What gunicorn itself says to a head over its buffer depends on how many bytes a read happened to bring.
        for _ in range(3):
            expected, got = constant(self.stock.exchange(parts)), constant(self.quick.exchange(parts))
            if got == expected:
                break
        assert got == expected, f"{about}: {parts!r}"
        return expected

    def close(self) -> None:
        self.quick.close()
        self.stock.close()


@pytest.fixture
def pair(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(logging.getLogger("gunicorn.error"), "disabled", True)
    monkeypatch.setattr("worker.lateness.LATE", CASES)  # a busy machine must not end the lane
    # The loop of this test is the client's, too: waiting for the client would only wait.
    monkeypatch.setattr("gunicorn.util.close_graceful", functools.partial(close_graceful, timeout=0.01))
    with contextlib.closing(Pair(**request.param)) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("pair", [{}, SMALL], indirect=True, ids=["defaults", "small limits"])
def test_any_bytes_get_the_answers_of_stock_gthread(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = count_calls(monkeypatch, pair.quick.worker, "answer")
    seed, chance = seeded()
    statuses: Counter[bytes] = Counter()
    cases = EDGES + [arbitrary(chance) for _ in range(CASES // 2 - len(EDGES))]
    for parts in cases:
        statuses.update(re.findall(rb"HTTP/1\.\d (\d+)", pair.compare(parts, f"seed {seed}")))
    assert len(taken) > len(cases) / 10  # or nothing was compared
    assert {b"200", b"400", b"404", b"405", b"413", b"415", b"417", b"422"} <= statuses.keys()


@pytest.mark.parametrize(
    ("pair", "status", "at_once"),
    [
        ({name: most}, status, at_once)
        for name, under, refusal in (
            ("limit_request_line", len(LINES[0]) - 1, b"414"),
            ("limit_request_fields", len(PLAIN), b"431"),
            ("limit_request_field_size", len(PLAIN[1] + b"\r\n") - 1, b"431"),
        )
        for most, status, at_once in ((under, refusal, 0), (under + 1, b"200", 3), (under + 2, b"200", 3))
    ]
    + [({name: 0}, b"200", 3) for name in SMALL],
    indirect=["pair"],
)
def test_a_request_at_a_limit_gets_the_answer_of_stock_gthread(
    pair: Pair, status: bytes, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = count_calls(monkeypatch, pair.quick.worker, "answer")
    for parts in (
        [WHOLE],
        [WHOLE, WHOLE],
        [WHOLE + WHOLE],
        [WHOLE[:40], WHOLE[40:]],
        *([WHOLE[:n]] for n in (1, 23, 70)),
    ):
        answer = pair.compare(parts)
        assert not answer or answer.split()[1] == status
    assert len(taken) == at_once


@pytest.mark.slow
def test_over_real_connections_the_answers_are_those_of_stock_gthread(tmp_path: Path) -> None:
    seed, chance = seeded()
    settings = {"MAX_BODY_BYTES": str(MAX_BODY_BYTES), "LOG_LEVEL": "CRITICAL"}
    with (
        running(GUNICORN, tmp_path / "quick", **settings) as quick,
        running([*GUNICORN, "-k", "gthread"], tmp_path / "stock", **settings) as stock,
    ):
        for number in range(CASES // 50):
            data = b"".join(arbitrary(chance) if number % 2 else chance.choice(EDGES))
            for _ in range(3):  # a side that closes early can cost the other one what it sent
                expected, got = (constant(sent_to(server, data)) for server in (stock, quick))
                if got == expected:
                    break
            assert got == expected, f"seed {seed}: {data!r}"


def sent_to(server: Server, data: bytes) -> bytes:
    """Return all that a server answers to some bytes, after which its client sends no more."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client, contextlib.suppress(OSError):
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        while part := client.recv(65536):
            received += part
    return received


def seeded() -> tuple[int, random.Random]:
    """Return chance, and the number with which it comes again."""
    seed = random.SystemRandom().randrange(2**32)
    return seed, random.Random(seed)  # noqa: S311  # cases, not secrets


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[int]:
    """Return a list that grows with each call of a method."""
    calls: list[int] = []
    method = getattr(owner, name)

    def counting(*arguments: Any) -> Any:
        calls.append(1)
        return method(*arguments)

    monkeypatch.setattr(owner, name, counting)
    return calls
