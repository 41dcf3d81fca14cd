"""From the samples of all rounds to medians, ratios to FastAPI, and a table."""

import os
import platform
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.contenders import BARE, CALL, CONTENDERS, FASTAPI, FASTAPI_PANDAS

# contender -> measure -> one value a round
Samples = Mapping[str, Mapping[str, list[float]]]

TITLES = {contender.key: contender.title for contender in CONTENDERS}


@dataclass(frozen=True)
class Measure:
    """A line of the table: what was measured, to whose value ratios are taken, and the most that was aimed at."""

    key: str
    title: str
    unit: str = "µs"
    aims: dict[str, float] = field(default_factory=dict)
    baseline: str = FASTAPI

    @property
    def is_of_a_limit(self) -> bool:
        """Whether the ratios are to what no product reaches."""
        return self.baseline in {BARE, CALL}

    @property
    def name(self) -> str:
        """The measure's name in results.json."""
        return f"{self.key} / {self.baseline}" if self.is_of_a_limit else self.key


def aims(sklearn: float, compiled: float, function: float | None = None) -> dict[str, float]:
    """Return what was aimed at, by contender."""
    known = {"sklearn": sklearn, "compiled": compiled, "function": function}
    return {key: aim for key, aim in known.items() if aim is not None}


MEASURES = [
    Measure("linear-1-c1.cpu_us", "one row, 1 connection: CPU", aims=aims(0.42, 0.22, 0.75)),
    Measure("linear-1-c16.cpu_us", "one row, 16 connections: CPU", aims=aims(0.42, 0.18, 0.9)),
    Measure(
        "linear-1-c16.cpu_us", "one row, 16 connections: CPU, to the bare callable", aims={"compiled": 2.5},
        baseline=BARE,
    ),
    Measure("linear-1-c64.cpu_us", "one row, 64 connections: CPU", aims=aims(0.38, 0.14)),
    Measure("linear-1-c16.p99_ms", "one row, 16 connections: p99", "ms", aims(0.4, 0.2, 1.0)),
    Measure("linear-1-c64.p99_ms", "one row, 64 connections: p99", "ms"),
    Measure("linear-1-c16.requests_per_second", "one row, 16 connections: requests a second", "/s"),
    Measure("linear.start_seconds", "cold start", "s", aims(0.75, 0.2, 0.25)),
    Measure("linear.memory_mb", "memory of one worker", "MB", aims(0.85, 0.4, 0.4)),
    Measure("linear.further_worker_mb", "memory of each further one", "MB"),
    Measure("linear-1000-c1.cpu_us", "1,000 rows: CPU", aims=aims(0.35, 0.3, 0.4)),
    Measure("linear-10000-c1.cpu_us", "10,000 rows: CPU"),
    Measure("forest-1-c1.cpu_us", "one row, forest of 100, 1 connection: CPU", aims={"compiled": 0.02}),
    Measure("forest-1-c1.cpu_us", "one row, forest of 100, 1 connection: CPU, to the call alone", baseline=CALL),
    Measure(
        "forest-1-c16.cpu_us", "one row, forest of 100, 16 connections: CPU",
        aims={"sklearn": 0.15, "compiled": 0.02, "function_sklearn": 0.2},
    ),
    Measure("mixed-1-c1.cpu_us", "one mixed row, 1 connection: CPU", "µs", aims(0.85, 0.03), FASTAPI_PANDAS),
    Measure("mixed-1-c16.cpu_us", "one mixed row, 16 connections: CPU", "µs", aims(0.85, 0.03), FASTAPI_PANDAS),
    Measure(
        "mixed_forest-1-c1.cpu_us", "one mixed row, forest of 100, 1 connection: CPU", "µs",
        aims(0.85, 0.02), FASTAPI_PANDAS,
    ),
    Measure(
        "mixed_forest-1-c16.cpu_us", "one mixed row, forest of 100, 16 connections: CPU", "µs",
        aims(0.2, 0.02), FASTAPI_PANDAS,
    ),
    Measure("mixed-1000-c1.cpu_us", "1,000 mixed rows: CPU", baseline=FASTAPI_PANDAS),
    Measure("mixed-10000-c1.cpu_us", "10,000 mixed rows: CPU", baseline=FASTAPI_PANDAS),
    Measure("mixed.start_seconds", "cold start, mixed", "s", baseline=FASTAPI_PANDAS),
    Measure("mixed.memory_mb", "memory of one worker, mixed", "MB", baseline=FASTAPI_PANDAS),
]  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A contender's median, the median of its ratios to the baseline of the same round, and half of their range."""

    median: float
    ratio: float
    spread: float


def figure(values: list[float], baseline: list[float]) -> Figure:
    """Return the figure of one value a round."""
    ratios = [value / other for value, other in zip(values, baseline, strict=True)]
    return Figure(statistics.median(values), statistics.median(ratios), (max(ratios) - min(ratios)) / 2)


def result_of(samples: Samples, rounds: int, seconds: int) -> dict[str, Any]:
    """Return the contents of results.json: of each measure, each contender's median, ratio and spread."""
    measures: dict[str, dict[str, list[float]]] = {}
    for measure in MEASURES:
        baseline = samples.get(measure.baseline, {}).get(measure.key)
        if baseline:
            figures = {key: figure(of[measure.key], baseline) for key, of in samples.items() if measure.key in of}
            measures[measure.name] = {
                key: [significant(found.median), significant(found.ratio), significant(found.spread, 2)]
                for key, found in figures.items()
            }
    return {"machine": machine(), "rounds": rounds, "seconds_per_load": seconds, "measures": measures}


def significant(value: float, digits: int = 4) -> float:
    """Return a figure with so many significant digits."""
    return float(f"{value:.{digits}g}")


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), platform.machine())
    packages = ["gunicorn", "functions-framework", "scikit-learn", "numpy", "onnxruntime", "pandas"]
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }


def quantity(value: float, unit: str) -> str:
    """Return a value with its unit, as people read it."""
    number = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}"
    return f"{number}{'' if unit == '/s' else ' '}{unit}"


def is_missed(measure: Measure, contender: str, ratio: float) -> bool:
    """Whether a contender takes more than was aimed at; the shown digits decide."""
    return contender in measure.aims and float(shown(ratio)) > measure.aims[contender]


def shown(ratio: float) -> str:
    """Return a ratio with two decimals, or three where two would say nothing."""
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.3f}"


def table_of(result: Mapping[str, Any]) -> Table:
    """Return each contender's ratios, with what was aimed at, and in red what misses it."""
    present = [key for key in TITLES if any(key in figures for figures in result["measures"].values())]
    table = Table("", *(TITLES[key] for key in present))
    for measure in MEASURES:
        figures = result["measures"].get(measure.name)
        if figures:
            table.add_row(measure.title, *(cell(measure, key, figures.get(key)) for key in present))
    return table


def cell(measure: Measure, key: str, figure: list[float] | None) -> str:
    """Return a cell for the terminal: the value, its ratio with the spread, and the aim."""
    if figure is None:
        return ""
    median, ratio, spread = figure
    aim = measure.aims.get(key)
    text = f"{quantity(median, measure.unit)}\n×{shown(ratio)} ±{shown(spread)}" + (f" ≤{aim}" if aim else "")
    return f"[red]{text}[/red]" if is_missed(measure, key, ratio) else text
