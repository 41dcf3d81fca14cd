"""What a person sees while a model is trained: the columns as they were understood, progress, and the metrics."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from predictor.columns import Boolean, Category, Column, Date, Number, Text
from predictor.manifest import FILE, Manifest
from tables.table import Table as Data
from training.evaluate import beats_baseline
from training.metric_tables import compared_table, metrics_table, shorten, targets_table

REPORT = "report.html"
MOST_COLUMNS, MOST_VALUES = 40, 3


@contextmanager
def progress_bar(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar, and give the function that moves it."""
    with Progress(console=console, transient=True, disable=not console.is_interactive) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)


def show_table(console: Console, data: Data) -> None:
    """Print how a table was understood: its columns, what is left out, and what is odd about it."""
    shown = Table(
        "column", "kind", "missing", "values", "example", box=box.SIMPLE_HEAD if console.is_terminal else None
    )
    shown.pad_edge, shown.header_style = False, "bold"
    for column in data.columns[:MOST_COLUMNS]:
        values = data.values(column)
        shown.add_row(shorten(column.name), column.kind, missing(values), observed(column), example(column, values))
    console.print(shown)
    if len(data.columns) > MOST_COLUMNS:
        console.print(f"and {len(data.columns) - MOST_COLUMNS:,} more columns")
    console.print(f"{data.task}: {data.why}", soft_wrap=True)
    for notice in data.notices:
        console.print(f"notice: {notice}", style="yellow", soft_wrap=True)


def missing(values: NDArray[Any]) -> str:
    """Return how many values are missing, nothing where none is."""
    count = count_missing(values)
    return f"{count:,} ({count / len(values):.0%})" if count else ""


def count_missing(values: NDArray[Any]) -> int:
    """Return how many values are missing: NaN, NaT or None."""
    return int(sum(value is None for value in values)) if values.dtype == object else int(np.isnan(values).sum())


def observed(column: Column) -> str:
    """Return the range or the values of a column."""
    match column:
        case Number():
            return f"{column.minimum:.6g} to {column.maximum:.6g}"
        case Boolean():
            return "true, false"
        case Category():
            more = ", …" if len(column.values) > MOST_VALUES else ""
            shown = shorten(", ".join(map(str, column.values[:MOST_VALUES])) + more, MOST_VALUES * 8)
            return f"{shown} ({len(column.values):,})" if more else shown
        case Text():
            return f"at most {column.longest:,} characters"
        case Date():
            return f"{column.first} to {column.last}"
    return ""


def example(column: Column, values: NDArray[Any]) -> str:
    """Return the first value that is not missing."""
    for value in values:
        cell = column.cell(value)
        if cell is not None:
            return (
                str(cell).lower()
                if isinstance(cell, bool)
                else shorten(f"{cell:.6g}" if isinstance(cell, float) else cell)
            )
    return ""


def show_result(console: Console, manifest: Manifest, data: Data, out: Path) -> None:
    """Print how good the model is, and where it went."""
    facts = manifest.training or {}
    if "compared" in facts:
        console.print(compared_table(facts["compared"], lines=console.is_terminal))
    console.print(metrics_table(facts["metrics"], lines=console.is_terminal))
    if "by_target" in facts["metrics"]:
        console.print(targets_table(facts["metrics"], lines=console.is_terminal))
    for line in facts.get("warnings", [])[len(data.notices) :]:
        console.print(f"warning: {line}", style="yellow", soft_wrap=True)
    if not beats_baseline(facts["metrics"], manifest.task):
        console.print(
            "The model does NOT beat the baseline, which looks at no feature: do not deploy it.",
            style="bold red",
            soft_wrap=True,
        )
    size = manifest.artifact["size"]
    console.print(f"{manifest.name} {manifest.version}: {learner(manifest)}, {facts['rows']} rows", soft_wrap=True)
    console.print(f"wrote {out / manifest.artifact['file']} ({size:,} bytes) and {out / FILE}", soft_wrap=True)
    console.print(f"MODEL_SHA256={manifest.sha256} lets no other be served", soft_wrap=True)
    for facts in filter(None, (manifest.compiled, manifest.bigquery)):
        console.print(
            f"compiled to {out / facts['file']} ({facts['size']:,} bytes, {facts['precision']}): the largest "
            f"difference on {facts['samples']:,} rows is {facts['largest_difference']:.1e}",
            soft_wrap=True,
        )
    if (out / REPORT).exists():
        console.print(f"wrote {out / REPORT}: how good the model is, to look at in a browser", soft_wrap=True)


def inner_of(parameters: dict[str, Any]) -> dict[str, Any] | None:
    """Return the estimator that learns in the place of another, as the manifest describes both."""
    inner = parameters["steps"][-1][1] if "steps" in parameters else parameters.get("estimator")
    return inner if isinstance(inner, dict) else None


def learner(manifest: Manifest) -> str:
    """Return the class of the estimator, and of what learns in it: a pipeline's last step, one for each target."""
    outermost = last = manifest.estimator
    while inner := inner_of(last["parameters"]):
        last = inner
    around = last["class"]
    if last is outermost:
        return str(around)
    return f"{outermost['class']} around {around}"
