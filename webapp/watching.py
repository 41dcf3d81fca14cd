"""What comes in beside what training saw, for METRICS=1: missing, unseen and outside values, and numbers by decile.

A request only leaves its inputs; a thread counts those of each second together, at C speed.
"""

import atexit
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from prometheus_client import Counter, Gauge

from predictor import Manifest
from predictor.columns import Category, Column, Date, Inputs, Number, Values, moment
from predictor.together import count_rows, joined

SECONDS = 1.0
# So many rows are counted at once, by the request that brings them: what waits is bounded.
MOST_ROWS = 10_000

LABELS = ["feature", "version"]
MISSING = Counter("tandem_feature_missing_total", "Missing values", LABELS)
OUTSIDE = Counter("tandem_feature_outside_total", "Numbers and dates outside the range of training", LABELS)
UNSEEN = Counter("tandem_feature_unseen_total", "Categories that training did not see", LABELS)
BINS = Counter("tandem_feature_bin_total", "Numbers by the part between training's deciles", [*LABELS, "bin"])
TRAINED = Gauge(
    "tandem_feature_bin_training_ratio", "The part of training's numbers", [*LABELS, "bin"], multiprocess_mode="max"
)

Count = Callable[[Values], None]


class Watch:
    """Counts the values of valid requests of a model."""

    def __init__(self, manifest: Manifest) -> None:
        self.counts = [counters_of(column, manifest.version) for column in manifest.features]
        self.waiting: list[Inputs] = []
        self.rows = 0
        self.process = 0
        self.lock = threading.Lock()

    def __call__(self, inputs: Inputs) -> None:
        """Take the inputs of a request."""
        self.waiting.append(inputs)
        self.rows += count_rows(inputs)
        if self.rows > MOST_ROWS:
            self.count()
        elif self.process != os.getpid():  # the first request since the fork
            self.begin()

    def begin(self) -> None:
        """Count every second from now on, and at the end of the process."""
        with self.lock:
            if self.process == os.getpid():
                return
            self.process = os.getpid()
        threading.Thread(target=self.count_for_ever, daemon=True, name="watching inputs").start()
        atexit.register(self.count)

    def count_for_ever(self) -> None:
        """Count what came in each second."""
        while True:
            time.sleep(SECONDS)
            self.count()

    def count(self) -> None:
        """Count what waits."""
        with self.lock:
            taken = self.waiting[:]
            if not taken:
                return
            del self.waiting[: len(taken)]  # others may have come meanwhile
            self.rows = 0
            for counts, values in zip(self.counts, columns_of(joined(taken)), strict=True):
                for count in counts:
                    count(values)


def columns_of(inputs: Inputs) -> Iterable[Values]:
    """Return inputs by column."""
    return inputs.T if isinstance(inputs, np.ndarray) else inputs


def counters_of(column: Column, version: str) -> list[Count]:
    """Return the functions that count a column's values; each is made with its metrics, which begin at zero."""
    labels = (column.name, version)
    counters = [adding(MISSING.labels(*labels), lambda values: int(absent(values).sum()))] if column.missing else []
    if isinstance(column, Category):
        known = frozenset(column.values)
        counters.append(adding(UNSEEN.labels(*labels), lambda values: unseen(values, known)))
    limits = limits_of(column)
    if limits is not None:
        low, high = limits
        counters.append(adding(OUTSIDE.labels(*labels), lambda values: int(((values < low) | (values > high)).sum())))
    if isinstance(column, Number) and column.deciles:
        counters.append(by_bin(column, labels))
    return counters


def adding(metric: Any, number_of: Callable[[Values], int]) -> Count:
    """Return what adds a number of some values to a metric."""

    def count(values: Values) -> None:
        if number := number_of(values):
            metric.inc(number)

    return count


def by_bin(column: Number, labels: tuple[str, str]) -> Count:
    """Return what counts numbers by the part that they lie in, 1 up to the first decile."""
    edges = np.array(column.deciles)
    metrics = [BINS.labels(*labels, str(place)) for place in range(1, len(edges) + 2)]
    for place, share in enumerate(column.shares, 1):
        TRAINED.labels(*labels, str(place)).set(share)

    def count(values: Values) -> None:
        places = np.searchsorted(edges, values[~np.isnan(values)])
        for metric, number in zip(metrics, np.bincount(places, minlength=len(metrics)).tolist(), strict=True):
            if number:
                metric.inc(number)

    return count


def limits_of(column: Column) -> tuple[Any, Any] | None:
    """Return the least and the greatest value of training, None where there is none."""
    if isinstance(column, Number) and column.minimum is not None and column.maximum is not None:
        return column.minimum, column.maximum
    if isinstance(column, Date) and column.first and column.last:
        return np.datetime64(moment(column.first), "us"), np.datetime64(moment(column.last), "us")
    return None


def absent(values: Values) -> Values:
    """Return which values are missing."""
    if values.dtype == object:
        return np.array([value is None for value in values.tolist()], dtype=bool)
    return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)


def unseen(values: Values, known: frozenset[Any]) -> int:
    """Return how many categories are not among the known ones; None and NaN, which is not itself, are missing."""
    given = [value for value in values.tolist() if value is not None and value == value]  # noqa: PLR0124
    return len(given) - sum(value in known for value in given)
