"""From the samples of all rounds to medians, ratios to the peer, and a table."""

import json
import os
import platform
import statistics
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.contenders import CONTENDERS

# contender -> measure -> one value a round
Samples = Mapping[str, Mapping[str, list[float]]]

MEASURES = {
    "c1.cpu_us": "CPU per request, 1 connection (µs)",
    "c16.cpu_us": "CPU per request, 16 connections (µs)",
    "c64.cpu_us": "CPU per request, 64 connections (µs)",
    "c1.p50_ms": "p50, 1 connection (ms)",
    "c16.p50_ms": "p50, 16 connections (ms)",
    "c16.p99_ms": "p99, 16 connections (ms)",
    "c64.p99_ms": "p99, 64 connections (ms)",
    "c16.requests_per_second": "requests per second, 16 connections",
    "c256.requests_per_second": "requests per second, 256 connections",
    "start_seconds": "cold start (s)",
    "memory_mb": "memory, one worker (MB)",
    "batch100.cpu_us": "100 rows in one request, CPU (µs)",
    "batch1000.cpu_us": "1000 rows in one request, CPU (µs)",
    "batch10000.cpu_us": "10,000 rows in one request, CPU (µs)",
    "forest.cpu_us": "one row, forest of 100 trees, CPU (µs)",
}

# The most that Tandem may take of what the peer takes.
TARGETS = {
    "c1.cpu_us": {"sklearn": 0.95, "compiled": 0.75},
    "c16.cpu_us": {"sklearn": 0.95, "compiled": 0.75},
    "c16.p99_ms": {"sklearn": 0.5, "compiled": 0.3},
    "start_seconds": {"sklearn": 0.85, "compiled": 0.35},
    "memory_mb": {"sklearn": 0.95, "compiled": 0.6},
    "batch1000.cpu_us": {"sklearn": 0.5, "compiled": 0.45},
    "forest.cpu_us": {"sklearn": 1.0, "compiled": 0.1},
}


def medians(samples: Samples) -> dict[str, dict[str, float]]:
    """Return the median of every measure over the rounds."""
    return {
        key: {measure: statistics.median(values) for measure, values in found.items()} for key, found in samples.items()
    }


def ratios(samples: Samples) -> dict[str, dict[str, float]]:
    """Return the median over the rounds of the ratio to the peer in the same round."""
    peer = samples["peer"]
    return {
        key: {
            measure: statistics.median(value / other for value, other in zip(values, peer[measure], strict=True))
            for measure, values in found.items()
        }
        for key, found in samples.items()
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    packages = ["gunicorn", "flask", "functions-framework", "scikit-learn", "numpy", "onnxruntime"]
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }


def document(samples: Samples, rounds: int, seconds: float) -> dict[str, Any]:
    """Return the contents of results.json, less the samples themselves."""
    return {
        "machine": machine(),
        "rounds": rounds,
        "seconds_per_load": seconds,
        "medians": medians(samples),
        "ratios_to_peer": ratios(samples),
        "targets": TARGETS,
    }


def write(path: Path, results: Mapping[str, Any]) -> None:
    """Write results as JSON, figures with four significant digits."""
    rounded = json.loads(json.dumps(results), parse_float=lambda text: float(f"{float(text):.4g}"))
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rounded, indent=1) + "\n")


def table(samples: Samples) -> Table:
    """Return the medians, each with its ratio to the peer's, and a mark where a target is missed."""
    values, relative = medians(samples), ratios(samples)
    shown = [contender for contender in CONTENDERS if contender.key in samples]
    result = Table("", *(contender.title for contender in shown))
    for measure, title in MEASURES.items():
        cells = []
        for contender in shown:
            ratio = relative[contender.key][measure]
            target = TARGETS.get(measure, {}).get(contender.key)
            mark = "" if target is None else f" (≤ {target})" if ratio <= target else f" [red](> {target})[/red]"
            cells.append(f"{values[contender.key][measure]:.4g}  ×{ratio:.2f}{mark}")
        result.add_row(title, *cells)
    return result
