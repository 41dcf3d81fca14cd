"""The one form of request that the worker reads itself: POST /predict with a plain head and a body that is there.

gunicorn's parser takes every form of HTTP/1.1; for the most frequent one that costs as much as the prediction. What is
here accepts a part of the grammar that can be read in one way only, and leaves everything else to gunicorn.
https://www.rfc-editor.org/rfc/rfc9112
"""

import email.utils
import functools
import io
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

# Lines of `name: value` in printable ASCII: no folding, no underscores, which WSGI cannot tell from hyphens.
HEAD = re.compile(r"POST /predict HTTP/1\.1\r\n((?:[A-Za-z0-9-]+:[\t -~]*\r\n)+)")
# The body's length by other means, and what wants another answer before the answer.
OTHERWISE = frozenset({"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE", "HTTP_TRAILER", "HTTP_TE"})
CONNECTION = frozenset({"keep-alive", "close"})
# Only one row has a short answer for sure, without the probabilities of a hundred classes; a backslash could hide
# either word.
LONG_ANSWER = re.compile(rb"instances|probabilities|\\")


def read_request(data: bytes) -> dict[str, Any] | None:
    """Return what WSGI's environ (PEP 3333) says of the one request for one row that `data` is, else None."""
    head, _, body = data.partition(b"\r\n\r\n")
    match = HEAD.fullmatch(head.decode("latin-1") + "\r\n")
    if match is None or LONG_ANSWER.search(body):
        return None
    lines = match[1].splitlines()
    environ: dict[str, Any] = {}
    for line in lines:
        name, _, value = line.partition(":")
        environ["HTTP_" + name.upper().replace("-", "_")] = value.strip(" \t")
    length = environ.pop("HTTP_CONTENT_LENGTH", "")
    if length != str(len(body)) or len(environ) + 1 != len(lines) or not OTHERWISE.isdisjoint(environ):
        return None
    if environ.get("HTTP_CONNECTION", "close").lower() not in CONNECTION:
        return None
    if (kind := environ.pop("HTTP_CONTENT_TYPE", None)) is not None:
        environ["CONTENT_TYPE"] = kind
    environ["CONTENT_LENGTH"] = length
    environ["wsgi.input"] = io.BytesIO(body)
    return environ


class Reply:
    """The server's side of one call of a WSGI application, as gunicorn's Response is one."""

    __slots__ = ("close", "headers", "status", "written")

    def __init__(self, *, close: bool) -> None:
        self.close = close
        self.written: list[bytes] = []

    def force_close(self) -> None:
        """Let the connection close after this reply; handlers.responses asks for it."""
        self.close = True

    def start_response(self, status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
        """Take the status and the headers; return the function that old applications write with (PEP 3333)."""
        self.status, self.headers = status, headers
        return self.written.append

    def encode(self, parts: Iterable[bytes]) -> bytes:
        """Return the whole reply to which the application returned these parts of a body."""
        head = [
            f"HTTP/1.1 {self.status}",
            "Server: gunicorn",
            f"Date: {date(int(time.time()))}",
            "Connection: close" if self.close else "Connection: keep-alive",
            *[f"{name}: {value}" for name, value in self.headers],
            "\r\n",
        ]
        return "\r\n".join(head).encode("latin-1") + b"".join([*self.written, *parts])


@functools.lru_cache(1)
def date(seconds: int) -> str:
    """Return a time as the Date header has it; all replies of a second share one."""
    return email.utils.formatdate(seconds, usegmt=True)
