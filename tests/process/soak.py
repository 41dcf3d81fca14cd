"""Fifty thousand mixed good and bad requests against a live gunicorn, and what they leave behind.

`make soak` prints a table; the exit status is 1 when a request was not answered as it should be, or when the server
did not stay flat: after a warm-up and once all connections are closed, master and workers together must end with
- memory (anonymous; what they share counts once) at most 2 % or 2 MB, whichever is more, above that after the warm-up;
- exactly as many file descriptors as after the warm-up;
- no more threads than after the warm-up, or than THREADS, which gunicorn starts when it needs them, and one a process.
"""

import contextlib
import itertools
import random
import socket
import struct
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Column, Table

from servers import processes
from servers.running import GUNICORN, running

REQUESTS = 50_000
WARM_UP = 5_000
CLIENTS = 8
WORKERS = 2
THREADS = 4
MAX_BODY_BYTES = 100_000

JSON = "Content-Type: application/json\r\n"
ROWS = b'{"instances":[' + b",".join([b"[1,2,3]"] * 1000) + b"]}"


class Kind(NamedTuple):
    """A request as it goes over the wire, and the status of its response; None when the client goes away before."""

    raw: bytes
    status: int | None


Counts = Counter[tuple[str, int | None]]


def post(body: bytes, headers: str = JSON, length: int | None = None) -> bytes:
    """Return a request for a prediction; `length` is what its header claims."""
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body) if length is None else length}"
    return head.encode() + b"\r\n\r\n" + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """Return a request for a prediction with a chunked body."""
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


