"""The quick lane: a request that is there as a whole, for a quick model, is answered in the main loop.

gthread's main loop hands every request to a thread of its pool and is told through a pipe that it is answered. For a
prediction of a fifth of a millisecond that costs as much as the prediction, and threads that wait for each other's
lock make the slowest requests several times slower. Here gunicorn's own ThreadWorker.handle does the same in the main
loop: it reads from bytes that have arrived, and what it writes is held until it is done, so it waits for nobody.
"""

import selectors
import socket
from concurrent.futures import Future
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn
from gunicorn_h1c import parse_request_fast

from handlers.ahead import MOST_ROWS
from handlers.quick import MAX_SECONDS
from worker.connection import ClientSocket
from worker.date import http_date
from worker.deadline import DeadlineWorker
from worker.direct import Direct
from worker.lateness import LATE, Lateness
from worker.parsed import OneRequest, Whole, limits_of
from worker.turns import LongestWaitFirst, Ready, connection_of

# All else, though it may mean the same, takes gunicorn's way.
BEGIN = b"POST /predict HTTP/1.1\r\n"
# With its head. A longer request takes long enough to give it a thread.
MAX_REQUEST = 4096
# gunicorn's settings for other protocols, whose first bytes are no HTTP/1.1.
OTHER_PROTOCOLS = ("http2_cleartext", "proxy_protocol", "protocol")


