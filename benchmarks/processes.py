"""Servers on one core: started, waited for, measured through /proc, and always ended."""

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import servers.running
from benchmarks import BenchmarkError
from benchmarks.contenders import Contender
from servers.processes import cpu_seconds, memory_with_files, tree

START_SECONDS = 60
POLL_SECONDS = 0.002
# Workers that start share a core, so none is quiet for as long as this while others still import.
QUIET_SECONDS = 0.5


def on_core(core: int) -> list[str]:
    """Return the words before a command that pin its process, and so its children, to a core."""
    return ["taskset", "--cpu-list", str(core)]


class Server:
    """A server that answers: what it answered first, and how long it took from the start of its process until then."""

    def __init__(self, name: str, process: servers.running.Server, begun: float, request: bytes) -> None:
        self.name = name
        self.process = process
        self.url = process.url
        self.answer = self._first_answer(begun, request)
        self.start_seconds = time.perf_counter() - begun

    def _first_answer(self, begun: float, request: bytes) -> Any:
        while time.perf_counter() - begun < START_SECONDS and self.process.wait(POLL_SECONDS) is None:
            with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
                return self.ask(request)
        last = self.process.output().strip().splitlines()[-1:]
        raise BenchmarkError(f"{self.name} did not start: {''.join(last) or 'it printed nothing'}")

    def ask(self, request: bytes) -> Any:
        """Return the answer to a request; BenchmarkError when it is refused."""
        connection = http.client.HTTPConnection("127.0.0.1", self.process.port, timeout=30)
        try:
            connection.request("POST", "/predict", request, {"Content-Type": "application/json"})
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise BenchmarkError(f"{self.name} answered {response.status}: {body[:200].decode(errors='replace')}")
        return json.loads(body)

    def wait_until_quiet(self) -> None:
        """Wait until the processes use no CPU time for a while, as when all workers have started."""
        until = time.perf_counter() + START_SECONDS
        used = -1.0
        while self.cpu_seconds() > used:
            if time.perf_counter() > until:
                raise BenchmarkError(f"{self.name} does not become quiet")
            used = self.cpu_seconds()
            time.sleep(QUIET_SECONDS)

    def cpu_seconds(self) -> float:
        """Return the CPU time, user's and system's, that the processes have used."""
        return sum(map(cpu_seconds, tree(self.process.process.pid)))

    def memory_mb(self) -> float:
        """Return the memory of the processes; what several share is counted once (the sum of their PSS)."""
        return sum(map(memory_with_files, tree(self.process.process.pid))) / 2**20


@contextmanager
def serving(
    contender: Contender, model: Path, request: bytes, *, core: int, log: Path, workers: int = 1
) -> Iterator[Server]:
    """Run a contender with a model on a core until the block ends."""
    environ = {"MODEL_DIR": str(model), "WORKERS": str(workers), "WEB_CONCURRENCY": str(workers)}
    # As in an image, the code is compiled to byte code, which the very first start leaves behind.
    environ |= {"PYTHONDONTWRITEBYTECODE": ""} | contender.environ
    command = [*on_core(core), "sh", "-c", f"exec {contender.command}"]
    begun = time.perf_counter()
    with servers.running.running(command, log, wait=False, cwd=contender.folder, **environ) as process:
        yield Server(contender.title, process, begun, request)
