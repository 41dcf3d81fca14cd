"""Draw the drift query of docs/metrics.md for a stream whose first number shifts.

The app of the model in MODEL_DIR counts the stream, and /metrics is read once an hour, as Prometheus does it.
"""

import argparse
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

HOURS, ROWS_AN_HOUR, DAY = 96, 200, 24
# From here on the stream shifts, until every value is half of training's range higher.
SHIFTS = range(36, 72)
LEAST = 0.0001  # the query's, for empty bins
LIMITS = {0.1: "as in training below", 0.25: "not so above"}

Bins = dict[tuple[str, str], float]


def drawn(column: Any, random: np.random.Generator, shift: float) -> list[float]:
    """Return an hour's values of a number: spread as training's, or shifted by a part of their range."""
    edges = [column.minimum, *column.deciles, column.maximum]
    values = np.interp(random.random(ROWS_AN_HOUR), [0, *column.cumulative, 1], edges)
    shifted: list[float] = (values + shift * (column.maximum - column.minimum)).tolist()
    return shifted


def shift_at(hour: int) -> float:
    """Return by which part of its range the first number has shifted."""
    return 0.5 * min(max(hour - SHIFTS.start, 0) / len(SHIFTS), 1)


def samples(client: Client, metric: str) -> Bins:
    """Return what /metrics says of each feature and bin."""
    text = client.get("/metrics").get_data(as_text=True)
    named = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.labels["feature"], one.labels["bin"]): one.value for one in named if one.name == metric}


def stability_index(counted: Mapping[tuple[str, str], float], trained: Bins, feature: str) -> float:
    """Return what the query gives for one number: the sum over its bins."""
    bins = {name: share for (of, name), share in trained.items() if of == feature}
    total = sum(counted[feature, name] for name in bins)
    now = {name: max(counted[feature, name] / total, LEAST) for name in bins}
    return sum((now[name] - share) * math.log(now[name] / share) for name, share in bins.items())


def indices_by_hour(client: Client, columns: Sequence[Any]) -> dict[str, list[float]]:
    """Send the stream, and return the index of each number over the last day, hour by hour."""
    random = np.random.default_rng(0)
    seen = [samples(client, "tandem_feature_bin_total")]
    trained = samples(client, "tandem_feature_bin_training_ratio")
    found: dict[str, list[float]] = {column.name: [] for column in columns}
    for hour in range(HOURS):
        values = [drawn(column, random, shift_at(hour) if place == 0 else 0.0) for place, column in enumerate(columns)]
        answer = client.post("/predict", json={"instances": list(zip(*values, strict=True))})
        if answer.status_code != 200:
            raise SystemExit(f"benchmarks.drift: {answer.get_data(as_text=True)}")
        seen.append(samples(client, "tandem_feature_bin_total"))
        before = seen[max(0, hour + 1 - DAY)]
        increase = {name: value - before[name] for name, value in seen[-1].items()}
        for column in columns:
            found[column.name].append(stability_index(increase, trained, column.name))
    return found


def picture(indices: Mapping[str, Sequence[float]]) -> Figure:
    """Return the plot: a line for each number, the two limits, and when the stream shifts."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.axvspan(SHIFTS.start, SHIFTS.stop, color="lightgrey", alpha=0.5, label=f"{next(iter(indices))} shifts")
    for name, values in indices.items():
        axes.plot(values, label=name)
    for limit, means in LIMITS.items():
        axes.axhline(limit, color="grey", linestyle=":")
        axes.annotate(f"{limit}: {means}", (0, limit), xytext=(0, 2), textcoords="offset points", fontsize=8)
    axes.set(xlabel="hour", ylabel="population stability index, last day", yscale="log", ylim=(0.001, None))
    axes.legend()
    return figure


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.drift", description=__doc__)
    parser.add_argument("picture", type=Path, help="a file to write, as in drift.png or drift.svg")
    options = parser.parse_args()
    os.environ["METRICS"] = "1"
    from webapp import create_app  # which reads METRICS

    app = create_app()
    columns = app.extensions["tandem"].predictor.manifest.features
    if not all(getattr(column, "deciles", None) for column in columns):
        raise SystemExit("benchmarks.drift: every column of the model must be a number with deciles in the manifest")
    picture(indices_by_hour(Client(app), columns)).savefig(options.picture)


if __name__ == "__main__":
    main()