class QuickWorker(DeadlineWorker):
    """A threaded worker that needs no thread for a request that cannot keep it waiting."""

    alive: bool
    poller: selectors.BaseSelector
    wsgi: Any

    def run(self) -> None:
        """Serve, with a look at how long the model takes before."""
        self.open_lane()
        super().run()

    def open_lane(self) -> None:
        """Find out what the lane is for, and for whom."""
        settings = self.cfg.settings
        plain = not self.cfg.is_ssl and all(settings[name].get() == settings[name].default for name in OTHER_PROTOCOLS)
        self.limits = (limits_of(self.cfg) if plain else None) or {}
        self.direct = Direct.to(self.wsgi) if self.limits else None
        if self.direct is not None:
            self.wsgi = self.direct
            # To look at a setting is a call otherwise, two dozen a request. None changes once a worker runs.
            self.cfg.__dict__.update((name, setting.get()) for name, setting in settings.items())
            util.http_date = http_date
        self.lateness = Lateness(self.direct.seconds if self.direct else MAX_SECONDS)
        # What look_ahead found on the connections of this turn.
        self.seen: dict[TConn, Whole | None] = {}
        self.poller.close()
        self.poller = LongestWaitFirst(self.look_ahead)

    def look_ahead(self, ready: list[Ready]) -> list[Ready]:
        """Predict in one call what the requests of a turn of the loop ask for; return those of this turn.

        Where that fails the pool answers them: one after the other they would take the main loop too long.
        """
        self.seen.clear()
        if self.direct is None or not self.direct.begin_turn() or len(ready) < 2:
            return ready
        methods = (self.on_client_socket_readable, self.on_pending_socket_readable)
        turn: list[Ready] = []
        whole: dict[TConn, Whole] = {}
        for one in ready:
            conn = connection_of(one, methods)
            if conn is not None and len(whole) == MOST_ROWS:
                continue  # it is still ready in the next turn
            if conn is not None:
                self.seen[conn] = found = self.request_on(conn, one[0].fileobj)
                if found is not None:
                    whole[conn] = found
            turn.append(one)
        begun = self.lateness.begin(self.nr)
        if len(whole) > 1 and not self.predicts_ahead([request.body for request in whole.values()]):
            for conn, request in whole.items():
                give_back(conn, request.data)
                self.seen[conn] = None
        if self.lateness.end(self.nr, *begun, alone=not self.deadlines):
            self.close_lane()
        return turn

    def predicts_ahead(self, bodies: list[bytes]) -> bool:
        """Predict in one call what some bodies ask for; return whether that went well, whatever a model raises."""
        try:
            return self.direct is not None and self.direct.predict_ahead(bodies)
        except BaseException:  # sys.exit() in a model's code, for one, or a signal that ends the worker: see `handle`
            if not self.alive:
                raise
            return False

    def on_client_socket_readable(self, conn: TConn, client: ClientSocket) -> None:
        """Answer the next request of a connection that was kept alive; runs in the main thread."""
        request = self.whole_request_of(conn, client)
        if request is None:
            super().on_client_socket_readable(conn, client)
            return
        self.keepalived_conns.remove(conn)
        keep, rest = self.answer(conn, client, request)
        if keep and not rest and self.alive:
            conn.set_timeout()
            self.keepalived_conns.append(conn)
        else:
            self.poller.unregister(client)
            self.leave(conn, keep, rest)

    def on_pending_socket_readable(self, conn: TConn, client: ClientSocket) -> None:
        """Answer the first request of a connection; runs in the main thread."""
        request = self.whole_request_of(conn, client)
        if request is None:
            super().on_pending_socket_readable(conn, client)
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        self.leave(conn, *self.answer(conn, client, request))

    def whole_request_of(self, conn: TConn, client: ClientSocket) -> Whole | None:
        """Return the request that waits on a connection if it is one for the lane."""
        return self.seen.pop(conn) if conn in self.seen else self.request_on(conn, client)

    def request_on(self, conn: TConn, client: Any) -> Whole | None:
        """Return what waits on a connection if gunicorn's parser says that it is all for the lane.

        On a new connection it is left where it is, on one that was kept it is taken; what is not for the lane goes to
        the connection's parser then, which reads it before all else.
        """
        if self.direct is None or not self.direct.open():
            return None
        data = b""
        try:
            data = client.recv(MAX_REQUEST + 1, 0 if conn.initialized else socket.MSG_PEEK)
            if data.startswith(BEGIN) and len(data) <= MAX_REQUEST:
                head = parse_request_fast(data, **self.limits)
                body = data[head.consumed :]
                if not head.has_chunked and len(body) == head.content_length and self.direct.takes(body):
                    return Whole(data, head, body)
        except Exception:  # noqa: S110  # of the socket or of the parser, which has several kinds; gunicorn has the answer
            pass
        give_back(conn, data)
        return None

    def answer(self, conn: TConn, client: ClientSocket, request: Whole) -> tuple[bool, bytes]:
        """Answer a request; return whether the connection stays open, and what of the answer was not sent yet."""
        begun = self.lateness.begin(self.nr)
        client.held = []
        try:
            if not conn.initialized:
                conn.init()
                client.recv(len(request.data))
            parser, conn.parser = conn.parser, OneRequest(request, conn)
            try:
                keep = bool(self.handle(conn))
            finally:
                conn.parser = parser
        except OSError:  # the client has gone
            keep = False
        finally:
            reply, client.held = b"".join(client.held), None
        if self.lateness.end(self.nr, *begun, alone=not self.deadlines):
            self.close_lane()
        try:
            return keep, reply[client.send(reply) :]
        except BlockingIOError:
            return keep, reply
        except OSError:  # the client has gone
            return False, b""

    def leave(self, conn: TConn, keep: bool, rest: bytes) -> None:
        """Hand a connection back to gunicorn, as from its pool, which first sends the rest of an answer."""
        if not rest:
            answered: Future[bool] = Future()
            answered.set_result(keep)
            self.finish_request(conn, answered)
            return
        sending = self.tpool.submit(send_rest, conn, keep, rest)
        sending.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, conn, future))

    def close_lane(self) -> None:
        """Leave the model to the pool for good."""
        if self.direct is not None and self.direct.longest_body:
            self.direct.longest_body = 0
            self.log.warning(
                "%d answers took more than %.0f ms, so the pool's threads answer from now on",
                LATE, self.direct.seconds * 1000,
            )  # fmt: skip


def give_back(conn: TConn, data: bytes) -> None:
    """Let gunicorn's parser read what was taken from a connection that was kept."""
    if data and conn.initialized:
        conn.parser.unreader.unread(data)


def send_rest(conn: TConn, keep: bool, rest: bytes) -> bool:
    """Send the rest of an answer; return whether the connection stays open. Runs in a thread of the pool."""
    try:
        conn.sock.setblocking(True)
        conn.sock.sendall(rest)
    except OSError:
        return False
    return keep
