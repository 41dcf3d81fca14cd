"""The worker that answers a request for one row at once, in its main thread.

gthread's main loop hands every request to a thread of its pool and is told through a pipe that it is answered. For a
prediction of a fifth of a millisecond that costs as much as the prediction, and threads that wait for each other's
lock make the slowest requests several times slower. What could make the main loop wait goes to the pool as before.
"""

import fcntl
import functools
import os
import selectors
import socket
import termios
import time
from concurrent.futures import Future
from typing import Any

from gunicorn.http.wsgi import base_environ
from gunicorn.workers.gthread import TConn

from handlers.service import process_service
from webapp.short_http import Reply, read_request
from webapp.worker import DeadlineWorker

# A longer request takes long enough to give it a thread.
MAX_INLINE = 4096
# A model that needs longer than this for one row is left to the pool, so that health checks and deadlines need not
# wait for it.
MAX_SECONDS = 0.005
# gunicorn's settings that want to see every request, or to read it otherwise.
WATCHERS = ("accesslog", "statsd_host", "pre_request", "post_request", "http2_cleartext", "proxy_protocol", "protocol")
NONE_UNREAD = bytes(4)


class LongestWaitFirst(selectors.DefaultSelector):
    """A selector that lets nobody wait for two turns of others.

    Linux lists first what was ready the last time. A client whose request just missed a turn would be the last in the
    next one, and so miss it again: with 16 connections the slowest hundredth took twice as long as the others.
    """

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready, connections in the order of their last answers."""
        return sorted(super().select(timeout), key=deadline)


def deadline(ready: tuple[selectors.SelectorKey, int]) -> float:
    """Return until when a connection may be silent; it is counted from its last answer."""
    callback = ready[0].data
    return callback.args[0].timeout if isinstance(callback, functools.partial) else 0.0


class InlineWorker(DeadlineWorker):
    """A threaded worker that needs no thread for a request that cannot keep it waiting."""

    alive: bool
    poller: selectors.BaseSelector

    def run(self) -> None:
        """Serve, with a look at how long the model takes before."""
        settings = self.cfg.settings
        self.quick = (
            not self.cfg.is_ssl  # bytes that are encrypted cannot be looked at before they are read
            and all(settings[name].get() == settings[name].default for name in WATCHERS)
            and "SCRIPT_NAME" not in os.environ
            and all(isinstance(listener.getsockname(), tuple) for listener in self.sockets)  # TCP
            and seconds_for_a_row() < MAX_SECONDS
        )
        self.keepalive = self.cfg.keepalive
        self.environ = base_environ(self.cfg) | {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/predict",
            "RAW_URI": "/predict",
            "QUERY_STRING": "",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.multithread": True,
        }
        self.poller.close()
        self.poller = LongestWaitFirst()
        super().run()

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Answer the next request of a connection that was kept alive; runs in the main thread."""
        environ = take_request(client) if self.quick else None
        if environ is None:
            super().on_client_socket_readable(conn, client)
            return
        self.keepalived_conns.remove(conn)
        if self.answer(conn, client, environ):
            conn.timeout = time.monotonic() + self.keepalive
            self.keepalived_conns.append(conn)
        else:
            self.poller.unregister(client)
            self.finish_request(conn, answered(False))

    def on_pending_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Answer the first request of a connection; runs in the main thread."""
        environ = take_request(client) if self.quick else None
        if environ is None:
            super().on_pending_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        conn.init()
        self.finish_request(conn, answered(self.answer(conn, client, environ)))

    def answer(self, conn: TConn, client: socket.socket, environ: dict[str, Any]) -> bool:
        """Answer a request; return whether the connection stays open."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        full = len(self.keepalived_conns) >= self.max_keepalived
        closing = environ.get("HTTP_CONNECTION", "").lower() == "close"
        reply = Reply(close=closing or full or not self.alive or not self.keepalive)
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = conn.client[0], str(conn.client[1])
        environ["SERVER_NAME"], environ["SERVER_PORT"] = conn.server[0], str(conn.server[1])
        environ["gunicorn.socket"] = client
        try:
            parts = self.wsgi(self.environ | environ, reply.start_response)
            try:
                data = reply.encode(parts)
            finally:
                if hasattr(parts, "close"):
                    parts.close()
        except Exception as error:  # the handlers answer every fault of theirs; this would be one of Flask
            self.handle_error(None, client, conn.client, error)
            return False
        try:
            client.sendall(data)
        except OSError:  # the client has gone
            return False
        return not reply.close


def answered(keepalive: bool) -> Future[bool]:
    """Return what gthread gets from its pool for a request that is answered: whether the connection stays open."""
    future: Future[bool] = Future()
    future.set_result(keepalive)
    return future


def take_request(client: socket.socket) -> dict[str, Any] | None:
    """Take a request that waits on a connection, if it can be answered without waiting for the client."""
    try:
        data = client.recv(MAX_INLINE, socket.MSG_PEEK)
        # SIOCOUTQ of tcp(7): a client that has read its answers leaves room for one more.
        unread = fcntl.ioctl(client.fileno(), termios.TIOCOUTQ, NONE_UNREAD)
    except OSError:
        return None
    environ = read_request(data) if unread == NONE_UNREAD else None
    if environ is not None:
        client.recv(len(data))
    return environ


def seconds_for_a_row() -> float:
    """Return the CPU time of one prediction, the least of a few."""
    predictor = process_service().predictor
    row = predictor.manifest.inputs([predictor.manifest.examples[0]["features"]])
    times = []
    for _ in range(5):
        began = time.thread_time()
        predictor.predict(row)
        times.append(time.thread_time() - began)
    return min(times)
