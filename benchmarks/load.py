"""What is sent: loads, each one request over and over for some seconds, by wrk on a core of its own."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import BenchmarkError
from benchmarks.models import features_of
from benchmarks.processes import Server, on_core

SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """Which model's server gets a request, of how many rows, over how many connections; `scenario` is for --only."""

    scenario: str
    model: str
    rows: int = 1
    connections: int = 1

    @property
    def name(self) -> str:
        """The load in one word, the first part of its measures' names."""
        return f"{self.model}-{self.rows}-c{self.connections}"

    def body(self) -> bytes:
        """Return the request, a single row as `features`."""
        rows = features_of(self.model, self.rows)
        return json.dumps({"features": rows[0]} if self.rows == 1 else {"instances": rows}).encode()


LOADS = [
    Load("row", "linear"),
    Load("row", "linear", connections=16),
    Load("row", "linear", connections=64),
    Load("batch", "linear", rows=1000),
    Load("batch", "linear", rows=10_000),
    Load("forest", "forest"),
    Load("forest", "forest", connections=16),
    Load("mixed", "mixed"),
    Load("mixed", "mixed", connections=16),
    Load("mixed-batch", "mixed", rows=1000),
    Load("mixed-batch", "mixed", rows=10_000),
    Load("mixed-forest", "mixed_forest"),
    Load("mixed-forest", "mixed_forest", connections=16),
]


def find_wrk() -> str:
    """Return the path of wrk; BenchmarkError tells how to get it."""
    found = shutil.which("wrk")
    if found is None:
        raise BenchmarkError("wrk, which sends the requests, is not installed; on Debian: apt-get install wrk")
    return found


def run(server: Server, request: Path, connections: int, seconds: int, core: int) -> dict[str, float]:
    """Return the figures of a load: latencies, requests a second, and the server's CPU time for one request."""
    used = server.cpu_seconds()
    wrk = [find_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    done = subprocess.run(
        [*on_core(core), *wrk, "-s", str(SCRIPT), server.url, "--", str(request)],
        capture_output=True, text=True, check=False, timeout=seconds + 60,
    )  # fmt: skip
    used = server.cpu_seconds() - used
    return figures(done.stdout, used, server.name)


def figures(output: str, cpu_seconds: float, name: str) -> dict[str, float]:
    """Return what the last line of wrk's output says; BenchmarkError when a request failed."""
    lines = output.strip().splitlines()
    found: dict[str, Any] = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {"requests": 0}
    if not found["requests"] or found["refused"] or found["broken"]:
        raise BenchmarkError(f"{name} did not answer every request: {lines[-1] if lines else 'wrk printed nothing'}")
    return {
        "p50_ms": found["p50_ms"],
        "p99_ms": found["p99_ms"],
        "requests_per_second": found["requests"] / found["seconds"],
        "cpu_us": cpu_seconds / found["requests"] * 1e6,
    }
