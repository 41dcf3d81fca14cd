"""The plot of a life cycle: what the cold starts are made of, and how warm requests are distributed."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks.lifecycle import Measured
from benchmarks.plots import SMALL_SVG

# Okabe and Ito's colours, which colour-blind people can tell apart.
COLOURS = ["#999999", "#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00"]
LINES = ["#0072B2", "#D55E00", "#009E73"]


def draw(measured: list[Measured], machine: str, file: Path) -> None:
    """Write the plot as SVG, with the same bytes for the same figures."""
    mpl.rcParams.update(SMALL_SVG | {"font.size": 10})
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    cold, warm = figure.subplots(1, 2, width_ratios=[2, 1])
    names = [host.name for host in measured]
    left = np.zeros(len(measured))
    for phase, colour in zip(measured[0].starts[0], COLOURS, strict=True):
        seconds = np.array([host.median(phase) for host in measured])
        cold.barh(names, seconds, left=left, color=colour, label=phase, height=0.5)
        left += seconds
    for row, host in enumerate(measured):
        cold.plot(
            host.totals(), [row + 0.36] * len(host.starts), "k|", markersize=6, label="each start" if not row else ""
        )
        cold.annotate(f" {np.median(host.totals()):.2f} s", (left[row], row), va="center")
    cold.set(title="Cold start: process start to first prediction, median", xlabel="seconds")
    cold.set_xlim(0, max(max(host.totals()) for host in measured) * 1.12)
    cold.invert_yaxis()
    for host, colour in zip(measured, LINES, strict=True):
        percents = np.append(np.arange(0, 100, 0.5), [99.8, 99.9, 100])
        warm.plot(np.percentile(host.warm, percents) * 1000, percents, color=colour, label=host.name)
    warm.set(title="Warm requests, one at a time", xlabel="milliseconds, logarithmic", ylabel="percent answered within")
    warm.set_xscale("log")
    warm.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    warm.xaxis.set_major_formatter("{x:g}")
    warm.xaxis.set_minor_formatter(NullFormatter())
    warm.legend(loc="lower right", fontsize=8)
    for axes in (cold, warm):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.3)
    handles, labels = cold.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda place: labels[place] == "each start")
    figure.legend(
        [handles[place] for place in order], [labels[place] for place in order],
        loc="outside lower center", ncols=4, fontsize=9,
    )  # fmt: skip
    figure.suptitle(machine, fontsize=9, color="#555555")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, format="svg", metadata={"Date": None})
