"""The answers to any bytes are those of stock gthread: their number, their status and their framing, to the byte."""

import contextlib
import functools
import logging
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.util import close_graceful
from gunicorn.workers.gthread import ThreadWorker

from handlers.service import Service, process_service
from tests.workers import Driven
from webapp import create_app
from worker.lane import MAX_REQUEST, QuickWorker

CASES = int(os.environ.get("TANDEM_WIRE_CASES", "20000"))
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


def arbitrary(chance: random.Random) -> Parts:
    """Return one to three requests in one to four parts, most of them odd in one way or another."""
    data = b""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
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


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, SMALL], ids=["defaults", "small limits"])
def test_any_bytes_get_the_answers_of_stock_gthread(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("gunicorn.error"), "disabled", True)
    monkeypatch.setattr("worker.lateness.LATE", CASES)  # a busy machine must not end the lane
    # The loop of this test is the client's, too: waiting for the client would only wait.
    monkeypatch.setattr("gunicorn.util.close_graceful", functools.partial(close_graceful, timeout=0.01))
    service = Service(process_service().predictor, max_body_bytes=1500)
    quick = Driven(QuickWorker, create_app(service), **settings)
    stock = Driven(ThreadWorker, create_app(service), **settings)
    taken = count_calls(monkeypatch, quick.worker, "answer")
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)  # noqa: S311  # cases, not secrets
    statuses: Counter[bytes] = Counter()
    cases = list(edges())
    cases += [arbitrary(chance) for _ in range(CASES // 2 - len(cases))]
    with contextlib.closing(quick), contextlib.closing(stock):
        for parts in cases:
            # What gunicorn itself says to a head over its buffer depends on how many bytes a read happened to bring.
            for _ in range(3):
                expected, got = constant(stock.exchange(parts)), constant(quick.exchange(parts))
                if got == expected:
                    break
            assert got == expected, f"seed {seed}: {parts!r}"
            statuses.update(re.findall(rb"HTTP/1\.\d (\d+)", expected))
    assert sum(taken) > len(cases) / 50  # or nothing was compared
    assert {b"200", b"400", b"404", b"405", b"413", b"415", b"417", b"422"} <= statuses.keys()


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[int]:
    """Return a list that grows with each call of a method."""
    calls: list[int] = []
    method = getattr(owner, name)

    def counting(*arguments: Any) -> Any:
        calls.append(1)
        return method(*arguments)

    monkeypatch.setattr(owner, name, counting)
    return calls
