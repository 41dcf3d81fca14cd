"""Servers as processes on one core: started, waited for, measured through /proc, and always ended."""

import contextlib
import http.client
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from servers.processes import cpu_seconds, memory_with_files, tree
from servers.running import end, free_port

START_SECONDS = 60
POLL_SECONDS = 0.002


class BenchmarkError(Exception):
    """The benchmark cannot go on; the message is one line."""


def on_core(core: int) -> list[str]:
    """Return the words before a command that pin its process, and so its children, to a core."""
    return ["taskset", "--cpu-list", str(core)]


class Server:
    """A server that answers, and how long its process took until it did."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], port: int, request: bytes) -> None:
        self.name = name
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.start_seconds = self._wait(request)

    def _wait(self, request: bytes) -> float:
        begin = time.perf_counter()
        while time.perf_counter() - begin < START_SECONDS and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self._ask(request) == 200:
                    return time.perf_counter() - begin
            time.sleep(POLL_SECONDS)
        raise BenchmarkError(f"{self.name} did not start: {' '.join(map(str, self.process.args))}")  # type: ignore[arg-type]

    def _ask(self, request: bytes) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/predict", request, {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()

    def cpu_seconds(self) -> float:
        """Return the CPU time, user's and system's, that the processes have used."""
        return sum(map(cpu_seconds, tree(self.process.pid)))

    def memory_mb(self) -> float:
        """Return the memory of the processes; what several share is counted once (the sum of their PSS)."""
        return sum(map(memory_with_files, tree(self.process.pid))) / 2**20


@contextmanager
def serving(
    name: str, command: Sequence[str], folder: Path, environ: Mapping[str, str], *, core: int, request: bytes
) -> Iterator[Server]:
    """Run a server on a core until the block ends; `{port}` in the command is its port."""
    port = free_port()
    # As in an image, the code is compiled to byte code, which the very first start leaves behind.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        [*on_core(core), *(word.format(port=port) for word in command)],
        cwd=folder,
        env={**environment, **environ, "PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield Server(name, process, port, request)
    finally:
        end(process)
