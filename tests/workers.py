"""gunicorn's workers, driven turn by turn in this very process: what they answer to bytes, without a server's start."""

import contextlib
import os
import selectors
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

# Seconds for one turn in which nothing happens: at the end of a request, and amid its parts.
PATIENCE, GLANCE = 1.0, 0.002


class Driven:
    """A worker with one listener; the caller is its main loop."""

    def __init__(self, kind: type[ThreadWorker], app: Any, **settings: Any) -> None:
        self.cfg = Config()
        for name, value in {"http_parser": "fast", "keepalive": 65, "threads": 2, **settings}.items():
            self.cfg.set(name, value)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.worker = kind(1, os.getppid(), [self.listener], None, 30, self.cfg, Logger(self.cfg))
        self.worker.tpool = ThreadPoolExecutor(self.cfg.threads)
        self.worker.poller = selectors.DefaultSelector()
        self.worker.method_queue.init()
        self.worker.wsgi = app
        if hasattr(self.worker, "open_lane"):
            self.worker.open_lane()
        queue = self.worker.method_queue
        self.worker.poller.register(queue.fileno(), selectors.EVENT_READ, queue.run_callbacks)
        self.worker.set_accept_enabled(True)

    def turn(self, timeout: float = PATIENCE) -> None:
        """Do what the main loop does in one turn."""
        self.worker.wait_for_and_dispatch_events(timeout)
        self.worker.murder_keepalived()
        self.worker.murder_pending()

    def exchange(self, parts: Iterable[bytes]) -> bytes:
        """Send parts over a new connection, each seen before the next, end the sending, and return all answers."""
        with socket.create_connection(self.listener.getsockname()) as client:
            client.setblocking(False)
            received: list[bytes] = []
            with contextlib.suppress(OSError):  # the worker may close before the end
                for part in parts:
                    client.sendall(part)
                    for _ in range(3):  # for accepting it, for giving it a thread, and for that to read
                        self.turn(GLANCE)
                    with contextlib.suppress(BlockingIOError):
                        received.append(client.recv(1 << 20))
                client.shutdown(socket.SHUT_WR)
            while True:
                try:
                    data = client.recv(1 << 20)
                except BlockingIOError:
                    self.turn()
                    continue
                except OSError:
                    break
                if not data:
                    break
                received.append(data)
        while self.worker.nr_conns:
            self.turn()
        return b"".join(received)

    def close(self) -> None:
        self.worker.tpool.shutdown()
        self.worker.poller.close()
        self.worker.method_queue.close()
        self.listener.close()
        self.worker.tmp.close()
