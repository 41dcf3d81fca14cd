"""gunicorn's threaded worker, with room for new connections where stock gthread lets them wait or resets them.

It accepts several a turn, lets those that only wait give way to new ones, and drains what it closes in its main loop.
"""

import errno
import functools
import math
import resource
import selectors
import socket
import time
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

# How long a closed connection may take to close its side, too (RFC 9112, section 9.6): closing with unread bytes would
# send a reset, which can destroy the response on its way.
LINGER = 2.0

# With one a turn of the loop, as gunicorn has it, the last of many new connections waits for all answers of as many
# turns. With all of them, the other workers would get none.
ACCEPT_AT_ONCE = 16

# What a worker opens beside its connections: files of packages that are imported late, counts, its own sockets; and the
# connections of one turn that are too many.
OTHER_FILES = 64
NO_FILES_LEFT = (errno.EMFILE, errno.ENFILE)
# Seconds without accepting when there is none left.
PAUSE = 0.25


def most_connections(wanted: int) -> int:
    """Return how many connections there may be, of so many, in a process that may open its number of files."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return wanted if most == resource.RLIM_INFINITY else max(1, min(wanted, most - OTHER_FILES))


class RoomyWorker(ThreadWorker):  # type: ignore[misc]
    """A threaded worker that makes room for new connections, and waits in no thread for closing ones."""

    worker_connections: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.worker_connections = most_connections(self.worker_connections)
        self.accept_from = -math.inf
        self.lingering: dict[TConn, float] = {}

    def set_accept_enabled(self, enabled: bool) -> None:
        """Leave the port at once when the worker stops, with the connections that wait there already.

        gunicorn lets go of it only after the last response: until then clients of a stopping server still reach the
        queue of a port that nobody looks at, and are reset.
        """
        more = enabled or (self.alive and self.spare_connections() > 0)
        super().set_accept_enabled(more and time.monotonic() >= self.accept_from)
        if not enabled and not self.alive:
            for listener in self.sockets:
                self.accept(listener, self.worker_connections)
                listener.close()

    def accept(self, listener: Any, most: int = ACCEPT_AT_ONCE) -> None:
        """Accept several connections, as far as they wait already; idle ones give way to those beyond the limit."""
        for _ in range(most):
            before = self.nr_conns
            if before < self.worker_connections + self.spare_connections():
                self.accept_one(listener)
            if self.nr_conns == before:
                return

    def accept_one(self, listener: Any) -> None:
        """Accept a connection; for a moment none, when the system has no file descriptor for it."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in NO_FILES_LEFT:
                raise
            self.accept_from = time.monotonic() + PAUSE

    def spare_connections(self) -> int:
        """Return how many connections can be closed for new ones: those that close anyway or are idle."""
        return len(self.lingering) + len(self.keepalived_conns)

    def make_room(self) -> None:
        """Close what is too much, first what closes anyway, then what is idle longest. No event of theirs may wait."""
        while self.nr_conns > self.worker_connections and self.spare_connections():
            if self.lingering:
                self.let_go(next(iter(self.lingering)))
                continue
            conn = self.keepalived_conns.popleft()
            self.poller.unregister(conn.sock)
            self.nr_conns -= 1
            conn.close()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for events, but not beyond the time at which a closing connection is closed for good."""
        if self.alive:
            self.set_accept_enabled(self.nr_conns < self.worker_connections)
        until = next(iter(self.lingering.values()), math.inf)
        super().wait_for_and_dispatch_events(max(0.0, min(timeout, until - time.monotonic())))

    def murder_pending(self) -> None:
        """Close what is too much or closing for too long; gunicorn calls this in every turn of its loop."""
        super().murder_pending()
        self.make_room()
        now = time.monotonic()
        for conn in [conn for conn, deadline in self.lingering.items() if deadline <= now]:
            self.let_go(conn)

    def close(self, conn: TConn, graceful: bool = False) -> None:
        """Close a connection; gracefully means to wait for the client's side, but never in the main thread."""
        if not graceful:
            util.close(conn.sock)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, functools.partial(self.drain, conn))
        except (OSError, ValueError, KeyError):
            util.close(conn.sock)
        else:
            self.lingering[conn] = time.monotonic() + LINGER
            self.nr_conns += 1  # it still holds a file descriptor, of which there are as many as worker_connections

    def drain(self, conn: TConn, sock: socket.socket) -> None:
        """Throw away what a client still sends on a closing connection."""
        try:
            more = sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        if not more:
            self.let_go(conn)

    def let_go(self, conn: TConn) -> None:
        """Close a lingering connection for good."""
        del self.lingering[conn]
        self.nr_conns -= 1
        self.poller.unregister(conn.sock)
        util.close(conn.sock)
