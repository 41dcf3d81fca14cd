"""The plots in docs/, as SVG: what a request costs, how its cost grows with its rows, and how a start compares."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.contenders import CONTENDERS

# From the Okabe-Ito palette, which people with any colour vision can tell apart.
COLOURS = {
    "peer": "#999999",
    "peer_async": "#555555",
    "sklearn": "#0072B2",
    "compiled": "#D55E00",
    "function": "#56B4E9",
    "function_compiled": "#E69F00",
}
# The same figures give the same file, without random names; letters stay text instead of a drawing of each.
SMALL_SVG: Any = {"svg.hashsalt": "tandem", "svg.fonttype": "none", "font.family": "sans-serif"}
ROWS = {1: "c1", 100: "batch100", 1000: "batch1000", 10_000: "batch10000"}
CONNECTIONS = {1: "c1", 16: "c16", 64: "c64", 256: "c256"}
BARS = {
    "c16.cpu_us": "CPU per request,\n16 connections",
    "c16.p99_ms": "p99,\n16 connections",
    "start_seconds": "cold start",
    "memory_mb": "memory",
    "batch1000.cpu_us": "1000 rows,\nCPU",
    "forest.cpu_us": "one row, forest,\nCPU",
}


def draw(results: dict[str, Any], folder: Path) -> None:
    """Write the three plots of results.json's contents."""
    folder.mkdir(exist_ok=True)
    with mpl.rc_context(SMALL_SVG | {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        for name, plot in {"ratios": ratios, "rows": rows, "throughput": throughput}.items():
            figure = Figure(figsize=(9, 4.5), layout="constrained")
            plot(figure.add_subplot(), results)
            figure.savefig(folder / f"benchmark-{name}.svg", metadata={"Date": None})


def shown(results: dict[str, Any]) -> list[tuple[str, str]]:
    """Return key and title of the contenders that were measured."""
    return [(one.key, one.title) for one in CONTENDERS if one.key in results["medians"]]


def ratios(axes: Axes, results: dict[str, Any]) -> None:
    """Draw what each takes of what the peer takes."""
    contenders = [(key, title) for key, title in shown(results) if not key.startswith("peer")]
    width = 0.8 / len(contenders)
    for number, (key, title) in enumerate(contenders):
        values = [results["ratios_to_peer"][key][measure] for measure in BARS]
        places = [group + (number - (len(contenders) - 1) / 2) * width for group in range(len(BARS))]
        bars = axes.bar(places, values, width, color=COLOURS[key], label=title)
        axes.bar_label(bars, fmt="%.2f", fontsize=7, padding=2)
    axes.axhline(1, color=COLOURS["peer_async"], linewidth=1)
    axes.set_xticks(range(len(BARS)), BARS.values())
    axes.set_ylabel("part of what FastAPI + uvicorn takes (1 = as much)")
    axes.set_title("Less is better")
    axes.legend(frameon=False, ncols=2, fontsize=8)


def rows(axes: Axes, results: dict[str, Any]) -> None:
    """Draw the CPU time of a request against its rows."""
    for key, title in shown(results):
        costs = [results["medians"][key][f"{load}.cpu_us"] / 1000 for load in ROWS.values()]
        axes.plot(list(ROWS), costs, "o-", color=COLOURS[key], label=title)
    axes.set(xscale="log", yscale="log", xlabel="rows in one request", ylabel="CPU time of the request (ms)")
    axes.set_title("Cost of a request, linear model (both axes logarithmic)")
    legend_beside(axes)


def throughput(axes: Axes, results: dict[str, Any]) -> None:
    """Draw requests a second against connections."""
    for key, title in shown(results):
        rates = [results["medians"][key][f"{load}.requests_per_second"] for load in CONNECTIONS.values()]
        axes.plot(range(len(CONNECTIONS)), rates, "o-", color=COLOURS[key], label=title)
    axes.set_xticks(range(len(CONNECTIONS)), [str(count) for count in CONNECTIONS])
    axes.set(xlabel="keep-alive connections", ylabel="requests per second, one core", ylim=(0, None))
    axes.set_title("Throughput, one row a request, linear model")
    legend_beside(axes)


def legend_beside(axes: Axes) -> None:
    """Draw the legend where no line can cross it."""
    figure = axes.figure
    assert isinstance(figure, Figure)  # noqa: S101  # and no part of one
    figure.legend(loc="outside right center", frameon=False, fontsize=8)
