"""The metrics of a model as tables for the terminal."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from training.evaluate import is_better

TITLES = {
    "r2": "R2",
    "mae": "MAE",
    "rmse": "RMSE",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "roc_auc": "ROC AUC",
}
LONGEST = 40


def metrics_table(metrics: dict[str, Any], *, lines: bool = True) -> Table:
    """Return the table of the metrics of a task: held out, cross-validated, baseline; with lines for a terminal."""
    table = Table(
        "metric",
        f"held out ({metrics['held_out_rows']} rows)",
        f"cross-validated ({metrics['folds']} folds)",
        "baseline",
        box=box.SIMPLE_HEAD if lines else None,
        header_style="bold",
    )
    for name, value in metrics["held_out"].items():
        baseline = metrics["baseline"].get(name)
        table.add_row(
            TITLES[name],
            Text(digits(value), style=colour_of(name, value, baseline)),
            with_deviation(metrics["cross_validated"].get(name)),
            "" if baseline is None else digits(baseline),
        )
    return table


def colour_of(name: str, value: float, baseline: float | None) -> str:
    """Return in which colour a metric is shown beside the baseline's."""
    if baseline is None:
        return ""
    return "green" if is_better(name, value, baseline) else "red"


def targets_table(metrics: dict[str, Any], *, lines: bool = True) -> Table:
    """Return the table of the metrics of each of several targets, held out, with the baseline's beside them."""
    names = list(metrics["held_out"])
    table = Table("target, held out (baseline)", *(TITLES[name] for name in names), header_style="bold")
    table.box, table.pad_edge = box.SIMPLE_HEAD if lines else None, False
    for target, of_target in metrics["by_target"].items():
        table.add_row(shorten(target), *(beside_baseline(of_target, name) for name in names))
    return table


def beside_baseline(metrics: dict[str, Any], name: str) -> str:
    """Return a metric with the baseline's in parentheses."""
    baseline = metrics["baseline"].get(name)
    return digits(metrics["held_out"][name]) + ("" if baseline is None else f" ({digits(baseline)})")


def with_deviation(crossed: dict[str, float] | None) -> str:
    """Return a mean with its standard deviation."""
    return f"{digits(crossed['mean'])} ± {digits(crossed['std'], 2)}" if crossed else ""


def digits(value: float, count: int = 4) -> str:
    """Return a number rounded to some digits, in the plain form unless it is tiny or a giant."""
    return f"{float(f'{value:.{count}g}'):.10g}"


def compared_table(compared: Sequence[dict[str, Any]], *, lines: bool = True) -> Table:
    """Return the table of the estimators that were compared, cross-validated."""
    names = next(list(one["cross_validated"]) for one in compared if "cross_validated" in one)
    table = Table("estimator, cross-validated", *(TITLES[name] for name in names), header_style="bold")
    table.box, table.pad_edge = box.SIMPLE_HEAD if lines else None, False
    for one in compared:
        scores = one.get("cross_validated", {})
        cells = [with_deviation(scores.get(name)) for name in names] if scores else [one["refused"]]
        table.add_row(one["class"].rpartition(".")[2], *cells)
    return table


def shorten(value: Any, longest: int = LONGEST) -> str:
    """Return a value as one short line, without what a terminal would obey."""
    line = "".join(character if character.isprintable() else "\ufffd" for character in " ".join(str(value).split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"
