"""The worker that answers a request for one row at once, in its main thread.

gthread's main loop hands every request to a thread of its pool and is told through a pipe that it is answered. For a
prediction of a fifth of a millisecond that costs as much as the prediction, and threads that wait for each other's
lock make the slowest requests several times slower. What could make the main loop wait goes to the pool as before.
"""

import array
import fcntl
import re
import socket
import termios
import time
from collections import deque
from typing import Any

import numpy as np
from gunicorn.workers.gthread import TConn

from handlers.service import service
from webapp.worker import DeadlineWorker

# Of a longer request even the parsing takes long enough to give it a thread.
MAX_INLINE = 2048
# A model that needs longer than this for one row is left to the pool, so that health checks and deadlines need not
# wait for it.
MAX_SECONDS = 0.005

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,4})[ \t]*(?=\r\n)", re.IGNORECASE)
OTHER_FRAMING = re.compile(rb"\r\n(transfer-encoding|expect|upgrade)[ \t]*:", re.IGNORECASE)
# A client that does not read a long answer would make the main loop wait. Only one row is short for sure, without the
# probabilities of a hundred classes; a backslash could hide either word.
LONG_ANSWER = re.compile(rb"instances|probabilities|\\")


class Answered:
    """What gthread asks of the future of a request, for one that is answered."""

    def __init__(self, keepalive: Any) -> None:
        self.keepalive = keepalive

    def cancelled(self) -> bool:
        """Return that it was not."""
        return False

    def result(self) -> Any:
        """Return whether the connection stays open."""
        return self.keepalive


class InlineWorker(DeadlineWorker):
    """A threaded worker that needs no thread for a request that cannot keep it waiting."""

    def run(self) -> None:
        """Serve, with a look at how long the model takes before."""
        # Bytes that are encrypted cannot be looked at before they are read.
        self.quick = not self.cfg.is_ssl and seconds_for_a_row() < MAX_SECONDS
        super().run()

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Answer the next request of a connection that was kept alive; runs in the main thread."""
        if self.quick and can_be_answered_now(client):
            self.answer(conn, client, self.keepalived_conns)
        else:
            super().on_client_socket_readable(conn, client)

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Answer the first request of a connection; runs in the main thread."""
        if self.quick and can_be_answered_now(client):
            conn.data_ready = True
            self.answer(conn, client, self.pending_conns)
        else:
            super().on_pending_socket_readable(conn, client)

    def answer(self, conn: TConn, client: socket.socket, waiting: deque[TConn]) -> None:
        """Answer a request that is there, of a connection that waited for it."""
        self.poller.unregister(client)
        waiting.remove(conn)
        self.finish_request(conn, Answered(self.handle(conn)))


def seconds_for_a_row() -> float:
    """Return the CPU time of one prediction, the least of a few."""
    predictor = service().predictor
    row = np.array([predictor.manifest.examples[0]["features"]])
    times = []
    for _ in range(5):
        began = time.thread_time()
        predictor.predict(row)
        times.append(time.thread_time() - began)
    return min(times)


def can_be_answered_now(client: socket.socket) -> bool:
    """Whether a request for one row has arrived whole and its answer will find room: neither end can make us wait."""
    try:
        found = client.recv(MAX_INLINE, socket.MSG_PEEK)
    except OSError:
        return False
    head, _, body = found.partition(b"\r\n\r\n")
    if not found.startswith(b"POST /predict ") or LONG_ANSWER.search(body):
        return False
    lengths = LENGTH.findall(head + b"\r\n")
    if len(lengths) != 1 or int(lengths[0]) != len(body) or len(found) == MAX_INLINE or OTHER_FRAMING.search(head):
        return False
    unread = array.array("i", [0])
    fcntl.ioctl(client.fileno(), termios.TIOCOUTQ, unread)  # of the answers before (tcp(7), SIOCOUTQ)
    return unread[0] == 0
