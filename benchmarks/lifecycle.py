"""Cold starts and what they are made of, and warm requests.

Starts each host a number of times, from the start of the process to the first prediction, then sends requests to the
warm process; with --url, does the same to deployed endpoints, of which only the outside can be seen.
"""

import argparse
import http.client
import json
import os
import platform
import re
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Column, Table

from predictor.environment import model_dir
from predictor.loading import read_manifest
from predictor.manifest import FILE
from servers.running import FUNCTION, GUNICORN, ROOT, Server, running

START_SECONDS = 120
LISTEN, FIRST = "listen and fork", "first prediction"

Phases = dict[str, float]


@dataclass
class Measured:
    """What was seen of one host: seconds by phase for each cold start, seconds for each warm request."""

    name: str
    starts: list[Phases] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)

    def totals(self) -> list[float]:
        """Return the seconds from process start to first prediction of each cold start."""
        return [sum(phases.values()) for phases in self.starts]

    def median(self, phase: str) -> float:
        """Return the median seconds of a phase."""
        return float(np.median([phases[phase] for phases in self.starts]))


class Client:
    """One kept-alive connection that asks for the same prediction again and again."""

    def __init__(self, url: str, body: bytes, token: str | None = None) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(parts.netloc, timeout=START_SECONDS)
        self.path = parts.path if parts.path.strip("/") else "/predict"
        self.body = body
        self.headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def predict(self) -> str:
        """Return the Server-Timing header of one answer."""
        self.connection.request("POST", self.path, self.body, self.headers)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != 200:
            sys.exit(f"lifecycle: {self.path} answered {response.status}: {answer[:200].decode(errors='replace')}")
        return response.headers.get("Server-Timing", "")

    def warm(self, requests: int) -> list[float]:
        """Return the seconds that each of `requests` further predictions took."""
        return [self.seconds() for _ in range(requests)]

    def seconds(self) -> float:
        """Return the seconds of one prediction."""
        begun = time.perf_counter()
        self.predict()
        return time.perf_counter() - begun


def measure_start(host: Measured, command: list[str], environ: dict[str, str], body: bytes, warm: int) -> None:
    """Start a host once, and add to what was measured of it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "phases.json"
        begun = time.monotonic()
        watched = environ | {
            "PYTHONPATH": str(Path(__file__).parent / "startup_hook"),
            "LIFECYCLE_BEGUN": repr(begun),
            "LIFECYCLE_FILE": str(file),
        }
        with running(command, Path(folder) / "log", wait=False, cwd=ROOT, **watched) as server:
            client = Client(server.url, body)
            connect(client, server, begun + START_SECONDS)
            timing = client.predict()
            total = time.monotonic() - begun
            phases: Phases = json.loads(file.read_text())
            first = sum(map(float, re.findall(r"dur=([\d.]+)", timing))) / 1000
            host.starts.append(phases | {LISTEN: total - first - sum(phases.values()), FIRST: first})
            host.warm += client.warm(warm)
            client.connection.close()


def connect(client: Client, server: Server, until: float) -> None:
    """Connect as soon as the server listens."""
    while server.process.poll() is None and time.monotonic() < until:
        try:
            client.connection.connect()
        except ConnectionRefusedError:
            time.sleep(0.001)
        else:
            return
    sys.exit(f"lifecycle: {server.process.args!r} does not listen: {server.output()}")


def measure_here(starts: int, warm: int, body: bytes) -> list[Measured]:
    """Start each host `starts` times, in turn, after one start that counts for nothing but filled caches."""
    with tempfile.TemporaryDirectory() as empty:
        uncompiled = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": empty}
        hosts: dict[str, tuple[list[str], dict[str, str]]] = {
            "gunicorn": (GUNICORN, {}),
            "functions-framework": (FUNCTION, {}),
            "gunicorn, no .pyc": (GUNICORN, uncompiled),
        }
        for command, environ in hosts.values():
            measure_start(Measured(""), command, environ, body, 0)
        measured = {name: Measured(name) for name in hosts}
        for _ in track(range(starts), "starting", transient=True):
            for name, (command, environ) in hosts.items():
                measure_start(measured[name], command, environ, body, warm)
    return list(measured.values())


def milliseconds(seconds: float) -> str:
    """Return seconds as a person reads them: whole milliseconds, or fractions of few."""
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.2f} ms"


def warm_row(warm: list[float]) -> str:
    """Return the percentiles of warm requests in one cell."""
    return "\n".join(f"p{q} {milliseconds(float(np.percentile(warm, q)))}" for q in (50, 95, 99))


def table_of(measured: list[Measured]) -> Table:
    """Return the table of hosts started here: medians by phase, the range of the totals, warm percentiles."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    table = Table("process start to first prediction", *(host.name for host in measured), title=machine)
    for phase in measured[0].starts[0]:
        table.add_row(phase, *(milliseconds(host.median(phase)) for host in measured))
    table.add_section()
    table.add_row("cold start, median", *(milliseconds(float(np.median(host.totals()))) for host in measured))
    table.add_row(
        f"least to most of {len(measured[0].starts)}",
        *(f"{min(host.totals()) * 1000:,.0f} to {milliseconds(max(host.totals()))}" for host in measured),
    )
    table.add_section()
    table.add_row(f"warm request, of {len(measured[0].warm):,}", *(warm_row(host.warm) for host in measured))
    return table


def measure_there(urls: list[str], warm: int, body: bytes, token: str | None) -> Table:
    """Return the table of deployed endpoints: the first request, which is cold if they were idle, and warm ones."""
    table = Table(
        Column("endpoint", overflow="fold"), "first request", "process's first?", f"warm request, of {warm:,}"
    )
    for url in urls:
        client = Client(url, body, token)
        begun = time.perf_counter()
        timing = client.predict()
        first = time.perf_counter() - begun
        table.add_row(url, milliseconds(first), "yes" if "cold" in timing else "no", warm_row(client.warm(warm)))
    return table


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="lifecycle", description=__doc__)
    parser.add_argument("--starts", type=int, default=10, help="cold starts of each host (default: %(default)s)")
    parser.add_argument("--quick", action="store_const", const=3, dest="starts", help="the same as --starts 3")
    parser.add_argument("--warm", type=int, default=200, help="warm requests after each start (default: %(default)s)")
    parser.add_argument("--url", action="append", help="measure this deployed endpoint; repeatable")
    parser.add_argument("--identity-token", help="the bearer token for --url")
    options = parser.parse_args()
    example = read_manifest(model_dir() / FILE).examples[0]
    body = json.dumps({"features": example["features"]}).encode()
    console = Console()
    console.width = max(console.width, 100)
    if options.url:
        console.print(measure_there(options.url, options.warm, body, options.identity_token))
        return
    console.print(table_of(measure_here(options.starts, options.warm, body)))


if __name__ == "__main__":
    main()
