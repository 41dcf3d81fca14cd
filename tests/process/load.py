"""Clients that ask without pause and count what became of each request.

A request is one of these, and nothing else:
- refused: no connection could be opened, so nothing was sent; the client tries again;
- answered: a complete response came, with the status and the very body that are right;
- late: its connection was opened after the server had been told to stop, and closed before a byte of the response: it
  waited in the port's queue in the instant in which the port closed, and nobody had accepted it;
- lost: it was sent, and no such response came.

A kept connection may be closed at the moment when the client sends its next request on it. When it is closed before a
byte of the response, the client sends the request once more on a new connection, as browsers, proxies and urllib3 do
with requests that are safe to repeat (RFC 9112, section 9.3.1; a prediction is). That is counted as retried; when the
second attempt gets no answer either, or is refused, the request is lost. On a new connection nothing is retried.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Self

QUESTION = b'{"features":[1,2,3]}'
ANSWER = b'{"prediction":10.0,"model_version":"1.0"}'
TIMEOUT = 30


@dataclass
class Tally:
    """What became of the requests; sent = answered + late + lost."""

    sent: int = 0
    answered: int = 0
    late: int = 0
    lost: int = 0
    retried: int = 0
    refused: int = 0
    answers: list[tuple[float, float]] = field(default_factory=list)  # when each was sent and answered

    def add(self, other: "Tally") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def answered_again_after(self, moment: float) -> float:
        """Return the seconds from `moment` to the first answer to a request that was sent after it."""
        return min(answered for sent, answered in list(self.answers) if sent > moment) - moment


class Client(threading.Thread):
    """One client with at most one request on its way; it keeps its connection, or opens a new one each time."""

    def __init__(self, load: "Load", *, keeps: bool) -> None:
        super().__init__(daemon=True)
        self.load = load
        self.keeps = keeps
        self.tally = Tally()
        self.connection: HTTPConnection | None = None
        self.opened = 0.0

    def run(self) -> None:
        while not self.load.stopping.is_set():
            kept = self.connection is not None
            if kept or self.connects():
                self.makes_a_request(kept)
            else:
                self.tally.refused += 1
                self.load.stopping.wait(0.01)
        self.disconnects()

    def makes_a_request(self, kept: bool) -> None:
        began = time.monotonic()
        self.tally.sent += 1
        answered = self.asks()
        if answered is None and kept:
            self.tally.retried += 1
            answered = self.connects() and self.asks()
        if answered:
            self.tally.answered += 1
            self.tally.answers.append((began, time.monotonic()))
        elif answered is None and not kept and self.opened > self.load.told_to_stop:
            self.tally.late += 1
        else:
            self.tally.lost += 1

    def connects(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.load.port, timeout=TIMEOUT)
        self.opened = time.monotonic()
        try:
            connection.connect()
        except OSError:
            return False
        self.connection = connection
        return True

    def disconnects(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None

    def asks(self) -> bool | None:
        """Whether the right answer came; None when the connection was closed before a byte of it."""
        assert self.connection
        headers = {"Content-Type": "application/json"} | ({} if self.keeps else {"Connection": "close"})
        try:
            self.connection.request("POST", "/predict", QUESTION, headers)
            response = self.connection.getresponse()
        except (ConnectionResetError, BrokenPipeError):  # http.client's RemoteDisconnected is the former
            self.disconnects()
            return None
        except (OSError, HTTPException):
            self.disconnects()
            return False
        try:
            body = response.read()
        except (OSError, HTTPException):
            self.disconnects()
            return False
        if response.will_close:
            self.disconnects()
        return response.status == 200 and self.load.is_right(body)


class Load:
    """Clients that run until the block ends."""

    def __init__(
        self, port: int, *, keeping: int, opening: int, is_right: Callable[[bytes], bool] = ANSWER.__eq__
    ) -> None:
        self.port = port
        self.is_right = is_right  # of the body of an answer
        self.stopping = threading.Event()
        self.told_to_stop = math.inf  # when the server was
        self.clients = [Client(self, keeps=number < keeping) for number in range(keeping + opening)]

    def __enter__(self) -> Self:
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for client in self.clients:
            client.join(2 * TIMEOUT)

    def answered(self) -> int:
        return sum(client.tally.answered for client in self.clients)

    def tally(self) -> Tally:
        """Return the counts of all clients together; exact once the block has ended."""
        total = Tally()
        for client in self.clients:
            total.add(client.tally)
        return total
