"""A client's socket that no writer waits on for ever, and that can hold back what is written."""

import errno
import fcntl
import select
import socket
import struct
import termios
import time
from typing import Any

# A client that takes less, on average, holds a thread for nothing.
BYTES_A_SECOND = 1024
LOOK_EVERY = 0.5  # seconds
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ClientSocket(socket.socket):
    """A socket whose `sendall` fails when its client takes next to nothing for `patience` seconds.

    While `held` is a list, what is sent is kept in it, and whether calls wait stays as it is.
    """

    held: list[bytes] | None = None
    patience: float

    @classmethod
    def around(cls, accepted: socket.socket, patience: float) -> "ClientSocket":
        """Take over an accepted connection, which must be a non-blocking one."""
        made = cls(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        made.setblocking(False)
        made.patience = patience
        return made

    def setblocking(self, flag: Any) -> None:
        """Let calls wait or not; never while a reply is held, whose writer must not wait."""
        if self.held is None:
            super().setblocking(bool(flag))

    def settimeout(self, value: float | None) -> None:
        """Let calls wait for so long; not while a reply is held."""
        if self.held is None:
            super().settimeout(value)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send what the system takes, or hold it."""
        if self.held is not None:
            self.held.append(bytes(data))
            return len(data)
        return super().send(data, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send everything, or hold it; BrokenPipeError when the client takes too little of it."""
        if self.held is not None:
            self.held.append(bytes(data))
            return
        rest = memoryview(data).cast("B")
        sent, before, since = 0, -self.not_taken(), time.monotonic()
        while rest.nbytes:
            try:
                count = super().send(rest, flags | socket.MSG_DONTWAIT)
            except BlockingIOError:
                taken, now = sent - self.not_taken(), time.monotonic()
                if taken - before >= self.patience * BYTES_A_SECOND:
                    before, since = taken, now
                elif now - since >= self.patience:
                    self.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    raise BrokenPipeError(errno.EPIPE, "the client does not take its answer") from None
                self.wait_for_room()
            else:
                sent += count
                rest = rest[count:]

    def wait_for_room(self) -> None:
        """Wait until the system takes more, or until it is time to look at the client again."""
        waiting = select.poll()
        waiting.register(self, select.POLLOUT)
        waiting.poll(LOOK_EVERY * 1000)

    def not_taken(self) -> int:
        """Return how many bytes the system still keeps for the client (SIOCOUTQ of tcp(7))."""
        kept: int = struct.unpack("i", fcntl.ioctl(self.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
        return kept
