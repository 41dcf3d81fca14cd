"""What Prometheus can ask: counted for all workers together, in files that gunicorn.conf.py makes room for.

Imported only with METRICS=1. docs/operations.md has the table of the metrics.
"""

import fcntl
import functools
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

from handlers.service import Service
from handlers.timing import Laps, laps_of
from predictor import Manifest
from webapp.watching import Watch

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# Why a request was refused, by the status that it got; see reason_of for two of them.
REASONS = {
    400: "malformed",
    404: "unknown_path",
    405: "method",
    408: "timeout",
    413: "too_large",
    415: "media_type",
    422: "invalid",
}

# In the place of a process id: the file of all that ended.
SUM = "ended"

REQUESTS = Counter("tandem_requests_total", "Requests answered", ["path", "status", "dialect"])
REJECTED = Counter("tandem_rejected_total", "Requests refused with a 4xx status", ["reason"])
ROWS = Counter("tandem_rows_total", "Rows of valid requests", ["dialect"])
SECONDS = Histogram("tandem_request_seconds", "From the first header to the answer", ["path"], buckets=BUCKETS)
PARTS = Histogram("tandem_part_seconds", "Parts of a prediction: read, validate, predict", ["part"], buckets=BUCKETS)
IN_FLIGHT = Gauge("tandem_in_flight", "Requests under way", multiprocess_mode="livesum")
MODEL = Gauge("tandem_model_info", "The model that is served", ["name", "version", "sha256"], multiprocess_mode="max")
COLD_START = Gauge("tandem_cold_start_seconds", "From exec to a verified model", multiprocess_mode="max")


def count_requests(app: Flask, service: Service) -> None:
    """Count every request of the app's service, and let its /metrics tell."""
    name_model(service.predictor.manifest)
    time_start()
    watch = Watch(service.predictor.manifest)
    service.watchers.append(watch)

    def tell() -> bytes:
        watch.count()
        return exposition()

    app.extensions["metrics"] = tell
    paths = frozenset(rule.rule for rule in app.url_map.iter_rules())

    def observe(request: Request) -> Callable[[Response], None]:
        path = request.path if request.path in paths else "unknown"
        IN_FLIGHT.inc()

        def end(response: Response) -> None:
            IN_FLIGHT.dec()
            laps = laps_of(request)
            count(path, response.status_code, time.perf_counter() - laps.began, laps)

        return end

    service.observers.append(observe)


def name_model(manifest: Manifest, *, served: bool = True) -> None:
    """Tell which model is served, or no longer."""
    MODEL.labels(manifest.name, manifest.version, manifest.artifact["sha256"]).set(int(served))


@functools.cache  # once in a process: a new model (HUP) is no start
def time_start() -> None:
    """Tell how long the start took."""
    COLD_START.set(seconds_since_exec())


def count(path: str, status: int, seconds: float, laps: Laps) -> None:
    """Count an answered request."""
    child(REQUESTS, path, f"{status // 100}xx", laps.dialect).inc()
    child(SECONDS, path).observe(seconds)
    for part, lap in laps.parts.items():
        child(PARTS, part).observe(lap)
    if laps.rows:
        child(ROWS, laps.dialect).inc(laps.rows)
    if 400 <= status < 500:
        child(REJECTED, reason_of(status, laps)).inc()


def keep_counts_of_the_dead(folder: Path, alive: Collection[int]) -> None:
    """Add what workers that ended have counted to one file, and remove theirs. Called in the master, after each end.

    A scrape that reads them at that moment is not waited for: the next end of a worker finds the files again.
    """
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for file in folder.glob("*.db"):
            kind, pid = file.stem.partition("_")[0], file.stem.rpartition("_")[2]
            if pid == SUM or int(pid) in alive:
                continue
            if kind in {"counter", "histogram"}:
                add_counts(file, folder / f"{kind}_{SUM}.db")
            file.unlink()


def add_counts(counted: Path, total: Path) -> None:
    """Add the values of one of prometheus_client's files to those of another."""
    values = MmapedDict(str(total))  # type: ignore[no-untyped-call]
    for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(counted)):  # type: ignore[no-untyped-call]
        values.write_value(key, values.read_value(key)[0] + value, timestamp)  # type: ignore[no-untyped-call]
    values.close()  # type: ignore[no-untyped-call]


@functools.cache
def child(metric: Any, *labels: str) -> Any:
    """Return the part of a metric with these labels; looking it up costs the library more than counting does."""
    return metric.labels(*labels)


def reason_of(status: int, laps: Laps) -> str:
    """Return why a request was refused; several dialects say 400 where /predict says 422."""
    if status in {400, 422} and laps.rows:
        return "no_prediction"  # the rows are valid, but the model has no answer to them
    return "invalid" if status == 400 and "read" in laps.parts else REASONS.get(status, "other")


def exposition() -> bytes:
    """Return the counts in Prometheus' text format: of all gunicorn's workers, or of the one process without it."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    with (Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)  # no file disappears meanwhile
        return generate_latest(registry)


def seconds_since_exec() -> float:
    """Return how long ago the kernel started this process; NaN where it does not tell (/proc/PID/stat, field 22)."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return float("nan")
