"""One load: wrk on its own core sends one request over and over for some seconds."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import BenchmarkError, Server, on_core

SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """What is sent: which model's server, how many rows a request, over how many connections."""

    name: str
    model: str = "linear"
    rows: int = 1
    connections: int = 1


LOADS = [
    Load("c1"),
    Load("c16", connections=16),
    Load("c64", connections=64),
    Load("c256", connections=256),
    Load("batch100", rows=100),
    Load("batch1000", rows=1000),
    Load("batch10000", rows=10_000),
    Load("forest", model="forest"),
]


def find_wrk() -> str:
    """Return the path of wrk; BenchmarkError tells how to get it."""
    found = shutil.which("wrk")
    if found is None:
        raise BenchmarkError("wrk, which sends the requests, is not installed; on Debian: apt-get install wrk")
    return found


def body(rows: int) -> bytes:
    """Return a request of that many rows of three features, a single one as `features`."""
    table = [[round(index % 50 / 10, 1), index % 7, index % 5 + 0.25] for index in range(rows)]
    return json.dumps({"features": table[0]} if rows == 1 else {"instances": table}).encode()


def run(load: Load, server: Server, seconds: float, core: int, request: Path) -> dict[str, float]:
    """Return the figures of a load: latencies, requests a second, and the server's CPU time for one request."""
    used = server.cpu_seconds()
    command = [
        *on_core(core),
        find_wrk(),
        "-t1",
        f"-c{load.connections}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "30s",
    ]
    done = subprocess.run(
        [*command, "-s", str(SCRIPT), server.url, "--", str(request)],
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