KINDS = {
    "a row": Kind(post(b'{"features":[1,2,3]}'), 200),
    "a named row": Kind(post(b'{"features":{"x3":3,"x1":1,"x2":2}}'), 200),
    "1,000 rows": Kind(post(ROWS), 200),
    "a chunked row": Kind(chunked(b'{"features":', b"[1,2,3]}"), 200),
    "ready": Kind(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    "not JSON": Kind(post(b'{"features":[1,2,'), 400),
    "a key twice": Kind(post(b'{"features":[1,2,3],"features":[1,2,3]}'), 400),
    "a wrong value": Kind(post(b'{"features":[1,true,"3"]}'), 422),
    "1,000 wrong rows": Kind(post(ROWS.replace(b"3", b"null")), 422),
    "too few numbers": Kind(post(b'{"features":[1,2]}'), 422),
    "no finite prediction": Kind(post(b'{"features":[1e308,1e308,1e308]}'), 422),
    "another address": Kind(b"GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    "another method": Kind(b"DELETE /predict HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    "another media type": Kind(post(b"1,2,3", "Content-Type: text/csv\r\n"), 415),
    "a body that is too large": Kind(post(b"", length=MAX_BODY_BYTES + 1), 413),
    "chunks that are too large": Kind(chunked(b" " * MAX_BODY_BYTES, b" "), 413),
    "broken chunks": Kind(chunked(b"{", end=b"what?\r\n"), 400),
    "no HTTP": Kind(b"What is this?\r\n\r\n", 400),
    "gone in the header": Kind(b"POST /predict HT", None),
    "gone in the body": Kind(post(b'{"features":[1,2', length=500), None),
    "gone in a chunk": Kind(chunked(end=b"ff\r\n{"), None),
}


class Footprint(NamedTuple):
    """What a server's processes hold together."""

    memory: int
    file_descriptors: int
    threads: int

    def is_flat_since(self, start: "Footprint") -> bool:
        """Whether nothing grew, as the head of this file says."""
        return (
            self.memory - start.memory <= max(2_000_000, start.memory // 50)
            and self.file_descriptors == start.file_descriptors
            and self.threads <= max(start.threads, 1 + WORKERS * (1 + THREADS))
        )


def footprint(pids: list[int]) -> Footprint:
    """Return what these processes hold now."""
    return Footprint(
        sum(processes.memory(pid) for pid in pids),
        sum(processes.file_descriptors(pid) for pid in pids),
        sum(processes.threads(pid) for pid in pids),
    )


class Client:
    """A client that keeps its connection as long as the server does."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connection: socket.socket | None = None

    def send(self, kind: Kind) -> int | None:
        """Return the status of the response to one request; None for one that the client does not wait for."""
        if self.connection is None:
            self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.connection.sendall(kind.raw)
        if kind.status is None:
            if random.random() < 0.5:  # noqa: S311  # the other way to go away: a reset
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close()
            return None
        with self.connection.makefile("rb") as stream:
            status = int(stream.readline().split()[1])
            headers = [line.lower() for line in itertools.takewhile(lambda line: line != b"\r\n", stream)]
            stream.read(next(int(line.split()[1]) for line in headers if line.startswith(b"content-length:")))
        if b"connection: close\r\n" in headers:
            self.close()
        return status

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self.connection:
            self.connection.close()
        self.connection = None


def send_many(port: int, requests: int, seed: int) -> Counts:
    """Send requests of every kind in a random order, one after the other, and count the statuses of each kind."""
    client = Client(port)
    names = list(itertools.islice(itertools.cycle(KINDS), requests))
    random.Random(seed).shuffle(names)  # noqa: S311  # an order, not a secret
    found: Counts = Counter()
    for name in names:
        found[name, client.send(KINDS[name])] += 1
    client.close()
    return found


def send_all(port: int, requests: int) -> Counts:
    """Send requests from several clients at once and count the statuses of each kind."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        shares = [requests // CLIENTS] * CLIENTS
        found = pool.map(send_many, [port] * CLIENTS, shares, range(CLIENTS))
        return sum(found, Counter())


def soak(folder: Path, requests: int, warm_up: int) -> tuple[Counts, Footprint, Footprint]:
    """Return the counts, and the server's footprint after the warm-up and at the end, with all connections closed."""
    with running(
        GUNICORN,
        folder / "log",
        WEB_CONCURRENCY=str(WORKERS),
        THREADS=str(THREADS),
        MAX_BODY_BYTES=str(MAX_BODY_BYTES),
    ) as server:
        master = server.process.pid
        processes.wait_until(lambda: len(processes.workers_of(master)) == WORKERS, "all workers run")
        pids = [master, *processes.workers_of(master)]
        idle = footprint(pids).file_descriptors
        send_all(server.port, warm_up)
        start = wait_for_quiet(pids, idle)
        counts = send_all(server.port, requests)
        end = wait_for_quiet(pids, idle)
    return counts, start, end


def wait_for_quiet(pids: list[int], idle: int) -> Footprint:
    """Return the footprint once no connection is left, or as it is when one still is after so long a time."""
    with contextlib.suppress(AssertionError):
        processes.wait_until(lambda: footprint(pids).file_descriptors == idle, "quiet", 15)
    return footprint(pids)


def unexpected(counts: Counts) -> Counts:
    """Return what was not answered as it should be."""
    return Counter({found: count for found, count in counts.items() if found[1] != KINDS[found[0]].status})


def main() -> None:
    """Soak a server, print what it held before and after, and exit with 1 when it grew or answered otherwise."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder, console.status(f"{REQUESTS:,} requests"):
        counts, start, end = soak(Path(folder), REQUESTS, WARM_UP)
    kinds = Table(
        "request",
        "status",
        Column("count", justify="right"),
        title=f"{counts.total():,} requests of {len(KINDS)} kinds",
    )
    for (name, status), count in sorted(counts.items(), key=lambda item: [*KINDS].index(item[0][0])):
        kinds.add_row(name, "the client goes away" if status is None else str(status), f"{count:,}")
    console.print(kinds)
    table = Table("master and workers", f"after {WARM_UP:,} requests", f"after {counts.total():,} more")
    table.add_row("memory", *(f"{found.memory / 1e6:.1f} MB" for found in (start, end)))
    table.add_row("file descriptors", *(str(found.file_descriptors) for found in (start, end)))
    table.add_row("threads", *(str(found.threads) for found in (start, end)))
    console.print(table)
    flat = end.is_flat_since(start)
    console.print("flat" if flat else "NOT flat", *(f"unexpected: {found}" for found in unexpected(counts).items()))
    sys.exit(not flat or bool(unexpected(counts)))


if __name__ == "__main__":
    main()
