"""gunicorn's request of bytes that its parser has looked at already, so that they are not read a second time."""

from typing import Any, NamedTuple

from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.workers.gthread import TConn


class Whole(NamedTuple):
    """A request that arrived as a whole: its bytes, what gunicorn's parser says of its head, and its body."""

    data: bytes
    head: Any
    body: bytes


def limits_of(cfg: Any) -> dict[str, int] | None:
    """Return the limits that gunicorn hands to its fast parser, None when another one is to read the requests."""
    example = Request(cfg, IterUnreader([b"GET / HTTP/1.1\r\n\r\n"]), ("", 0))
    if not example._use_fast:
        return None
    return {
        "limit_request_line": example._fast_limit_request_line,
        "limit_request_fields": example.limit_request_fields,
        "limit_request_field_size": example.limit_request_field_size,
    }


class Parsed(Request):  # type: ignore[misc]
    """A request without a query whose head was parsed; what gunicorn makes of it and of its body is gunicorn's."""

    def __init__(self, whole: Whole, conn: TConn) -> None:
        self.head = whole.head
        self.conn = conn
        super().__init__(conn.cfg, IterUnreader([whole.body]), conn.client)

    def parse(self, unreader: IterUnreader) -> bytes:
        """Take over what was parsed; return what it leaves to the body's reader, none of which it took."""
        head = self.head
        self.method = head.method.decode()
        self.uri = self.path = head.path.decode()
        self.query = self.fragment = ""
        self.version = (1, head.minor_version)
        schemes, seen = [False], set[str]()
        trusted = self._peer_trusted_for_forwarded()
        for name, value in head.headers:
            kept = self._apply_header_policy(
                name.decode("latin-1").upper(), value.decode("latin-1"), schemes, seen, *trusted
            )
            if kept is not None:
                self.headers.append(kept)
        return b""

    def _peer_is_trusted_proxy(self) -> bool:
        """Look in which network the peer is once a connection, instead of once a request."""
        if self.conn.trusted is None:
            self.conn.trusted = super()._peer_is_trusted_proxy()
        trusted: bool = self.conn.trusted
        return trusted


class OneRequest:
    """In the place of a connection's parser, for the one request that is there."""

    def __init__(self, whole: Whole, conn: TConn) -> None:
        self.whole = whole
        self.conn = conn

    def __next__(self) -> Parsed:
        return Parsed(self.whole, self.conn)

    def finish_body(self, deadline: float | None = None) -> bool:
        """Say that nothing of the body is left on the connection."""
        return True
