"""What a person sees while a model is trained: progress, and the metrics beside the baseline's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

TITLES = {
    "r2": "R2",
    "mae": "MAE",
    "rmse": "RMSE",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "roc_auc": "ROC AUC",
}


@contextmanager
def cross_validation_progress(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar, and give the function that moves it."""
    with Progress(console=console, transient=True, disable=not console.is_interactive) as progress:
        bar = progress.add_task("cross-validation", total=None)
        yield lambda done, folds: progress.update(bar, completed=done, total=folds)


def metrics_table(metrics: dict[str, Any]) -> Table:
    """Return the table of the metrics of a task: held out, cross-validated, baseline."""
    table = Table(
        "metric",
        f"held out ({metrics['held_out_rows']} rows)",
        f"cross-validated ({metrics['folds']} folds)",
        "baseline",
    )
    for name, value in metrics["held_out"].items():
        crossed = metrics["cross_validated"].get(name)
        table.add_row(
            TITLES[name],
            f"{value:.4g}",
            f"{crossed['mean']:.4g} ± {crossed['std']:.2g}" if crossed else "",
            f"{metrics['baseline'][name]:.4g}" if name in metrics["baseline"] else "",
        )
    return table
