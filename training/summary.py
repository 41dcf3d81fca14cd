"""What a table looks like, column by column, for the report."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Boolean, Category, Column, Date, Number
from tables import Table
from training.problem import Problem
from training.show import example, missing, observed

BINS = 20
MOST_COLUMNS = 300
MOST_CLASSES = 30


def column_rows(table: Table) -> list[dict[str, Any]]:
    """Return what each column looks like, with the heights of its histogram's bars as parts of the highest."""
    rows = []
    for column in table.columns[:MOST_COLUMNS]:
        values = table.values(column)
        numbers = values[~np.isnan(values)] if isinstance(column, Number) else None
        rows.append(
            {
                "name": column.name,
                "kind": column.kind,
                "missing": missing(values),
                "range": observed(column),
                "median": "" if numbers is None else f"{np.median(numbers):.4g}",
                "mean": "" if numbers is None else f"{np.mean(numbers):.4g}",
                "example": example(column, values),
                "bars": bars(column, values),
            }
        )
    return rows


def target_rows(problem: Problem) -> dict[str, dict[str, Any]]:
    """Return what each target looks like: its classes with their rows, or its spread, and a histogram."""
    look = look_of_labels if problem.classifies else look_of_numbers
    return {name: look(values) for name, values in problem.targets.items()}


def look_of_labels(values: NDArray[Any]) -> dict[str, Any]:
    """Return the classes of a target with their rows, and a bar for each."""
    labels, counts = np.unique(values, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    shown = [(str(labels[at]), f"{counts[at]:,} rows ({counts[at] / len(values):.1%})") for at in order]
    return {"rows": shown, "bars": heights(counts[order])}


def look_of_numbers(values: NDArray[Any]) -> dict[str, Any]:
    """Return the spread of a target, and its histogram."""
    numbers = values.astype(np.float64)
    facts = {"minimum": numbers.min(), "median": np.median(numbers), "mean": numbers.mean(), "maximum": numbers.max()}
    return {"rows": [(name, f"{value:.6g}") for name, value in facts.items()], "bars": histogram(numbers)}


def bars(column: Column, values: NDArray[Any]) -> list[float]:
    """Return the bars of a column: of its most frequent values, or of equal parts of its range; of texts, by length."""
    match column:
        case Category():
            shown = column.values[:BINS]
            return heights(np.array([int((values == value).sum()) for value in shown]))
        case Boolean():
            return heights(np.array([int((values == truth).sum()) for truth in (1.0, 0.0)]))
        case Date():
            return histogram(values[~np.isnat(values)].astype(np.int64).astype(np.float64))
        case Number():
            return histogram(values[~np.isnan(values)])
    return histogram(np.array([len(text) for text in values if text is not None], dtype=np.float64))


def histogram(numbers: NDArray[np.float64]) -> list[float]:
    """Return the heights of the bars over equal parts of a range."""
    span = np.float64(numbers.max()) / 2 - numbers.min() / 2  # halved: the difference of giants is infinite
    if not len(numbers) or not span:
        return [1.0]
    parts = ((numbers / 2 - numbers.min() / 2) / span * BINS).astype(int).clip(0, BINS - 1)
    return heights(np.bincount(parts, minlength=BINS))


def heights(counts: NDArray[np.int64]) -> list[float]:
    """Return counts as parts of the largest, rounded as a drawing needs them."""
    return [round(count / max(1, int(counts.max())), 3) for count in counts.tolist()]


def pipeline_lines(described: Any, name: str = "", depth: int = 0) -> list[str]:
    """Return an estimator as the manifest describes it, a line each for it and for what it is made of."""
    if isinstance(described, list):
        if len(described) > 1 and isinstance(described[0], str) and isinstance(described[1], dict | str):
            step, inner, *columns = described
            lines = pipeline_lines(inner, f"{step}: ", depth)
            return [lines[0] + (f" of {', '.join(names_of(columns[0]))}" if columns else ""), *lines[1:]]
        return [line for inner in described for line in pipeline_lines(inner, "", depth)]
    if not isinstance(described, dict):
        return [f"{'  ' * depth}{name}{described}"]
    parts = {key: value for key, value in described["parameters"].items() if key in {"steps", "transformers"}}
    plain = {key: value for key, value in described["parameters"].items() if key not in parts and value is not None}
    shown = ", ".join(f"{key}={value}" for key, value in plain.items())
    inner = [line for value in parts.values() for line in pipeline_lines(value, "", depth + 1)]
    return [f"{'  ' * depth}{name}{described['class'].rpartition('.')[2]}({shown})", *inner]


def names_of(columns: Any) -> list[str]:
    """Return the names of the columns of a transformer."""
    return [str(column) for column in columns] if isinstance(columns, list) else [str(columns)]
