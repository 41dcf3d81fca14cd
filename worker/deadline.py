"""gunicorn's threaded worker, with deadlines for a request and its answer.

Stock gthread gives a connection a thread and then waits for its bytes without end, so as many slow clients as there
are threads stop the server. Here a connection gets a thread once its first byte is there, and at the deadline,
counted from accept, its READ side is shut: what has arrived can still be read, so a good request that only waited for
a thread is answered, and a thread that waits for the rest is free at once. For writing, worker.connection has one.
"""

import contextlib
import functools
import math
import selectors
import socket
import threading
import time
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from predictor.environment import whole_number
from worker.connection import NO_FILES_LEFT, ClientSocket, most_connections

# How long a closed connection may take to close its side, too (RFC 9112, section 9.6): closing with unread bytes would
# send a reset, which can destroy the response on its way.
LINGER = 2.0

# Seconds between two signs of life; gunicorn's `timeout` is in whole seconds.
BEAT = 0.25

# With one a turn of the loop, as gunicorn has it, the last of many new connections waits for all answers of as many
# turns. With all of them, the other workers would get none.
ACCEPT_AT_ONCE = 16


class DeadlineWorker(ThreadWorker):  # type: ignore[misc]
    """A threaded worker that frees a thread READ_TIMEOUT seconds after its connection was accepted.

    On a connection that is kept alive, the seconds of a further request count from its first byte.
    """

    worker_connections: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.worker_connections = most_connections(self.worker_connections)
        self.accept_from = -math.inf
        self.read_timeout = whole_number("READ_TIMEOUT", 10)
        self.deadlines: dict[TConn, float] = {}
        self.next_sweep = math.inf
        self.lingering: dict[TConn, float] = {}
        self.notified = -math.inf

    def notify(self) -> None:
        """Tell the master that this worker is alive, but not in every turn of the loop."""
        if (now := time.monotonic()) - self.notified >= BEAT:
            self.notified = now
            super().notify()

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
            self.accept_from = time.monotonic() + BEAT

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

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection a thread, a new one only when its first byte is there; runs in the main thread."""
        now = time.monotonic()
        if not conn.initialized and not conn.data_ready:
            conn.message, conn.late, conn.trusted = None, False, None
            conn.sock = ClientSocket.around(conn.sock, self.read_timeout)
            conn.close = functools.partial(self.close, conn)
            conn.timeout = now + self.read_timeout
            self.pending_conns.append(conn)
            readable = functools.partial(self.on_pending_socket_readable, conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, readable)
            return
        deadline = now + self.read_timeout if conn.initialized else conn.timeout
        self.deadlines[conn] = deadline
        self.next_sweep = min(self.next_sweep, deadline)
        super().enqueue_req(conn)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """Let the main thread see the request whose body is being read; runs in a thread of the pool."""
        conn.message = req
        if conn.late:  # it waited for a thread, and what has arrived is all that there will be
            req.must_close = req.body.timed_out = True
        try:
            return super().handle_request(req, conn)
        finally:
            conn.message = None

    def handle(self, conn: TConn) -> Any:
        """Answer a request; runs in a thread of the pool, or in the main one.

        sys.exit() in a model's code would end the worker; in the main thread it may also be a signal that ends it,
        whose handler has said so before.
        """
        try:
            return super().handle(conn)
        except BaseException as error:
            if not self.alive and threading.current_thread() is threading.main_thread():
                raise
            self.handle_error(None, conn.sock, conn.client, error)
            return False

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Forget the deadline of a request that is answered."""
        self.deadlines.pop(conn, None)
        super().finish_request(conn, fs)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for events, but not beyond the next deadline."""
        if self.alive:
            self.set_accept_enabled(self.nr_conns < self.worker_connections)
        until = min(self.next_sweep, next(iter(self.lingering.values()), math.inf))
        super().wait_for_and_dispatch_events(max(0.0, min(timeout, until - time.monotonic())))

    def murder_pending(self) -> None:
        """Close what is past its deadline or too much; gunicorn calls this in every turn of its loop."""
        super().murder_pending()
        self.make_room()
        now = time.monotonic()
        if self.next_sweep <= now:
            for conn in [conn for conn, deadline in self.deadlines.items() if deadline <= now]:
                del self.deadlines[conn]
                stop_reading(conn)
            self.next_sweep = min(self.deadlines.values(), default=math.inf)
        for conn in [conn for conn, deadline in self.lingering.items() if deadline <= now]:
            self.let_go(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Close, when the worker stops, connections that never sent a byte as soon as those that are kept alive."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

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


def stop_reading(conn: TConn) -> None:
    """Shut the read side of a connection whose request did not arrive in time."""
    body = conn.message.body if conn.message else None
    if body is not None and is_read(body):  # it is the model that takes long
        return
    conn.late = True
    if body is not None:
        body.timed_out = True  # handlers.http answers 408
    with contextlib.suppress(OSError):
        conn.sock.shutdown(socket.SHUT_RD)


def is_read(body: Any) -> bool:
    """Whether gunicorn's body was read to its end: a length that came down to 0, or the last chunk seen."""
    reader = body.reader
    return bool(reader.length == 0 if hasattr(reader, "length") else getattr(reader, "parser", body) is None)
