"""gunicorn's workers, driven turn by turn in this very process: what they answer to bytes, without a server's start."""

import contextlib
import fcntl
import os
import selectors
import socket
import struct
import termios
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

# Seconds for something to happen, and between two looks at a thread that works.
PATIENCE, GLANCE = 10.0, 0.0001
CLIENT, SERVER = ("127.0.0.1", 50000), ("127.0.0.1", 8080)


class Driven:
    """A worker whose main loop is the caller.

    Its clients are at the other end of a pair of sockets, which, unlike TCP, loses nothing when a side closes early.
    """

    def __init__(self, kind: type[ThreadWorker], app: Any, **settings: Any) -> None:
        self.cfg = Config()
        for name, value in {"http_parser": "fast", "keepalive": 65, "threads": 2, **settings}.items():
            self.cfg.set(name, value)
        self.worker = kind(1, os.getppid(), [], None, 30, self.cfg, Logger(self.cfg))
        self.worker.tpool = ThreadPoolExecutor(self.cfg.threads)
        self.worker.poller = selectors.DefaultSelector()
        self.worker.method_queue.init()
        self.worker.wsgi = app
        if hasattr(self.worker, "open_lane"):
            self.worker.open_lane()
        queue = self.worker.method_queue
        self.worker.poller.register(queue.fileno(), selectors.EVENT_READ, queue.run_callbacks)

    def turn(self, timeout: float = PATIENCE) -> None:
        """Do what the main loop does in one turn."""
        self.worker.wait_for_and_dispatch_events(timeout)
        self.worker.murder_keepalived()
        self.worker.murder_pending()

    def connect(self) -> socket.socket:
        """Return the client's side of a new connection."""
        client, accepted = socket.socketpair()
        client.setblocking(False)
        self.worker.nr_conns += 1
        self.worker.enqueue_req(TConn(self.cfg, accepted, CLIENT, SERVER))
        return client

    def exchange(self, parts: Iterable[bytes]) -> bytes:
        """Send parts over a new connection, each read before the next, end the sending, and return all answers."""
        with self.connect() as client:
            with contextlib.suppress(OSError):  # the worker may close before the end
                for number, part in enumerate(parts):
                    if number:
                        self.until_read(client)
                    client.sendall(part)
                client.shutdown(socket.SHUT_WR)
            received = self.receive(client)
        while self.worker.nr_conns:
            self.turn()
        return received

    def until_read(self, client: socket.socket) -> None:
        """Run until the worker has read what a client sent."""
        until = time.monotonic() + PATIENCE
        while struct.unpack("i", fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)))[0]:
            self.turn(0)
            time.sleep(GLANCE)
            assert time.monotonic() < until

    def receive(self, client: socket.socket) -> bytes:
        """Run until the worker has closed a connection, and return what it sent."""
        received: list[bytes] = []
        while True:
            try:
                data = client.recv(1 << 20)
            except BlockingIOError:
                self.turn()
            except ConnectionResetError:  # it closed without reading everything
                break
            else:
                if not data:
                    break
                received.append(data)
        return b"".join(received)

    def close(self) -> None:
        self.worker.tpool.shutdown()
        self.worker.poller.close()
        self.worker.method_queue.close()
        self.worker.tmp.close()
